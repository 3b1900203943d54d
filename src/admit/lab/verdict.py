"""What a report comes to, in sentences: each is worked out from its figures, and left out where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from admit.lab import traits
from admit.lab.compared import COLUMNS, slowest_end
from admit.lab.drawing import FAMILIES
from admit.lab.report import Lane, Path, Report
from admit.lab.words import duration, lag, listed, name, size

DEARER = 3.0
"""Times as much as later ones that a first request takes, until it is told: what is done the same way twice varies less."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence or two under a heading of few words, and what it is for each family of strategies, where it differs."""

    heading: str
    says: str
    by_family: tuple[tuple[str, str], ...] = ()


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
    lines = list[tuple[str, str]]()
    for family, found in _by_family(lane for lane in lanes if lane.path):
        prices = [lane.path.p50.median for lane in found if lane.path]
        reads = [lane.path.operations for lane in found if lane.path]
        asked = f"{_range(reads, lambda it: f'{it:.2f}')} store reads" if max(reads) >= 0.005 else "no store read"
        lines.append((family, f"{_range(prices, duration)}, {asked}{_first(found)}"))
    says = "The median verification of people whom a server has seen before, from the fastest store to the slowest:"
    return Finding("What a request costs", says, tuple(lines)) if lines else None


def _first(lanes: Sequence[Lane]) -> str:
    """What it costs that a server sees somebody for the first time, where that is more than it costs from then on."""
    paths = [lane.path for lane in lanes if lane.path]
    found = [(path.first.median, path.first_operations) for path in paths if path.first and _is_dearer(path)]
    if not found:
        return ""
    reads = _range([asked for _, asked in found], lambda it: f"{it:.0f}")
    return f"; when a server first sees somebody {_range([took for took, _ in found], duration)}, {reads} store reads"


def _is_dearer(path: Path) -> bool:
    return path.first is not None and path.first.median > DEARER * path.p50.median


def _ends(lanes: Sequence[Lane]) -> Finding | None:
    lines = list[tuple[str, str]]()
    for family, found in _by_family(lane for lane in lanes if traits.worst_lag(lane) is not None):
        noticed = [(slowest_end(lane) or 0.0) for lane in found if not traits.expires_only(lane)]
        expiring = [lane for lane in found if traits.expires_only(lane)]
        parts = [_range(noticed, lag)] if noticed else []
        if expiring:
            used = duration(max(traits.deployed(lane) for lane in expiring) * 1e6)
            parts.append(f"when it expires, {used} as used here")
        lines.append((family, "; without a list of what has ended, ".join(parts)))
    says = "From the moment an end is acknowledged to the last acceptance anywhere, at the slowest:"
    return Finding("How fast an end takes effect", says, tuple(lines)) if lines else None


def _outages(lanes: Sequence[Lane]) -> Finding | None:
    lines = list[tuple[str, str]]()
    for family, found in _by_family(lane for lane in lanes if lane.outages):
        shares = [share for lane in found if (share := traits.least_let_in(lane)) is not None]
        wrong = max(traits.longest_wrong(lane) or 0.0 for lane in found)
        parts = [f"{_range(shares, lambda it: f'{it * 100:.0f} %')} got in"] if shares else []
        parts.append(f"somebody ended did for {duration(wrong * 1e6)}" if wrong else "nobody who was ended did")
        if out := [lane for lane in found if traits.thrown_out(lane)]:
            parts.append(f"people were thrown out ({_some(out)})")
        lines.append((family, "; ".join(parts)))
    says = "Of those who are signed in, during the worst of the faults that were tried:"
    return Finding("What an outage does", says, tuple(lines)) if lines else None


def _kept(lanes: Sequence[Lane]) -> Finding | None:
    known = [lane for lane in lanes if lane.storage]
    if not known:
        return None
    lines = list[tuple[str, str]]()
    for family, found in _by_family(known):
        kept = _range([it.storage.at_a_million for it in found if it.storage], size)
        sent = _range([it.storage.wire for it in found if it.storage], size)
        lines.append((family, f"{kept} kept, {sent} sent"))
    return Finding(
        "What is kept and carried", "At the server for each who is signed in, and in each request:", tuple(lines)
    )


def _blocklist(lanes: Sequence[Lane]) -> Finding | None:
    """The difference between the two kinds of hybrid, of which one reads a list for each request."""
    hybrids = [(lane, lane.path) for lane in lanes if lane.about.family == "hybrid" and lane.path]
    without = [path.p50.median for _, path in hybrids if path.operations < 0.005]
    reading = [(lane, path) for lane, path in hybrids if path.operations >= 0.005]
    if not (without and reading):
        return None
    # A list in the memory of one process is no list for two: the others come first, of them that on another machine.
    order = {"redis": 0, "postgresql": 1, "sqlite": 2}
    lane, path = min(reading, key=lambda one: order.get(one[0].store, 3))
    more = path.p50.median - min(without)
    worst = slowest_end(lane)
    soon = "" if worst is None else f", and an end takes effect {_after(worst / 1e3)}"
    return Finding(
        "What a blocklist costs",
        f"Reading it adds {duration(max(0.0, more))} to each request ({name(lane)}){soon}: "
        "a token with a blocklist reads a store for each request, as a session does.",
    )


def _browser(report: Report) -> Finding | None:
    if not report.attacks:
        return None
    worked = [it for it in report.attacks if it.outcome == "worked"]
    said = f"Of {len(report.attacks)} attacks that were performed in a browser {len(worked)} worked"
    if worked:
        names = dict.fromkeys(it.name for it in worked)
        told = [f"{one} against {listed([it.place for it in worked if it.name == one])}" for one in names]
        said += f": {'; '.join(told)}"
    return Finding("What a browser gives away", f"{said}.")


def _elsewhere(lanes: Sequence[Lane]) -> Finding | None:
    """Where another is better than the best of ours. Memory counts for nobody: it forgets all at a restart."""
    parts = list[str]()
    known = [lane for lane in lanes if lane.store != "memory"]
    for column in COLUMNS:
        values = [(value, lane) for lane in known if (value := column.of(lane)) is not None]
        ours = [value for value, lane in values if lane.about.family == "admit"]
        if not ours:
            continue
        best, mine = column.best([value for value, _ in values]), column.best(ours)
        if column.reads(best) != column.reads(mine):
            whose = name(next(lane for value, lane in values if value == best))
            parts.append(
                f"{column.tells}: {column.reads(best)} with {whose}, {column.reads(mine)} with the best of Admit"
            )
    if not any(lane.about.family == "admit" for lane in lanes):
        return None
    if not parts:
        return Finding(
            "Where Admit is not the best", "In none of what was measured here. What was left out says nothing."
        )
    return Finding("Where Admit is not the best", f"{_sentence('; '.join(parts))}.")


def headline(lanes: Sequence[Lane]) -> str | None:
    """The two figures between which there is to choose: what a request costs, and how late an end may take effect."""
    prices = [(lane.path.p50.median, lane) for lane in lanes if lane.path]
    ends = [(worst, lane) for lane in lanes if (worst := traits.worst_lag(lane)) is not None]
    if len(prices) < 2 or len(ends) < 2:
        return None
    cheap, dear = (pick(prices, key=lambda one: one[0]) for pick in (min, max))
    soon, late = (pick(ends, key=lambda one: one[0]) for pick in (min, max))
    return (
        f"Telling who is asking takes from {duration(cheap[0])} ({name(cheap[1])}) to {duration(dear[0])} ({name(dear[1])}). "
        f"Whoever is ended is refused {_after(soon[0])} ({name(soon[1])}), or only {_after(late[0])} ({name(late[1])})."
    )


def _by_family(lanes: Iterable[Lane]) -> Iterator[tuple[str, list[Lane]]]:
    known = list(lanes)
    for family, reads in FAMILIES.items():
        if found := [lane for lane in known if lane.about.family == family]:
            yield reads, found


def _after(seconds: float) -> str:
    return "at once" if seconds == 0 else f"after up to {duration(seconds * 1e6)}"


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
