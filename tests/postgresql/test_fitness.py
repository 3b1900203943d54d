"""Which PostgreSQL is served and which is not, and what `admit doctor` says of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from admit.errors import ConfigError, StoreUnavailable
from admit.stores import examine, open_store
from admit.stores.postgres_schema import SCHEMA
from admit.stores.postgres_statements import _LOG
from commands import admit
from postgres import Engine, postgres

SECRET = "a master secret of thirty-two bytes"


async def begun(engine: Engine) -> str:
    """The URL of a new database with a schema."""
    url = engine.database()
    store = open_store(url)
    await store.open()
    await store.close()
    return url


async def test_a_standby_is_refused_at_start_and_whenever_a_connection_is_made() -> None:
    with postgres() as primary:
        url = await begun(primary)
        with primary.standby() as standby:
            there = standby.url(url.rpartition("/")[2])
            for refused in (open_store(there).open(), examine(there)):
                with pytest.raises(StoreUnavailable, match="standby"):
                    await refused
            # Named beside its primary it is passed over.
            both = there.replace(f"127.0.0.1:{standby.port}", f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}")
            store = open_store(both)
            await store.open()
            await store.close()


async def test_a_log_that_a_standby_has_proves_nothing() -> None:
    with postgres() as primary:
        url = await begun(primary)
        name = url.rpartition("/")[2]
        with primary.standby() as standby:
            question = _LOG.replace("$1", "'revocations'").replace("$2", "0").replace("$3", "1")
            assert primary.run(question, name) == ""
            with pytest.raises(subprocess.CalledProcessError) as refused:
                standby.run(question, name)
            assert "recovery is in progress" in refused.value.stderr


async def test_a_database_that_loses_what_was_acknowledged_is_refused(engine: Engine) -> None:
    url = await begun(engine)
    engine.run(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")
    with pytest.raises(ConfigError, match="Set it to on"):
        await open_store(url).open()


async def test_a_database_in_another_encoding_is_refused(engine: Engine) -> None:
    engine.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(ConfigError, match=r"UTF8.*LATIN1"):
        await open_store(engine.url("latin")).open()


async def test_who_may_make_no_schema_is_told_so(engine: Engine) -> None:
    url = engine.database()
    engine.run("CREATE ROLE guest LOGIN")
    with pytest.raises(ConfigError, match="may make and use it"):
        await open_store(url.replace("postgres@", "guest@")).open()
    await (store := open_store(url)).open()
    await store.close()
    with pytest.raises(ConfigError, match="may make and use it"):
        await open_store(url.replace("postgres@", "guest@")).open()


async def test_a_database_that_is_not_there_and_a_server_that_is_not_are_told_apart(engine: Engine) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        await open_store(engine.url("nowhere")).open()
    with pytest.raises(StoreUnavailable):
        await open_store("postgresql://postgres@127.0.0.1:9/nowhere").open()


async def test_the_doctor_looks_at_what_the_promises_need_and_changes_nothing(engine: Engine) -> None:
    url = engine.database()
    found = await examine(url)
    assert not found.begun
    states = {finding.what: finding.state for finding in found.findings}
    good = ["PostgreSQL", "version", "encoding", "synchronous_commit", "connection", "clock", "connections", "TLS"]
    assert [states[what] for what in good] == ["good"] * len(good)
    assert states["fsync"] == "mend"  # as the tests start it
    assert {finding.what: finding.said for finding in found.findings}["schema"].startswith("will be made")
    assert engine.run("SELECT count(*) FROM pg_namespace WHERE nspname = 'admit'", url.rpartition("/")[2]) == "0"


async def test_the_doctor_says_what_is_weak(engine: Engine) -> None:
    url = await begun(engine)
    found = await examine(f"{url}?connections=500")
    assert found.begun
    said = {finding.what: (finding.state, finding.said) for finding in found.findings}
    assert said["schema"] == ("good", f"version {SCHEMA}")
    assert said["connections"][0] == "weak"
    name = url.rpartition("/")[2]
    engine.run(f"ALTER DATABASE {name} SET synchronous_commit = off", name)
    assert {finding.what: finding.state for finding in (await examine(url)).findings}["synchronous_commit"] == "mend"
    engine.run("UPDATE admit.version SET version = 1", name)
    assert ("schema", "mend") in {finding[:2] for finding in (await examine(url)).findings}


async def test_a_standby_that_may_be_behind_is_weak(engine: Engine) -> None:
    with postgres(fsync="on") as primary:
        url = await begun(primary)

        async def standbys() -> tuple[str, str]:
            return next(finding[1:] for finding in (await examine(url)).findings if finding.what == "standbys")

        assert await standbys() == ("good", "none")
        with primary.standby():
            while (said := await standbys())[0] == "good":
                pass
            assert said == (
                "weak",
                "1, which may be behind: A failover loses the last moment. Set synchronous_standby_names.",
            )
            primary.set(synchronous_standby_names="*", synchronous_commit="local")
            while "local" not in (said := await standbys())[1]:
                pass
            assert said[0] == "weak"
            primary.set(synchronous_commit="on")
            while (said := await standbys())[0] != "good":
                pass
            primary.set(synchronous_standby_names="")


def test_doctor_is_a_command_that_ends_with_1_when_something_must_be_mended(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o600)
    words = ("--store", engine.database(), "--json")
    said = admit(tmp_path, "doctor", *words, ADMIT_SECRET_FILE="secret")
    states = {row["what"]: row["state"] for row in said.json}
    assert (said.code, states["fsync"], states["PostgreSQL"]) == (1, "mend", "good")
    gone = admit(tmp_path, "doctor", "--store", "postgresql://127.0.0.1:9/x", "--json", ADMIT_SECRET_FILE="secret")
    assert (gone.code, {row["what"]: row["state"] for row in gone.json}["store"]) == (1, "mend")
