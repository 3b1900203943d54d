"""What a guard knows of whoever admits; so guards import neither authority nor verifier."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Protocol

from admit.core.allowance import Left
from admit.core.cookie import CookieRule
from admit.core.presented import DOORS
from admit.core.principal import Principal
from admit.core.request import Request
from admit.core.world import Clock


class Door(Protocol):
    """Turns requests into principals."""

    @property
    def origin(self) -> str:
        """The origin under which the application is reached, as configured: a Host header is the sender's word."""

    @property
    def cookies(self) -> CookieRule:
        """How the session cookie is called and written."""

    @property
    def clock(self) -> Clock:
        """The clock that credentials are judged by."""

    @property
    def notes(self) -> bool:
        """Whether there is an audit log of what is done here, which asks by whom."""

    @property
    def sync(self) -> Any:
        """The same door for programs without an event loop: what awaits is waited for, in any thread."""

    def verify(self, text: str, door: str = "token") -> Principal:
        """Whom ``text``, presented at ``door``, speaks for. Plain; raises Denied, Stale, LookUpNeeded, StoreError."""

    @property
    def seen(self) -> Callable[[str, str], Principal | None]:
        """Whom a text, presented at a door, speaks for, if that was found before and still holds.

        None where ``admit`` has to say.
        """

    @property
    def left(self) -> Callable[[Principal], Left | None]:
        """What is left of the limit on uses that a principal has, as far as it is known here; None where there is none."""

    async def admit(self, request: Request, *, accept: Collection[str] = DOORS) -> Principal:
        """Whom ``request`` speaks for, by the credential that counts. Raises Denied, Stale, StoreError."""
