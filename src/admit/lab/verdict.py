"""What a report comes to, in sentences: each is worked out from its figures, and left out where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from admit.lab import traits
from admit.lab.drawing import FAMILIES
from admit.lab.report import Lane, Report
from admit.lab.words import duration, lag, listed, name, rate, size, times


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence or two under a heading of few words."""

    heading: str
    says: str


def verdict(report: Report) -> list[Finding]:
    """What matters most first; the last says where Admit is not the best."""
    lanes = report.lanes
    made = (
        _price(lanes),
        _ends(lanes),
        _outages(lanes),
        _kept(lanes),
        _blocklist(lanes),
        _browser(report),
        _elsewhere(lanes),
    )
    return [finding for finding in made if finding]


def _price(lanes: Sequence[Lane]) -> Finding | None:
    parts = list[str]()
    for family, found in _by_family(lane for lane in lanes if lane.path):
        prices = [lane.path.p50.median for lane in found if lane.path]
        asked = {lane.path.operations >= 0.005 for lane in found if lane.path}
        how = {frozenset({True}): ", and asks a store", frozenset({False}): ", and asks no store"}.get(
            frozenset(asked), ""
        )
        parts.append(f"{_range(prices, duration)} with {family}{how}")
    return Finding("What a request costs", f"The median verification takes {listed(parts)}.") if parts else None


def _ends(lanes: Sequence[Lane]) -> Finding | None:
    parts = list[str]()
    for family, found in _by_family(lane for lane in lanes if lane.revocations):
        noticed = [_milliseconds(lane) for lane in found if not traits.expires_only(lane)]
        expiring = [lane for lane in found if traits.expires_only(lane)]
        if noticed:
            parts.append(f"{family}: {_range(noticed, lag)} at the slowest")
        if expiring:
            used = max(traits.deployed(lane) for lane in expiring)
            some = " some, " if noticed else " "
            parts.append(
                f"{family}:{some}not before they expire, as used here {duration(used * 1e6)}".replace(
                    ": some,", ", some:"
                )
            )
    return Finding("How fast an end takes effect", f"{_sentence('; '.join(parts))}.") if parts else None


def _outages(lanes: Sequence[Lane]) -> Finding | None:
    told = [lane for lane in lanes if lane.outages]
    if not told:
        return None
    parts = list[str]()
    if open_ := [lane for lane in told if traits.stays_open(lane)]:
        parts.append(f"Throughout every fault people got in with {_some(open_)}")
    if shut := [lane for lane in told if not traits.stays_open(lane)]:
        parts.append(f"with {_some(shut)} they were turned away in some")
    wrong = [lane for lane in told if traits.longest_wrong(lane)]
    if wrong:
        worst = max(wrong, key=lambda lane: traits.longest_wrong(lane) or 0.0)
        seconds = traits.longest_wrong(worst) or 0.0
        parts.append(
            f"somebody who had been ended got in with {_some(wrong)}, for up to {duration(seconds * 1e6)} ({name(worst)})"
        )
    if out := [lane for lane in told if traits.thrown_out(lane)]:
        parts.append(f"{_some(out)} told people that they are not signed in, who were")
    return Finding("What an outage does", f"{_sentence('; '.join(parts))}.")


def _kept(lanes: Sequence[Lane]) -> Finding | None:
    known = [lane for lane in lanes if lane.storage]
    if not known:
        return None
    parts = [
        f"{_range([lane.storage.at_a_million for lane in found if lane.storage], size)} with {family}"
        for family, found in _by_family(known)
    ]
    wire = [lane.storage.wire for lane in known if lane.storage]
    return Finding(
        "What is kept and carried",
        f"For each person who is signed in the server keeps {listed(parts)}; each request carries {_range(wire, size)}.",
    )


def _blocklist(lanes: Sequence[Lane]) -> Finding | None:
    """The difference between the two kinds of hybrid, of which one reads a list for each request."""
    hybrids = [(lane, lane.path) for lane in lanes if lane.about.family == "hybrid" and lane.path]
    without = [path.p50.median for _, path in hybrids if path.operations < 0.005]
    reading = [(lane, path) for lane, path in hybrids if path.operations >= 0.005]
    if not (without and reading):
        return None
    lane, path = min(reading, key=lambda one: one[1].p50.median)
    more = path.p50.median - min(without)
    worst = f" and makes an end take {lag(_milliseconds(lane))} at the slowest" if lane.revocations else ""
    return Finding(
        "What a blocklist costs",
        f"Reading it adds {duration(max(0.0, more))} to each request ({name(lane)}){worst}: "
        "a token with a blocklist reads a store for each request, as a session does.",
    )


def _browser(report: Report) -> Finding | None:
    if not report.attacks:
        return None
    worked = [it for it in report.attacks if it.outcome == "worked"]
    said = f"Of {len(report.attacks)} attacks that were performed in a browser {len(worked)} worked"
    if worked:
        said += f": {listed([f'{it.name} against {it.place}' for it in worked])}"
    return Finding("What a browser gives away", f"{said}.")


def _elsewhere(lanes: Sequence[Lane]) -> Finding | None:
    """Where another is better than the best of ours. Memory counts for nobody: it forgets all at a restart."""
    parts = list[str]()
    known = [lane for lane in lanes if lane.store != "memory"]
    for what, of, reads, more in _MEASURES:
        values = [(value, lane) for lane in known if (value := of(lane)) is not None]
        ours = [one for one in values if one[1].about.family == "admit"]
        if not ours or len(ours) == len(values):
            continue
        pick = max if more else min
        best, mine = (pick(some, key=lambda one: one[0]) for some in (values, ours))
        if best[0] != mine[0] and best[1].about.family != "admit":
            parts.append(f"{what} ({reads(best[0])} with {name(best[1])}, {reads(mine[0])} with the best of Admit)")
    if not any(lane.about.family == "admit" for lane in lanes):
        return None
    if not parts:
        return Finding(
            "Where Admit is not the best", "In none of what was measured here. What was left out says nothing."
        )
    return Finding("Where Admit is not the best", f"{_sentence('; '.join(parts))}.")


def ratio(lanes: Sequence[Lane]) -> str | None:
    """How much dearer the dearest median verification is than the cheapest: the headline."""
    prices = [(lane.path.p50.median, lane) for lane in lanes if lane.path and lane.path.p50.median]
    if len(prices) < 2:
        return None
    cheap, dear = (pick(prices, key=lambda one: one[0]) for pick in (min, max))
    return f"{name(dear[1])} takes {times(dear[0] / cheap[0])} as long for a request as {name(cheap[1])}."


def _by_family(lanes: Iterable[Lane]) -> Iterator[tuple[str, list[Lane]]]:
    known = list(lanes)
    for family, reads in FAMILIES.items():
        if found := [lane for lane in known if lane.about.family == family]:
            yield reads[0].lower() + reads[1:] if family not in {"admit", "api key"} else reads, found


def _milliseconds(lane: Lane) -> float:
    return (traits.worst_lag(lane) or 0.0) * 1e3


def _least_let_in(lane: Lane) -> float | None:
    shares = [share for it in lane.outages if (share := traits.share_let_in(it)) is not None]
    return min(shares, default=None)


def _fastest(lane: Lane) -> float | None:
    return max((it.median for it in lane.throughput.by_servers.values()), default=None) if lane.throughput else None


def _range(values: Iterable[float], reads: Callable[[float], str]) -> str:
    known = sorted(values)
    low, high = reads(known[0]), reads(known[-1])
    if low == high:
        return low
    unit, other = low.rpartition(" ")[2], high.rpartition(" ")[2]
    return f"{low.removesuffix(f' {unit}') if unit == other else low} to {high}"


def _some(lanes: Sequence[Lane]) -> str:
    """Titles of lanes, each once; where there are many, how many more."""
    titles = list(dict.fromkeys(lane.about.title for lane in lanes))
    return listed(titles if len(titles) <= 4 else [*titles[:3], f"{len(titles) - 3} more"])


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


_MEASURES: tuple[tuple[str, Callable[[Lane], float | None], Callable[[float], str], bool], ...] = (
    ("the median verification", lambda lane: lane.path.p50.median if lane.path else None, duration, False),
    ("the slowest in a hundred", lambda lane: lane.path.p99.median if lane.path else None, duration, False),
    ("bytes at the server", lambda lane: lane.storage.at_a_million if lane.storage else None, size, False),
    ("bytes at the client", lambda lane: lane.storage.client if lane.storage else None, size, False),
    ("bytes in each request", lambda lane: lane.storage.wire if lane.storage else None, size, False),
    ("the slowest end", lambda lane: _milliseconds(lane) if lane.revocations else None, lag, False),
    ("people who get in while the store is broken", _least_let_in, lambda part: f"{part:.0%}", True),
    ("verifications in a second by all servers", _fastest, rate, True),
)
