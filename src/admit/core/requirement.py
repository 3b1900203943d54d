"""What a route asks of whoever comes in: scope, role, how fresh the sign-in is, and which credentials count."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self, TypedDict

import msgspec

from admit.core.faults import Faults
from admit.core.presented import DOORS
from admit.core.principal import Principal
from admit.core.scope import parse, written
from admit.errors import BadInput, NotEnough, StepUp

CONFIRM_WITHIN = 15 * 60.0
"""Seconds for which a sign-in is fresh enough to end other devices, unless somebody says otherwise."""


class Asked(TypedDict, total=False):
    """What a route may ask for beside scopes: what :meth:`Requirement.of` takes by name, and so every guard does."""

    roles: str | Collection[str]
    within: float | None
    accept: str | Collection[str]


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """All of ``scope``, one of ``roles`` if there are any, a sign-in at most ``within`` seconds ago.

    No credential for a part of what its owner may has a role, so none meets one that asks for roles.
    ``accept`` names the doors whose credentials count. Made by :meth:`of`.
    """

    scope: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    within: float | None = None
    accept: tuple[str, ...] = DOORS

    @classmethod
    def of(
        cls,
        *scopes: str,
        roles: str | Collection[str] = (),
        within: float | None = None,
        accept: str | Collection[str] = DOORS,
    ) -> Self:
        """A requirement as it is written at a route. Raises ConfigError with all that is wrong, before any request."""
        faults = Faults()
        scope = faults.of(_scope, scopes)
        doors = (accept,) if isinstance(accept, str) else tuple(accept)
        if not doors or not set(doors) <= set(DOORS):
            faults.found.append(f"A route that accepts {doors} lets nobody in; write one or more of {DOORS}.")
        if within is not None and not within >= 1:
            faults.found.append(f"A sign-in at most {within} seconds ago is nobody's; write at least 1.")
        faults.report()
        held_by = frozenset((roles,) if isinstance(roles, str) else roles)
        return cls(scope=scope, roles=held_by, within=within, accept=doors)

    def judge(self, who: Principal, now: float) -> None:
        """Return if ``who`` may; else raise NotEnough, or StepUp where a fresh sign-in would do."""
        if not self.scope <= who.scope:
            raise NotEnough(f"needs scope {written(self.scope - who.scope)!r}", scope=written(self.scope))
        if self.roles and self.roles.isdisjoint(who.roles):
            raise NotEnough(f"needs one of the roles {sorted(self.roles)}")
        if self.within is not None and who.session is None:
            raise NotEnough("nobody signs in with an API key, lately or ever")
        if self.within is not None and now - who.authenticated_at > self.within:
            raise StepUp(f"signed in {now - who.authenticated_at:.0f} s ago", max_age=self.within)


def _scope(scopes: Collection[str]) -> frozenset[str]:
    try:
        return parse(" ".join(scopes))
    except BadInput as error:
        raise ValueError(f"The scope {scopes} of a route is none: {error.public}") from error


SIGNED_IN = Requirement.of()
"""Whoever is signed in."""
