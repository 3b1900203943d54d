"""Whoever has stolen a password signs in at the very moment it is changed, and stays (SES-05, OPS-08).

Wherever the change overtakes the sign-in, the session stands on the generation that was read before the
password was looked at, so the change ends it; or the old password is refused.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from admit.errors import BadCredential
from admit.stores.sqlite import SqliteStore
from counts import times
from services import ANOTHER, EMAIL, PASSWORD, Overtaken, Services, services

MOMENTS = ["after email is read", "after subject is read", "after account is read", "before the commit"]


async def thief(here: Services) -> str | None:
    """The id of the session that the old password opens, or None."""
    try:
        proof = await here.accounts.sign_in(EMAIL, PASSWORD)
    except BadCredential:
        return None
    return (await here.sessions.start(proof)).session.id


@pytest.mark.parametrize("moment", MOMENTS)
async def test_nothing_that_the_old_password_opened_survives_its_change(moment: str) -> None:
    store = Overtaken()
    async with services(store) as here:
        account = await here.accounts.create(EMAIL, PASSWORD)
        own = await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
        store.at(moment, lambda: here.accounts.change_password(own.session, PASSWORD, ANOTHER))
        await thief(here)
        assert store.overtaken
        assert await here.alive(account.id) == {own.session.id}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_nothing_that_the_old_password_opened_survives_its_being_set(moment: str) -> None:
    store = Overtaken()
    async with services(store) as here:
        account = await here.accounts.create(EMAIL, PASSWORD)
        store.at(moment, lambda: here.accounts.set_password(account.id, ANOTHER))
        await thief(here)
        assert store.overtaken
        assert await here.alive(account.id) == set()


THIEF = """
import asyncio, json, sys
from pathlib import Path
from admit.stores.sqlite import SqliteStore
from services import services
from test_signing_in_while_the_password_changes import thief

async def main(path):
    async with services(SqliteStore(path)) as here:
        opened = []
        while True:
            session = await thief(here)
            if session is None:
                break
            opened.append(session)
            if len(opened) == 3:
                print("busy", flush=True)
        print(json.dumps(opened))

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_nothing_survives_the_change_in_another_process_either(tmp_path: Path) -> None:
    path = tmp_path / "admit.db"
    folders = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    code = f"import sys; sys.path[:0] = {folders}\n{THIEF}"
    async with services(SqliteStore(path)) as here:
        account = await here.accounts.create(EMAIL, PASSWORD)
        for _ in range(times("overtakings")):
            own = await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, str(path), stdout=subprocess.PIPE
            )
            assert process.stdout is not None
            assert await process.stdout.readline() == b"busy\n"
            await here.accounts.change_password(own.session, PASSWORD, ANOTHER)
            opened = json.loads((await process.communicate())[0])
            assert len(opened) >= 3
            assert await here.alive(account.id) == {own.session.id}
            await here.accounts.set_password(account.id, PASSWORD)
