"""`admit audit`: what was done, for people and for programs, at once and as it comes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from admit.errors import BadInput
from admit.server.audit import moment
from commands import PATIENCE, admit, environment

PASSWORD = "a password of some length"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store in which Ann was created and disabled, and Bob created."""
    for name in ("ann", "bob"):
        done = admit(tmp_path, "accounts", "create", f"{name}@example.com", "--password-stdin", stdin=f"{PASSWORD}\n")
        assert done.code == 0, done.err
    assert admit(tmp_path, "accounts", "disable", "ann@example.com").code == 0
    return tmp_path


def told(folder: Path, *options: str) -> list[dict[str, Any]]:
    said = admit(folder, "audit", "--json", *options)
    assert said.code == 0, said.err
    return [json.loads(line) for line in said.out.splitlines()]


def test_what_operators_did_is_told_the_newest_first_a_line_each(folder: Path) -> None:
    entries = told(folder)
    acts = [entry["act"] for entry in entries]
    assert acts == ["account_disabled", "account_created", "account_created", "signing_keys_created"]
    assert {entry["credential"] for entry in entries} == {"operator"}
    assert [entry["act"] for entry in told(folder, "--of", "bob@example.com")] == ["account_created"]
    ann = entries[0]["subject"]
    assert told(folder, "--of", ann) == [entries[0], entries[2]]
    assert told(folder, "--act", "account_disabled", "--act", "sign_in") == entries[:1]
    assert told(folder, "--limit", "1") == entries[:1]
    assert told(folder, "--limit", "0", "--since", "1h") == entries
    assert told(folder, "--failed") == []
    assert told(folder, "--since", "2999-01-01") == []


def test_people_get_a_table_and_faults_are_told(folder: Path) -> None:
    table = admit(folder, "audit", NO_COLOR="1").out
    assert "\x1b" not in table
    assert table.splitlines()[0].split() == ["at", "act", "outcome", "subject", "by", "from", "what"]
    assert "account_disabled" in table.splitlines()[1]
    assert admit(folder, "audit", "--of", "nobody@example.com").code == 1
    assert admit(folder, "audit", "--since", "yesterday").code == 1
    assert admit(folder, "audit", "--act", "anything").code == 2
    assert admit(folder, "audit", "--store", "sqlite:///nothing.db").code == 2


def test_who_follows_is_told_what_comes(folder: Path) -> None:
    words = [sys.executable, "-m", "admit.server", "audit", "--follow", "--limit", "1", "--json"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment()) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["act"] == "account_disabled"
        admit(folder, "accounts", "enable", "ann@example.com")
        assert json.loads(following.stdout.readline())["act"] == "account_enabled"
        following.send_signal(2)
        assert following.wait(PATIENCE) == 0
        assert following.stdout.read() == ""


@pytest.mark.parametrize("text,expected", [
    ("90m", 10_000 - 5_400), ("1s", 9_999), ("1970-01-01T01:00", 3_600), ("1970-01-01T01:00+01:00", 0),
])  # fmt: skip
def test_a_moment_is_so_long_ago_or_a_time(text: str, expected: float) -> None:
    assert moment(text, 10_000) == expected


@pytest.mark.parametrize("text", ["", "1x", "m", "-1m", "1.5h", "99999999d", "2026-13-01"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        moment(text, 10_000)
