"""Several workers behind one socket: what was ended by one is refused by all, and none of them is missed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from admit.authority import Authority
from commands import admit, free_port
from counts import times
from processes.test_revoked_at_once_in_every_process import Seen, instant, violations
from server.fleet import Connection, Fleet, serving, until

WORKERS = 4
BATCH = 10
ANN = {"email": "ann@example.com", "password": "a password of some length"}
ANOTHER = "another one, not shorter"

Note = Callable[[str, str], None]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("fleet")
    # What floods it here is to reach the hashing: guesses are slowed down elsewhere.
    open_doors = "\n".join(f'throttle_{what} = ["1000000/60"]' for what in ("account", "device", "source", "sign_up"))
    with serving(directory, WORKERS, "--config", str(config(directory, open_doors))) as fleet:
        yield fleet


@pytest.fixture(autouse=True)
def hung_up(fleet: Fleet) -> Iterator[None]:
    yield
    fleet.hang_up()


@asynccontextmanager
async def beside(fleet: Fleet) -> AsyncIterator[Authority]:
    """The authority that the workers are, in a process of the test's own: signing in costs it nothing."""
    async with Authority(fleet.store, issuer=fleet.base) as auth:
        yield auth


async def cookie_and_id(auth: Authority, subject: str = "ann") -> tuple[str, str]:
    started = await auth.sessions.start((await auth.subjects.before(subject)).proven("pwd"))
    assert started.cookie is not None
    return started.cookie.partition(";")[0], started.session.id


@contextmanager
def until_left() -> Iterator[threading.Event]:
    """What tells those who go on and on that it was enough, also when something fails meanwhile."""
    enough = threading.Event()
    try:
        yield enough
    finally:
        enough.set()


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


async def test_what_one_worker_has_ended_no_worker_accepts(fleet: Fleet, record_property: Note) -> None:
    wrong: list[str] = []
    seen: list[Seen] = []
    connections = fleet.one_to_each()
    with ThreadPoolExecutor(WORKERS + 1) as threads:
        async with beside(fleet) as auth:
            for turn in range(max(times("revocations") // (5 * BATCH), WORKERS)):
                held = dict([await cookie_and_id(auth, f"ann-{turn}") for _ in range(BATCH)])
                for connection in connections.values():  # from here on, each knows them all
                    for cookie in held:
                        assert connection.ask("GET", "/api/sessions", Cookie=cookie)[0] == 200
                # Signing out goes through each worker in its turn, on a connection beside that of its verifier.
                own = fleet.one_to_each()
                with until_left() as enough:
                    verifiers = [threads.submit(verify, one, held, enough) for one in connections.values()]
                    ended = threads.submit(revoke, own[list(own)[turn % WORKERS]], held).result()
                sights = [verifier.result() for verifier in verifiers]
                wrong += violations(ended, sights)
                seen += [one for sight in sights for one in sight.values()]
    assert wrong == []
    assert all(one.refused for one in seen)
    accepted, refused = sum(one.accepted for one in seen), sum(one.refused for one in seen)
    assert accepted > 0
    record_property("note", f"{len(seen) // WORKERS} sign-outs, {accepted} accepted before, {refused} refused after")


async def test_twenty_refreshes_at_once_through_four_workers_leave_one_successor(fleet: Fleet) -> None:
    async with beside(fleet) as auth:
        for _ in range(times("spends")):
            started = await auth.sessions.start((await auth.subjects.before("bob")).proven("pwd"))
            spent = {"refresh_token": (await auth.tokens.issue(started.session)).refresh_token}
            connections = [*fleet.one_to_each().values(), *(fleet.connect() for _ in range(20 - WORKERS))]
            for connection in connections:
                connection.send("POST", "/api/refresh", spent)
            answers = [connection.receive() for connection in connections]
            assert {status for status, _ in answers} == {200}
            assert len({body["refresh_token"] for _, body in answers} - set(spent.values())) == 1
            for _, body in answers:
                bearer = f"Bearer {body['access_token']}"
                assert connections[0].ask("GET", "/api/sessions", Authorization=bearer)[0] == 200


def test_a_sign_in_with_the_old_password_that_races_its_change_leaves_nothing_alive(fleet: Fleet) -> None:
    connections = list(fleet.one_to_each().values())
    here = connections[0]
    assert here.ask("POST", "/api/sign-up", ANN)[0] == 201
    here.send("POST", "/api/tokens", ANN)
    bearer = f"Bearer {here.receive()[1]['access_token']}"
    change = {"current_password": ANN["password"], "new_password": ANOTHER}
    others = [*connections[1:], *(fleet.connect() for _ in range(5))]
    for connection in others[:4]:
        connection.send("POST", "/api/tokens", ANN)
    here.send("POST", "/api/password", change, {"Authorization": bearer})
    for connection in others[4:]:
        connection.send("POST", "/api/tokens", ANN)
    assert here.receive()[0] == 204
    for status, body in [connection.receive() for connection in others]:
        assert status in (200, 401)
        if status == 200:
            late = f"Bearer {body['access_token']}"
            assert here.ask("GET", "/api/me", Authorization=late)[0] == 401
            assert here.ask("POST", "/api/refresh", {"refresh_token": body["refresh_token"]})[0] == 401


def rss(pids: set[int]) -> int:
    """KiB of memory that ``pids`` have."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def test_two_hundred_sign_ins_at_once_are_all_answered_in_bounded_memory(fleet: Fleet, record_property: Note) -> None:
    workers = fleet.workers()
    before = rss(workers)
    flood = [fleet.connect() for _ in range(200)]
    body = {"email": "nobody@example.com", "password": "does not matter, is hashed"}
    pings: list[float] = []
    with ThreadPoolExecutor(1) as threads:
        for connection in flood:
            connection.send("POST", "/api/sign-in", body)
        answered = threads.submit(lambda: [connection.receive()[0] for connection in flood])
        beside = fleet.one_to_each()
        most = 0
        calm = threading.Event()
        while not pings or not answered.done():
            calm.wait(0.02)
            for connection in beside.values():
                began = time.perf_counter()
                assert connection.ask("GET", "/healthz")[0] == 200
                pings.append(time.perf_counter() - began)
            most = max(most, rss(workers))
    assert set(answered.result()) <= {401, 429}
    # Two threads of 19 MiB in each worker, and what 200 connections need.
    assert most - before < WORKERS * 2 * 20_000 + 40_000
    pings.sort()
    p50, p99 = (pings[int(len(pings) * part)] * 1e3 for part in (0.5, 0.99))
    record_property(
        "note", f"200 sign-ins: /healthz p50 {p50:.1f} ms, p99 {p99:.1f} ms; memory + {(most - before) / 1024:.0f} MiB"
    )


def test_a_worker_that_dies_is_replaced_and_is_not_missed(fleet: Fleet) -> None:
    before = fleet.workers()
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(fleet.workers()) == WORKERS and victim not in fleet.workers(), "nobody took its place")
    assert fleet.workers() > before - {victim}
    assert fleet.connect().ask("GET", "/readyz") == (200, {"status": "ok"})
    assert f"worker {victim} died (-9); another starts" in fleet.log


def ask_for_ever(fleet: Fleet, enough: threading.Event) -> int:
    """How many requests were answered, one after the other, on connections that are kept as long as they may be."""
    connection, answered = fleet.connect(), 0
    while not enough.is_set():
        status, _ = connection.ask("POST", "/api/refresh", {"refresh_token": "adm_r_x"})
        assert status == 401
        answered += 1
    return answered


def test_a_rolling_restart_loses_no_request(tmp_path: Path) -> None:
    with serving(tmp_path, 2, "--config", str(config(tmp_path, "token_life = 600"))) as fleet:
        before = fleet.workers()
        with ThreadPoolExecutor(4) as threads:
            with until_left() as enough:
                clients = [threads.submit(ask_for_ever, fleet, enough) for _ in range(4)]
                fleet.process.send_signal(signal.SIGHUP)
                fleet.until_said("all workers are new")
            assert all(client.result() > 10 for client in clients)
        after = fleet.workers()
        assert len(after) == 2
        assert not after & before
        # Settings are read anew; where they are wrong, all stays as it was.
        config(tmp_path, "token_life = 999999")
        fleet.process.send_signal(signal.SIGHUP)
        fleet.until_said("did not start (2); the others go on")
        assert fleet.workers() == after
        assert fleet.connect().ask("GET", "/readyz")[0] == 200
        assert "Traceback" not in fleet.log


def config(directory: Path, text: str) -> Path:
    path = directory / "settings.toml"
    path.write_text(text + "\n")
    return path


def test_workers_do_not_outlive_whoever_watches_them(tmp_path: Path) -> None:
    with serving(tmp_path, 2) as fleet:
        workers = fleet.workers()
        fleet.process.kill()
        fleet.process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "they live on")
        assert "Traceback" not in fleet.log


def test_workers_that_cannot_start_end_the_server_with_their_code(tmp_path: Path) -> None:
    said = admit(
        tmp_path, "serve", "--workers", "2", "--store", "sqlite:////dev/null/admit.db", "--port", str(free_port())
    )
    assert said.code == 2
    assert "/dev/null/admit.db cannot be made" in said.err
    assert "Traceback" not in said.err
    said = admit(tmp_path, "serve", "--workers", "2", "--store", "memory://")
    assert said.code == 2
    assert "write workers = 1" in said.err
