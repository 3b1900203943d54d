"""What every test stands on: the scale, the seed, hypothesis, and what the summary has to say."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import engines
from counts import SCALE, SCALES, times
from doors import Door, door
from postgres import programs
from recorder import Recorder, recording
from redises import PROGRAMS

# Tests that start programs of the system, or take files that `make setup` fetches: without these they are left out,
# and the summary says so.
NEEDS = {
    "networked": ("redis-server", "redis-cli", "postgres"),
    "networked/test_fleet.py": ("nginx", "redis-server", "redis-cli", "postgres"),
    "networked/test_full_disk.py": ("the right to mount", "redis-server", "redis-cli", "postgres"),
    "on_redis": ("redis-server", "redis-cli"),
    "postgresql": ("postgres",),
    "postgresql/test_pgbouncer.py": ("pgbouncer", "postgres"),
    "browser": ("chromium", "chromedriver", "browser/node_modules/axe-core/axe.min.js"),
    "server/test_behind_nginx.py": ("nginx",),
    "server/test_forward_auth_behind_nginx.py": ("nginx",),
    "threats/test_past_the_gateway.py": ("nginx", "caddy"),
    "server/test_lines_to_paste.py": ("curl",),
}
PATH = os.pathsep.join((os.environ["PATH"], *map(str, filter(None, [programs()]))))
"""Debian keeps the programs of PostgreSQL, which may be there in several versions, out of everybody's way."""


def _is_there(need: str) -> bool:
    if need == "the right to mount":
        return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
    return bool(shutil.which(need, path=PATH)) or (Path(__file__).parent / need).exists()


MISSING = {tests: [need for need in needs if not _is_there(need)] for tests, needs in NEEDS.items()}
collect_ignore = [tests for tests, missing in MISSING.items() if missing]
if "CI" in os.environ and collect_ignore:
    raise RuntimeError(f"Nothing is left out in CI, and it lacks what these need: {MISSING}. See scripts/system.sh.")

settings.register_profile(
    "admit",
    max_examples=times("examples"),
    stateful_step_count=times("steps"),
    derandomize="CI" in os.environ,
    print_blob=True,
    deadline=None,  # two processors, and other tests beside
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("admit")

# Set before pytest-xdist starts its workers, which inherit it.
SEED = int(os.environ.setdefault("ADMIT_TEST_SEED", str(secrets.randbits(32))))


@pytest.fixture(scope="session", autouse=True)
def nothing_secret_is_logged() -> Iterator[Recorder]:
    """All that this process logs, whatever the tests do, holds no secret that was handed out (TOK-09)."""
    with recording() as recorder:
        yield recorder
    assert recorder.told() == set(), "secrets stand in the log"


def following() -> set[threading.Thread]:
    """The threads of authorities and verifiers that follow a log."""
    return {thread for thread in threading.enumerate() if thread.name == "admit-follow"}


@pytest.fixture(autouse=True)
def nobody_is_left_following() -> Iterator[None]:
    """What a test opened it closes: a thread that went on would fail in the middle of another one."""
    before = following()
    yield
    for thread in following() - before:
        thread.join(2.0)  # it may have been told, and be on its way
    assert following() <= before, "an authority or a verifier was not closed"


@pytest.fixture
def chaos(request: pytest.FixtureRequest) -> random.Random:
    """Chance that can be played again: the seed of this run and the name of the test."""
    return random.Random(f"{SEED} {request.node.nodeid}")


@pytest.fixture
async def here() -> AsyncIterator[Door]:
    """The HTTP application on a store in memory; Ann has an account there."""
    async with door() as found:
        yield found


def pytest_sessionfinish() -> None:
    """Leave no server behind."""
    engines.stop()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case by its argument when its value is long: a token differs from process to process, a name may not."""
    return argname if isinstance(val, str | bytes) and len(val) > 36 else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how the run can be repeated, and what tests noted by ``record_property("note", …)``."""
    terminalreporter.write_line(f"scale {SCALES[SCALE]}; repeat the dice with ADMIT_TEST_SEED={SEED}")
    for tests in collect_ignore:
        terminalreporter.write_line(
            f"LEFT OUT: tests/{tests}, for there is no {', '.join(MISSING[tests])} (make setup)"
        )
    if "valkey-server" not in PROGRAMS:
        terminalreporter.write_line(
            "there is no valkey-server: what could be tried on a Valkey too was tried on Redis alone"
        )
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, text in report.user_properties:
                    if name == "note":
                        terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {text}")
