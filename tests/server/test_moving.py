"""`admit export` and `admit import`: what the page says happens, and what they refuse."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import stat
from pathlib import Path

import pytest

from commands import Said, admit

PASSWORD = "a password of some length"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "back-up-and-restore.md"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which Ann has an account, its export, and one that was its last."""
    folder = tmp_path_factory.mktemp("first")
    said = admit(folder, "accounts", "create", "ann@example.com", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert said.code == 0, said.err
    assert admit(folder, "export", "admit.jsonl").code == 0
    assert admit(folder, "export", "move.jsonl", "--move").code == 0
    return folder


@pytest.fixture
def begun(first: Path, tmp_path: Path) -> Path:
    """The same, to be spoilt."""
    return Path(shutil.copytree(first, tmp_path / "begun"))


def command(part: str, number: int = 0) -> list[str]:
    """The words of a command of Admit in a part of the page."""
    text = PAGE.read_text().partition(f"## {part}\n")[2].partition("\n## ")[0]
    lines = [line.strip() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return shlex.split([line for line in lines if line.startswith("admit ")][number])[1:]


def names(said: Said) -> list[str]:
    assert said.code == 0, said.err
    return [account["email"] for account in said.json]


def test_a_backup_is_taken_and_put_back_as_the_page_says(tmp_path: Path) -> None:
    admit(tmp_path, "accounts", "create", "ann@example.com", "--password-stdin", stdin=f"{PASSWORD}\n")
    (tmp_path / "backup").mkdir()
    taken = admit(tmp_path, *command("Take a backup"), "--json")
    assert taken.code == 0, taken.err
    file = tmp_path / taken.json["file"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert taken.json["records"] == len(file.read_text().splitlines()) - 2 - taken.json["entries"]
    admit(tmp_path, "accounts", "create", "bob@example.com", "--password-stdin", stdin=f"{PASSWORD}\n")
    for name in ("admit.db", "admit.db-wal", "admit.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    put_back = admit(tmp_path, *command("Put back an export"), "--json")
    assert (put_back.code, put_back.json["sessions"]) == (0, "are over"), put_back.err
    assert put_back.json["signing_keys"] == "can be opened"
    assert names(admit(tmp_path, "accounts", "list", "--json")) == ["ann@example.com"]
    ended = admit(tmp_path, *command("Put back a copy made by the database's own tools"), "--json")
    assert ended.json["ended"] == "everything"


def test_a_file_is_written_over_no_other(begun: Path) -> None:
    before = (begun / "admit.jsonl").read_bytes()
    said = admit(begun, "export", "admit.jsonl")
    assert (said.code, "there is one already" in said.err) == (2, True)
    assert (begun / "admit.jsonl").read_bytes() == before
    assert sorted(path.name for path in begun.glob("*jsonl*")) == ["admit.jsonl", "move.jsonl"]


def test_a_move_needs_the_master_secret_of_before(begun: Path) -> None:
    to = ("--store", "sqlite:///new/admit.db", "--json")
    refused = admit(begun, "import", "move.jsonl", "--move", "--yes", *to)
    assert (refused.code, "admit.db-secret" in refused.err) == (2, True)
    moved = admit(begun, "import", "move.jsonl", "--move", "--yes", *to, ADMIT_SECRET_FILE="admit.db-secret")
    assert (moved.code, moved.json["sessions"]) == (0, "go on"), moved.err
    again = admit(begun, "import", "move.jsonl", "--move", "--yes", *to, ADMIT_SECRET_FILE="admit.db-secret")
    assert (again.code, json.loads(again.err)["code"]) == (1, "not_empty")


def test_a_move_is_asked_about(begun: Path) -> None:
    said = admit(begun, "import", "move.jsonl", "--move", "--store", "sqlite:///new.db", stdin="n\n")
    assert (said.code, "Was no server running since?" in said.out) == (1, True)
    assert not (begun / "new.db").exists()


def test_what_may_be_served_elsewhere_is_no_move(begun: Path) -> None:
    said = admit(begun, "import", "admit.jsonl", "--move", "--yes", "--store", "sqlite:///new.db", "--json")
    assert (said.code, json.loads(said.err)["code"]) == (1, "not_left")
    assert not (begun / "new.db").exists()


def test_where_it_was_moved_from_nobody_goes_on_until_everybody_is_signed_out(begun: Path) -> None:
    for words in (("accounts", "list"), ("sessions", "list", "ann@example.com")):
        said = admit(begun, *words)
        assert (said.code != 0, "moved to another store" in said.err) == (True, True)
    doctor = admit(begun, "doctor", "--json")
    assert doctor.code == 1
    [mend] = [row["said"] for row in doctor.json if row["state"] == "mend"]
    assert "moved to another store" in mend
    told = command("Move to another store")
    assert (told[0], told[-1]) == ("export", "--move")
    assert admit(begun, "restore", "--yes").code == 0
    assert names(admit(begun, "accounts", "list", "--json")) == ["ann@example.com"]


def test_keys_that_cannot_be_opened_are_told_of(begun: Path) -> None:
    said = admit(begun, "import", "admit.jsonl", "--store", "sqlite:///new.db", "--json")
    assert said.json["signing_keys"] == "need the master secret of before"
    assert admit(begun, "accounts", "list", "--store", "sqlite:///new.db").code == 2


def test_accounts_in_a_store_of_their_own_are_in_the_same_export(begun: Path) -> None:
    two = {"ADMIT_ACCOUNTS_STORE": "sqlite:///accounts.db", "ADMIT_SECRET_FILE": "admit.db-secret"}
    here = ("--store", "sqlite:///rest.db", "--json")
    assert admit(begun, "import", "move.jsonl", "--move", "--yes", *here, **two).code == 0
    admit(begun, "accounts", "create", "bob@example.com", "--generate", *here, **two)
    there = admit(begun, "export", "both.jsonl", *here, **two)
    assert there.code == 0, there.err
    kinds = [json.loads(line).get("kind") for line in (begun / "both.jsonl").read_text().splitlines()]
    assert (kinds.count("account"), kinds.count("email"), kinds.count("term")) == (2, 2, 1)
    (begun / "accounts.db").unlink()
    gone = admit(begun, "export", "again.jsonl", *here, **two)
    assert (gone.code, "accounts.db" in gone.err) == (2, True)


@pytest.mark.parametrize("spoilt", ["cut", "changed", "none", "missing"])
def test_a_file_that_is_not_whole_is_refused_before_a_store_is_made(begun: Path, spoilt: str) -> None:
    file = begun / "admit.jsonl"
    text = file.read_text()
    match spoilt:
        case "cut":
            file.write_text(text[:-100])
        case "changed":
            file.write_text(text.replace("ann@", "eve@"))
        case "none":
            file.write_bytes(bytes(range(256)))
        case _:
            file.unlink()
    said = admit(begun, "import", "admit.jsonl", "--store", "sqlite:///new.db", "--json")
    assert (said.code, json.loads(said.err)["code"]) == ((2, "config") if spoilt == "missing" else (1, "bad_export"))
    assert not (begun / "new.db").exists()


def test_there_is_nothing_to_export_where_there_is_no_store(tmp_path: Path) -> None:
    for store in ("sqlite:///none.db", "memory://"):
        assert admit(tmp_path, "export", "file", "--store", store).code == 2
        assert not list(tmp_path.iterdir())
    assert admit(tmp_path, "import", "file", "--store", "memory://").code == 2
