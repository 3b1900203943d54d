"""Each guard lets in who may come in, and answers everybody else in the same way."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from admit.core.requirement import Asked, Requirement
from admit.errors import ConfigError
from admit.guards.asgi import Guard
from admit.trail import acting
from guards.applications import GUARDS, PAGES, SERVED, Made, by_cookie, by_token, client, roles
from worlds import World, world

NAVIGATING = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"}
guards = pytest.mark.parametrize("made", GUARDS)


async def credentials(here: World, subject: str = "ann") -> tuple[dict[str, str], dict[str, str]]:
    """The headers of a browser and of a client of one sign-in."""
    started = await here.sign_in(subject)
    return by_cookie(started), by_token(await here.auth.tokens.access(started.session))


@guards
async def test_cookie_and_token_open_the_door_and_nothing_does_not(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        for headers in await credentials(here):
            for _ in range(2):  # the second time it was seen before
                answer = await http.get("/links", headers=headers)
                assert (answer.status_code, answer.json()) == (200, {"who": "ann"})
        refused = await http.get("/links")
        assert (refused.status_code, refused.json()["code"]) == (401, "no_credential")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.headers["cache-control"] == "no-store"
        assert refused.headers["content-type"] == "application/problem+json"


@guards
async def test_what_was_revoked_is_refused_by_the_next_request(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        started = await here.sign_in()
        presented = [by_cookie(started), by_token(await here.auth.tokens.access(started.session))]
        for headers in presented:
            assert (await http.get("/links", headers=headers)).status_code == 200
        await here.auth.revoke(started.session)
        for headers in presented:
            answer = await http.get("/links", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


@guards
async def test_whatever_is_wrong_with_a_credential_is_answered_alike(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        started, other = await here.sign_in(), await here.sign_in()
        ended = by_token(await here.auth.tokens.access(started.session)), by_cookie(started)
        expired = by_token(await here.auth.tokens.access(other.session)), by_cookie(other)
        for headers in ended + expired:
            assert (await http.get("/links", headers=headers)).status_code == 200
        await here.auth.revoke(started.session)
        bad = [*ended, by_token("x"), by_token("a.b.c"), {"Cookie": "__Host-admit=x"}, {"X-API-Key": "adm_k_x"}]
        answers = [await http.get("/links", headers=headers) for headers in bad]
        here.clock.advance(400 * 24 * 60 * 60)
        answers += [await http.get("/links", headers=headers) for headers in expired]
        said = {(answer.status_code, answer.text, tuple(sorted(answer.headers.items()))) for answer in answers}
        assert len(said) == 1
        assert answers[0].headers["www-authenticate"] == 'Bearer error="invalid_token"'


@guards
async def test_an_api_key_opens_the_door_until_it_is_revoked_and_where_it_counts(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http, client(made(here, accept="token")) as narrow:
        key = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "nightly")
        for headers in (by_token(key.text), {"X-API-Key": key.text}):
            for _ in range(2):
                # No page can send it by itself, so it is no matter of origins.
                answer = await http.post("/links", headers=headers | {"Origin": "https://evil.test"})
                assert (answer.status_code, answer.json()) == (200, {"who": "ann"})
            assert (await narrow.get("/links", headers=headers)).status_code == 401
        both = by_token(key.text) | {"X-API-Key": key.text}
        assert (await http.get("/links", headers=both)).json()["code"] == "bad_credential"
        await here.auth.api_keys.revoke(key.key.id)
        for headers in (by_token(key.text), {"X-API-Key": key.text}):
            answer = await http.get("/links", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


@guards
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
async def test_what_only_asks_about_a_route_is_guarded_like_the_route(made: Made, method: str) -> None:
    async with world("memory") as here, client(made(here)) as http:
        assert (await http.request(method, "/links")).status_code == 401
        for headers in await credentials(here):
            for elsewhere in ({}, {"Origin": "https://evil.test"}):
                assert (await http.request(method, "/links", headers=headers | elsewhere)).status_code == 200


@guards
async def test_a_role_given_later_reaches_a_cookie_at_once(made: Made) -> None:
    async with world("memory") as here, client(made(here, roles=["editor", "admin"])) as http:
        cookie, _ = await credentials(here)
        assert (await http.get("/links", headers=cookie)).status_code == 403
        await roles(here, "ann", ["admin"])
        assert (await http.get("/links", headers=cookie)).status_code == 200


@guards
async def test_a_scope_that_is_missing_is_named(made: Made) -> None:
    async with world("memory") as here, client(made(here, scopes=["links:write"])) as http:
        await roles(here, "ann", ["admin"])
        await roles(here, "bob", ["user"])
        for headers in await credentials(here, "ann"):
            answer = await http.get("/links", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_enough")
            assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="links:write"'
        for headers in await credentials(here, "bob"):
            assert (await http.get("/links", headers=headers)).status_code == 200


@guards
async def test_a_sign_in_that_is_long_ago_asks_for_another(made: Made) -> None:
    async with world("memory") as here, client(made(here, within=300)) as http:
        presented = await credentials(here)
        for headers in presented:
            assert (await http.get("/links", headers=headers)).status_code == 200
        here.clock.advance(302)
        for headers in presented:
            answer = await http.get("/links", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "step_up")
            challenge = 'Bearer error="insufficient_user_authentication", max_age=300'
            assert answer.headers["www-authenticate"] == challenge
        page = await http.get("/links?a=1", headers=presented[0] | NAVIGATING)
        assert (page.status_code, page.headers["location"]) == (303, "/auth/confirm?next=/links%3Fa%3D1")
        started = await here.sign_in("bob")
        here.clock.advance(302)
        again = await here.auth.sessions.step_up(started.session, await here.proof("bob"))
        assert (await http.get("/links", headers=by_cookie(again))).status_code == 200


@guards
@pytest.mark.parametrize("headers", [NAVIGATING, {"Accept": "text/html,*/*;q=0.8"}], ids=str)
async def test_a_browser_that_navigates_is_led_to_the_sign_in_and_back(made: Made, headers: dict[str, str]) -> None:
    async with world("memory") as here, client(made(here)) as http:
        for cookie in ({}, {"Cookie": "__Host-admit=adm_s_over"}):
            answer = await http.get("/links?page=2&a=%2F%2Fb", headers=headers | cookie)
            assert answer.status_code == 303
            assert answer.headers["location"] == "/auth/sign-in?next=/links%3Fpage%3D2%26a%3D%252F%252Fb"
            assert answer.headers["cache-control"] == "no-store"


@guards
async def test_nobody_is_led_to_the_sign_in_where_the_cookie_from_there_does_not_count(made: Made) -> None:
    async with world("memory") as here, client(made(here, accept=["token", "api_key"])) as http:
        for cookie in (by_cookie(await here.sign_in()), {}):
            answer = await http.get("/links", headers=NAVIGATING | cookie)
            assert (answer.status_code, answer.json()["code"]) == (401, "no_credential")


@guards
@pytest.mark.parametrize(
    "method, headers",
    [
        ("POST", NAVIGATING),
        ("GET", {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}),
        ("GET", {"Accept": "application/json"}),
        # After signing in it would still be there, and the browser would go round in circles.
        ("GET", NAVIGATING | {"Authorization": "Basic dXNlcg=="}),
        ("GET", NAVIGATING | {"X-API-Key": "adm_k_x"}),
    ],
    ids=str,
)
async def test_a_program_is_told_and_not_led(made: Made, method: str, headers: dict[str, str]) -> None:
    async with world("memory") as here, client(made(here)) as http:
        assert (await http.request(method, "/links", headers=headers)).status_code == 401


@guards
@pytest.mark.parametrize(
    "wrong, fault",
    [
        ({"within": 0}, "at least 1"),
        ({"within": float("nan")}, "at least 1"),
        ({"accept": ()}, "lets nobody in"),
        ({"accept": "cookies"}, "lets nobody in"),
        ({"scopes": ['a"b']}, "is none"),
    ],
    ids=str,
)
async def test_a_requirement_nobody_can_meet_is_a_fault_of_the_configuration(
    made: Made, wrong: dict[str, Any], fault: str
) -> None:
    async with world("memory") as here:
        with pytest.raises(ConfigError, match=fault):
            made(here, **wrong)


@guards
async def test_what_is_misspelt_is_not_passed_over(made: Made) -> None:
    async with world("memory") as here:
        for wrong in ({"role": "admin"}, {"scope": "links:write"}, {"accepts": "session"}):
            with pytest.raises(TypeError):
                made(here, **wrong)


def test_guards_take_by_name_whatever_can_be_asked() -> None:
    taken = inspect.signature(Requirement.of).parameters.values()
    assert Asked.__annotations__.keys() == {one.name for one in taken if one.kind is one.KEYWORD_ONLY}


@pytest.mark.parametrize("page", ["sign-in", "//evil.test", "https://app.example.com/sign-in", "/a?b", "/a#b", ""])
@pytest.mark.parametrize("which", PAGES)
async def test_a_page_to_go_to_first_is_a_path_of_this_origin(page: str, which: str) -> None:
    async with world("memory") as here:
        pages: Any = {which: page}
        with pytest.raises(ConfigError, match="no path of this origin"):
            Guard(GUARDS[0](here), here.auth, **pages)


@guards
async def test_what_a_route_does_is_noted_with_the_credential_it_came_by(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        key = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "nightly")
        cookie = by_cookie(started := await here.sign_in("bob"))
        SERVED.clear()
        for headers in (cookie, by_token(key.text)):
            for _ in range(2):  # the second time it was seen before
                assert (await http.get("/links", headers=headers | {"User-Agent": "x"})).status_code == 200
            await here.auth.subjects.change("eve", lambda subject: subject)  # by nobody, whoever was let in before
        for by in SERVED:
            with acting(request=by.request, who=by.who):
                await here.auth.subjects.change("eve", lambda subject: subject)
        told = [entry for entry in (await here.auth.audit.page(subject="eve")).entries if entry.actor]
        by_bob, by_ann = ("bob", "session", started.session.id), ("ann", "api_key", key.key.id)
        found = [(entry.actor, entry.credential, entry.credential_id) for entry in told]
        assert sorted(found) == sorted([by_bob, by_bob, by_ann, by_ann])
        assert {(entry.address, entry.agent) for entry in told} == {("127.0.0.1", "x")}


@guards
async def test_a_store_that_is_down_is_no_reason_to_throw_a_sign_in_away(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        cookie, _ = await credentials(here)
        await here.store.close()
        here.auth._gate.fence("gone")
        answer = await http.get("/links", headers=cookie | NAVIGATING)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
