"""The first guarded route of each page about a guard does what the page says: nobody comes in who is not signed in."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

import admit.guards
from guards.applications import by_cookie, by_token, client
from guards.threads import in_a_thread
from test_docs import ROOT, ran

HOW_TO = ROOT / "docs" / "how-to"
INSIDE = {"at_once", "described", "guarded", "once", "refusal"}  # modules that guards share
BEHIND_WSGI = {"flask", "wsgi"}


def test_every_guard_has_a_page_and_the_overview_leads_there() -> None:
    guards = {path.stem for path in Path(admit.guards.__path__[0]).glob("[a-z]*.py")} - INSIDE
    assert guards == tomllib.loads((ROOT / "docs" / "matrix.toml").read_text())["guards"].keys()
    overview = (HOW_TO / "guard-a-route.md").read_text()
    for guard in guards:
        assert (HOW_TO / f"guard-{guard}.md").is_file()
        assert f"(guard-{guard}.md)" in overview


@pytest.mark.parametrize("framework", ["fastapi", "starlette", "litestar", "asgi", "flask", "wsgi"])
def test_the_first_guarded_route_of_the_page_lets_in_who_is_signed_in(
    framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ran(HOW_TO / f"guard-{framework}.md", tmp_path, monkeypatch)
    asyncio.run(tried(page["auth"], in_a_thread(page["app"]) if framework in BEHIND_WSGI else page["app"]))


async def tried(auth: admit.Authority, app: Any) -> None:
    """Come as a stranger, as a browser that navigates, as Ann by cookie and token, and as Ann once she has left."""
    async with auth, client(app) as http:
        await auth.subjects.change("ann", lambda held: held.with_roles(["user"]))
        started = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
        presented = by_cookie(started), by_token(await auth.tokens.access(started.session))
        assert (await http.get("/links")).status_code == 401
        led = await http.get("/links", headers={"Sec-Fetch-Mode": "navigate"})
        assert led.headers["location"] == "/auth/sign-in?next=/links"
        for headers in presented:
            answer = await http.get("/links", headers=headers)
            assert answer.status_code == 200
            assert "ann" in answer.text
        await auth.revoke(started.session)
        assert [(await http.get("/links", headers=headers)).status_code for headers in presented] == [401, 401]
