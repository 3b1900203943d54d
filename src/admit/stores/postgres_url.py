"""The URL of a PostgreSQL store, taken apart: where the database is, and how long and how safely it is spoken to."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from admit.core.faults import Faults
from admit.errors import ConfigError

CONNECTIONS = 10
SECONDS = 5.0

MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
"""How much of TLS there has to be, in libpq's words, which everybody knows."""

_TIMES = ("connect_timeout", "statement_timeout", "lock_timeout")
_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
_PLACE = ("host", "port", "passfile")
_OPTIONS = ("connections", *_TIMES, *_TLS, *_PLACE)
_NAME = re.compile("[a-z_]{1,40}")
_CUT = """The store's URL has no port where one should be. In a password write %23 for #, %2F for /, %3A for :, \
%3F for ?, %40 for @ and %25 for %."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is. Times are in seconds.

    ``connections`` of a pool, each of which may take ``connect_timeout`` to come about; a question may take
    ``statement_timeout``, of which it may wait ``lock_timeout`` for somebody else.
    """

    url: str = field(repr=False)  # it may hold a password
    tls: ssl.SSLContext | str | bool
    connections: int = CONNECTIONS
    connect_timeout: float = SECONDS
    statement_timeout: float = SECONDS
    lock_timeout: float = SECONDS

    @property
    def arguments(self) -> dict[str, Any]:
        """What asyncpg is told of each connection."""
        return {
            "dsn": self.url,
            "ssl": self.tls,
            "timeout": self.connect_timeout,
            "target_session_attrs": "primary",
            # A server that ends what takes too long does not go on with what nobody waits for any more.
            "server_settings": {
                "application_name": "admit",
                "statement_timeout": f"{self.statement_timeout * 1e3:.0f}",
                "lock_timeout": f"{self.lock_timeout * 1e3:.0f}",
                "idle_in_transaction_session_timeout": f"{self.statement_timeout * 1e3:.0f}",
            },
        }


def parsed(rest: str) -> Place:
    """What ``rest`` of a URL behind ``postgresql://`` says. Raises ConfigError, which never repeats a password."""
    try:
        parts = urlsplit(f"postgresql://{rest}")
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ConfigError(["The store's URL cannot be read. Write postgresql://user:password@host/database"]) from None
    ports = [host.rpartition("]")[2].rpartition(":") for host in _hosts(parts, {})]
    if parts.fragment or any(colon and not port.isdecimal() for _, colon, port in ports):
        # A password with such a letter in it was cut, and no fault may repeat its rest as something else.
        raise ConfigError([_CUT])
    faults = Faults()
    _judge(parts, options, faults.found)
    connections = options.get("connections", str(CONNECTIONS))
    if not (connections.isascii() and connections.isdecimal()) or not 2 <= int(connections) <= 1_000:
        faults.found.append(f"connections={connections} in the store's URL; write 2 to 1000.")
    times = {name: faults.of(_seconds, name, options[name]) for name in _TIMES if name in options}
    tls = faults.of(_tls, options, _hosts(parts, options))
    faults.report()
    kept = urlencode({name: value for name, value in options.items() if name in _PLACE})
    url = parts._replace(query=kept).geturl()
    return Place(url, tls, int(connections), **times)


def _judge(parts: SplitResult, options: Mapping[str, str], faults: list[str]) -> None:
    for name in sorted(options.keys() - set(_OPTIONS)):
        what = f"no option {name}" if _NAME.fullmatch(name) else "an option that is none"
        faults.append(f"The store's URL has {what}. There are {', '.join(_OPTIONS)}.")
    if not unquote(parts.path).strip("/"):
        faults.append("The store's URL names no database. Write postgresql://user:password@host/database")


def _hosts(parts: SplitResult, options: Mapping[str, str]) -> list[str]:
    """The hosts, each perhaps with a port."""
    named = options.get("host") or unquote(parts.netloc.rpartition("@")[2])
    return [host for host in named.split(",") if host]


def _seconds(name: str, written: str) -> float:
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 60:
        raise ValueError(f"{name}={written} in the store's URL; write 0.1 to 60 seconds.")
    return seconds


def _tls(options: Mapping[str, str], hosts: list[str]) -> ssl.SSLContext | str | bool:
    """What a connection asks for. Another machine has to prove who it is, unless the URL says otherwise."""
    named = options.keys() & set(_TLS[1:])
    mode = options.get("sslmode") or ("prefer" if all(map(_is_here, hosts)) and not named else "verify-full")
    if mode not in MODES:
        raise ValueError(f"sslmode={mode} in the store's URL; write one of {', '.join(MODES)}.")
    if mode in {"disable", "prefer"}:
        if named:
            raise ValueError(f"sslmode={mode} looks at no certificate; write sslmode=verify-full in the store's URL.")
        return mode if mode == "prefer" else False
    root, own, key = (options.get(name) for name in _TLS[1:])
    try:
        context = ssl.create_default_context(cafile=root)
        if own:
            context.load_cert_chain(own, key)
    except OSError as error:  # of which SSLError is one
        files = ", ".join(name for name in (root, own, key) if name)
        raise ValueError(f"The certificates {files} of the store's URL cannot be read: {error.strerror}.") from error
    context.check_hostname = mode == "verify-full"
    if mode == "require" and not root:  # as libpq has it: hidden from who listens, proven to nobody
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_here(host: str) -> bool:
    """Whether nothing between here and ``host`` could listen."""
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    return name.startswith(("/", "127.")) or name in {"localhost", "::1"}
