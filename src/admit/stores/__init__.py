"""The stores, chosen by URL: to add one, add a file with the functions of ``_Module``, and a line to the table."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, Protocol, cast

from admit.core.faults import lacking, nearest
from admit.core.store import Store
from admit.errors import ConfigError
from admit.stores.examined import Examined


class _Where(NamedTuple):
    """The module that keeps a store, or ``name`` in it that does, and the ``extra`` that brings what it imports."""

    module: str
    name: str = ""
    extra: str = ""


_REDIS = _Where("admit.stores.redis_urls", extra="redis")

# By scheme; imported when chosen, so that nobody needs the drivers of the others.
STORES = {
    "memory": _Where("admit.stores.memory"),
    "postgresql": _Where("admit.stores.postgres", extra="postgres"),
    "redis": _REDIS._replace(name="redis"),
    "redis+cluster": _REDIS._replace(name="redis_cluster"),
    "redis+sentinel": _REDIS._replace(name="redis_sentinel"),
    "rediss": _REDIS._replace(name="rediss"),
    "rediss+cluster": _REDIS._replace(name="rediss_cluster"),
    "rediss+sentinel": _REDIS._replace(name="rediss_sentinel"),
    "sqlite": _Where("admit.stores.sqlite"),
}


class _Module(Protocol):
    def from_url(self, rest: str, *, accept_lost_history: bool) -> Store: ...
    def absent(self, rest: str, *, begins: bool) -> str | None: ...
    async def migrated(self, rest: str) -> tuple[int, int]: ...
    async def examined(self, rest: str) -> Examined: ...


def open_store(url: str, *, accept_lost_history: bool = False) -> Store:
    """The store that ``url`` names, not yet opened; no I/O happens here.

    ``memory://`` lives and dies with the process; ``memory://?homes`` is the same, partitioned by home.
    ``postgresql://user:password@host/database`` is for any number of servers; its options stand in "Choose a store".
    ``sqlite:///app.db`` is a file in the working directory, ``sqlite:////var/lib/app.db`` one anywhere.
    ``redis://host:6379/0`` is a Redis or Valkey, ``redis+sentinel://host:26379,host:26379/name`` the primary that its
    Sentinels name, ``redis+cluster://host:6379`` a Cluster, which is partitioned by home; with ``rediss`` all of them
    are spoken to by TLS.

    ``accept_lost_history`` lets ``open`` pass over a database that was replaced. It is for ``admit restore``,
    which ends everything that was issued before; nothing else has a reason to set it. Raises ConfigError.
    """
    module, rest = _named(url)
    return module.from_url(rest, accept_lost_history=accept_lost_history)


def refuse_absent(url: str, *, begins: bool = False) -> None:
    """Return if another process than this one may have begun the store ``url`` names, and it is there.

    With ``begins`` it need not be there yet. For commands, which would act on nothing. Raises ConfigError.
    """
    module, rest = _named(url)
    fault = module.absent(rest, begins=begins)
    if fault is not None:
        raise ConfigError([fault])


async def migrate(url: str) -> tuple[int, int]:
    """Make the schema of the store that ``url`` names, or bring it up to date; its version before (0: none) and after.

    Harmless when said again, or by several at once. Raises ConfigError for a store that a newer Admit has written,
    StoreError.
    """
    module, rest = _named(url)
    return await module.migrated(rest)


async def examine(url: str) -> Examined:
    """What there is to say of the store that ``url`` names; nothing is changed. Raises ConfigError, StoreError."""
    module, rest = _named(url)
    return await module.examined(rest)


def _named(url: str) -> tuple[_Module, str]:
    scheme, there, rest = url.partition("://")
    if not there or scheme not in STORES:
        # The URL itself is not repeated: it may hold a password.
        fault = f"The store's URL begins with none of {', '.join(f'{name}://' for name in STORES)}."
        near = nearest(scheme.lower(), STORES)
        raise ConfigError(
            [f"{fault} Begin it with {near}://" if near else f"{fault} Write, for example, sqlite:///var/admit.db"]
        )
    if not url.isprintable():
        raise ConfigError([f"The URL {scheme}://… has a character that cannot be printed. Write it without."])
    where = STORES[scheme]
    try:
        found = import_module(where.module)
    except ModuleNotFoundError as error:
        raise ConfigError([lacking(f"A store at {scheme}:// needs", error, where.extra)]) from error
    return cast("_Module", getattr(found, where.name) if where.name else found), rest
