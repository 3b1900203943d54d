"""`admit demo`: what it prints and what stands on its front page works, as it stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx

from admit.server.front import Demo
from admit.web import application
from admit.web.pages.look import CONTENT_SECURITY_POLICY
from commands import admit, free_port
from doors import ANN, Door, authority, door
from server.alone import running, wait_for
from services import PassingClock
from web.pages.html import Page
from web.pages.people import AT_A_BROWSER


def test_the_passwords_of_the_demo_work_whatever_happened_since(tmp_path: Path) -> None:
    for start in range(3):
        port = free_port()
        with running(tmp_path, "demo", "--port", str(port)) as (process, log):
            wait_for(base := f"http://127.0.0.1:{port}", process, log)
            told = dict(re.findall(r"^  (\w+@example\.com) +(\S+)$", log.read_text(), re.MULTILINE))
            assert told.keys() == {"ann@example.com", "admin@example.com"}
            with httpx.Client(base_url=base) as browser:
                roles = []
                for email, password in told.items():
                    assert browser.post("/api/sign-in", json={"email": email, "password": password}).status_code == 200
                    roles.append(browser.get("/api/me").json()["roles"])
                assert roles == [["user"], ["admin"]]
            config = ["--config", "var/admit.toml"]
            if start == 0:
                assert admit(tmp_path, "accounts", "disable", "ann@example.com", *config).code == 0
            else:
                assert admit(tmp_path, "accounts", "password", "ann@example.com", "--generate", *config).code == 0
    assert (tmp_path / "var").stat().st_mode & 0o77 == 0
    assert (tmp_path / "var" / "passwords.json").stat().st_mode & 0o77 == 0


def test_the_front_page_keeps_the_rules_of_all_pages_and_leads_somewhere(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, "demo", "--port", str(port)) as (process, log):
        wait_for(base := f"http://127.0.0.1:{port}", process, log)
        with httpx.Client(base_url=base, headers=AT_A_BROWSER) as browser:
            answer = browser.get("/")
            assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
            page = Page(answer.text)
            assert not page.all("script")
            assert not [element for element in page.elements if "style" in element.attributes]
            for element in page.elements:
                for name in ("href", "src"):
                    at = element.attributes.get(name, "#")
                    assert at.startswith(("/", "#", "http://127.0.0.1:")), at
                    if not at.startswith("#"):
                        assert browser.get(at).status_code in (200, 303), at
            # The routes of the application: to the form and back, a page for people, and 401 for programs.
            assert browser.get("/links").headers["location"] == "/sign-in?next=/links"
            assert httpx.get(f"{base}/links").json()["code"] == "no_credential"
            ann = json.loads((tmp_path / "var" / "sign-in.json").read_text())
            assert browser.post("/sign-in", data=ann | {"next": "/links"}).headers["location"] == "/links"
            assert "links:read links:write" in Page(browser.get("/links").text).text
            # Who is signed in is told so, and led neither to sign in nor to make an account.
            page = Page(browser.get("/").text)
            assert "You are signed in as ann@example.com." in page.text
            assert {link.attributes["href"] for link in page.all("a")}.isdisjoint({"/sign-in", "/sign-up"})


async def test_its_settings_are_shown_to_who_proved_himself_lately() -> None:
    clock = PassingClock()
    async with authority(clock=clock) as auth:
        app = application(auth)
        Demo((), Path(), [], "").furnish(app)
        await auth.accounts.create(ANN["email"], ANN["password"], roles=["user"])
        browser, program = (Door(auth, app, auth.issuer).browser(**headers) for headers in (AT_A_BROWSER, {}))
        assert (await browser.post("/sign-in", data=ANN)).status_code == 303
        program.cookies = browser.cookies
        assert "60 seconds" in (await browser.get("/links/settings")).text
        clock.passes(61)
        assert (await browser.get("/links")).status_code == 200
        assert (await browser.get("/links/settings")).headers["location"] == "/confirm?next=/links/settings"
        answer = await program.get("/links/settings")
        assert (answer.status_code, answer.json()["code"]) == (401, "step_up")
        confirmed = await browser.post("/confirm", data={"password": ANN["password"], "next": "/links/settings"})
        assert confirmed.headers["location"] == "/links/settings"
        assert (await browser.get("/links/settings")).status_code == 200


async def test_a_server_that_is_no_demo_has_no_front_page() -> None:
    async with door() as here:
        assert (await here.browser().get("/")).status_code == 404
