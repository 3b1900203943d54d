"""What verifiers come for over HTTP: the description of the authority, and the log, for those with a verifier key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from admit.core import log
from admit.core.log import Ended, Raised
from admit.core.principal import Ends
from admit.verifier_keys import PREFIX
from doors import ISSUER, Door, door, is_problem


@pytest.fixture
async def here() -> AsyncIterator[Door]:
    async with door() as found:
        yield found


async def follower(here: Door, name: str = "links") -> httpx.AsyncClient:
    """A service with a verifier key."""
    return here.browser(Authorization=f"Bearer {await here.auth.verifiers.create(name, ISSUER)}")


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
    assert (await (await follower(here)).get(found["revocations_endpoint"])).status_code == 200


async def test_the_log_is_given_from_a_position_to_its_end(here: Door) -> None:
    service = await follower(here)
    _, end = read(await service.get("/revocations?probe=first"))
    assert end["probe"] == "first"
    browser = await here.signed_in()
    session = (await browser.get("/api/me")).json()["session"]
    assert (await browser.post("/api/sign-out")).status_code == 204
    entries, later = read(await service.get("/revocations", params={"after": end["cursor"], "probe": "second"}))
    assert entries == [Ended(Ends.SESSION, session)]
    assert later["probe"] == "second"
    entries, same = read(await service.get("/revocations", params={"after": later["cursor"]}))
    assert (entries, same["cursor"]) == ([], later["cursor"])


async def test_a_question_that_waits_is_answered_by_what_happens(here: Door) -> None:
    service = await follower(here)
    _, end = read(await service.get("/revocations"))
    waiting = asyncio.create_task(service.get("/revocations", params={"after": end["cursor"], "wait": 15}))
    browser = await here.signed_in()
    subject = (await browser.get("/api/me")).json()["subject"]
    await browser.post("/api/sign-out-others")
    entries, _ = read(await waiting)
    assert isinstance(entries[0], Raised)
    assert entries[0].what == subject


async def test_a_position_that_is_not_known_is_gone_and_says_what_to_do(here: Door) -> None:
    answer = await (await follower(here)).get("/revocations?after=elsewhere")
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_lost")
    assert is_problem(answer)
    assert "from its beginning" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", ["wait=-1", "wait=16", "wait=nan", "wait=x", f"probe={'x' * 65}", f"after={'x' * 5_000}"]
)
async def test_a_question_out_of_bounds_is_refused(here: Door, query: str) -> None:
    answer = await (await follower(here)).get(f"/revocations?{query}")
    assert answer.status_code == 422, answer.text
    assert is_problem(answer)


async def test_only_a_verifier_key_opens_the_log(here: Door) -> None:
    good = await here.auth.verifiers.create("links", ISSUER)
    other = await here.auth.verifiers.create("other", ISSUER)
    id, _, secret = good.removeprefix(PREFIX).partition(".")
    tokens = await here.tokens()
    bad = [
        tokens["access_token"],
        tokens["refresh_token"],
        "",
        PREFIX,
        good[:-1],
        good + "A",
        good.removeprefix(PREFIX),
        f"{PREFIX}{id}.{other.rpartition('.')[2]}",
        f"{PREFIX}{id[::-1]}.{secret}",
        f"{PREFIX}{id}.{'é' * 43}",
        f"{PREFIX}{id}",
    ]
    for text in bad:
        answer = await here.browser(Authorization=b"Bearer " + text.encode("latin-1")).get("/revocations")
        assert (answer.status_code, is_problem(answer)) == (401, True), text
    assert (await (await here.signed_in()).get("/revocations")).status_code == 401
    assert (await here.browser().get("/revocations")).status_code == 401
    assert (await here.browser(Authorization=f"Bearer {good}").get("/revocations")).status_code == 200


async def test_a_verifier_key_opens_nothing_else(here: Door) -> None:
    service = await follower(here)
    for method, path in (("GET", "/api/me"), ("GET", "/api/sessions"), ("POST", "/api/sign-out-others")):
        assert (await service.request(method, path)).status_code == 401


async def test_a_withdrawn_key_is_refused_at_once(here: Door) -> None:
    service = await follower(here)
    assert (await service.get("/revocations")).status_code == 200
    [key] = await here.auth.verifiers.list()
    await here.auth.verifiers.revoke(key.id)
    assert (await service.get("/revocations")).status_code == 401


async def test_the_store_keeps_no_verifier_key_that_could_be_shown(here: Door) -> None:
    text = await here.auth.verifiers.create("links", ISSUER)
    [key] = await here.auth.verifiers.list()
    [record] = await here.auth._ledger.get(("verifier", key.id))
    assert record is not None
    assert text.rpartition(".")[2].encode() not in record.body


async def test_a_database_that_was_replaced_is_no_refusal(here: Door) -> None:
    service = await follower(here)
    here.auth._gate.fence("the database was replaced")
    answer = await service.get("/revocations")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
