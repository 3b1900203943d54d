"""A log read over a wire that a test cuts, delays and repeats, and a verifier's gate at the end of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from admit.core.lease import Bounded, Lease
from admit.core.log import Copy
from admit.core.store import Cursor, Page, Tail
from admit.errors import StoreUnavailable
from admit.follow import Follower
from admit.testing.clock import FakeClock

BOUND = 2.0


def nobody() -> None:
    """Nobody follows but the test."""


@dataclass
class Wire:
    """Reads a tail as from afar. ``fault`` is called with each answer, which it may hold back, repeat or lose."""

    tail: Tail
    fault: Callable[[list[Page]], list[Page]] = list[Page]
    cut: bool = False
    asked: list[Cursor | None] = field(default_factory=list[Cursor | None])
    waits: list[float] = field(default_factory=list[float])
    while_under_way: Callable[[], object] = nobody

    def read(self, after: Cursor | None, wait: float, probe: str, within: float) -> Iterator[Page]:
        """The pages up to the end of the log."""
        del probe, within
        self.asked.append(after)
        self.waits.append(wait)
        if self.cut:
            raise StoreUnavailable("the wire is cut")
        pages = [self.tail.read(after)]
        while not pages[-1].end:
            pages.append(self.tail.read(pages[-1].cursor))
        self.while_under_way()
        for page in self.fault(pages):
            yield page if page.end else Page(page.entries, None, end=False, stamp=b"")

    def close(self) -> None:
        """There is nothing to close."""


@dataclass
class Afar:
    """What a verifier keeps: its copy, its lease, and who follows, a step at a time."""

    wire: Wire
    clock: FakeClock
    copy: Copy = field(default_factory=Copy)
    bound: float = BOUND

    def __post_init__(self) -> None:
        self.lease = Lease(self.clock)
        self.bounded = Bounded(self.lease, self.clock, self.bound, nobody)
        self.follower = Follower(self.wire, self.copy, self.lease, self.clock, bytes, bound=self.bound)

    def fresh(self) -> bool:
        """Whether anything is accepted now."""
        return not self.bounded.moved(self.copy.stamp)
