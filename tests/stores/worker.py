"""A process that works on a store until it is done or killed, and tells on its standard output what is acknowledged."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

from admit.core.store import REVOCATIONS, Append, Insert, Record, Replace
from admit.errors import Conflict, StoreUnavailable
from admit.stores.sqlite import SqliteStore
from admit.system import chance


def version() -> int:
    return int.from_bytes(chance(8)) >> 1


def entry(text: str) -> Append:
    return Append(REVOCATIONS, text.encode(), time.time() + 3600, "a")


async def write(store: SqliteStore, name: str) -> None:
    """Commit one record and its entry after the other, for ever."""
    number = 0
    while True:
        await store.commit(
            Insert(Record("thing", f"a{name}.{number}", b"x" * 500, version())), entry(f"{name}.{number}")
        )
        os.write(1, b"%d\n" % number)
        number += 1


async def count(store: SqliteStore, times: str) -> None:
    """Add one to a counter that others add to as well."""
    done = 0
    while done < int(times):
        [was] = await store.get(("counter", "a"))
        assert was is not None
        number = int(was.body) + 1
        try:
            await store.commit(
                Replace(Record("counter", "a", b"%d" % number, version()), was.version), entry(str(number))
            )
        except Conflict:
            continue
        done += 1


async def hit(store: SqliteStore, times: str) -> None:
    """Count what others count as well."""
    for _ in range(int(times)):
        await store.count("key", 1e9, time.time())


async def fork(store: SqliteStore, _: str) -> None:
    """Tell what a forked child hears from the store of its parent."""
    child = os.fork()
    if child == 0:
        heard = 0
        try:
            await store.get(("thing", "a"))
        except StoreUnavailable:
            heard += 1
        try:
            store.tail.read(None)
        except StoreUnavailable:
            heard += 2
        os._exit(heard)
    status = os.waitpid(child, 0)[1]  # noqa: ASYNC222 - nobody else waits
    os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))


async def main(path: str, task: str, argument: str) -> None:
    store = SqliteStore(path)
    await store.open()
    os.write(1, b"open\n")
    await {"write": write, "count": count, "hit": hit, "fork": fork}[task](store, argument)
    await store.close()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    asyncio.run(main(*sys.argv[1:]))
