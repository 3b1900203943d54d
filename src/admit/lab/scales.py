"""How much a run measures: in less than a minute, in less than ten, or for as long as a million people take."""

from __future__ import annotations

from dataclasses import dataclass, replace

from admit.lab import outage, revocation


@dataclass(frozen=True, slots=True)
class Scale:
    """``flags`` are what is typed for it; times are in seconds."""

    flags: tuple[str, ...]
    users: tuple[int, ...]  # how many are signed in, one size after the other
    repeats: int
    request_seconds: float  # of a slice in which requests are timed one by one
    rate_seconds: float  # of a slice in which servers do as much as they can
    ends: revocation.Pace
    breaks: outage.Pace

    def smaller(self, users: int | None, repeats: int | None) -> Scale:
        """The same with so many people and repeats, where those are given: for tests."""
        found = self
        if users is not None:
            found = replace(found, flags=(*found.flags, "--users", str(users)), users=(users,))
        if repeats is not None:
            ends = replace(found.ends, repeats=repeats)
            found = replace(found, flags=(*found.flags, "--repeats", str(repeats)), repeats=repeats, ends=ends)
        return found


QUICK = Scale(("--quick",), (10_000,), 3, 0.02, 0.04, revocation.QUICK, outage.QUICK)
FULL = Scale((), (1_000, 10_000, 100_000), 9, 0.1, 0.2, revocation.FULL, outage.FULL)
LARGE = replace(FULL, flags=("--large",), users=(1_000, 10_000, 100_000, 1_000_000))
