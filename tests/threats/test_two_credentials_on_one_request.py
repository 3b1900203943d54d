"""A request carries two credentials, and whoever added one of them chooses which is believed (CSR-09, COO-02).

A page of another site cannot set an Authorization header, but it can have the cookie sent along. If any bearer
switched the CSRF check off while the cookie still counted, or if the cookie stood in for a bad bearer, that would do.
"""

from __future__ import annotations

import pytest

from guards.applications import GUARDS, Made, by_cookie, by_token, client
from worlds import World, value_of, world

guards = pytest.mark.parametrize("made", GUARDS)
ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"}
SIBLING = {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.example.com"}


async def of_two(here: World) -> tuple[dict[str, str], dict[str, str]]:
    """Ann's cookie and Bob's token, seen before and not."""
    ann, bob = await here.sign_in("ann"), await here.sign_in("bob")
    return by_cookie(ann), by_token(await here.auth.tokens.access(bob.session))


@guards
async def test_the_bearer_counts_and_the_cookie_beside_it_does_not(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        cookie, token = await of_two(here)
        for _ in range(2):
            assert (await http.get("/links", headers=cookie | token)).json() == {"who": "bob"}
            assert (await http.get("/links", headers=cookie)).json() == {"who": "ann"}


@guards
@pytest.mark.parametrize("bad", ["Bearer x", "Bearer ", "Bearer", "", "Basic dXNlcjpwYXNz", "bearer"])
async def test_a_cookie_does_not_stand_in_for_a_bad_bearer(made: Made, bad: str) -> None:
    async with world("memory") as here, client(made(here)) as http:
        cookie, _ = await of_two(here)
        assert (await http.get("/links", headers=cookie)).status_code == 200
        answer = await http.get("/links", headers=cookie | {"Authorization": bad})
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


@guards
async def test_a_bearer_of_another_site_is_judged_as_a_bearer_and_its_cookie_never_counts(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        cookie, token = await of_two(here)
        answer = await http.post("/links", headers=cookie | token | ELSEWHERE)
        assert (answer.status_code, answer.json()) == (200, {"who": "bob"})
        answer = await http.post("/links", headers=cookie | {"Authorization": "Bearer x"} | ELSEWHERE)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


@guards
@pytest.mark.parametrize("where", [ELSEWHERE, SIBLING, {"Origin": "null"}], ids=str)
async def test_what_another_site_had_sent_with_the_cookie_is_refused(made: Made, where: dict[str, str]) -> None:
    async with world("memory") as here, client(made(here)) as http:
        cookie, _ = await of_two(here)
        assert (await http.post("/links", headers=cookie)).status_code == 200
        answer = await http.post("/links", headers=cookie | where)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")


@guards
async def test_where_the_bearer_is_not_accepted_the_cookie_counts_and_is_checked(made: Made) -> None:
    async with world("memory") as here, client(made(here, accept="session")) as http:
        cookie, token = await of_two(here)
        assert (await http.get("/links", headers=token)).status_code == 401
        assert (await http.post("/links", headers=cookie | token)).json() == {"who": "ann"}
        assert (await http.post("/links", headers=cookie | token | ELSEWHERE)).status_code == 403


@guards
async def test_where_the_cookie_is_not_accepted_it_opens_nothing(made: Made) -> None:
    async with world("memory") as here, client(made(here, accept="token")) as http:
        cookie, token = await of_two(here)
        assert (await http.get("/links", headers=cookie)).status_code == 401
        assert (await http.post("/links", headers=cookie | token | ELSEWHERE)).json() == {"who": "bob"}


@guards
async def test_two_of_a_kind_are_refused_though_both_were_seen_before(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        ann, bob = value_of(await here.sign_in("ann")), value_of(await here.sign_in("bob"))
        tokens = [by_token(await here.auth.tokens.access((await here.sign_in(who)).session)) for who in ("ann", "bob")]
        for value in (ann, bob):
            assert (await http.get("/links", headers={"Cookie": f"__Host-admit={value}"})).status_code == 200
        two = [
            [("Cookie", f"__Host-admit={ann}; __Host-admit={bob}")],
            [("Cookie", f"__Host-admit={ann};__Host-admit={ann}")],
            [("Cookie", f"__Host-admit={ann}; x=__Host-admit=; __Host-admit={bob}")],
            [("Cookie", f"__Host-admit={ann}"), ("Cookie", f"__Host-admit={bob}")],
            [("Authorization", token["Authorization"]) for token in tokens],
        ]
        for headers in two:
            answer = await http.get("/links", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential"), headers


@guards
async def test_a_cookie_of_nearly_our_name_is_none(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        value = value_of(await here.sign_in())
        planted = "admit=evil; __host-admit=evil; x__Host-admit=evil; y=__Host-admit=evil; __Host-admit =evil"
        for line in (f"__Host-admit={value}", f"{planted}; __Host-admit={value}", f"__Host-admit={value}; {planted}"):
            assert (await http.get("/links", headers={"Cookie": line})).json() == {"who": "ann"}
        for line in planted.replace("evil", value).split("; "):
            answer = await http.get("/links", headers={"Cookie": line})
            assert (answer.status_code, answer.json()["code"]) == (401, "no_credential"), line
