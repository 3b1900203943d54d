"""How much a run measures: in less than a minute, in less than ten, or for as long as a million people take."""

from __future__ import annotations

from dataclasses import dataclass, replace

from admit.lab import outage, revocation
from admit.lab.running import PEOPLE
from admit.lab.strategy import Store
from admit.lab.throughput import SERVERS


@dataclass(frozen=True, slots=True)
class Scale:
    """``flags`` are what is typed for it; times are in seconds."""

    flags: tuple[str, ...]
    users: tuple[int, ...]  # how many are signed in, one size after the other
    repeats: int
    people: int  # whose requests are timed, in turn
    request_seconds: float  # of a slice in which requests are timed one by one
    rate_seconds: float  # of a slice in which servers do as much as they can
    ends: revocation.Pace
    breaks: outage.Pace
    servers: tuple[int, ...] = SERVERS  # that share the work
    traced: int | None = None  # people, at most, in memory: to see what Python allocates takes four times as long
    attacks: bool = True  # whether a browser is started

    def users_of(self, store: Store) -> tuple[int, ...]:
        """How many are signed in there, one size after the other."""
        most = self.traced if store == "memory" and self.traced else max(self.users)
        return tuple(sorted({min(number, most) for number in self.users}))


QUICK = Scale(("--quick",), (10_000,), 3, 32, 0.02, 0.045, revocation.QUICK, outage.QUICK, servers=(1, 4), traced=2_000)
FULL = Scale((), (1_000, 10_000, 100_000), 5, PEOPLE, 0.1, 0.12, revocation.FULL, outage.FULL, traced=10_000)
LARGE = replace(FULL, flags=("--large",), users=(1_000, 10_000, 100_000, 1_000_000))

TINY = Scale(
    ("--tiny",), (20, 200), 1, 4, 0.001, 0.005,
    revocation.Pace(servers=2, repeats=1, lifetime=1.0),
    outage.Pace(signed_in=2, ended=1, before=0.2, fault=1.5, after=1.0),
    attacks=False,
)  # fmt: skip
"""For tests: every lane and every sort of figure, of which none means anything."""
