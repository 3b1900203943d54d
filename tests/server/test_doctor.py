"""`admit doctor` and `admit config`: what is said of a deployment, and where its settings come from."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from admit.server.doctor import examined
from admit.server.load import load
from commands import admit


def states(said: Any) -> dict[str, str]:
    return {row["what"]: row["state"] for row in said.json}


def test_a_good_deployment_has_nothing_to_mend(tmp_path: Path) -> None:
    issuer = {"ADMIT_ISSUER": "https://auth.example.com", "ADMIT_TRUSTED_PROXIES": "127.0.0.1"}
    assert admit(tmp_path, "accounts", "create", "ann@example.com", "--generate", **issuer).code == 0
    said = admit(tmp_path, "doctor", "--json", **issuer)
    assert said.code == 0, said.out
    assert set(states(said).values()) == {"good"}
    assert {"issuer", "proxies", "store", "SQLite", "clock", "passwords", "file system"} <= states(said).keys()
    before = sorted(tmp_path.iterdir())
    assert admit(tmp_path, "doctor", **issuer).code == 0
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_weak_is_said_and_does_not_fail(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from admit.unsafe import CHEAPEST_HASH\n")
    said = admit(tmp_path, "doctor", "--json", "--source", ".", ADMIT_ON_LOST_HISTORY="accept")
    found = states(said)
    assert said.code == 0, said.out
    assert [found[what] for what in ("issuer", "on_lost_history", "unsafe")] == ["weak"] * 3
    assert list(tmp_path.iterdir()) == [tmp_path / "app.py"]


async def test_an_https_issuer_without_trusted_proxies_is_weak_and_says_what_to_write(tmp_path: Path) -> None:
    async def proxies(**given: object) -> Any:
        rows = await examined(load(Path(os.devnull), store=f"sqlite:///{tmp_path / 'admit.db'}", **given))
        return {row["what"]: row for row in rows}.get("proxies")

    forgotten = await proxies(issuer="https://auth.example.com")
    assert forgotten["state"] == "weak"
    assert forgotten["said"].endswith('Write trusted_proxies = ["127.0.0.1"].')
    # Where others connect, the proxy is not on this machine.
    assert "127.0.0.1" not in (await proxies(issuer="https://auth.example.com", host="0.0.0.0"))["said"]
    assert (await proxies(issuer="https://auth.example.com", trusted_proxies=["10.0.0.0/8"]))["state"] == "good"
    assert await proxies() is None


@pytest.mark.parametrize(("exporter", "state"), [("console", "good"), ("none", "weak"), ("console,otlp", "mend")])
async def test_it_is_said_whether_spans_can_go_out(
    exporter: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", exporter)
    store = f"sqlite:///{tmp_path / 'admit.db'}"
    rows = {row["what"]: row for row in await examined(load(Path(os.devnull), store=store, tracing=True))}
    assert rows["tracing"]["state"] == state
    assert ("pip install opentelemetry-exporter-" in str(rows["tracing"]["said"])) == (state == "mend")
    assert "tracing" not in {row["what"] for row in await examined(load(Path(os.devnull), store=store))}


def test_what_must_be_mended_ends_with_1(tmp_path: Path) -> None:
    assert admit(tmp_path, "accounts", "create", "ann@example.com", "--generate").code == 0
    (tmp_path / "admit.db").chmod(0o644)
    (tmp_path / "passwords.json").touch()
    said = admit(tmp_path, "doctor", "--json")
    assert said.code == 1
    assert (states(said)["demo"], states(said)["admit.db"]) == ("mend", "mend")
    (tmp_path / "admit.db").write_bytes(b"no database" * 1_000)
    assert states(admit(tmp_path, "doctor", "--json"))["store"] == "mend"
    assert states(admit(tmp_path, "doctor", "--json", "--store", "memory://"))["store"] == "mend"


async def test_accounts_with_a_store_of_their_own_have_theirs_looked_at_too(tmp_path: Path) -> None:
    def looked(accounts: str) -> Any:
        store = f"sqlite:///{tmp_path / 'admit.db'}"
        return examined(load(Path(os.devnull), store=store, accounts_store=accounts))

    unreachable = {row["what"]: row["state"] for row in await looked("postgresql://127.0.0.1:9/none")}
    assert unreachable["accounts: store"] == "mend"
    other = f"sqlite:///{tmp_path / 'accounts.db'}"
    async with load(Path(os.devnull), store=f"sqlite:///{tmp_path / 'admit.db'}", accounts_store=other).authority():
        good = {row["what"]: row["state"] for row in await looked(other)}
    assert "mend" not in good.values()
    assert {"SQLite", "accounts: SQLite"} <= good.keys()


def test_each_setting_says_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "admit.toml").write_text("token_life = 300\nworkers = 3\n")
    said = admit(tmp_path, "config", "--json", "--store", "sqlite:///x.db", ADMIT_WORKERS="2")
    found = {row["setting"]: (row["value"], row["from"]) for row in said.json}
    assert found["token_life"] == (300, "admit.toml")
    assert found["workers"] == (2, "ADMIT_WORKERS")
    assert found["store"] == ("sqlite:///x.db", "the command line")
    assert found["token_grace"] == (10, "default")


def test_the_example_is_toml_that_changes_nothing(tmp_path: Path) -> None:
    said = admit(tmp_path, "config", "--example").out
    settings = {row["setting"] for row in admit(tmp_path, "config", "--json").json}
    lines = [line.removeprefix("# ") for line in said.splitlines() if line.partition(" = ")[0][2:] in settings]
    assert {line.partition(" = ")[0] for line in lines} == settings
    (tmp_path / "admit.toml").write_text("\n".join(line for line in lines if "…" not in line))
    assert tomllib.loads((tmp_path / "admit.toml").read_text())
    defaults = admit(tmp_path, "config", "--json", "--config", os.devnull).json
    same = admit(tmp_path, "config", "--json").json
    assert [(row["setting"], row["value"]) for row in same] == [(row["setting"], row["value"]) for row in defaults]
