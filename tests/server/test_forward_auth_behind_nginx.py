"""A program behind a real nginx, with the configuration that `docs/how-to/protect-anything-behind-nginx.md` gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from admit.core import forwarded
from gateways import NAMES, NAVIGATION
from protected import ISSUER, NAME, OTHER, Answer, Protected, protected

ORIGIN = f"https://{NAME}"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    with protected(tmp_path_factory.mktemp("nginx")) as here:
        yield here


def test_the_program_is_told_who_asks_and_nothing_that_opens_anything(here: Protected) -> None:
    mine = {"Cookie": f"theme=dark; __Host-admit={here.people['ann']}; lang=en"}
    answer = here.get("/links/7?x=%2F&y=..", **mine)
    assert (answer.status, answer.read["method"], answer.read["target"]) == (200, "GET", "/links/7?x=%2F&y=..")
    told = {name: answer.said(f"x-admit-{name}") for name in NAMES}
    assert (told["subject"], told["credential"], told["roles"]) == (["ann"], ["session"], ["admin user"])
    assert (told["scopes"], told["client"]) == (["links:read"], [])
    assert answer.said("cookie") == ["theme=dark; lang=en"]
    assert here.people["ann"] not in str(answer.read)
    others = "__Host-admit-refresh=adm_r_x; a=1; __Host-admit-device=adm_d_x; "
    for cookies, left in (
        ("", []),
        ("b=2; ", ["b=2; "]),
        ("x__Host-admit=1; ", ["x__Host-admit=1; "]),
        (others, ["a=1; "]),
    ):
        assert here.get("/", Cookie=f"{cookies}__Host-admit={here.people['ann']}").said("cookie") == left


def test_the_token_it_gets_is_signed_for_it_alone_and_its_claims_are_those_of_the_page(here: Protected) -> None:
    answer = here.get("/links/7", **here.by("bob"))
    [token] = answer.said("x-admit-token")
    head, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    assert (head["typ"], claims["iss"], claims["aud"], claims["sub"]) == (forwarded.TYPE, ISSUER, ORIGIN, "bob")
    kids = [key["kid"] for key in json.loads(here.get("/auth/.well-known/jwks.json").body)["keys"]]
    assert head["kid"] in kids
    # It opens nothing here: as a bearer it is none.
    assert here.get("/auth/api/me", Authorization=f"Bearer {token}").status == 401
    assert here.get("/links/7", Authorization=f"Bearer {token}").status == 401


def test_rules_decide_and_programs_are_told_no(here: Protected) -> None:
    assert here.get("/admin/users", **here.by("ann")).status == 200
    assert here.get("/admin/users", **here.by("bob")).status == 403
    assert here.get("/internal/x", **here.by("ann")).status == 403
    refused = here.get("/links/7")
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.headers["cache-control"] == "no-store"
    anyone = here.get("/static/x.css")
    assert (anyone.status, anyone.said("x-admit-subject")) == (200, [])


def test_a_person_goes_to_the_sign_in_and_comes_back(here: Protected) -> None:
    asked = {name.replace("-", "_"): text for name, text in NAVIGATION.items()}
    led = here.get("/links/7?page=2", **asked)
    assert (led.status, led.headers["location"]) == (303, f"{ORIGIN}/auth/sign-in?next=/links/7%3Fpage%3D2")
    page = here.get("/auth/sign-in?next=/links/7%3Fpage%3D2", **asked)
    assert page.status == 200
    assert b'name="next" value="/links/7?page=2"' in page.body
    # Somebody whose sign-in is over comes there too; who may not do it is told so.
    assert here.get("/links/7", **asked, Cookie="__Host-admit=adm_s_x").status == 303
    assert here.get("/admin/users", **asked, **here.by("bob")).status == 403


def test_whoever_is_signed_in_comes_to_another_host_without_signing_in(here: Protected) -> None:
    jars = {NAME: {"__Host-admit": here.people["bob"]}, OTHER: dict[str, str]()}

    def get(url: str) -> Answer:
        host, _, path = url.removeprefix("https://").partition("/")
        jar = "; ".join(f"{name}={text}" for name, text in jars[host].items() if text)
        navigation = [f"{name}: {text}" for name, text in NAVIGATION.items()]
        answer = here.raw(f"GET /{path} HTTP/1.1", "Connection: close", f"Cookie: {jar}", *navigation, host=host)
        jars[host] |= answer.cookies
        return answer

    went = [f"https://{OTHER}/reports?page=2"]
    answer = get(went[0])
    while led := answer.headers.get("location") or answer.headers.get("refresh", "").partition("url=")[2]:
        went.append(led if led.startswith("https://") else f"https://{OTHER}{led}")
        answer = get(went[-1])
    hand_over = f"https://{OTHER}/.admit/hand-over"
    assert [url.partition("?")[0] for url in went] == [
        f"https://{OTHER}/reports",
        hand_over,
        f"{ISSUER}/hand-over",
        hand_over,
        f"https://{OTHER}/reports",
    ]
    assert (answer.status, answer.said("x-admit-subject"), answer.said("cookie")) == (200, ["bob"], [])
    assert answer.read["target"] == "/reports?page=2"
    # One host's cookie is nothing at the other.
    assert here.get("/links/7", Cookie=f"__Host-admit={jars[OTHER]['__Host-admit']}").status == 401


def test_bodies_go_to_the_program_and_not_to_admit(here: Protected) -> None:
    body = b"x" * 200_000  # more than Admit takes
    lines = f"Cookie: __Host-admit={here.people['ann']}", f"Origin: {ORIGIN}", "Content-Type: text/plain"
    answer = here.raw("POST /links/7 HTTP/1.1", "Connection: close", *lines, f"Content-Length: {len(body)}", body=body)
    assert (answer.status, answer.said("content-length")) == (200, [str(len(body))])


def test_a_websocket_opens_for_whom_the_rules_let_in(here: Protected) -> None:
    socket = (
        "GET /links/live HTTP/1.1", "Connection: keep-alive, Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )  # fmt: skip
    mine = f"Cookie: __Host-admit={here.people['ann']}"
    assert here.raw(*socket, mine, f"Origin: {ORIGIN}").status == 101
    assert ["x-admit-subject", "ann"] in [list(pair) for pair in here.program.asked[-1]["headers"]]
    assert here.raw(*socket, f"Origin: {ORIGIN}").status == 401
    assert here.raw(*socket, mine, "Origin: https://evil.test").status == 403
