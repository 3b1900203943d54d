"""What verifiers come for over HTTP: the description of the authority, and the log, for those with a verifier key."""

from __future__ import annotations

import asyncio

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from admit.core import log
from admit.core.log import Ended, Raised
from admit.core.principal import Ends
from admit.web import application
from doors import ISSUER, Door, authority, is_problem, service


def read(answer: httpx.Response) -> tuple[list[log.Entry], dict[str, str]]:
    """The entries of an answer, and its last line."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, end = answer.content.splitlines()
    return [log.decode(line) for line in lines], msgspec.json.decode(end)


async def test_the_description_says_where_keys_and_log_are_found(here: Door) -> None:
    answer = await here.browser().get("/.well-known/oauth-authorization-server")
    assert answer.headers["cache-control"] == "public, max-age=300"
    found = answer.json()
    assert (found["issuer"], found["max_staleness"]) == (ISSUER, 2.0)
    assert (await here.browser().get(found["jwks_uri"])).json()["keys"]
    assert (await (await service(here)).get(found["revocations_endpoint"])).status_code == 200


async def test_the_log_is_given_from_a_position_to_its_end(here: Door) -> None:
    links = await service(here)
    _, end = read(await links.get("/revocations?probe=first"))
    assert end["probe"] == "first"
    browser = await here.signed_in()
    session = (await browser.get("/api/me")).json()["session"]
    assert (await browser.post("/api/sign-out")).status_code == 204
    entries, later = read(await links.get("/revocations", params={"after": end["cursor"], "probe": "second"}))
    assert entries == [Ended(Ends.SESSION, session)]
    assert later["probe"] == "second"
    entries, same = read(await links.get("/revocations", params={"after": later["cursor"]}))
    assert (entries, same["cursor"]) == ([], later["cursor"])


async def test_a_question_that_waits_is_answered_by_what_happens(here: Door) -> None:
    links = await service(here)
    _, end = read(await links.get("/revocations"))
    waiting = asyncio.create_task(links.get("/revocations", params={"after": end["cursor"], "wait": 15}))
    browser = await here.signed_in()
    subject = (await browser.get("/api/me")).json()["subject"]
    await browser.post("/api/sign-out-others")
    entries, _ = read(await waiting)
    assert isinstance(entries[0], Raised)
    assert entries[0].what == subject


async def test_a_position_that_is_not_known_is_gone_and_says_what_to_do(here: Door) -> None:
    answer = await (await service(here)).get("/revocations?after=elsewhere")
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_lost")
    assert is_problem(answer)
    assert "from its beginning" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", ["wait=-1", "wait=16", "wait=nan", "wait=x", f"probe={'x' * 65}", f"after={'x' * 5_000}"]
)
async def test_a_question_out_of_bounds_is_refused(here: Door, query: str) -> None:
    answer = await (await service(here)).get(f"/revocations?{query}")
    assert answer.status_code == 422, answer.text
    assert is_problem(answer)


async def test_a_question_is_a_get_and_nothing_else(here: Door) -> None:
    for method in ("HEAD", "POST", "DELETE"):
        answer = await (await service(here)).request(method, "/revocations")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET"), method


@pytest.mark.parametrize("mounted", [True, False], ids=["mounted", "served"])
async def test_the_log_is_followed_under_the_path_of_the_issuer(mounted: bool) -> None:
    auth = authority(issuer="https://app.example.com/auth")
    app = FastAPI()
    app.mount("/auth", application(auth))
    here = Door(auth, app if mounted else application(auth, at="/auth"), "https://app.example.com")
    links = await service(here)
    _, end = read(await links.get("/auth/revocations?probe=mine"))
    assert end["probe"] == "mine"
    assert (await links.get("/auth/auth/revocations")).status_code == 404
    assert (await links.get("/revocations")).status_code == 404
    await auth.close()


async def test_the_store_keeps_no_verifier_key_that_could_be_shown(here: Door) -> None:
    text = await here.auth.verifiers.create("links", ISSUER)
    [key] = await here.auth.verifiers.list()
    [record] = await here.auth._ledger.get(("verifier", key.id))
    assert record is not None
    assert text.rpartition(".")[2].encode() not in record.body


async def test_a_database_that_was_replaced_is_no_refusal(here: Door) -> None:
    links = await service(here)
    here.auth._gate.fence("the database was replaced")
    answer = await links.get("/revocations")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_browser_is_not_led_round_in_circles(here: Door) -> None:
    answer = await here.browser().get("/revocations", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
