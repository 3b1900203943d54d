"""A name chosen by a stranger moves the cursor of an administrator's terminal, or hides a line of a table (OPS-01).

An application may well name a device by the User-Agent it was sent. What is printed of it is letters.
"""

from __future__ import annotations

import pytest

from admit.server.command import show
from doors import authority

DISGUISES = [
    "\x1b[2J\x1b[8m",
    "\x1b]0;owned\x07",
    "\x9b2J",
    "\r\x1b[1A",
    "a\nroot  Linux",
    "\u202exuniL",
    "\u2066\u200b",
    "\x7f\x08",
]


@pytest.mark.parametrize("device", DISGUISES)
async def test_a_table_prints_letters_only(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with authority() as auth:
        session = (await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"), device=device)).session
        row = {"device": session.device, "roles": [device]}
    show([row], as_json=False)
    show(row, as_json=False)
    show([row], as_json=True)
    printed = capsys.readouterr().out
    assert all(line.isprintable() for line in printed.split("\n"))
    assert not {line.strip() for line in printed.split("\n")} & {"root  Linux"}
