"""The page "Choose a store", as far as it is about PostgreSQL: what it says to do is done, on a server with a certificate."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from commands import environment
from networked.choose_a_store import blocks
from postgres import PATIENCE, programs
from postgresql.secured import Secured, secured


@dataclass(frozen=True)
class Place:
    """A machine on which somebody does what the page says."""

    server: Secured
    folder: Path

    def here(self, text: str) -> str:
        """What is written for that machine, for this one."""
        text = text.replace("db.example.com:5432", f"localhost:{self.server.engine.port}")
        return text.replace("/etc/admit/ca.pem", str(self.server.certificate)).replace("/etc/admit", str(self.folder))

    def shell(self, text: str) -> subprocess.CompletedProcess[str]:
        """How a block of commands comes out."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        return subprocess.run(
            ["sh", "-e", "-c", self.here(text)],
            capture_output=True, text=True, cwd=self.folder, env=environment(PATH=path), timeout=PATIENCE, check=False,
        )  # fmt: skip

    def psql(self, text: str, database: str) -> str:
        """What psql prints, line after line: what makes a database is no part of a transaction."""
        found = programs()
        assert found is not None
        done = subprocess.run(
            [found / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.server.engine.url(database)],
            input=text, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with secured("admit") as server:
        yield Place(server, tmp_path_factory.mktemp("etc"))


def test_what_the_page_says_to_do_makes_a_store_that_people_can_look_at(place: Place) -> None:
    [roles], [files, commands], [toml] = (blocks("Make a database", kind) for kind in ("sql", "sh", "toml"))
    place.psql(roles, "postgres")
    assert place.shell(files).returncode == 0
    (place.folder / "admit.toml").write_text(place.here(toml))
    done = place.shell(commands)
    # As the tests start it, one thing must be mended: it does not wait for the disk.
    assert (done.returncode, done.stderr) == (1, "")
    mend = [line for line in done.stdout.splitlines() if re.search(r"\bmend\b", line)]
    assert [line.strip("│ ").split()[0] for line in mend] == ["fsync"]
    created = place.shell("admit accounts create ann@example.com --generate --config /etc/admit/admit.toml")
    assert created.returncode == 0, created.stderr
    look, questions = blocks("Look at it", "sql")
    place.psql(look, "admit")
    assert "ann@example.com" in place.psql(f"SET ROLE people; {questions}", "admit")
    for forbidden in ("SELECT FROM admit.record", "DELETE FROM admit.accounts"):
        with pytest.raises(AssertionError, match=r"permission denied|cannot delete"):
            place.psql(f"SET ROLE people; {forbidden}", "admit")
