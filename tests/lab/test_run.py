"""`admit lab` from its first line to its last, as somebody types it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from admit.lab.exports import from_json
from admit.lab.faults import faults_of
from admit.lab.report import Report
from admit.lab.strategies import STRATEGIES
from admit.lab.strategy import ENDINGS, Store
from admit.lab.words import STORES
from commands import admit, environment


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a run has been, with all that came out of it: one for all processes that run these tests."""
    common = tmp_path_factory.getbasetemp()
    common = common.parent if "PYTEST_XDIST_WORKER" in os.environ else common
    found = common / "lab"
    with (common / "lab.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            run_into(found)
    assert (found / "said").exists(), "the run failed in the process that began it"
    return found


def run_into(folder: Path) -> None:
    """Run the lab from ``folder``."""
    (folder / "temporary").mkdir(parents=True)
    out = ("--json", "report.json", "--html", "report.html", "--csv", "tables")
    said = admit(folder, "lab", "--tiny", *out, TMPDIR=str(folder / "temporary"))
    assert said.code == 0, said.err
    (folder / "progress").write_text(said.err)
    (folder / "said").write_text(said.out)


def called(title: str, store: Store) -> str:
    return title if store == "none" else f"{title}, {STORES[store]}"


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return from_json((folder / "report.json").read_bytes())


def test_every_strategy_is_measured_on_every_store_that_is_always_there(report: Report) -> None:
    expected = {
        (one.about.id, store)
        for one in STRATEGIES.values()
        for store in one.about.stores
        if store in {"memory", "sqlite", "none"}
    }
    assert {(lane.about.id, lane.store) for lane in report.lanes} == expected


def test_nothing_of_a_lane_is_missing(report: Report) -> None:
    for lane in report.lanes:
        strategy = STRATEGIES[lane.about.id]
        assert lane.storage, lane.about.id
        assert set(lane.storage.server) == {20, 200}
        assert lane.path, lane.about.id
        assert lane.throughput, lane.about.id
        assert set(lane.throughput.by_servers) == ({1} if lane.store == "memory" else {1, 2, 4})
        # A machine that is too busy for lives of a second may leave something out, but never without a word.
        left_out = [line for line in report.left_out if line.startswith(called(lane.about.title, lane.store))]
        if not any(", ends: " in line for line in left_out):
            assert [ends.how for ends in lane.revocations] == [*ENDINGS]
            assert all(ends.lags or ends.goes_on for ends in lane.revocations)
        said = {fault for fault in faults_of(strategy, lane.store) if any(f"store {fault}:" in it for it in left_out)}
        assert {outage.fault for outage in lane.outages} == set(faults_of(strategy, lane.store)) - said


def test_what_must_be_read_is_counted_and_what_only_expires_is_told_apart(report: Report) -> None:
    for lane in report.lanes:
        assert lane.path
        reads = lane.about.family in {"session", "api key"} or lane.about.id == "hybrid-blocklist"
        assert lane.path.operations == pytest.approx(float(reads), abs=0.01)
        for ends in lane.revocations:
            assert (ends.lifetime is None) is (ends.how in {*lane.about.ends, *lane.about.spares})
            assert (ends.goes_on is not None) is (ends.how in lane.about.spares)


def test_what_was_left_out_is_said_with_what_would_bring_it(report: Report) -> None:
    said = "\n".join(report.left_out)
    assert "--store postgresql://" in said
    assert "--store redis://" in said
    assert "A million people, measured: --large" in said


def test_it_comes_out_as_tables_as_a_page_and_as_files(folder: Path, report: Report) -> None:
    said = (folder / "said").read_text()
    for lane in report.lanes:
        assert lane.about.title in said
    assert "Where Admit is not the best" in said
    assert report.command in (folder / "report.html").read_text()
    assert {path.stem for path in (folder / "tables").iterdir()} >= {"storage", "path", "revocation", "outage"}
    assert "verification 1/" in (folder / "progress").read_text()


def test_the_stores_that_it_made_are_gone(folder: Path) -> None:
    assert [*(folder / "temporary").iterdir()] == []


def test_what_cannot_be_written_costs_nothing_else_that_was_measured(folder: Path) -> None:
    said = admit(folder, "lab", "--read", "report.json", "--json", "/dev/full", "--html", "again.html")
    assert (said.code, "/dev/full cannot be written: No space left" in said.err) == (2, True), said.err
    assert (folder / "again.html").read_text().startswith("<!doctype html>")


def test_a_report_is_shown_again_without_measuring(folder: Path) -> None:
    said = admit(folder, "lab", "--read", "report.json", "--json", "-", "--csv", "all.csv")
    assert said.code == 0
    assert from_json(said.out.encode()) == from_json((folder / "report.json").read_bytes())
    assert (folder / "all.csv").read_text().startswith("table,row,strategy")


def test_a_report_of_what_cannot_be_is_refused_in_a_line(folder: Path, tmp_path: Path) -> None:
    told = json.loads((folder / "report.json").read_bytes())
    for lane in told["lanes"]:
        lane["path"]["p50"] |= {"median": 0, "low": 0, "high": 0}
    (tmp_path / "told.json").write_text(json.dumps(told))
    said = admit(tmp_path, "lab", "--read", "told.json", "--html", "told.html")
    assert (said.code, "has figures that nobody measured" in said.err, "Traceback" in said.err) == (2, True, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "a terminal that is closed"])
def test_stopped_it_takes_away_what_it_made(number: signal.Signals, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = [sys.executable, "-m", "admit.server", "lab", "--tiny", "--only", "session"]
    env = environment(TMPDIR=str(temporary))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who ignores it, as in the background, hands that on
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=tmp_path, env=env) as running:
        assert running.stderr
        for line in running.stderr:
            if b"SQLite" in line:
                break
        assert [*temporary.iterdir()] != []
        os.kill(running.pid, number)
        said = running.stderr.read().decode()
        assert running.wait() == 130, said
    assert "Stopped." in said
    assert [*temporary.iterdir()] == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--quick", "--large"), 2, "not both"),
        (("--only", "magic"), 2, "There is no strategy magic"),
        (("--read", "nothing.json"), 2, "cannot be read"),
        (("--store", "mysql://x"), 2, "begins with"),
        (("--store", "postgres://x"), 2, "Begin it with postgresql://"),
        (("--store", "redis://127.0.0.1:1"), 3, "does not answer"),
        (("--html", "/proc/report.html"), 2, "/proc/report.html cannot be written"),
        (("--json", "."), 2, ". cannot be written"),
        (("--csv", "/proc/tables"), 2, "/proc/tables cannot be written"),
        (("--json", "new/er/report.json", "--csv", "tables", "--html", "/proc/x"), 2, "/proc/x cannot be written"),
        (("--read", "report.json", "--quick"), 2, "--read measures nothing"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(
    words: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    said = admit(tmp_path, "lab", "--tiny", *words)
    assert (said.code, says in said.err) == (code, True), said.err
    assert [*tmp_path.iterdir()] == []
    assert "what is kept" not in said.err


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    # A module that was set to None is not found, as if it were not installed.
    code = (
        "import sys; sys.modules['jwt'] = None; sys.argv = ['admit', 'lab']; from admit.server.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'admit[lab]'" in done.stderr
    assert "Traceback" not in done.stderr
