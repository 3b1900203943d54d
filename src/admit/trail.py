"""The audit trail as it is written: who acts at this moment, and what is noted of his acts."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from admit.core import audit
from admit.core.address import NOWHERE, TrustedProxies
from admit.core.audit import Act, Entry
from admit.core.device import device_of
from admit.core.ids import HOMES, home_of, newest_first_id
from admit.core.principal import Ends, Principal
from admit.core.request import Request
from admit.core.store import Insert
from admit.core.world import Chance, Clock

_PRESENTED = {"session": Ends.SESSION, "token": Ends.TOKEN, "api_key": Ends.API_KEY}


class Acting(NamedTuple):
    """Who acts and from where, as far as that is known: by a request, as whom it was admitted; or at the machine."""

    request: Request | None = None
    who: Principal | None = None
    operator: str = ""


def itself(by: Acting) -> Acting:
    """``by``: of whom is known already who he is."""
    return by


Known = tuple[Callable[[Any], Acting], Any]
"""What says who acts, and what it is asked with: whose requests note nothing pay for no more."""

ACTING: ContextVar[Known] = ContextVar("acting", default=(itself, Acting()))
"""Who acts. Whoever sets it sets it back, as :func:`acting` does: a thread serves somebody else next."""


def _by() -> Acting:
    says, of = ACTING.get()
    return says(of)


@contextmanager
def acting(*, request: Request | None = None, who: Principal | None = None, operator: str = "") -> Generator[None]:
    """Within this block the audit log names ``who`` and where his ``request`` came from, or an ``operator``.

    It goes along into the tasks that are begun in it, and into ``auth.sync``.
    """
    before = ACTING.set((itself, Acting(request, who, operator)))
    try:
        yield
    finally:
        ACTING.reset(before)


def acts(who: Principal) -> Principal:
    """Name ``who`` until the end of the :func:`acting` around this, once it is known as whom its request was admitted."""
    ACTING.set((itself, _by()._replace(who=who, operator="")))
    return who


class Trail:
    """Makes entries of the audit log, to be kept for ``days``; for 0 days none is made."""

    def __init__(self, clock: Clock, chance: Chance, proxies: TrustedProxies, days: float) -> None:
        self._clock = clock
        self._chance = chance
        self._proxies = proxies
        self.days = days

    @property
    def who(self) -> Principal | None:
        """As whom he who acts was admitted."""
        return _by().who

    @property
    def keeps(self) -> bool:
        """Whether there is an audit log."""
        return self.days > 0

    def entry(
        self, act: Act, subject: str, *, what: str = "", failed: str = "", times: int = 1, actor: str = ""
    ) -> Entry:
        """What is to be remembered of ``act``; ``actor`` is who did it where that is not whom the request speaks for."""
        by = _by()
        request, who = by.request, by.who
        credential, actor = ("", actor) if who is None else (who.credential, who.subject)
        if by.operator:
            credential, actor = "operator", audit.neutral(by.operator)
        client = None if request is None else self._proxies.client(request)
        agent = b"" if request is None else b" ".join(request.values(b"user-agent"))[: audit.MAX_AGENT]
        return Entry(
            at=self._clock.now(),
            act=act,
            subject=subject,
            what=what,
            failed=failed,
            times=times,
            actor=actor,
            credential=credential,
            credential_id="" if who is None else _presented(who),
            address="" if request is None else str(client or NOWHERE),
            device="" if request is None else device_of(request),
            agent=_neutral(agent),
        )

    def insert(self, entry: Entry, home: str = HOMES[0]) -> Insert:
        """The change that writes ``entry``, under a new id, for the commit of what it tells of: in ``home``, if of nobody."""
        home = home_of(entry.subject) if entry.subject else home
        entry = msgspec.structs.replace(entry, id=newest_first_id(home, entry.at, self._chance))
        return Insert(audit.record(entry, int.from_bytes(self._chance(8)) >> 1, self.days))


@lru_cache(maxsize=512)  # few browsers send most requests
def _neutral(agent: bytes) -> str:
    return audit.neutral(agent.decode("utf-8", "replace"), audit.MAX_AGENT)


def _presented(who: Principal) -> str:
    """The id of the credential that ``who`` presented; of what has none of its own, the session it belongs to."""
    place = _PRESENTED.get(who.credential)
    return (who.session or "") if place is None else who.marks[place]
