"""How each figure was taken, in words, and how far its repeats lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from admit.lab.questions import BOUNDS
from admit.lab.report import Lane, Report, Value
from admit.lab.traits import NETWORK
from admit.lab.words import duration, listed, people, share


@dataclass(frozen=True, slots=True)
class Method:
    """What a figure is, and how it came about."""

    figure: str
    taken: str


@dataclass(frozen=True, slots=True)
class Noise:
    """How far the repeats of a figure lie apart, over all lanes: (highest − lowest) / median."""

    figure: str
    middle: str
    widest: str
    repeats: int


def methods(report: Report) -> list[Method]:
    """One for each figure of the page."""
    sizes = sorted({size for lane in report.lanes if lane.storage for size in lane.storage.server} or report.users)
    known = {
        "repeats": report.repeats,
        "users": listed([people(number) for number in sizes], "or"),
        "at_once": duration(BOUNDS["at once"] * 1e6),
        "network": duration(NETWORK),
    }
    return [Method(figure, taken.format(**known)) for figure, taken in _TAKEN.items()]


_TAKEN = {
    "p50, p99, CPU": (
        "One caller who waits for each answer, on a monotonic clock, after a warm-up: of people whom the server has seen "
        "before. {repeats} repeats in turn with those of all other strategies, so that a busy moment hits all of them; the "
        "figure is their median. p50 is the request in the middle, p99 the slowest in a hundred; others are signed in beside "
        "them. “CPU” is the processor time that the application server itself used. Its event loop is asyncio’s own."
    ),
    "Store reads, round trips": "Counted where they are sent, by what sends them, and divided by the number of requests.",
    "Verifications in a second": (
        "Application servers that are processes of their own, on this one machine, which they share with the store. For "
        "ten machines it is worked out from what each takes of the part that all of them share."
    ),
    "At the server": (
        "{users} people signed in, in commits of a thousand; what the store then takes, indexes included, divided by their "
        "number. For a million it is worked out from the largest number that was measured, by the formula beside it. On a "
        "list of ended tokens stand as many as people sign out within the life of one, if each does so once a day."
    ),
    "At the client, on the wire": "The length of all that a client keeps, and of the header of one request.",
    "The end of something": (
        "Servers that are processes of their own accept somebody without pause; he is ended; the clock runs from the "
        "moment at which this was acknowledged to the last acceptance anywhere. Where only the expiry ends it, it was "
        "measured with a short life, which stands beside it, and compared by the life that is used."
    ),
    "An outage": (
        "People go on asking through it, of whom some were ended before, and some while it lasts: each answer is right or "
        "wrong, and counted. How long somebody got in wrongly, or was thrown out, is told of the one person to whom it "
        "happened the longest: from the first such answer of a server to the last before it said otherwise, at all servers "
        "together; he is asked for every 100 ms."
    ),
    "An attack": (
        "Performed in a real browser against a page that keeps its credential there; the result is what was seen."
    ),
    "The advice": (
        "Left out is what does not do what was asked, by the figures of this page (“at once” is {at_once}). With several "
        "machines each round trip counts as {network} more, for a network that this machine does not have."
    ),
}


def noise(lanes: Sequence[Lane]) -> list[Noise]:
    """For each figure that was repeated."""
    paths = [lane.path for lane in lanes if lane.path]
    rates = [value for lane in lanes if lane.throughput for value in lane.throughput.by_servers.values()]
    groups = {
        "p50": [path.p50 for path in paths],
        "p99": [path.p99 for path in paths],
        "CPU": [path.cpu for path in paths],
        "verifications in a second": rates,
    }
    return [_noise(figure, values) for figure, values in groups.items() if any(value.median for value in values)]


def _noise(figure: str, values: Sequence[Value]) -> Noise:
    apart = [(value.high - value.low) / value.median for value in values if value.median]
    return Noise(figure, share(median(apart)), share(max(apart)), min(value.repeats for value in values))
