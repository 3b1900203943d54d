"""Receipts: by when what has ended is accepted nowhere, and whether all who follow the log know of it already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from admit.core.lease import CLOCKS_RUN, LONGEST
from admit.core.log import Copy
from admit.core.world import Clock
from admit.errors import AdmitError
from admit.followers import Followers
from admit.staleness import Staleness

LOOK_AFTER = 0.002
"""Seconds after which somebody who waits for all verifiers looks for the first time."""


class Receipt(msgspec.Struct, frozen=True):
    """That something was ended: after ``effective_by`` (Unix seconds) no verifier accepts it, reachable or not.

    In this process, and in every process on the same embedded store, it has ended already; with ``everywhere``, in
    all verifiers too.
    """

    effective_by: float
    everywhere: bool = False


class Receipts:
    """Writes receipts by what the log says, which ``know_all`` reads to its end, and by the ``lag`` of its store."""

    def __init__(
        self,
        staleness: Staleness,
        followers: Followers,
        copy: Copy,
        clock: Clock,
        know_all: Callable[[], Awaitable[None]],
        lag: Callable[[], float],
    ) -> None:
        self._staleness = staleness
        self._followers = followers
        self._copy = copy
        self._clock = clock
        self._know_all = know_all
        self._lag = lag

    async def everywhere(self, wait: float) -> Receipt:
        """The receipt for all that has ended so far; waits up to ``wait`` seconds for all verifiers."""
        loop, ended = asyncio.get_running_loop(), self._clock.lease()
        began, (lasts, last) = loop.time(), await self._known()
        receipt = Receipt(self._clock.now() + lasts)
        while True:
            if self._followers.all_know(ended, last):
                return Receipt(min(self._clock.now(), receipt.effective_by), everywhere=True)
            if self._clock.lease() > ended + lasts:
                return Receipt(receipt.effective_by, everywhere=True)
            waited = loop.time() - began
            if waited >= wait:
                return receipt
            # Seldomer the longer it takes: each look is at every follower.
            await asyncio.sleep(min(max(LOOK_AFTER, waited / 8), wait - waited))

    async def _known(self) -> tuple[float, bytes]:
        """Seconds after which what has ended by now is accepted nowhere; and the stamp of an entry that is not older."""
        try:
            await self._know_all()  # the log may tell of a larger bound, which somebody else was started with
        except AdmitError:  # it has ended, whether or not it can be read how soon everybody knows
            return LONGEST * CLOCKS_RUN + self._lag(), b""
        return self._staleness.lasts() + self._lag(), self._copy.stamp
