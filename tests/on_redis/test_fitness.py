"""A Redis that cannot keep the promises of a store is refused, and what it may lose is told."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from admit.errors import AdmitError, ConfigError, StoreUnavailable
from admit.stores import examine, migrate, open_store
from admit.stores.examined import Finding
from admit.stores.redis_fitness import State as Told
from admit.stores.redis_fitness import _durable, _needed
from admit.stores.redis_place import Place, parse
from redises import Engine, pair, redis

GOOD = {
    "maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "always",
    "min-replicas-to-write": "1", "min-replicas-max-lag": "1",
}  # fmt: skip


def told(settings: dict[str, str], apart: float = 0.0, **info: str) -> Told:
    return Told({"redis_version": "7.0.15", "role": "master", "connected_slaves": "1"} | info, GOOD | settings, apart)


def faults(found: Callable[[Told, Place], list[Finding]], state: Told, rest: str = "host?replicas=1") -> str:
    return " ".join(one.said for one in found(state, parse("redis", rest)) if one.state != "good")


@pytest.mark.parametrize(
    "state, said",
    [
        (told({}), ""),
        (told({}, redis_version="6.2.14"), "7 or newer"),
        (told({"maxmemory-policy": "allkeys-lru"}), "noeviction"),
        (told({}, apart=61), "NTP"),
    ],
)
def test_what_a_store_cannot_do_without_is_missed(state: Told, said: str) -> None:
    found = faults(lambda state, _: list(_needed(state)), state)
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    "state, rest, said",
    [
        (told({}), "host?replicas=1", ""),
        (told({"min-replicas-to-write": "0"}, connected_slaves="0"), "host", ""),
        (told({}, connected_slaves="0"), "host?replicas=1", "until 1 follow it"),
        (told({}, connected_slaves="2"), "host?replicas=1", "Write ?replicas=2"),
        (told({}, connected_slaves="2"), "host?replicas=2", ""),
        (told({}, connected_slaves="2"), "host", "Write ?replicas=1."),
        (told({"appendonly": "no"}), "host?replicas=1", "whatever ends Redis"),
        (told({"appendfsync": "everysec"}), "host?replicas=1", "power failure"),
        (told({"min-replicas-to-write": "0"}), "host?replicas=1", "cut off"),
        (told({"min-replicas-max-lag": "0"}), "host?replicas=1", "cut off"),
        (told({}), "host", "replicas=1"),
        (Told({"redis_version": "7", "role": "master"}, {}, 0.0), "host", "CONFIG GET is refused"),
    ],
)
def test_what_may_be_lost_is_told(state: Told, rest: str, said: str) -> None:
    found = faults(lambda state, place: list(_durable(state, place)), state, rest)
    assert said in found
    assert bool(said) == bool(found)


async def test_what_may_be_lost_stands_in_the_log_of_the_start(caplog: pytest.LogCaptureFixture) -> None:
    with redis(appendonly="no") as engine, caplog.at_level(logging.WARNING, "admit.stores.redis"):
        store = open_store(engine.url())
        await store.open()
        await store.close()
    assert "appendonly" in caplog.text


async def test_a_redis_that_forgets_is_refused() -> None:
    with redis(maxmemory_policy="allkeys-lru") as engine, pytest.raises(ConfigError, match="noeviction"):
        await open_store(engine.url()).open()


async def test_a_replica_is_refused() -> None:
    with pair() as (_, replica), pytest.raises(StoreUnavailable, match="replica"):
        await open_store(replica.url()).open()


async def test_what_a_newer_admit_keeps_is_not_touched(engine: Engine) -> None:
    url = engine.database()
    assert await migrate(url) == (0, 1)
    assert await migrate(url) == (1, 1)
    engine.run("-n", url.rpartition("/")[2], "SET", "{*}version", "2")
    with pytest.raises(ConfigError, match="version 2, which this Admit"):
        await open_store(url).open()


async def test_a_password_is_asked_for_and_stands_in_no_error() -> None:
    with redis() as engine:
        engine.run("CONFIG", "SET", "requirepass", "swordfish")
        good, bad = (engine.url().replace("//", f"//:{password}@") for password in ("swordfish", "hunter2"))
        store = open_store(good)
        await store.open()
        await store.close()
        errors: list[AdmitError] = []
        for url in (bad, engine.url(), f"{bad}?connections=3"):
            with pytest.raises(ConfigError, match="lets nobody in") as refused:
                await open_store(url).open()
            errors.append(refused.value)
        with pytest.raises(ConfigError, match="lets nobody in"):
            await examine(bad)
    with pytest.raises(StoreUnavailable) as gone:
        await open_store(bad).open()
    assert "hunter2" not in repr([(error, error.__cause__) for error in [*errors, gone.value]])


async def test_one_who_may_not_ask_for_the_settings_is_told_what_that_means(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run("ACL", "SETUSER", "hosted", "on", ">swordfish", "~*", "&*", "+@all", "-config")
    with caplog.at_level(logging.WARNING, "admit.stores.redis"):
        store = open_store(engine.database().replace("//", "//hosted:swordfish@"))
        await store.open()
        await store.close()
    assert "CONFIG GET is refused" in caplog.text


async def test_doctor_tells_of_each_setting_and_begins_nothing(engine: Engine) -> None:
    url = engine.database()
    found = await examine(url)
    assert not found.begun
    assert engine.run("-n", url.rpartition("/")[2], "DBSIZE") == "0"
    assert {one.what: one.state for one in found.findings} == dict.fromkeys(
        ("Redis", "version", "memory", "time", "durability", "failover", "clock", "connection", "store"), "good"
    )
    await migrate(url)
    assert (await examine(url)).begun
    with pair() as (_, replica):
        assert "mend" in {one.state for one in (await examine(replica.url())).findings if one.what == "Redis"}
