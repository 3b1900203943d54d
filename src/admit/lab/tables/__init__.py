"""Tables of the classic strategies, chosen by the URL of the store: to add a kind, add a file and a line."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from admit.errors import ConfigError
from admit.lab.strategy import Count
from admit.lab.tables.table import Kind, Table

# Imported when chosen, so that nobody needs the drivers of the others.
KINDS = {
    "memory": "admit.lab.tables.memory",
    "sqlite": "admit.lab.tables.sqlite",
    "postgresql": "admit.lab.tables.postgresql",
    "redis": "admit.lab.tables.redis",
    "rediss": "admit.lab.tables.redis",
}


async def open_table(url: str, name: str, count: Count, *, owned: bool = True) -> Table:
    """The table ``name`` of the store at ``url``, made if it is not there; what is asked of it is added to ``count``.

    Unless it is ``owned``, nobody asks which rows are whose. Raises ConfigError, Unavailable.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in KINDS:
        raise ConfigError([f"The lab measures stores whose URL begins with one of {', '.join(KINDS)}."])
    return await cast("Kind", import_module(KINDS[scheme])).opened(rest, name, count, owned=owned)
