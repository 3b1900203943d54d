"""The stores, chosen by URL: to add one, add a file with a ``from_url`` and a line to the table."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from admit.core.store import Store
from admit.errors import ConfigError

# Scheme, and the module that keeps it; imported when chosen, so that nobody needs the drivers of the others.
STORES = {
    "memory": "admit.stores.memory",
    "sqlite": "admit.stores.sqlite",
}


class _Module(Protocol):
    def from_url(self, rest: str, *, accept_lost_history: bool) -> Store: ...


def open_store(url: str, *, accept_lost_history: bool = False) -> Store:
    """The store that ``url`` names, not yet opened; no I/O happens here.

    ``memory://`` lives and dies with the process; ``memory://?homes`` is the same, partitioned by home.
    ``sqlite:///app.db`` is a file in the working directory, ``sqlite:////var/lib/app.db`` one anywhere.

    ``accept_lost_history`` lets ``open`` pass over a database that was replaced. It is for ``admit restore``,
    which ends everything that was issued before; nothing else has a reason to set it. Raises ConfigError.
    """
    scheme, there, rest = url.partition("://")
    if not there or scheme not in STORES:
        # The URL itself is not repeated: it may hold a password.
        fault = f"The store's URL begins with none of {', '.join(f'{name}://' for name in STORES)}."
        raise ConfigError([f"{fault} Write, for example, sqlite:///var/admit.db"])
    module = cast("_Module", import_module(STORES[scheme]))
    return module.from_url(rest, accept_lost_history=accept_lost_history)
