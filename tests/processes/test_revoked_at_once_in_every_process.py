"""No verification that starts after a revocation was acknowledged accepts, in any process on the same file.

Two processes revoke, two verify without pause by cookie and by access token, on one clock. What was seen is judged
by :func:`violations` alone, and the same story with the stamp left out of the gate shows that it can find some.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import engines
from admit.authority import Authority
from admit.core.lease import MAX_STALENESS
from admit.errors import AdmitError, Denied
from counts import times
from processes.acts import Held, authority, sign_in, sign_up
from processes.crew import Crew, Line, Member

BATCH = 10
"""Revocations between two meetings of revokers and verifiers."""

DOORS = ("session", "token")

instant = time.perf_counter_ns
"""CLOCK_MONOTONIC: one clock for all processes of this machine."""


@dataclass
class Seen:
    """What one process saw of a credential: when the last verification that accepted it began, and how many did."""

    accepted_at: int = 0
    accepted: int = 0
    unanswered: int = 0
    refused: int = 0


Sight = Mapping[tuple[str, str], Seen]
"""By session and door."""


def violations(ended: Mapping[str, int], sights: Sequence[Sight], bound: float = 0.0) -> list[str]:
    """Every acceptance of a session that began ``bound`` seconds after its revocation was acknowledged at ``ended``."""
    return [
        f"{door} of {session} accepted {(seen.accepted_at - ended[session]) / 1e6:.3f} ms after its end"
        for sight in sights
        for (session, door), seen in sight.items()
        if seen.accepted_at > ended[session] + bound * 1e9
    ]


def texts(held: Sequence[Held]) -> Iterator[tuple[tuple[str, str], str]]:
    for one in held:
        yield (one.session.id, "session"), one.cookie
        yield (one.session.id, "token"), one.pair.access_token


def look(auth: Authority, text: str, door: str, seen: Seen) -> None:
    began = instant()
    try:
        auth.verify(text, door)
    except Denied:
        seen.refused += 1
    except AdmitError:
        seen.unanswered += 1
    else:
        seen.accepted_at, seen.accepted = began, seen.accepted + 1


async def warm_up(auth: Authority, held: Sequence[Held]) -> None:
    """From here on a verification needs no look-up."""
    for one in held:
        for request in one.requests().values():
            await auth.admit(request)


async def verifier(line: Line, url: str, *, blind: bool) -> None:
    """Verifies without pause whatever it is given, until it is called; then once more, and tells."""
    async with authority(url) as auth:
        if blind:
            auth._gate._moved = lambda _stamp: False
        line.say("ready")
        while True:
            held: list[Held] = line.hear()
            await warm_up(auth, held)
            line.say("warm")
            sight = {key: Seen() for key, _ in texts(held)}
            while not line.called():
                for key, text in texts(held):
                    look(auth, text, key[1], sight[key])
            line.hear()
            if auth._ledger.store.tail is None:
                await auth._gate.catch_up()
            # These begin after every revocation returned: what is accepted here is wrong without a doubt.
            for key, text in texts(held):
                look(auth, text, key[1], sight[key])
            line.say(sight)


async def revoker(line: Line, url: str) -> None:
    """Signs in, and when told to, revokes what it made, one after the other."""
    async with authority(url) as auth:
        line.say("ready")
        while True:
            line.hear()
            held = [await sign_in(auth) for _ in range(BATCH)]
            await warm_up(auth, held)
            line.say(held)
            line.hear()
            ended: dict[str, int] = {}
            for one in held:
                await auth.revoke(one.session)
                ended[one.session.id] = instant()
                for door, text in zip(DOORS, (one.cookie, one.pair.access_token), strict=True):
                    with pytest.raises(Denied):
                        auth.verify(text, door)
            line.say(ended)


async def trial(revokers: Sequence[Member], verifiers: Sequence[Member]) -> tuple[dict[str, int], list[Sight]]:
    """When each session ended, and what each verifier saw."""
    held: list[Held] = []
    for member in revokers:
        member.say("sign in")
    for member in revokers:
        held += await member.hear()
    for member in verifiers:
        member.say(held)
    for member in verifiers:
        assert await member.hear() == "warm"
    for member in revokers:
        member.say("revoke")
    ended = [await member.hear() for member in revokers]
    for member in verifiers:
        member.say("enough")
    return {**ended[0], **ended[1]}, [await member.hear() for member in verifiers]


async def story(url: str, trials: int, *, blind: bool = False, bound: float = 0.0) -> tuple[list[str], list[Seen]]:
    """All violations of a story of four processes, and all that was seen."""
    async with authority(url) as auth:
        await sign_up(auth)
    wrong: list[str] = []
    all_seen: list[Seen] = []
    async with Crew() as crew:
        revokers = [crew.start(revoker, url) for _ in range(2)]
        verifiers = [crew.start(verifier, url, blind=blind) for _ in range(2)]
        for member in (*revokers, *verifiers):
            assert await member.hear() == "ready"
        for _ in range(trials // (2 * BATCH)):
            ended, sights = await trial(revokers, verifiers)
            wrong += violations(ended, sights, bound)
            all_seen += [seen for sight in sights for seen in sight.values()]
    return wrong, all_seen


async def test_nothing_is_accepted_after_revoke_returned(
    tmp_path: Path, record_property: Callable[[str, str], None]
) -> None:
    wrong, seen = await story(f"sqlite:///{tmp_path / 'admit.db'}", times("revocations"))
    judge(wrong, seen, record_property, at_once=True)


@pytest.mark.parametrize("kind", engines.SERVERS)
async def test_over_a_server_nothing_is_accepted_later_than_the_bound(
    kind: str, record_property: Callable[[str, str], None]
) -> None:
    wrong, seen = await story(engines.fresh(kind), times("revocations over a server"), bound=MAX_STALENESS)
    judge(wrong, seen, record_property, at_once=False)


def judge(
    wrong: Sequence[str], seen: Sequence[Seen], record_property: Callable[[str, str], None], *, at_once: bool
) -> None:
    """Nothing was accepted that had ended, and all that was alive was."""
    assert wrong == []
    accepted, refused = (sum(getattr(one, what) for one in seen) for what in ("accepted", "refused"))
    unanswered = sum(one.unanswered for one in seen)
    # What refuses everything is not safe, it is broken. Over a server, the machine may be too busy to prove anything.
    assert unanswered <= (0.05 if at_once else 1) * accepted
    assert all(one.refused for one in seen)
    record_property(
        "note", f"{len(seen) // 4} revocations, {accepted} accepted before, {refused} refused after, 0 wrong"
    )


async def test_a_gate_that_does_not_look_at_the_stamp_is_found_out(tmp_path: Path) -> None:
    wrong, seen = await story(f"sqlite:///{tmp_path / 'admit.db'}", 2 * BATCH, blind=True)
    assert len(wrong) == len(seen)
