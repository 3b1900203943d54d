"""A name chosen by a stranger moves the cursor of an administrator's terminal, or hides a line of a table (OPS-01).

An application may well name a device by the User-Agent it was sent. What is printed of it is letters, and what the
audit log keeps of a sender too.
"""

from __future__ import annotations

import pytest

from admit.core.request import Request
from admit.server.audit import lines, told
from admit.server.command import Given, show
from admit.subjects import Subject
from admit.trail import acting
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


@pytest.mark.parametrize("agent", DISGUISES)
async def test_the_audit_log_keeps_and_prints_letters_only(agent: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with authority() as auth:
        request = Request("GET", "https://auth.example.com/", ((b"user-agent", agent.encode()),), agent)
        with acting(request=request, operator=agent):
            await auth.subjects.change("ann", Subject.disabled)
        [entry] = (await auth.audit.page(subject="ann")).entries
        assert all(text.isprintable() for text in (entry.agent, entry.actor, entry.address, entry.device))
        show([told(entry)], as_json=False)
        lines(Given(None, {}), [entry])
        lines(Given(None, {}, as_json=True), [entry])
    printed = capsys.readouterr().out
    assert all(line.isprintable() for line in printed.split("\n"))
    assert len(printed.splitlines()) == 4
