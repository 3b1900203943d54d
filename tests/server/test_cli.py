"""The command line: what it does to a store, what it says, and its exit codes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import PATIENCE, admit, environment

PASSWORD = "a password of some length"


def create(directory: Path, email: str = "ann@example.com", *more: str) -> dict[str, object]:
    said = admit(directory, "accounts", "create", email, "--password-stdin", "--json", *more, stdin=f"{PASSWORD}\n")
    assert said.code == 0, said.err
    account: dict[str, object] = said.json
    return account


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which Ann has an account, to be copied."""
    found = tmp_path_factory.mktemp("made")
    create(found)
    return found


@pytest.fixture
def ann(made: Path, tmp_path: Path) -> Path:
    """A directory of the test's own, with a store in which Ann has an account."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_an_account_from_its_creation_to_its_last_password(tmp_path: Path) -> None:
    created = create(tmp_path, "ann@example.com", "--role", "admin", "--role", "user")
    assert (created["active"], created["roles"]) == (True, ["admin", "user"])
    assert "password" not in created
    assert admit(tmp_path, "accounts", "disable", "Ann@Example.com", "--json").json["active"] is False
    assert admit(tmp_path, "accounts", "list", "--json").json[0]["active"] is False
    assert admit(tmp_path, "accounts", "enable", str(created["id"]), "--json").json["active"] is True
    shown = admit(tmp_path, "accounts", "show", "ann@example.com", "--json").json
    assert (shown["id"], shown["sessions"]) == (created["id"], 0)
    generated = admit(tmp_path, "accounts", "password", "ann@example.com", "--generate", "--json").json
    assert len(generated["password"]) == 24


def test_people_get_a_table_without_colours_where_there_is_no_terminal(ann: Path) -> None:
    listed = admit(ann, "accounts", "list", FORCE_COLOR="", NO_COLOR="1")
    assert listed.out.splitlines()[0].split() == ["email", "id", "active", "service", "roles", "created", "at"]
    assert "ann@example.com" in listed.out
    assert "\x1b" not in listed.out
    assert admit(ann, "sessions", "list", "ann@example.com").out == "none\n"


def test_keys_are_listed_rotated_when_it_is_time_and_revoked(ann: Path) -> None:
    keys = admit(ann, "keys", "list", "--json").json
    assert [key["state"] for key in keys] == ["current", "next"]
    early = admit(ann, "keys", "rotate", "--json")
    assert early.code == 1
    revoked = admit(ann, "keys", "revoke", keys[0]["kid"], "--json").json
    assert keys[0]["kid"] not in {key["kid"] for key in revoked}
    assert admit(ann, "keys", "revoke", "nothing").code == 1


def test_verifier_keys_are_made_shown_once_listed_and_withdrawn(ann: Path) -> None:
    made = admit(ann, "verifiers", "create", "links", "--audience", "https://api.example.com", "--json").json
    assert made["key"].startswith("adm_v_")
    listed = admit(ann, "verifiers", "list", "--json")
    [key] = listed.json
    assert (key["name"], key["audience"]) == ("links", "https://api.example.com")
    assert made["key"].rpartition(".")[2] not in listed.out
    assert admit(ann, "verifiers", "revoke", key["id"], "--json").json == []
    assert admit(ann, "verifiers", "revoke", key["id"], "--json").code == 1
    assert admit(ann, "verifiers", "create", "", "--json").code == 1
    assert admit(ann, "verifiers", "create", "links", "--audience", "two words", "--json").code == 1


@pytest.mark.parametrize(
    "words, code, error",
    [
        (["accounts", "show", "nobody@example.com"], 1, "no_account"),
        (["accounts", "create", "not an address", "--generate"], 1, "bad_email"),
        (["sessions", "revoke", "qP7-9dYxaZaTO9pr3Ny096"], 1, "not_found"),
        (["accounts", "list", "--store", "nothing://"], 2, "config"),
        (["accounts", "list", "--config", "nowhere.toml"], 2, "config"),
        (["accounts", "list", "--issuer", "x"], 2, "config"),
        (["accounts", "list", "--store", "sqlite:////proc/nowhere/admit.db"], 2, "config"),
    ],
)
def test_what_is_refused_has_an_exit_code_and_words(ann: Path, words: list[str], code: int, error: str) -> None:
    said = admit(ann, *words, "--json")
    assert (said.code, said.out) == (code, "")
    assert f'"code": "{error}"' in said.err
    plain = admit(ann, *words)
    assert (plain.code, plain.out) == (code, "")
    assert plain.err.strip()
    assert "Traceback" not in plain.err


@pytest.mark.parametrize(
    "words",
    [
        ["accounts", "create"],
        ["accounts", "create", "ann@example.com"],
        ["accounts", "create", "ann@example.com", "--generate", "--password-stdin"],
        ["accounts", "create", "ann@example.com", "--password", "hunter2"],
        ["accounts", "roles", "ann@example.com"],
        ["accounts", "roles", "ann@example.com", "user", "--none"],
        ["sessions", "revoke"],
        ["nonsense"],
        ["serve", "--port", "70000"],
        ["serve", "--host", "0.0.0.0"],
    ],
    ids=" ".join,
)
def test_what_is_written_wrong_ends_with_2(tmp_path: Path, words: list[str]) -> None:
    said = admit(tmp_path, *words)
    assert (said.code, said.out) == (2, "")
    assert "Traceback" not in said.err


def test_a_store_that_cannot_be_read_ends_with_3(ann: Path) -> None:
    database = ann / "admit.db"
    head = database.read_bytes()[:4_096]
    database.write_bytes(head + b"torn" * (len(database.read_bytes()) // 4))
    said = admit(ann, "accounts", "list")
    assert (said.code, said.out) == (3, "")
    assert "Traceback" not in said.err


COMMANDS = [
    ["accounts", "list"],
    ["accounts", "password", "ann@example.com", "--generate"],
    ["sessions", "list", "ann@example.com"],
    ["keys", "list"],
    ["restore", "--yes"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_mistyped_store_is_told_and_nothing_is_made(tmp_path: Path, words: list[str]) -> None:
    said = admit(tmp_path, *words, "--store", "sqlite:///amdit.db")
    assert (said.code, said.out) == (2, "")
    assert f"There is no database {tmp_path}/amdit.db" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [*COMMANDS, ["accounts", "create", "ann@example.com", "--generate"]], ids=" ".join)
def test_nothing_is_done_to_a_store_that_is_gone_with_the_command(tmp_path: Path, words: list[str]) -> None:
    said = admit(tmp_path, *words, "--store", "memory://")
    assert (said.code, said.out) == (2, "")
    assert "memory store" in said.err


@pytest.mark.parametrize("words", [["accounts", "list"], ["accounts", "create", "ann@example.com", "--generate"]])
def test_what_is_no_database_is_told_by_its_path_and_left_alone(tmp_path: Path, words: list[str]) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("to do\n")
    for path in (tmp_path, text):
        said = admit(tmp_path, *words, "--store", f"sqlite:///{path}")
        assert (said.code, said.out) == (2, "")
        assert str(path) in said.err
        assert "Write" in said.err
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
    assert text.read_text() == "to do\n"


def test_a_database_that_was_put_back_is_noticed_and_restore_ends_everything(ann: Path) -> None:
    shutil.copy(ann / "admit.db", ann / "backup")
    admit(ann, "accounts", "disable", "ann@example.com")
    shutil.copy(ann / "backup", ann / "admit.db")
    noticed = admit(ann, "accounts", "list", "--json")
    assert (noticed.code, '"code": "lost_history"' in noticed.err) == (3, True)
    assert "admit restore" in noticed.err
    assert admit(ann, "restore", stdin="n\n").code == 1
    assert admit(ann, "accounts", "list").code == 3
    restored = admit(ann, "restore", "--yes", "--json")
    assert (restored.code, restored.json["ended"]) == (0, "everything")
    assert admit(ann, "accounts", "list", "--json").json[0]["active"] is True


def test_a_lost_secret_stops_every_command_but_restore(ann: Path) -> None:
    kids = {key["kid"] for key in admit(ann, "keys", "list", "--json").json}
    secret = ann / "admit.db-secret"
    secret.unlink()
    for words in (["accounts", "list"], ["keys", "list"]):
        said = admit(ann, *words)
        assert said.code == 2
        assert f"{secret} is missing" in said.err
        assert "admit restore" in said.err
    assert not secret.exists()
    assert admit(ann, "restore", "--yes").code == 0
    assert admit(ann, "accounts", "list", "--json").json[0]["email"] == "ann@example.com"
    assert kids.isdisjoint(key["kid"] for key in admit(ann, "keys", "list", "--json").json)


def test_help_teaches_and_the_version_is_told(tmp_path: Path) -> None:
    assert admit(tmp_path, "--version").out.startswith("admit 0.")
    said = admit(tmp_path, "accounts", "disable", "--help").out
    assert "admit accounts disable ann@example.com" in said
    assert "Exit codes" in said
    assert admit(tmp_path, "openapi", "--issuer", "https://auth.example.com/auth").json["paths"]["/auth/api/me"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "shell, typed, offered",
    [
        ("bash", {"COMP_WORDS": "admit accounts dis", "COMP_CWORD": "2"}, "disable"),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "admit sessions re"}, "revoke"),
        ("fish", {"_TYPER_COMPLETE_ARGS": "admit ser", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}, "serve"),
    ],
)
def test_a_shell_is_taught_and_told_how_a_command_goes_on(
    shell: str, typed: dict[str, str], offered: str, tmp_path: Path
) -> None:
    program = Path(sys.executable).with_name("admit")
    # Else the shell is guessed by the processes above this one, among which there need be none.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    for words, more in ((["--show-completion", shell], named), ([], {"_ADMIT_COMPLETE": f"complete_{shell}", **typed})):
        said = subprocess.run(
            [program, *words], cwd=tmp_path, capture_output=True, text=True, env=environment(**more), timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert (said.returncode, said.stderr) == (0, "")
        assert ("_ADMIT_COMPLETE" if words else offered) in said.stdout


def test_an_api_key_from_its_making_to_its_end(tmp_path: Path) -> None:
    service = admit(tmp_path, "accounts", "create", "backup@example.com", "--service", "--json").json
    assert service["service"] is True
    assert admit(tmp_path, "accounts", "password", "backup@example.com", "--generate").code == 1
    asked = ["--name", "nightly", "--network", "192.0.2.0/24", "--limit", "100/60", "--days", "30"]
    made = admit(tmp_path, "api-keys", "create", "backup@example.com", *asked, "--json").json
    assert made["key"].startswith(f"adm_k_{made['id']}.")
    assert (made["networks"], made["limit"], made["used_at"]) == (["192.0.2.0/24"], "100/60", "never")
    beyond = admit(tmp_path, "api-keys", "create", "backup@example.com", "--name", "x", "--scope", "links:read")
    assert (beyond.code, "roles of backup@example.com do not allow links:read" in beyond.err) == (1, True)
    listed = admit(tmp_path, "api-keys", "list", "backup@example.com")
    assert "nightly" in listed.out
    assert made["key"].partition(".")[2] not in listed.out
    rotated = admit(tmp_path, "api-keys", "rotate", made["id"], "--overlap", "24", "--json").json
    assert admit(tmp_path, "api-keys", "revoke", made["id"], "--json").json == {"ended": made["id"]}
    [left] = admit(tmp_path, "api-keys", "list", "backup@example.com", "--json").json
    assert left["id"] == rotated["id"]
    assert admit(tmp_path, "restore", "--yes").code == 0
    assert admit(tmp_path, "api-keys", "list", "backup@example.com", "--json").json[0]["suspended"] is True
    assert admit(tmp_path, "api-keys", "confirm", rotated["id"], "--json").json["suspended"] is False
    for act in ("rotate", "confirm", "revoke"):
        refused = admit(tmp_path, "api-keys", act, made["id"], "--json")
        assert refused.code == 1
        assert "no_api_key" in refused.err
