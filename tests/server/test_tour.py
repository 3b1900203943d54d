"""`admit tour`: it holds at the real server, and says so when a server does not keep what is promised."""

from __future__ import annotations

import subprocess
import sys
from email.message import Message
from pathlib import Path
from typing import Any, cast

import pytest

from admit.server.client import Answer
from admit.server.story import Story
from admit.server.tour import Tour
from commands import admit, environment

# A server that lacks four defences; every process of ours that finds it on its path is like that.
FAULTY = """
from admit.core import cookie, origin, requirement

origin.refuse_cross_origin = lambda *_: None  # before those that ask it are imported

from admit.web.routes import sessions

requirement.Requirement.judge = lambda *_: None
line = cookie.CookieRule.line
cookie.CookieRule.line = lambda *given: line(*given).replace("; HttpOnly", "").replace("; SameSite=Lax", "")

async def revoke_nothing(*_): ...
sessions.end_session = revoke_nothing
"""


def test_every_step_of_the_tour_is_as_promised(tmp_path: Path) -> None:
    said = admit(tmp_path, "tour", "--json")
    assert said.code == 0, said.err
    assert said.json["holds"] is True
    assert all(step["holds"] for step in said.json["steps"])
    assert {step["request"] for step in said.json["steps"]} >= {
        "POST /api/sign-in", "POST /api/tokens", "POST /api/refresh", "POST /api/sign-out", "POST /api/password",
        "admit accounts disable ann@example.com", "admit accounts enable ann@example.com",
        "POST /sign-in", "POST /confirm", "POST /account/sign-out-device", "POST /sign-out",
    }  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_the_tour_fails_at_a_server_that_refuses_too_little(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(FAULTY)
    said = admit(tmp_path, "tour", "--json", PYTHONPATH=str(tmp_path))
    assert said.code == 1, said.err
    assert said.json["holds"] is False
    broken = {(step["request"], step["promised"]) for step in said.json["steps"] if not step["holds"]}
    senders = ("another site", "a sibling of the site", "another site, by an old browser")
    assert broken >= {
        (f"POST {path}", f"sent by {who}: refused") for path in ("/sign-in", "/sign-out") for who in senders
    }
    assert {promised for _, promised in broken} >= {
        "no script can read it",
        "no form of another site brings it",
        "Ann is still signed in",
        "signed in a while ago: asked to confirm",
        "the phone is out, at once",
    }
    assert not {path for path, _ in broken if path.startswith(("POST /api/", "GET /api/"))}
    assert "Not as promised: the phone is out, at once (GET /account: 200)" in said.err


def test_the_tour_notices_a_server_that_keeps_none_of_its_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"email": "ann@example.com", "refresh_token": "always the same", "access_token": "x"}
    headers = Message()
    headers["Set-Cookie"] = "a=b"
    answer = Answer(200, body, "", cast("Any", headers))
    monkeypatch.setattr("admit.server.story.ask", lambda *_: answer)
    monkeypatch.setattr("admit.server.browser.send", lambda *_: answer)
    monkeypatch.setattr("admit.server.tour.GRACE", -0.3)
    monkeypatch.setattr("admit.server.tour.FRESH_FOR", 0)
    story = Story(0, lambda *_: 1)
    Tour(story).tell()
    assert not story.holds
    assert {step.promised for step in story.steps if not step.holds} >= {
        "a copy of the cookie is refused",
        "the cookie is in the jar",
        "Ann is still signed in",
        "the right one does",
        "the spent one after the grace: refused",
        "its session ended: the access token is refused",
        "the other cookie has ended",
        "done by another process",
        "her cookie is refused at once",
        "her cookie does not come back",
    }


def test_the_tour_says_which_step_is_not_as_promised(tmp_path: Path) -> None:
    code = (
        "from admit.server import tour, cli\n"
        "step = {'chapter': 'c', 'request': 'GET /', 'answer': '200', 'ms': 1.0, 'promised': 'it is refused', 'holds': False}\n"
        "tour.play = lambda: {'holds': False, 'steps': [step]}\n"
        "cli.app(['tour'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 1
    assert "Not as promised: it is refused (GET /: 200)" in done.stderr
