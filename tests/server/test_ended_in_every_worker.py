"""What one worker has ended, no worker of the same server accepts in a request that begins after the answer (P2).

What was seen is judged by `violations` alone, and the same story with workers that do not look at the stamp shows that
it finds some.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from counts import times
from processes.test_revoked_at_once_in_every_process import Seen, instant, violations
from server.fleet import WORKERS, Connection, Fleet, beside, serving, signed_in, until_left

BATCH = 10
BLIND = Path(__file__).with_name("blind")


def look(connection: Connection, cookie: str, seen: Seen) -> None:
    began = instant()
    status, _ = connection.ask("GET", "/api/sessions", Cookie=cookie)
    assert status in (200, 401)
    if status == 200:
        seen.accepted_at, seen.accepted = began, seen.accepted + 1
    else:
        seen.refused += 1


def verify(connection: Connection, held: dict[str, str], enough: threading.Event) -> dict[tuple[str, str], Seen]:
    """What one worker answers, by session, until it was enough; and then once more."""
    sight = {(session, "cookie"): Seen() for session in held.values()}
    while True:
        last = enough.is_set()
        for cookie, session in held.items():
            look(connection, cookie, sight[session, "cookie"])
        if last:
            return sight


def revoke(connection: Connection, held: dict[str, str]) -> dict[str, int]:
    """When each session had ended, as whoever ended it knows."""
    ended: dict[str, int] = {}
    for cookie, session in held.items():
        assert connection.ask("POST", "/api/sign-out", Cookie=cookie)[0] == 204
        ended[session] = instant()
    return ended


async def story(fleet: Fleet, turns: int) -> tuple[list[str], list[Seen]]:
    """All violations, and all that was seen, while one worker after the other ends what all of them know."""
    wrong: list[str] = []
    seen: list[Seen] = []
    with ThreadPoolExecutor(WORKERS + 1) as threads:
        async with beside(fleet) as auth:
            for turn in range(turns):
                signed = [await signed_in(auth, f"ann-{turn}") for _ in range(BATCH)]
                held = {cookie: session.id for cookie, session in signed}
                # Signing out goes through each worker in its turn, on a connection beside that of its verifier.
                own, connections = fleet.one_to_each(), fleet.one_to_each()
                for connection in connections.values():  # from here on, each knows them all
                    for cookie in held:
                        assert connection.ask("GET", "/api/sessions", Cookie=cookie)[0] == 200
                with until_left() as enough:
                    verifiers = [threads.submit(verify, one, held, enough) for one in connections.values()]
                    ended = threads.submit(revoke, own[sorted(own)[turn % WORKERS]], held).result()
                sights = [verifier.result() for verifier in verifiers]
                fleet.hang_up()
                wrong += violations(ended, sights)
                seen += [one for sight in sights for one in sight.values()]
    return wrong, seen


async def test_what_one_worker_has_ended_no_worker_accepts(
    fleet: Fleet, record_property: Callable[[str, str], None]
) -> None:
    wrong, seen = await story(fleet, max(times("revocations") // (5 * BATCH), WORKERS))
    assert wrong == []
    assert all(one.refused for one in seen)
    accepted, refused = sum(one.accepted for one in seen), sum(one.refused for one in seen)
    assert accepted > 0
    record_property("note", f"{len(seen) // WORKERS} sign-outs, {accepted} accepted before, {refused} refused after")


async def test_a_fleet_whose_workers_do_not_look_is_caught(tmp_path: Path) -> None:
    with serving(tmp_path, WORKERS, PYTHONPATH=str(BLIND)) as fleet:
        wrong, _ = await story(fleet, 1)
    # All but the worker that signs out, which knows without looking.
    assert len(wrong) == (WORKERS - 1) * BATCH
