"""What a lane turned out to be like: the few figures by which lanes are compared, each worked out in one place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

from admit.lab.report import Lane, Outage, Revocation, Throughput
from admit.lab.strategy import Plan

_DEPLOYED = Plan("", "", b"")

NETWORK = 500.0
"""Microseconds that a store on another machine adds to each round trip: the lab's stores are mostly on this one."""


def deployed(lane: Lane) -> float:
    """Seconds for which a credential is good that only its expiry ends, as this strategy is used.

    The lab shortens that time, or nobody would wait for the end of a measurement. A token that is refreshed lives for
    minutes; one that is not has to live for as long as people want to stay signed in.
    """
    return _DEPLOYED.access_seconds if lane.about.family in {"hybrid", "admit"} else _DEPLOYED.session_seconds


def lag_of(lane: Lane, ends: Revocation) -> float:
    """Seconds from an end to the last acceptance, at the worst."""
    measured = max(ends.lags, default=math.inf) / 1e3
    return measured if ends.lifetime is None else max(measured, deployed(lane))


def meant(lane: Lane) -> list[Revocation]:
    """Its ends, without those that are not meant to be any: a key is no sign-in, another password leaves it alone."""
    return [ends for ends in lane.revocations if ends.how in lane.about.ends or not is_key(lane)]


def worst_lag(lane: Lane) -> float | None:
    """The same over everything that ends; None: it was not measured."""
    return max((lag_of(lane, ends) for ends in meant(lane)), default=None)


def expires_only(lane: Lane) -> bool:
    """Whether there is an end that is not noticed before the credential expires."""
    return any(ends.lifetime is not None for ends in meant(lane))


def median_lag(ends: Revocation) -> float:
    """Milliseconds in the middle of what was measured."""
    ordered = sorted(ends.lags)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def apart(found: Throughput) -> float:
    """How far repeats lie apart, where it is worst: the highest less the lowest, by the median."""
    return max(((it.high - it.low) / it.median for it in found.by_servers.values() if it.median), default=0.0)


def during(outage: Outage) -> Iterable[int]:
    """Which of its moments lie between the beginning of the fault and its end."""
    return (number for number, moment in enumerate(outage.moments) if 0 <= moment.at < outage.healed)


def share_let_in(outage: Outage) -> float | None:
    """Which part of the requests of people who are signed in was answered while the fault lasted."""
    inside = [outage.moments[number] for number in during(outage)]
    asked = sum(it.let_in + it.thrown_out + it.unavailable for it in inside)
    return sum(it.let_in for it in inside) / asked if asked else None


def least_let_in(lane: Lane) -> float | None:
    """The same of the fault in which it was least; None: nothing was tried."""
    return min((share for it in lane.outages if (share := share_let_in(it)) is not None), default=None)


def wrong_for(outage: Outage) -> float:
    """Seconds for which one person got in who was ended: the most of all of them."""
    if outage.wrong is not None:
        return outage.wrong
    # An older report tells no persons; together they got in for as long as there were such answers.
    width = min((b.at - a.at for a, b in itertools.pairwise(outage.moments)), default=0.0)
    return width * sum(moment.wrongly_let_in > 0 for moment in outage.moments)


def stays_open(lane: Lane) -> bool | None:
    """Whether those who are signed in got in during every fault; None: not measured, and there is a store to lose."""
    if lane.store == "none" and not lane.outages:
        return True
    least = least_let_in(lane)
    return None if least is None else least >= 0.95


def longest_wrong(lane: Lane) -> float | None:
    """Seconds for which somebody who was ended gets in during a fault, at the worst; None: not measured."""
    if lane.store == "none" and not lane.outages:
        return worst_lag(lane)
    longest = max(map(wrong_for, lane.outages), default=None)
    # Who got in until it was looked at no more goes on for as long as the credential lives.
    return max(longest, deployed(lane)) if longest and expires_only(lane) else longest


def thrown_out(lane: Lane) -> int:
    """How many requests of people who are signed in were told that they are not."""
    return sum(moment.thrown_out for outage in lane.outages for moment in outage.moments)


def parts(lane: Lane) -> int:
    """How much there is to build and to understand: a table or a key, both, or both and a service to ask."""
    if lane.about.family == "admit":
        return 3 if lane.about.outsiders else 2
    return 2 if lane.about.family == "hybrid" else 1


def is_key(lane: Lane) -> bool:
    """Whether it is for programs without a person."""
    return lane.about.family == "api key" or "key" in lane.about.id
