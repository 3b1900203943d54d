"""Who may ask for what behind a gateway: rules by host, path and method, and nothing that no rule lets in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, get_args

import msgspec

from admit.core.address import NO_PROXIES, TrustedProxies
from admit.core.faults import Faults
from admit.core.requirement import SIGNED_IN, Requirement
from admit.core.target import METHOD, Ambiguous, Target, folded, host_of, judge
from admit.errors import ConfigError, Denied

Allow = Literal["anyone", "signed-in", "nobody"]
Gateway = Literal["nginx", "traefik", "caddy", "envoy"]

EVERYTHING = "/*"
_ANY_HOST: Final = "*."


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a host lets in to a path: ``anyone``, who is ``signed-in`` and meets ``requirement``, or ``nobody``.

    ``host`` is a name, or ``*.`` and one: whatever is below it. ``path`` is a path, or one and ``/*``: that, and
    whatever is below it. No ``methods`` are all. Made by :meth:`of`.
    """

    number: int
    host: str
    path: str = EVERYTHING
    methods: frozenset[str] = frozenset()
    allow: Allow = "signed-in"
    requirement: Requirement = SIGNED_IN

    @classmethod
    def of(
        cls,
        number: int,
        host: str,
        path: str = EVERYTHING,
        *,
        allow: Allow,
        methods: Collection[str] = (),
        requirement: Requirement = SIGNED_IN,
        scheme: str = "https",
    ) -> Rule:
        """The ``number``-th rule as somebody wrote it. Raises ConfigError with all that is wrong with it."""
        faults = Faults()
        named = faults.of(_host, host, scheme)
        faults.of(_judge_path, path)
        if allow not in get_args(Allow):
            faults.found.append(f"it allows {allow!r}; write one of {', '.join(get_args(Allow))}.")
        elif allow != "signed-in" and requirement is not SIGNED_IN:
            faults.found.append(f'it asks something of whom it lets in, and allows {allow}; write allow = "signed-in".')
        if unknown := [method for method in methods if not METHOD.fullmatch(method)]:
            faults.found.append(f"{', '.join(map(repr, unknown))}: no methods; write them like GET or POST.")
        if faults.found:
            raise ConfigError([f"Rule {number} ({host}{path}): {fault}" for fault in faults.found])
        return cls(
            number=number, host=named, path=path, methods=frozenset(methods), allow=allow, requirement=requirement
        )

    def matches(self, method: str, host: str, path: str, own: str) -> bool:
        """Whether this is a rule for ``path``, where its own path is written ``own``."""
        return self.takes_host(host) and (not self.methods or method in self.methods) and _is_at(path, own)

    def covers(self, other: Rule) -> bool:
        """Whether every request that ``other`` is for meets this too."""
        methods = not self.methods or (other.methods and other.methods <= self.methods)
        host = self.takes_host(other.host) or self.host == other.host
        path = self.path == other.path or (self.path.endswith("/*") and _is_at(_top(other.path), self.path))
        return bool(methods) and host and path

    def takes_host(self, host: str) -> bool:
        """Whether this is a rule for ``host``."""
        return host == self.host or (self.host.startswith(_ANY_HOST) and host.endswith(self.host[1:]))


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in their order, which ``gateway`` asks in its own way, and the ``networks`` it asks from.

    A rule that lets nobody in beats every other; of the others the first for a request decides. Where there is none,
    nobody comes in. ``token`` is whether the upstream gets a signed token beside the headers. Raises ConfigError.
    """

    rules: tuple[Rule, ...] = ()
    gateway: Gateway = "nginx"
    networks: TrustedProxies = NO_PROXIES
    token: bool = False

    def __post_init__(self) -> None:
        faults: list[str] = []
        if self.gateway not in get_args(Gateway):
            faults.append(f"{self.gateway!r} is no gateway; write one of {', '.join(get_args(Gateway))}.")
        allowing = [rule for rule in self.rules if rule.allow != "nobody"]
        for place, rule in enumerate(allowing):
            before = next((one for one in allowing[:place] if one.covers(rule)), None)
            if before is not None:
                # Whoever wrote it believes that it does something.
                where = f"Rule {rule.number} ({rule.host}{rule.path})"
                faults.append(f"{where} is never reached: rule {before.number} is for all of it. Write it before that.")
        if faults:
            raise ConfigError(faults)

    def rule_for(self, target: Target) -> Rule:
        """The rule that decides about ``target``. Raises Denied where there is none or nobody is let in, Ambiguous."""
        exact = [rule for rule in self.rules if rule.matches(target.method, target.host, target.path, rule.path)]
        loose = [
            rule for rule in self.rules if rule.matches(target.method, target.host, target.folded, folded(rule.path))
        ]
        for rule in (*exact, *loose):
            if rule.allow == "nobody":
                raise Denied(f"rule {rule.number} lets nobody in")
        if exact[:1] != loose[:1]:
            # FWD-03: to a server that knows no capitals this is another page than to one that does.
            raise Ambiguous("which rule it meets depends on how letters are written")
        if not exact:
            raise Denied("no rule is for this")
        return exact[0]

    def knows(self, host: str) -> bool:
        """Whether there is a rule for ``host``, as :func:`~admit.core.target.host_of` writes it."""
        return any(rule.takes_host(host) for rule in self.rules)


NO_POLICY: Final = Policy()
"""Nobody asks, and nothing is let through."""


def _host(text: str, scheme: str) -> str:
    wild = _ANY_HOST if text.startswith(_ANY_HOST) else ""
    try:
        return wild + host_of(text.removeprefix(wild), scheme)
    except Ambiguous:
        raise ValueError(
            f"{text!r} is no host; write one like app.example.com or *.example.com, an international one as xn--…"
        ) from None


def _judge_path(path: str) -> None:
    plain = _top(path)
    try:
        judge(plain)
    except Ambiguous as error:
        raise ValueError(f"its path cannot be one: {error}. Write it decoded, like /über/uns or /admin/*.") from None
    if "*" in plain or (plain != "/" and plain.endswith("/")):
        raise ValueError("its path has a star in the middle or a slash at its end; write one like /admin or /admin/*.")


def _is_at(path: str, pattern: str) -> bool:
    """Whether a rule for ``pattern`` is one for ``path``."""
    return path == _top(pattern) or (pattern.endswith("/*") and path.startswith(pattern[:-1]))


def _top(pattern: str) -> str:
    """The path itself that ``pattern`` is for, above all that is below it."""
    return "/" if pattern == EVERYTHING else pattern.removesuffix("/*")
