"""What the URL of a Redis store says, and what cannot be one is told with what to write."""

from __future__ import annotations

import pytest

from admit.errors import ConfigError
from admit.stores import STORES, open_store
from admit.stores.redis_place import Place, parse


@pytest.mark.parametrize(
    "scheme, rest, place",
    [
        ("redis", "localhost", Place("one", (("localhost", 6379),))),
        ("redis", "[::1]:7000/3", Place("one", (("::1", 7000),), db=3)),
        ("rediss", "ann:h%40nter2@r.example", Place("one", (("r.example", 6379),), username="ann", password="h@nter2", tls=True)),
        ("redis", ":p@r?prefix=admit:&connections=2", Place("one", (("r", 6379),), password="p", prefix="admit:", connections=2)),
        ("rediss", "r?ca=/ca.pem&cert=/c.pem&key=/k.pem", Place("one", (("r", 6379),), tls=True, ca="/ca.pem", cert="/c.pem", key="/k.pem")),
        (
            "redis+sentinel", "one,two:5000/main?db=2&replicas=1&sentinel_password=s",
            Place("sentinel", (("one", 26379), ("two", 5000)), "main", db=2, replicas=1, sentinel_password="s"),
        ),
        ("rediss+cluster", "one:7000,two:7001", Place("cluster", (("one", 7000), ("two", 7001)), tls=True)),
    ],
)  # fmt: skip
def test_a_url_says_who_is_asked_and_how(scheme: str, rest: str, place: Place) -> None:
    assert parse(scheme, rest) == place


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis:///0",
        "redis://one,two",
        "redis://host:port",
        "redis://ann:hunter2@host/db",
        "redis://host/0?conections=5",
        "redis://host?connections=1",
        "redis://host?connections=many",
        "redis://host?replicas=-1",
        "redis://host?prefix={a}",
        "redis+sentinel://one,two",
        "redis+sentinel://one,,two/main",
        "redis+cluster://one/1",
        "redis+cluster://one?db=1",
    ],
)
def test_what_is_no_url_is_told_with_what_to_write(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)


def test_no_password_stands_in_what_is_printed() -> None:
    assert "hunter2" not in repr(parse("redis+sentinel", "ann:hunter2@one/main?sentinel_password=hunter2"))


def test_only_a_cluster_is_partitioned() -> None:
    schemes = [scheme for scheme in STORES if scheme.startswith("redis")]
    partitioned = [
        scheme for scheme in schemes if open_store(f"{scheme}://host/{'main' * ('sentinel' in scheme)}").partitioned
    ]
    assert partitioned == ["redis+cluster", "rediss+cluster"]
