"""A page of another site sends the cookie to a service that asks about it, or a service asks about cookies of others (CSR-01, CSR-03, CSR-09, TOK-07)."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from admit import Request, Verifier
from admit.core.jwk import SigningKey
from admit.core.presented import BEARER, DOORS
from admit.errors import BadCredential, CrossOrigin
from doors import COOKIE, Door, asked, door
from liar import Liar, lying

OURS, ELSEWHERE = "https://api.example.com", "https://evil.example.com"
TEXT = f"adm_s_{'0' * 22}.1.{'s' * 43}"
SAID = (
    b'{"active": true, "sub": "ann", "sid": "%s", "gen": 5, "exp": 99999999999, "auth_time": 0, "usable_for": 300}'
    % (b"0" * 22)
)


@pytest.fixture
async def here() -> AsyncIterator[Door]:
    async with door() as found:
        yield found


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying() as found:
        found.keys.append(SigningKey.generate("ES256", secrets.token_bytes))
        found.answers["/auth/introspect"] = lambda _, __: SAID
        yield found


def sent(method: str, **headers: str) -> Request:
    given = {"cookie": f"admit-insecure={TEXT}"} | {key.replace("_", "-"): value for key, value in headers.items()}
    return Request(method, f"{OURS}/links", tuple((key.encode(), value.encode()) for key, value in given.items()))


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": "https://other.example.com"},
        {"origin": ELSEWHERE},
        {"origin": "null"},
        # A bearer that is not good is no way round it, and the cookie beside one never counts.
        {"origin": ELSEWHERE, "authorization": "Bearer x"},
    ],
    ids=str,
)
async def test_what_a_page_of_another_site_sends_changes_nothing(liar: Liar, headers: dict[str, str]) -> None:
    with Verifier(liar.issuer, audience=OURS, key="adm_v_x", accept=DOORS) as verifier:
        assert (await verifier.admit(sent("GET", **{k: v for k, v in headers.items() if k != "authorization"}))).subject
        for gate in (verifier, verifier.within(1, outage="closed")):
            for method in ("POST", "DELETE", "CONNECT"):
                with pytest.raises(BadCredential if "authorization" in headers else CrossOrigin):
                    await gate.admit(sent(method, **headers))


async def test_what_our_own_pages_and_trusted_ones_send_does(liar: Liar) -> None:
    trusting = Verifier(liar.issuer, audience=OURS, key="adm_v_x", accept=DOORS, trusted_origins=[ELSEWHERE])
    with trusting as verifier:
        for headers in ({"sec_fetch_site": "same-origin"}, {"origin": OURS}, {"origin": ELSEWHERE}, {}):
            assert (await verifier.admit(sent("POST", **headers))).subject == "ann"


async def test_a_service_learns_nothing_of_a_cookie_that_is_not_for_its_audience(here: Door) -> None:
    browser = await here.signed_in()
    cookie = browser.cookies[COOKIE]
    session = (await browser.get("/api/me")).json()["session"]
    answer = (await asked(here, cookie)).json()
    assert (answer["active"], answer["sid"], answer["aud"]) == (True, session, here.auth.issuer)
    assert (await asked(here, cookie, OURS)).json() == {"active": False}
    assert cookie not in (await asked(here, cookie)).text
    for wrong in (cookie[:-1] + ("x" if cookie[-1] != "x" else "y"), "adm_s_x"):
        assert (await asked(here, wrong)).json() == {"active": False}
    assert (await browser.post("/api/sign-out")).status_code == 204
    assert (await asked(here, cookie)).json() == {"active": False}


async def test_a_cookie_is_no_bearer_there_either(liar: Liar) -> None:
    with Verifier(liar.issuer, audience=OURS, key="adm_v_x", accept=DOORS) as verifier:
        request = Request("GET", f"{OURS}/links", ((b"authorization", f"Bearer {TEXT}".encode()),))
        with pytest.raises(BadCredential):
            await verifier.admit(request, accept=(BEARER,))
    assert not liar.sent
