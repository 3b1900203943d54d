"""What each use of an API key has to meet: that it comes from where it may, and not more often than it may."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable

from admit.core.address import TrustedProxies
from admit.core.allowance import Allowance, Left
from admit.core.principal import Ends, Principal
from admit.core.request import Request
from admit.core.throttle import Limit
from admit.core.world import Clock
from admit.errors import BadCredential, TooMany

Claim = Callable[[str, Limit, float, int], Awaitable[int]]
"""Counts so many uses of a key in the window around a time; how many there are then, by all who claim."""

AT_MOST = 10_000
"""How many keys' allowances are held at once; of more, those whose window is over go, or all."""


async def for_itself(key: str, limit: Limit, now: float, uses: int) -> int:  # noqa: ARG001 - nobody else counts
    """A claim where nobody shares the limit: what is claimed is all there is."""
    return uses


class Uses:
    """Judges each use of a credential that has conditions.

    Uses are claimed from ``claim`` a ``part`` of the limit at a time, so that most need no question; what was claimed
    and is not used is lost with its window, and never more are let through than the limit says.
    """

    def __init__(self, proxies: TrustedProxies, clock: Clock, claim: Claim, part: float) -> None:
        self._proxies = proxies
        self._clock = clock
        self._claim = claim
        self._part = part
        self._allowances: dict[str, Allowance] = {}
        self._lock = threading.Lock()

    async def judge(self, who: Principal, request: Request) -> None:
        """Return if ``who`` may be used for ``request``, which counts. Raises BadCredential, TooMany, StoreError."""
        found = who.conditions
        if found is None:
            return
        # First: somebody elsewhere must not use up what the owner may. To him it is as bad as any that was made up.
        if found.networks and not found.allow(self._proxies.client(request)):
            raise BadCredential(f"API key {who.marks[Ends.API_KEY]} is not used from where it may be")
        if found.limit is not None:
            await self._take(who.marks[Ends.API_KEY], found.limit)

    def left(self, who: Principal) -> Left | None:
        """What is left of the limit of ``who`` as it is known here; None for one without a limit."""
        if who.conditions is None or who.conditions.limit is None:
            return None
        with self._lock:
            allowance = self._allowance(who.marks[Ends.API_KEY], who.conditions.limit)
            return allowance.left(self._clock.now())

    async def _take(self, key: str, limit: Limit) -> None:
        while True:
            with self._lock:
                allowance = self._allowance(key, limit)
                # Looked at anew each time: what is claimed for a window that is over meanwhile comes to nothing.
                now = allowance.at(self._clock.now())
                if allowance.take(now):
                    return
                if allowance.spent(now):
                    raise TooMany(
                        f"API key {key} was used more than {limit.hits} times in {limit.window:g} s",
                        retry_after=limit.rest(now),
                        quota=(limit.hits, limit.window),
                    )
            part = max(1, int(limit.hits * self._part))
            counted = await self._claim(key, limit, now, part)
            with self._lock:
                self._allowance(key, limit).claimed(now, part, counted)

    def _allowance(self, key: str, limit: Limit) -> Allowance:
        found = self._allowances.get(key)
        if found is None or found.limit != limit:
            if len(self._allowances) >= AT_MOST:
                now = self._clock.now()
                self._allowances = {id: one for id, one in self._allowances.items() if not one.is_over(now)}
                if len(self._allowances) >= AT_MOST:
                    self._allowances = {}
            found = self._allowances[key] = Allowance(limit)
        return found
