"""A gateway leads somebody to the sign-in, and the sign-in leads him on to a page of an attacker's choice (FWD-05).

What comes after the sign-in is what was asked for, which is the attacker's to write. And an answer that redirects
a program, where it should refuse, makes a page out of a failure.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from admit.core.policy import Gateway
from gateways import GATEWAYS, HOST, NAVIGATION, OTHER, Front, by, front
from worlds import ORIGIN

each = pytest.mark.parametrize("gateway", GATEWAYS)


async def way(here: Front, target: str, host: str = HOST, **headers: str) -> str | None:
    """Where somebody is led who asks for ``target``."""
    answer = await here.asks(target, host=host, **(headers or NAVIGATION))
    assert answer.status_code in (303, 401, 403)
    assert (answer.status_code == 303) == ("location" in answer.headers)
    led: str | None = answer.headers.get("location") or answer.headers.get("x-admit-sign-in")
    return led


@each
@pytest.mark.parametrize("target", [
    "/links?next=https://evil.test", "//evil.test/", "/\\evil.test", "/%2f%2fevil.test", "/%5cevil.test", "/.//evil.test", "/x/..//evil.test",
    "https://evil.test/", "/%09/evil.test", "/links#//evil.test", "/@evil.test", "/%0d%0aLocation:%20https://evil.test",
])  # fmt: skip
async def test_the_way_back_is_a_path_of_the_same_host_or_there_is_none(gateway: Gateway, target: str) -> None:
    async with front(gateway) as here:
        if gateway == "envoy" and not target.startswith("/"):
            return
        led = await way(here, target)
        if led is None:
            return
        parts = urlsplit(led)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ORIGIN}/auth/sign-in"
        [back] = parse_qs(parts.query)["next"]
        assert back.startswith("/")
        assert back[1:2] not in ("/", "\\")


@each
async def test_only_a_person_who_goes_to_a_page_is_led_anywhere(gateway: Gateway) -> None:
    async with front(gateway) as here:
        assert await way(here, "/links") is not None
        fetch = {"Sec-Fetch-Mode": "cors", "Accept": "text/html"}
        for headers in (fetch, {"Accept": "application/json"}, NAVIGATION | {"Authorization": "Bearer x"}):
            assert await way(here, "/links", **headers) is None
        posted = await here.asks("/links", "POST", **NAVIGATION)
        assert (posted.status_code, "location" in posted.headers) == (401, False)
        # Where no cookie counts, nobody comes back from the sign-in with what does.
        assert await way(here, "/api/x") is None
        # Who is somebody, and may not, would come back for ever.
        assert await way(here, "/admin/x", **NAVIGATION, **by(await here.world.sign_in())) is None


@each
async def test_a_host_that_the_policy_does_not_know_leads_nowhere(gateway: Gateway) -> None:
    async with front(gateway) as here:
        for host in ("evil.test", f"{HOST}.evil.test", f"{HOST}@evil.test", f"{HOST}:444", f"x{OTHER}"):
            assert await way(here, "/links", host) is None
