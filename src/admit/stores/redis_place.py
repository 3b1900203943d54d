"""Where a Redis store is, read from its URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote

from admit.errors import ConfigError

Server = tuple[str, int]
"""Host and port."""

Shape = Literal["one", "sentinel", "cluster"]

CONNECTIONS = 10

_PORTS: dict[Shape, int] = {"one": 6379, "sentinel": 26379, "cluster": 6379}
_SHAPES: dict[str, Shape] = {"": "one", "sentinel": "sentinel", "cluster": "cluster"}
TIMEOUT = 5
"""Seconds that a question waits, for a connection that is free and for its answer."""

_OPTIONS = frozenset({"connections", "timeout", "replicas", "prefix", "db", "ca", "cert", "key", "sentinel_password"})
_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[^\[\]:/@]{1,253})(?::([0-9]{1,5}))?")
_PREFIX = re.compile(r"[!-z]{0,32}")


@dataclass(frozen=True, slots=True)
class Place:
    """Who is asked, and how.

    ``replicas`` is how many replicas have to have a commit before it is acknowledged.
    """

    shape: Shape
    servers: tuple[Server, ...]
    name: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    connections: int = CONNECTIONS
    timeout: float = TIMEOUT
    replicas: int = 0
    prefix: str = ""


def parse(scheme: str, rest: str) -> Place:
    """The place that ``<scheme>://<rest>`` names. Raises ConfigError; no password stands in it."""
    secure, _, shaped = scheme.partition("+")
    shape = _SHAPES[shaped]
    where, _, query = rest.partition("?")
    who, there, hosts = where.rpartition("@")
    hosts, _, path = hosts.partition("/")
    options = dict(parse_qsl(query, keep_blank_values=True))
    faults = [f"{name}= is no option of a Redis store's URL." for name in sorted(options.keys() - _OPTIONS)]
    servers = tuple(server for text in hosts.split(",") if (server := _server(text, _PORTS[shape])))
    if len(servers) != hosts.count(",") + 1 or (shape == "one" and len(servers) > 1):
        faults.append(f"The store's URL names no host. Write {scheme}://host:{_PORTS[shape]}.")
    username, password = _who(who) if there else (None, None)
    name, db = "", options.get("db", "0")
    if shape == "sentinel":
        name = unquote(path)
        if not name:
            faults.append(f"Sentinel knows a Redis by a name. Write {scheme}://host:26379,host:26379/name.")
    elif path:
        db = path
    if not db.isdecimal() or (shape == "cluster" and db != "0"):
        faults.append("The database of a Redis store is a number, and in a Cluster it is 0.")
    prefix = options.get("prefix", "")
    if not _PREFIX.fullmatch(prefix):
        faults.append("prefix= of the store's URL takes up to 32 letters, digits and signs, no braces.")
    connections = _number(options, "connections", CONNECTIONS, 2, 1_000, faults)
    timeout = _number(options, "timeout", TIMEOUT, 1, 60, faults)
    replicas = _number(options, "replicas", 0, 0, 10, faults)
    if faults:
        raise ConfigError(faults)
    return Place(
        shape, servers, name, int(db), username, password, options.get("sentinel_password"), secure == "rediss",
        options.get("ca"), options.get("cert"), options.get("key"), connections, timeout, replicas, prefix,
    )  # fmt: skip


def _server(text: str, port: int) -> Server | None:
    found = _HOST.fullmatch(text)
    return (found[1].strip("[]"), int(found[2] or port)) if found else None


def _who(text: str) -> tuple[str | None, str | None]:
    """``user:password``, ``:password``; a user alone has none."""
    username, there, password = text.partition(":")
    return unquote(username) or None, unquote(password) if there else None


def _number(options: dict[str, str], name: str, usual: int, least: int, most: int, faults: list[str]) -> int:
    text = options.get(name, str(usual))
    if text.isdecimal() and least <= int(text) <= most:
        return int(text)
    faults.append(f"{name}={text} in the store's URL; write {least} to {most}.")
    return usual
