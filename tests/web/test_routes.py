"""The routes: what people and programs do with them, each story from beginning to end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import jwt as pyjwt
import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from admit.errors import AdmitError
from admit.tokens import TokenPolicy
from admit.web import application
from doors import ANN, BOB, COOKIE, GUARDED, ISSUER, NEW_PASSWORD, ROUTES, Door, authority, bearer, door, is_problem

# Where people have nothing to do; the tests of verifiers know them.
FOR_SERVICES = {("GET", "/revocations"), ("POST", "/introspect"), ("POST", "/revoke")}


@pytest.fixture
async def here() -> AsyncIterator[Door]:
    async with door(None, ANN, BOB) as found:
        yield found


async def test_who_signs_up_is_not_signed_in_and_signs_in_for_a_cookie_that_is_them(here: Door) -> None:
    browser = here.browser()
    carol = {"email": "carol@example.com", "password": "a third one, as long"}
    created = await browser.post("/api/sign-up", json=carol)
    assert (created.status_code, created.json()["email"]) == (201, "carol@example.com")
    assert not browser.cookies
    signed_in = await browser.post("/api/sign-in", json=carol)
    me = (await browser.get("/api/me")).json()
    assert me["subject"] == created.json()["id"] == signed_in.json()["subject"]
    assert (me["email"], me["credential"], me["roles"], me["methods"]) == (
        "carol@example.com",
        "session",
        ["user"],
        ["pwd"],
    )
    assert me["scope"] == "links:read links:write"
    assert me["session"] == signed_in.json()["session"]


async def test_an_address_that_is_taken_is_refused_in_any_spelling(here: Door) -> None:
    again = await here.browser().post("/api/sign-up", json=ANN | {"email": "Ann@Example.com"})
    assert (again.status_code, again.json()["code"]) == (409, "email_taken")
    assert again.json()["fields"][0]["field"] == "email"


@pytest.mark.parametrize("change", [{"password": "not the password at all"}, {"email": "nobody@example.com"}], ids=str)
async def test_a_wrong_password_and_an_unknown_address_are_answered_alike(here: Door, change: dict[str, str]) -> None:
    for path in ("/api/sign-in", "/api/tokens"):
        answer = await here.browser().post(path, json=ANN | change)
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_failed")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "set-cookie" not in answer.headers
        assert is_problem(answer)


async def test_tokens_are_ann_and_another_library_verifies_them_by_the_published_keys(here: Door) -> None:
    tokens = await here.tokens()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    me = (await here.browser().get("/api/me", headers=bearer(tokens))).json()
    assert (me["email"], me["credential"]) == (ANN["email"], "token")
    keys = pyjwt.PyJWKSet.from_dict((await here.browser().get("/.well-known/jwks.json")).json())
    token = tokens["access_token"]
    key = keys[pyjwt.get_unverified_header(token)["kid"]]
    claims = pyjwt.decode(token, key, algorithms=["ES256"], audience=ISSUER, issuer=ISSUER)
    assert claims["sub"] == me["subject"]


async def test_tokens_may_ask_for_less_and_get_no_more(here: Door) -> None:
    tokens = await here.tokens(scope="links:read users:write")
    assert tokens["scope"] == "links:read"
    assert (await here.browser().get("/api/me", headers=bearer(tokens))).json()["scope"] == "links:read"


async def test_a_malformed_scope_leaves_nothing_behind(here: Door) -> None:
    answer = await here.browser().post("/api/tokens", json=ANN | {"scope": 'a "b"'})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_scope")
    ann = await here.signed_in()
    assert len((await ann.get("/api/sessions")).json()["sessions"]) == 1


async def test_refreshing_gives_new_tokens_and_the_spent_one_its_successor_again() -> None:
    async with door() as here:
        first = await here.tokens()
        client = here.browser()
        second = (await client.post("/api/refresh", json={"refresh_token": first["refresh_token"]})).json()
        assert second["refresh_token"] != first["refresh_token"]
        again = (await client.post("/api/refresh", json={"refresh_token": first["refresh_token"]})).json()
        assert again["refresh_token"] == second["refresh_token"]
        assert (await client.get("/api/me", headers=bearer(again))).status_code == 200


async def test_a_spent_refresh_token_ends_its_session_where_there_is_no_grace() -> None:
    async with door(authority(tokens=TokenPolicy(grace=0))) as here:
        first = await here.tokens()
        client = here.browser()
        spent = {"refresh_token": first["refresh_token"]}
        second = (await client.post("/api/refresh", json=spent)).json()
        replayed = await client.post("/api/refresh", json=spent)
        assert (replayed.status_code, replayed.json()["code"]) == (401, "bad_credential")
        assert (await client.get("/api/me", headers=bearer(second))).status_code == 401
        latest = {"refresh_token": second["refresh_token"]}
        assert (await client.post("/api/refresh", json=latest)).status_code == 401


async def test_one_sees_ones_sessions_with_their_devices_and_ends_one(here: Door) -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    ann, phone = here.browser(**{"User-Agent": firefox}), here.browser(**{"User-Agent": "curl/8.0"})
    for browser in (ann, phone):
        await browser.post("/api/sign-in", json=ANN)
    listed = (await ann.get("/api/sessions")).json()["sessions"]
    assert [(one["device"], one["current"]) for one in listed] == [("curl", False), ("Firefox/Linux", True)]
    assert (await ann.delete(f"/api/sessions/{listed[0]['id']}")).status_code == 204
    assert (await phone.get("/api/me")).status_code == 401
    assert (await ann.get("/api/me")).status_code == 200


async def test_somebody_elses_session_is_answered_like_one_that_does_not_exist(here: Door) -> None:
    ann, bob = await here.signed_in(), await here.signed_in(BOB)
    bobs = (await bob.get("/api/me")).json()["session"]
    answers = [await ann.delete(f"/api/sessions/{id}") for id in (bobs, bobs[::-1], "x", "\N{SNOWMAN}")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert (await bob.get("/api/me")).status_code == 200


async def test_signing_out_everywhere_else_keeps_the_caller_under_a_new_cookie(here: Door) -> None:
    ann, other, tokens = await here.signed_in(), await here.signed_in(), await here.tokens()
    before = ann.cookies[COOKIE]
    assert (await ann.post("/api/sign-out-others")).status_code == 204
    assert ann.cookies[COOKIE] != before
    assert (await ann.get("/api/me")).status_code == 200
    assert (await other.get("/api/me")).status_code == 401
    assert (await here.browser().get("/api/me", headers=bearer(tokens))).status_code == 401
    assert (await here.browser().get("/api/me", headers={"Cookie": f"{COOKIE}={before}"})).status_code == 401


async def test_a_client_with_tokens_signs_out_everywhere_else_and_refreshes(here: Door) -> None:
    tokens, other = await here.tokens(), await here.signed_in()
    client = here.browser(**bearer(tokens))
    answer = await client.post("/api/sign-out-others")
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    assert (await other.get("/api/me")).status_code == 401
    refreshed = await here.browser().post("/api/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert (await here.browser().get("/api/me", headers=bearer(refreshed.json()))).status_code == 200


async def test_changing_the_password_ends_every_other_session_and_nothing_else(here: Door) -> None:
    ann, other, tokens, bob = (
        await here.signed_in(),
        await here.signed_in(),
        await here.tokens(),
        await here.signed_in(BOB),
    )
    change = {"current_password": ANN["password"], "new_password": NEW_PASSWORD}
    assert (await ann.post("/api/password", json=change)).status_code == 204
    assert (await ann.get("/api/me")).status_code == 200
    assert (await bob.get("/api/me")).status_code == 200
    assert (await other.get("/api/me")).status_code == 401
    assert (await here.browser().get("/api/me", headers=bearer(tokens))).status_code == 401
    spent = {"refresh_token": tokens["refresh_token"]}
    assert (await here.browser().post("/api/refresh", json=spent)).status_code == 401
    assert (await here.browser().post("/api/sign-in", json=ANN)).status_code == 401
    assert (await here.browser().post("/api/sign-in", json=ANN | {"password": NEW_PASSWORD})).status_code == 200


@pytest.mark.parametrize(
    "change, code, field",
    [
        ({"current_password": "not the present one"}, "wrong_password", "current_password"),
        ({"new_password": "short"}, "password_too_short", "new_password"),
        ({"new_password": "x" * 2_000}, "password_too_long", "new_password"),
    ],
    ids=["wrong", "short", "long"],
)
async def test_a_password_that_is_not_changed_says_which_field_is_why(
    here: Door, change: dict[str, str], code: str, field: str
) -> None:
    ann = await here.signed_in()
    body = {"current_password": ANN["password"], "new_password": NEW_PASSWORD} | change
    answer = await ann.post("/api/password", json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["fields"][0]["field"]) == (422, code, field)
    assert (await ann.get("/api/me")).status_code == 200
    assert (await here.browser().post("/api/sign-in", json=ANN)).status_code == 200


@pytest.mark.parametrize("method, path, body", GUARDED)
async def test_whoever_is_not_signed_in_is_told_so(here: Door, method: str, path: str, body: object) -> None:
    answer = await here.browser().request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "no_credential")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_bad_bearer_is_refused_though_a_good_cookie_came_along(here: Door) -> None:
    ann = await here.signed_in()
    answer = await ann.get("/api/me", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


async def test_the_public_keys_may_be_cached_and_hold_nothing_private(here: Door) -> None:
    answer = await here.browser().get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    for key in answer.json()["keys"]:
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"}


async def test_it_is_mounted_under_the_path_of_its_issuer_and_opens_by_itself() -> None:
    auth = authority()
    app = FastAPI()
    app.mount("/auth", application(auth))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as browser:
        assert (await browser.post("/auth/api/sign-up", json=ANN)).status_code == 201
        assert (await browser.post("/auth/api/sign-in", json=ANN)).status_code == 200
        assert (await browser.get("/auth/api/me")).json()["email"] == ANN["email"]
        assert is_problem(await browser.get("/auth/api/nothing"))
    await auth.close()


async def test_above_a_mount_nobody_answers_the_errors_of_its_routes() -> None:
    async def elsewise(_: Request, error: Exception) -> Response:
        return Response(str(error), 418)

    auth = authority()
    app = FastAPI(exception_handlers=dict.fromkeys((AdmitError, HTTPException, RequestValidationError, 404), elsewise))
    app.mount("/auth", application(auth))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as browser:
        for method, path, *_ in ROUTES:
            answer = await browser.request(method, f"/auth{path}")
            assert answer.status_code < 400 or is_problem(answer), (method, path, answer.status_code)
        assert (await browser.get("/nothing")).status_code == 418
    await auth.close()


async def test_it_is_served_under_the_path_of_its_issuer_without_a_mount() -> None:
    auth = authority()
    app = application(auth, at="/auth")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as browser:
        assert (await browser.get("/auth/healthz")).json() == {"status": "ok"}
        assert is_problem(await browser.get("/healthz"))
    await auth.close()


async def test_the_description_names_every_route_its_answers_and_the_credentials_it_takes(here: Door) -> None:
    schema = application(here.auth).openapi()
    described = {(method.upper(), path): it for path, by in schema["paths"].items() for method, it in by.items()}
    routes = {
        (method, path.replace("qP7-9dYxaZaTO9pr3Ny096", "{id}")): signed_in for method, path, _, signed_in in ROUTES
    }
    assert described.keys() == routes.keys() | FOR_SERVICES
    for route, signed_in in routes.items():
        assert ({"cookie": []} in described[route].get("security", [])) == signed_in, route
        assert {"default"} <= described[route]["responses"].keys()
        assert all(it["content"].keys() == {"application/problem+json"}
                   for status, it in described[route]["responses"].items() if not status.startswith("2"))  # fmt: skip
    assert schema["components"]["securitySchemes"]["cookie"]["name"] == COOKIE
    assert schema["components"]["schemas"].keys() >= {"Problem", "Field"}
    assert "HTTPValidationError" not in schema["components"]["schemas"]


async def test_the_description_says_what_an_address_looks_like_and_longer_ones_are_refused(here: Door) -> None:
    email = application(here.auth).openapi()["components"]["schemas"]["Credentials"]["properties"]["email"]
    assert (email["format"], email["minLength"], email["maxLength"]) == ("idn-email", 3, 254)
    local = "a" * 64
    for length, status in ((254, 201), (255, 422)):
        address = f"{local}@{'b' * 60}.{'c' * 60}.{'d' * (length - 64 - 1 - 61 - 61 - 4)}.com"
        assert len(address) == length
        assert (await here.browser().post("/api/sign-up", json=ANN | {"email": address})).status_code == status


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"])
async def test_the_description_is_not_served(here: Door, path: str) -> None:
    assert (await here.browser().get(path)).status_code == 404
