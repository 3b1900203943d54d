"""The URL of a PostgreSQL store: every fault at once, no password in any error, and TLS that proves who is there."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from admit.errors import ConfigError, StoreUnavailable
from admit.lab.browser.certificate import self_signed
from admit.stores import open_store
from admit.stores.postgres_url import parsed
from postgres import Engine
from postgresql.secured import secured

AWAY = "ann@db.example.com/app"


def test_what_a_url_may_say_is_heard() -> None:
    place = parsed(f"{AWAY}?connections=7&connect_timeout=1.5&statement_timeout=2&lock_timeout=0.5&sslmode=require")
    assert (place.connections, place.connect_timeout) == (7, 1.5)
    assert place.arguments["server_settings"] == {
        "application_name": "admit",
        "statement_timeout": "2000",
        "lock_timeout": "500",
        "idle_in_transaction_session_timeout": "2000",
    }
    assert place.url == f"postgresql://{AWAY}"
    several = parsed("ann@one.example.com:5432,two.example.com:5433/app")
    assert several.arguments["target_session_attrs"] == "primary"


@pytest.mark.parametrize(
    "rest, said",
    [
        *((f"localhost/db?connections={number}", "2 to 1000") for number in ("0", "1", "1001", "many", "", "²")),
        *((f"localhost/db?{name}=0.05", "0.1 to 60") for name in ("connect_timeout", "statement_timeout")),
        *((f"localhost/db?lock_timeout={text}", "0.1 to 60") for text in ("61", "soon", "", "nan")),
        ("localhost/db?sslmode=maybe", "verify-full"),
        ("localhost/db?sslmode=disable&sslrootcert=ca.pem", "looks at no certificate"),
        ("localhost/db?sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
        ("localhost/db?search_path=x", "no option search_path"),
        ("localhost/db?connections", "cannot be read"),
        ("localhost", "names no database"),
        ("localhost/", "names no database"),
        ("localhost:many/db", "no port"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(rest: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_store(f"postgresql://{rest}")


def test_every_fault_of_a_url_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as wrong:
        open_store("postgresql://localhost?connections=1&lock_timeout=x&sslmode=y&z=1")
    assert len(wrong.value.faults) == 5


@pytest.mark.parametrize("password", ["hun%ster2", "12%s345678"])
@pytest.mark.parametrize("letter", "#/?[]")
def test_a_password_that_cuts_the_url_is_repeated_in_no_fault(letter: str, password: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store(f"postgresql://ann:{password.replace('%s', letter)}@db.example.com/app?connections=0")
    assert not any(part in repr(refused.value) for part in password.split("%s"))
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.parametrize("letter", ":@%")
def test_a_password_with_a_letter_of_urls_in_it_is_not_cut(letter: str) -> None:
    assert (
        parsed(f"ann:hun{letter}ter2@db.example.com/app").url == f"postgresql://ann:hun{letter}ter2@db.example.com/app"
    )


@pytest.mark.parametrize(
    "rest", ["ann@localhost/app", "ann@127.0.0.1:5433/app", "ann@[::1]:5433/app", "/app?host=/run/postgresql"]
)
def test_tls_is_no_must_on_this_machine(rest: str) -> None:
    assert parsed(rest).tls == "prefer"


@pytest.mark.parametrize(
    "rest", [AWAY, "ann@localhost,db.example.com/app", "/app?host=db.example.com", "ann@[2001:db8::1]/app"]
)
def test_another_machine_has_to_prove_who_it_is(rest: str) -> None:
    tls = parsed(rest).tls
    assert isinstance(tls, ssl.SSLContext)
    assert tls.check_hostname
    assert tls.verify_mode is ssl.CERT_REQUIRED


@pytest.fixture(scope="module")
def encrypted() -> Iterator[tuple[Engine, Path]]:
    """A server with a certificate for ``localhost``, which lets nobody in without the password of ``ann``."""
    with secured("ann") as found:
        found.engine.run("CREATE ROLE ann LOGIN PASSWORD 'hunter2'")
        found.engine.run("CREATE DATABASE app OWNER ann")
        yield found.engine, found.certificate


def at(engine: Engine, rest: str, *, host: str = "localhost", password: str = "hunter2") -> str:
    return f"postgresql://ann:{password}@{host}:{engine.port}/app?{rest}"


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_that_proves_who_it_is_is_spoken_to(encrypted: tuple[Engine, Path], mode: str) -> None:
    engine, root = encrypted
    store = open_store(at(engine, f"sslmode={mode}&sslrootcert={root}"))
    await store.open()
    plain = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'ann' AND NOT ssl"
    assert engine.run(plain) == "0"
    await store.close()


async def test_a_server_that_proves_nothing_is_not_spoken_to(encrypted: tuple[Engine, Path], tmp_path: Path) -> None:
    engine, root = encrypted
    another, _ = self_signed(tmp_path, "localhost")
    for host, trusted in (
        ("127.0.0.1", f"&sslrootcert={root}"),
        ("localhost", f"&sslrootcert={another}"),
        ("localhost", ""),
    ):
        with pytest.raises(ConfigError, match="does not prove who it is"):
            await open_store(at(engine, f"sslmode=verify-full{trusted}", host=host)).open()
    store = open_store(at(engine, f"sslmode=verify-ca&sslrootcert={root}", host="127.0.0.1"))
    await store.open()
    await store.close()


async def test_a_server_without_tls_is_not_spoken_to_by_who_requires_it(engine: Engine) -> None:
    with pytest.raises(StoreUnavailable):
        await open_store(f"{engine.database()}?sslmode=require").open()


async def test_no_password_is_in_any_error_or_log(
    encrypted: tuple[Engine, Path], caplog: pytest.LogCaptureFixture
) -> None:
    engine, _ = encrypted
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    for url in (
        at(engine, "", password="hunter3"),
        at(engine, "").replace("/app?", "/nowhere?"),
        at(engine, "sslmode=verify-full"),
        at(engine, "").replace(f":{engine.port}/", ":9/"),
    ):
        store = open_store(url)
        with pytest.raises((ConfigError, StoreUnavailable)) as refused:
            await store.open()
        told.append(repr((refused.value, refused.value.__cause__, store, vars(store))))
    assert "hunter" not in "".join(told)
    assert "hunter" not in caplog.text
