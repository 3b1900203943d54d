"""An API key is written down: in a log line, an error, a list, the disk (KEY-05, OPS-01).

What is logged is read by more people than may use the key, and kept for longer than it should be good.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from admit.core.api_key import parse_api_key
from admit.errors import AdmitError
from doors import Door, door
from worlds import with_token, world


def mistyped(key: str) -> str:
    return key[:-2] + ("B" if key[-2] == "A" else "A") + key[-1]


def written(directory: Path) -> bytes:
    """All that lies in the files of ``directory``."""
    return b"".join(file.read_bytes() for file in directory.rglob("*") if file.is_file())


async def story(here: Door) -> tuple[list[str], list[str]]:
    """What was answered to whoever used keys rightly and wrongly, and the keys."""
    browser = await here.signed_in()
    first = (await browser.post("/api/keys", json={"name": "a"})).json()
    away = (await browser.post("/api/keys", json={"name": "b", "networks": ["192.0.2.1"]})).json()
    spent = (await browser.post("/api/keys", json={"name": "c", "limit": {"hits": 1, "window": 86_400}})).json()
    rotated = (await browser.post(f"/api/keys/{first['id']}/rotate", json={})).json()
    keys = [one["key"] for one in (first, away, spent, rotated)]
    answers = [await browser.get("/api/keys")]
    for key in [*keys, *keys]:
        for headers in (
            {"X-API-Key": key},
            {"Authorization": f"Bearer {key}"},
            {"X-API-Key": f"{key}x"},
            {"X-API-Key": mistyped(key)},
        ):
            answers.append(await here.browser(**headers).get("/api/me"))
            answers.append(await here.browser(**headers).get("/api/keys"))
        answers.append(await here.browser(Cookie=f"__Host-admit={key}").get("/api/me"))
        answers.append(await browser.post("/api/keys", json={"name": "x", "scope": key, key: key, "networks": [key]}))
        answers.append(await browser.post("/api/keys", json={"name": f"{key}{key}"}))
    return [answer.text for answer in answers], keys


async def test_a_whole_story_leaves_no_key_in_an_answer_or_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with door() as here:
        bodies, keys = await story(here)
    # httpx, which is the client, logs what it asks for; that is not ours.
    ours = [record for record in caplog.records if record.name.startswith("admit")]
    said = "\n".join([*bodies, *(f"{record.getMessage()} {record.args}" for record in ours)])
    assert "401 bad_credential" in said
    assert "429 too_many" in said
    assert [key for key in keys if parse_api_key(key)[1] in said] == []


async def test_no_error_and_no_file_holds_one(tmp_path: Path) -> None:
    async with world("sqlite", tmp_path) as here:
        made = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "backup")
        presented = parse_api_key(made.text)[1]
        await here.works(with_token(made.text))
        await here.auth.revoke(made.key)
        for text in (made.text, f"{made.text}x", made.text[:-1], mistyped(made.text)):
            with pytest.raises(AdmitError) as refused:
                await here.auth.admit(with_token(text))
            chain = [refused.value, refused.value.__cause__, refused.value.__context__]
            assert all(presented not in f"{one!r} {one}" for one in chain)
    assert presented.encode() not in written(tmp_path)
