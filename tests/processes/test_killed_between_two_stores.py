"""A server is killed between the store of its accounts and that of all else: the next one finishes what it had begun."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from admit.core.store import Change, Store
from admit.stores import open_store
from admit.stores.wrapped import Wrapped
from processes.crew import Crew, Line
from two_stores import DEEDS, Ann, Two, arrived, happened

COMMITS = 3
"""The account, the subject, the mark."""


class Watched(Wrapped):
    """Says each commit before it happens and when it has happened, and waits to be told to go on."""

    def __init__(self, inner: Store, line: Line) -> None:
        super().__init__(inner)
        self._line = line
        self.on = False

    async def commit(self, *changes: Change) -> None:
        self._stop()
        await super().commit(*changes)
        self._stop()

    def _stop(self) -> None:
        if self.on:
            self._line.say("here")
            if self._line.hear() == "wait":
                threading.Event().wait()


def stores(folder: Path) -> tuple[Store, Store]:
    return open_store(f"sqlite:///{folder / 'store.db'}"), open_store(f"sqlite:///{folder / 'accounts.db'}")


async def doer(line: Line, folder: Path, deed: int, ann: Any) -> None:
    """Does a deed, and says when it is acknowledged."""
    watched = [Watched(store, line) for store in stores(folder)]
    async with Two(*watched).served() as auth:
        await auth.check()
        for store in watched:
            store.on = True
        await DEEDS[deed](auth, ann)
        line.say("acknowledged")
        threading.Event().wait()


@pytest.mark.parametrize("deed", range(len(DEEDS)), ids=[deed.__name__ for deed in DEEDS])
async def test_what_a_killed_server_had_begun_is_finished_by_the_next(tmp_path: Path, deed: int) -> None:
    for stop in range(2 * COMMITS + 1):
        folder = tmp_path / str(stop)
        folder.mkdir()
        async with Two(*stores(folder)).served() as auth:
            ann: Ann = await arrived(auth)
        async with Crew() as crew:
            member = crew.start(doer, folder, deed, ann)
            for _ in range(stop):
                assert await member.hear() == "here"
                member.say("go on")
            assert await member.hear() == ("here" if stop < 2 * COMMITS else "acknowledged")
            await member.kill()
        two = Two(*stores(folder))
        async with two.served() as auth:
            assert await two.marks() == 0
            assert await happened(DEEDS[deed], auth, ann) == (stop > 0), "begun, and not finished"
