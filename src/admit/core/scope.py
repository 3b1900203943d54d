"""Scopes: what a credential allows (RFC 6749, section 3.3). They only ever narrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from admit.errors import BadInput, ConfigError

MAX_SCOPE_LENGTH = 2_048

_TOKEN = frozenset(chr(code) for code in range(0x21, 0x7F)) - frozenset('"\\')


def parse(text: str) -> frozenset[str]:
    """The tokens of a space-separated scope; raises BadInput for what RFC 6749, section 3.3 does not allow."""
    if len(text) > MAX_SCOPE_LENGTH:
        raise BadInput("invalid_scope", f"A scope has at most {MAX_SCOPE_LENGTH} characters.", field="scope")
    tokens = text.split(" ") if text else []
    if not all(token and _TOKEN.issuperset(token) for token in tokens):
        fault = "A scope is a list of words with single spaces between them, without quotes and backslashes."
        raise BadInput("invalid_scope", fault, field="scope")
    return frozenset(tokens)


def written(scope: Iterable[str]) -> str:
    """A scope as text, sorted, so that equal scopes are equal texts."""
    return " ".join(sorted(scope))


def narrowed(held: frozenset[str], asked: str | None) -> frozenset[str]:
    """What is asked for out of what is held (None: all of it). Raises BadInput for anything beyond."""
    if asked is None:
        return held
    wanted = parse(asked)
    if not wanted <= held:
        raise BadInput("invalid_scope", "Ask for less: this sign-in does not hold that scope.", field="scope")
    return wanted


class RoleScopes:
    """What each role allows, as configured: role to scope text."""

    def __init__(self, scopes: Mapping[str, str]) -> None:
        faults: list[str] = []
        self._scopes: dict[str, frozenset[str]] = {}
        for role, text in scopes.items():
            try:
                self._scopes[role] = parse(text)
            except BadInput as error:
                faults.append(f"The scope of role {role!r} is not one: {error.public}")
        if faults:
            raise ConfigError(faults)

    def of(self, roles: Iterable[str]) -> frozenset[str]:
        """All that ``roles`` allow together."""
        return frozenset[str]().union(*(self._scopes.get(role, frozenset()) for role in roles))

    def granted(self, roles: tuple[str, ...], asked: str | None) -> tuple[frozenset[str], tuple[str, ...]]:
        """The scope and the roles of a credential for the part ``asked`` of what ``roles`` allow; None is no part.

        A credential for a part has no role, whatever was asked for and whichever kind it is: a route that asks for a
        role alone would open all that was left out.
        """
        allowed = self.of(roles)
        return (allowed, roles) if asked is None else (allowed & parse(asked), ())
