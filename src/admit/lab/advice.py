"""What to build for somebody's answers, worked out from what was measured: pure, and never a verdict known before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from admit.lab import traits
from admit.lab.questions import BOUNDS, Answers, one_apart
from admit.lab.report import Fault, Lane
from admit.lab.words import duration, listed, name, place, rate, share, times

NOTICEABLE = 300.0
"""Microseconds of verification that no request notices, for a request that does anything takes milliseconds."""

_FAMILIES = {
    "session": "Server sessions, read for each request",
    "jwt": "Stateless tokens",
    "hybrid": "Short access tokens with a refresh token",
    "api key": "API keys, looked up for each request",
    "admit": "Admit's leases",
}


_FAULTS: dict[Fault, str] = {"slow": "late", "gone": "gone", "cut": "cut off"}


@dataclass(frozen=True, slots=True)
class Advice:
    """``choice`` is what to build, or None where nothing that was measured fits; both with the reasons.

    ``others`` has a sentence for each other family of strategies: why it was not chosen.
    """

    choice: Lane | None
    why: tuple[str, ...]
    others: tuple[str, ...]


def advise(lanes: Sequence[Lane], answers: Answers) -> Advice:
    """The simplest of ``lanes`` that does what ``answers`` ask at a price that nobody notices, else the cheapest."""
    fitting = ranked(lanes, answers)
    if not fitting:
        return Advice(None, _nothing(lanes, answers), ())
    choice = fitting[0]
    why = (_simplest(choice, answers), *_why(choice, answers))
    families = [family for family in _FAMILIES if family != choice.about.family]
    others = [_other(family, choice, lanes, fitting, answers) for family in families]
    return Advice(choice, why, tuple(filter(None, others)))


def ranked(lanes: Sequence[Lane], answers: Answers) -> list[Lane]:
    """Those that do what was asked, the best first."""

    def rank(lane: Lane) -> tuple[bool, int, float]:
        price = cost(lane, answers)
        dear = price > NOTICEABLE
        return dear, 0 if dear else simplicity(lane), price

    return sorted((lane for lane in lanes if obstacle(lane, answers) is None), key=rank)


def cost(lane: Lane, answers: Answers) -> float:
    """Microseconds that one verification takes where this is to run."""
    assert lane.path
    if answers.servers == "one":
        return lane.path.p50.median
    alone = lane.path.p50.median + traits.NETWORK * lane.path.round_trips
    ten = lane.throughput.ten if lane.throughput else None
    return max(alone, 10 * 1e6 / ten) if answers.servers == "many" and ten else alone


def simplicity(lane: Lane) -> int:
    """How much there is to build and to run; less is better."""
    return traits.parts(lane) + (lane.store in {"postgresql", "redis"})


def obstacle(lane: Lane, answers: Answers) -> str | None:
    """Why ``lane`` does not do what was asked, in a sentence without its name; None: it does."""
    return next(filter(None, (check(lane, answers) for check in _CHECKS)), None)


def _carried(lane: Lane, answers: Answers) -> str | None:
    if answers.clients == "browsers" and lane.about.carrier != "cookie":
        return "a page would have to keep it where scripts can read it"
    if answers.clients != "browsers" and lane.about.carrier == "cookie":
        return "programs do not keep cookies for people"
    if answers.clients == "apps" and traits.is_key(lane):
        return "a key is for programs, not for people who sign in"
    return None


def _reached(lane: Lane, answers: Answers) -> str | None:
    if lane.store == "memory":
        return "it forgets everybody when it is started again"
    # Who needs only a public key, or asks over HTTP, shares no file.
    if lane.store == "sqlite" and answers.servers != "one" and not lane.about.outsiders:
        return "a file is shared by one machine only"
    return None


def _shown(lane: Lane, answers: Answers) -> str | None:
    if answers.outsiders == "yes" and not lane.about.outsiders:
        return "whoever can verify it can also read the store, or sign people in"
    return None


def _ended(lane: Lane, answers: Answers) -> str | None:
    worst = traits.worst_lag(lane)
    if worst is None or lane.path is None:
        return "it was not measured how fast an end takes effect"
    if worst <= BOUNDS[answers.within]:
        return None
    took = duration(worst * 1e6)
    if traits.expires_only(lane):
        return f"an end takes effect when the token expires, after up to {took}"
    return f"an end took up to {took} to take effect"


def _failed(lane: Lane, answers: Answers) -> str | None:
    if answers.failure == "open":
        match traits.stays_open(lane):
            case None:
                return "it was not measured who gets in while its store is down"
            case False:
                return "while its store was down, people who are signed in did not get in"
            case True:
                return None
    if answers.failure == "closed":
        wrong = traits.longest_wrong(lane)
        if wrong is None:
            return "it was not measured who gets in while its store is down"
        if wrong > BOUNDS[answers.within]:
            return f"while its store was down, somebody who was ended got in for {duration(wrong * 1e6)}"
    return None


_CHECKS: tuple[Callable[[Lane, Answers], str | None], ...] = (_carried, _reached, _shown, _ended, _failed)


def _simplest(lane: Lane, answers: Answers) -> str:
    if cost(lane, answers) > NOTICEABLE:
        return "Of what fits your answers it costs least for each request; nothing that fits goes unnoticed."
    return (
        f"Of what fits your answers it is the least to build and to run: it takes less than {duration(NOTICEABLE)} "
        "of a request, which nobody notices, and among those the simplest wins, then the fastest."
    )


def _why(lane: Lane, answers: Answers) -> list[str]:
    assert lane.path
    return list(filter(None, [_lag_said(lane), _price_said(lane, answers), _failure_said(lane)]))


def _lag_said(lane: Lane) -> str:
    worst = traits.worst_lag(lane)
    count = sum(len(ends.lags) for ends in lane.revocations)
    assert worst is not None
    if traits.expires_only(lane):
        return f"What is ended stays good until the token expires: up to {duration(worst * 1e6)}. You said that this will do."
    if worst == 0:
        return f"After none of {count} ends that were measured was anything accepted any more."
    return f"The slowest of {count} ends that were measured took {duration(worst * 1e6)} to reach every server."


def _price_said(lane: Lane, answers: Answers) -> str:
    assert lane.path
    trips = lane.path.round_trips
    said = f"A verification takes {duration(lane.path.p50.median)} (p99 {duration(lane.path.p99.median)})"
    if answers.servers == "one" or trips < 0.005:
        busy = lane.path.cpu.median * 100 / 1e6
        return f"{said}; a hundred in a second keep a processor busy for {share(busy, 2)} of its time."
    said += f", and about {duration(cost(lane, answers))} where each of its round trips crosses a network"
    ten = lane.throughput.ten if lane.throughput else None
    return f"{said}; ten servers would reach {rate(ten)} a second." if ten else f"{said}."


def _failure_said(lane: Lane) -> str | None:
    if lane.store == "none":
        return "It asks nobody, so that no outage is noticed: neither by those who are signed in, nor by those who were ended."
    stays, wrong = traits.stays_open(lane), traits.longest_wrong(lane)
    if stays is None or wrong is None:
        return None
    who = "people went on getting in" if stays else "people were told to try again"
    ended = f"somebody who was ended got in for {duration(wrong * 1e6)}" if wrong else "nobody got in who was ended"
    out = traits.thrown_out(lane)
    lost = f"; {out:,} requests were told that nobody is signed in, which is not so" if out else ""
    faults = listed(list(dict.fromkeys(_FAULTS[outage.fault] for outage in lane.outages)), "or")
    return f"While what it asks was {faults}, {who}, and {ended}{lost}."


def _other(family: str, choice: Lane, lanes: Sequence[Lane], fitting: Sequence[Lane], answers: Answers) -> str | None:
    """Why none of ``family`` was chosen."""
    title = _FAMILIES[family]
    if fits := [lane for lane in fitting if lane.about.family == family]:
        return f"{title} fit too, {_compared(fits[0], choice, answers)}."
    known = [lane for lane in lanes if lane.about.family == family]
    if not known:
        return None
    # The one that comes furthest says most.
    nearest = max(known, key=lambda lane: _passes(lane, answers))
    return f"{title} do not fit: {obstacle(nearest, answers)}."


def _compared(other: Lane, choice: Lane, answers: Answers) -> str:
    theirs, ours = cost(other, answers), cost(choice, answers)
    if theirs < ours:
        return f"and take {duration(theirs)} for each request in the place of {duration(ours)}, with more to build or to run"
    where = "" if other.store == "none" else f" on {place(other)}"
    return f"but take {duration(theirs)} for each request{where}, {times(theirs / ours)} as much"


def _passes(lane: Lane, answers: Answers) -> int:
    faults = [check(lane, answers) for check in _CHECKS]
    return next((number for number, fault in enumerate(faults) if fault), len(faults))


def _nothing(lanes: Sequence[Lane], answers: Answers) -> tuple[str, ...]:
    said = ["Nothing that was measured does all of it."]
    ways = [f"“{reads}” ({name(found[0])})" for reads, other in one_apart(answers) if (found := ranked(lanes, other))]
    if ways:
        said.append(f"It would be possible with one other answer: {listed(ways, 'or')}.")
    if answers.servers != "one" and not {lane.store for lane in lanes} & {"postgresql", "redis"}:
        said.append("No store that several machines can share was measured: add --store postgresql://… or redis://…")
    return tuple(said)
