"""What a verifier knows of the authority elsewhere, kept current for all who accept by it."""

from __future__ import annotations

import ssl

from admit.core.ages import Ages
from admit.core.lease import Bounded, Lease
from admit.core.log import Copy
from admit.core.presented import DOORS
from admit.core.tally import begun
from admit.core.world import Chance, Clock
from admit.follow import Follower
from admit.published import Published


class Known:
    """What is known of an authority and kept current, for all who accept by it."""

    def __init__(
        self, issuer: str, key: str, tls: ssl.SSLContext | None, clock: Clock, chance: Chance, patience: float
    ) -> None:
        self.copy = Copy()
        self.lease = Lease(clock)
        self.keys = Published(issuer, key, tls, clock, self.copy, patience=patience, allow=self._allow_at_most)
        self.follower = Follower(self.keys, self.copy, self.lease, clock, chance, bound=patience)
        self._clock = clock
        self._allowed = patience
        self._bounds: list[Bounded] = []
        self.lease.heard = self._hear

    def within(self, seconds: float) -> Bounded:
        """The end of the log, for those who accept what is at most so old."""
        bounded = Bounded(self.lease, self._clock, seconds, self.follower.start, Ages(begun(DOORS)))
        self._bounds.append(bounded)
        self._allow_at_most(self._allowed)  # the authority may have said so already
        return bounded

    @property
    def ages(self) -> list[Ages]:
        """What was counted, one for each bound."""
        return [bounded.ages for bounded in tuple(self._bounds)]

    def begin_anew(self) -> None:
        """Go on in a forked child: without the parent's threads, connections, and the locks that they may hold."""
        self.keys.begin_anew()
        self.follower.begin_anew()
        for ages in self.ages:
            ages.begin_anew()

    def _allow_at_most(self, seconds: float) -> None:
        """Accept nothing anywhere that is known for longer, and look for news as often as the smallest bound asks."""
        with self.copy.lock:
            self._allowed = min(self._allowed, seconds)
            for bounded in self._bounds:
                bounded.bound = min(bounded.bound, seconds)
            self.follower.bound = min(bounded.bound for bounded in self._bounds)

    def _hear(self) -> None:
        """Hold what the log says of it. A larger bound would count for what was known before it was said: never."""
        told = self.copy.allowed
        if told is not None and told.seconds < self._allowed:
            self._allow_at_most(told.seconds)
