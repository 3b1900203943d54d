"""A Host header of the attacker's choice gets into a link, a cache or a rule (OPN-02)."""

from __future__ import annotations

import pytest

from doors import ANN, ISSUER, ROUTES, door
from web.pages.html import Page
from web.pages.people import people

HOSTS = ["evil.test", "auth.example.com.evil.test", "evil.test:443", "auth.example.com:80", "auth.example.com@evil.test",
         "auth.example.com, evil.test", " ", "auth.example.com.", "127.0.0.1"]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
async def test_no_route_answers_to_another_host(host: str) -> None:
    async with door() as here:
        for method, path, body, _ in ROUTES:
            answer = await here.browser().request(method, path, json=body, headers={"Host": host})
            assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")


async def test_two_hosts_are_none_and_none_is_none() -> None:
    async with door() as here:
        for hosts in ([], [("Host", "auth.example.com"), ("Host", "evil.test")]):
            browser = here.browser()
            request = browser.build_request("POST", "/api/sign-in", json=ANN)
            request.headers = type(request.headers)(
                [(name, value) for name, value in request.headers.multi_items() if name != "host"] + hosts
            )
            assert (await browser.send(request)).status_code == 421


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL"])
async def test_no_other_header_speaks_for_the_host_or_the_path(name: str) -> None:
    async with door() as here:
        answer = await here.browser().get("/healthz", headers={name: "host=evil.test"})
        assert answer.json() == {"status": "ok"}
        assert "evil" not in str(answer.headers)


async def test_the_page_that_says_so_is_whole_and_leads_to_the_right_host() -> None:
    async with people() as here:
        lost = here.browser(Host="evil.test")
        answer = await lost.get("/account")
        assert answer.status_code == 421
        page = Page(answer.text)
        for path in (page.one("link", rel="stylesheet").attributes["href"], page.one("img").attributes["src"]):
            # The same for everybody, whatever the name: it holds no link and no secret.
            assert (await lost.get(path)).status_code == 200
        links = [link.attributes["href"] for link in page.all("a")]
        assert links == ["#main", f"{ISSUER}/account", f"{ISSUER}/account"]
        assert "evil" not in answer.text
        assert (await lost.get("/static/../account")).status_code == 421
        assert (await lost.post("/static/x", data={})).status_code == 405
