"""The page about verifiers, followed to the letter by a service of each kind beside a real authority."""

from __future__ import annotations

import ast
import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from guards.applications import by_token, client
from guards.threads import in_a_thread
from nearby import Nearby, nearby, until
from test_docs import ROOT, blocks

PAGE = ROOT / "docs/how-to/put-a-verifier-into-your-service.md"


def followed(here: Nearby) -> dict[str, Any]:
    """What the page defines, for an authority that is ``here``."""
    names: dict[str, Any] = {"__name__": "__page__"}
    with asyncio.Runner() as runner:
        for block in blocks(PAGE, "python"):
            code = block.code.replace("https://app.example.com/auth", here.issuer)
            code = code.replace("https://api.example.com", here.issuer)
            result = eval(compile(code, PAGE.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True), names)
            if inspect.iscoroutine(result):
                runner.run(result)
            if "key" in names:
                names["key"] = here.key  # the page makes a key in a store of its own
    return names


async def test_what_the_page_builds_admits_until_the_authority_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with nearby() as here:
        page = await asyncio.to_thread(followed, here)
        token, other = by_token(here.token()), by_token(here.token())
        app, site = page["app"], in_a_thread(page["site"])
        async with app.router.lifespan_context(app), client(app) as by_fastapi, client(site) as by_flask:

            async def answers(headers: dict[str, str]) -> list[int]:
                return [(await http.get("/links", headers=headers)).status_code for http in (by_fastapi, by_flask)]

            async def refused() -> bool:
                return await answers(token) == [401, 401]

            assert page["gate"].status().fresh
            assert await answers(token) == await answers(other) == [200, 200]
            here.sign_out(token["Authorization"].removeprefix("Bearer "))
            await until(refused)
            assert await answers(other) == [200, 200]
            assert await answers({}) == [401, 401]
