"""The schema in PostgreSQL: made once, brought up to date once, and no other than ours is served. People can look at it."""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from admit.core import audit
from admit.core.audit import DAYS
from admit.core.ids import anchor, home_of, newest_first_id
from admit.core.store import Insert, Record
from admit.errors import ConfigError
from admit.stores import migrate, open_store
from admit.stores.postgres_schema import SCHEMA
from admit.system import SystemClock, chance
from commands import admit
from postgres import Engine
from worlds import authority


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def begun_at(engine: Engine, version: int) -> str:
    """A database as an older Admit left it."""
    url = engine.database()
    for step in range(1, version + 1):
        engine.run(files("admit.stores").joinpath(f"postgres_{step}.sql").read_text("utf-8"), name_of(url))
        engine.run(f"UPDATE admit.version SET version = {step}", name_of(url))
    return url


async def test_ten_that_begin_one_database_at_once_make_it_once(engine: Engine) -> None:
    url = engine.database()
    stores = [open_store(url) for _ in range(10)]
    await asyncio.gather(*(store.open() for store in stores))
    for number, store in enumerate(stores):
        await store.commit(Insert(Record("thing", f"-{number}", b"{}", 1, None, frozenset())))
        await store.close()


@pytest.mark.parametrize("version", range(SCHEMA))
async def test_a_schema_is_brought_up_to_date_once_whoever_does_so_at_the_same_time(
    engine: Engine, version: int
) -> None:
    url = begun_at(engine, version)
    done = await asyncio.gather(*(migrate(url) for _ in range(5)))
    assert sorted(done) == [(version, SCHEMA), *[(SCHEMA, SCHEMA)] * 4]
    async with authority(url, SystemClock()) as auth:
        await auth.accounts.create("ann@example.com", phc=None)
    assert engine.run("SELECT email FROM admit.accounts", name_of(url)) == "ann@example.com"


async def test_what_was_there_before_a_migration_is_there_after_it(engine: Engine) -> None:
    url = begun_at(engine, 1)
    body = json.dumps({"v": 1, "email": "ann@example.com", "created_at": 1.5e9})
    columns = f"'account', '-1', 1, NULL, '{{}}', convert_to('{body}', 'UTF8')"
    engine.run(f"INSERT INTO admit.record VALUES ({columns})", name_of(url))
    await migrate(url)
    assert engine.run("SELECT email, created AT TIME ZONE 'UTC' FROM admit.accounts", name_of(url)) == (
        "ann@example.com|2017-07-14 02:40:00"
    )


async def test_an_older_schema_is_not_served_but_says_what_to_do(engine: Engine) -> None:
    with pytest.raises(ConfigError, match=f"has version 1, and this Admit needs {SCHEMA}: run “admit migrate”"):
        await open_store(begun_at(engine, 1)).open()


async def test_a_database_from_the_future_is_neither_served_nor_migrated(engine: Engine) -> None:
    url = begun_at(engine, SCHEMA)
    engine.run("UPDATE admit.version SET version = 99", name_of(url))
    for refused in (open_store(url).open(), migrate(url)):
        with pytest.raises(ConfigError, match=f"has version 99, and this Admit needs {SCHEMA}: upgrade this one"):
            await refused


async def test_a_migration_that_fails_has_done_nothing(engine: Engine) -> None:
    url = begun_at(engine, 1)
    engine.run("CREATE VIEW admit.sessions AS SELECT 1", name_of(url))
    with pytest.raises(Exception, match="sessions"):
        await migrate(url)
    engine.run("DROP VIEW admit.sessions", name_of(url))
    assert engine.run("SELECT version FROM admit.version", name_of(url)) == "1"
    assert await migrate(url) == (1, SCHEMA)


def test_migrate_is_a_command(engine: Engine, tmp_path: Path) -> None:
    said = admit(tmp_path, "migrate", "--store", engine.database(), "--json")
    assert (said.code, said.json) == (0, {"schema": SCHEMA, "before": 0})
    assert admit(tmp_path, "migrate", "--store", "memory://").code == 2


MANY = 3_000
DAY = 86_400.0


@pytest.fixture(scope="module")
def people(engine: Engine) -> str:
    """The name of a database with many accounts and sessions; Ann is the only admin, and the last who was seen."""
    url = engine.database()

    async def fill() -> None:
        store = open_store(url)
        await store.open()
        for begin in range(0, MANY, 500):
            await store.commit(*(Insert(one) for number in range(begin, begin + 500) for one in records(number)))
        await store.close()

    asyncio.run(fill())
    engine.run("ANALYZE", name_of(url))
    return name_of(url)


def records(number: int) -> list[Record]:
    id, at = f"-a{number:05}", number * DAY
    name = "ann" if number == MANY - 1 else f"user{number}"
    entry = newest_first_id(home_of(id), at, chance)
    subject: dict[str, Any] = {"v": 1, "gen": 1, "floor": 1, "app_floor": 1, "key_floor": 1}
    if name == "ann":
        subject["roles"] = ["admin", "user"]
    session = {
        "v": 1,
        "subject": id,
        "gen": 1,
        "created_at": at,
        "seen_at": at,
        "ends_at": at + DAY,
        "device": "Firefox/Linux",
    }
    return [
        record("account", id, {"v": 1, "email": f"{name}@example.com", "created_at": at}),
        record("subject", anchor(id), subject),
        record("session", f"-s{number:05}", session),
        audit.record(audit.Entry(at=at, act="sign_in", id=entry, subject=id), 1, DAYS),
    ]


def record(kind: str, id: str, body: dict[str, Any]) -> Record:
    return Record(kind, id, json.dumps(body).encode(), 1, None, frozenset())


LAST = f"timestamptz 'epoch' + interval '{MANY - 2} days'"
QUESTIONS = {
    "account_email": "SELECT id FROM admit.accounts WHERE email = 'ann@example.com'",
    "account_created": f"SELECT id FROM admit.accounts WHERE created > {LAST}",
    "subject_roles": "SELECT id FROM admit.accounts WHERE roles ? 'admin'",
    "session_subject": f"SELECT subject FROM admit.sessions WHERE subject = '-a{MANY - 1:05}'",
    "session_seen": f"SELECT subject FROM admit.sessions WHERE seen > {LAST}",
    "audit_subject": f"SELECT subject FROM admit.audit WHERE subject = '-a{MANY - 1:05}'",
    "audit_at": f"SELECT subject FROM admit.audit WHERE at > {LAST}",
    "subject_name": f"SELECT subject FROM admit.subjects WHERE subject = '-a{MANY - 1:05}'",
}


@pytest.mark.parametrize("index, question", QUESTIONS.items())
def test_what_people_ask_is_answered_by_an_index(engine: Engine, people: str, index: str, question: str) -> None:
    assert engine.run(question, people) == f"-a{MANY - 1:05}"
    plan = engine.run(f"EXPLAIN {question}", people)
    assert index in plan
    assert "Seq Scan" not in plan


async def test_people_are_told_of_an_entry_what_stands_in_it(engine: Engine) -> None:
    """Whom it happened to and when are read from what stands beside it."""
    url = engine.database()
    now = SystemClock().now()
    subjects = ("ann", "", "(ann) \\ 'ann'", "*ann", "ÄÖ")
    store = open_store(url)
    await store.open()
    for subject in subjects:
        id = newest_first_id(home_of(subject), now, chance)
        await store.commit(Insert(audit.record(audit.Entry(at=now, act="sign_in", id=id, subject=subject), 1, DAYS)))
    await store.close()
    question = (
        f"SELECT json_agg(coalesce(subject, '')) FROM admit.audit WHERE abs(extract(epoch FROM at) - {now}) < 0.00001"
    )
    assert sorted(json.loads(engine.run(question, name_of(url)))) == sorted(subjects)


def test_people_can_join_what_they_look_at(engine: Engine, people: str) -> None:
    question = """SELECT email, roles, count(*), max(device) FROM admit.accounts JOIN admit.sessions ON subject = accounts.id
        WHERE email LIKE 'ann@%' GROUP BY email, roles"""
    assert engine.run(question, people) == 'ann@example.com|["admin", "user"]|1|Firefox/Linux'
