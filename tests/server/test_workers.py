"""Several workers behind one socket: one that dies is replaced, all are replaced one by one, and none is missed."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from commands import admit, free_port
from server.fleet import WORKERS, Fleet, serving, settings, until, until_left


def test_a_worker_that_dies_is_replaced_and_is_not_missed(fleet: Fleet) -> None:
    before = fleet.workers()
    victim = fleet.kill_one()
    assert len(fleet.workers()) == WORKERS
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
    with serving(tmp_path, 2, "--config", str(settings(tmp_path, "token_life = 600"))) as fleet:
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
        settings(tmp_path, "token_life = 999999")
        fleet.process.send_signal(signal.SIGHUP)
        fleet.until_said("did not start (2); the others go on")
        assert fleet.workers() == after
        assert fleet.connect().ask("GET", "/readyz")[0] == 200
        assert "Traceback" not in fleet.log


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
