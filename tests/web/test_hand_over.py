"""A session at another host: handed over by a ticket, presented by a cookie that is good there alone."""

from __future__ import annotations

import re

import pytest

from admit.core.audit import Act
from admit.core.secret import Master
from admit.errors import BadCredential, LookUpNeeded, Revoked
from admit.subjects import Subject
from gateways import HOST, OTHER, front, told
from handing import START, Browser, led
from worlds import ISSUER

MAC = "A" * 22


async def test_who_is_signed_in_comes_to_another_host_as_himself() -> None:
    async with front() as here:
        browser = Browser(here)
        await browser.sign_in()
        answer = await browser.follow()
        assert (answer.status_code, told(answer)["subject"], told(answer)["credential"]) == (200, "ann", "session")
        assert browser.went[0] == browser.went[-1] == START
        assert [url.partition("?")[0] for url in browser.went[1:-1]] == [
            f"https://{OTHER}/.admit/hand-over", f"{ISSUER}/hand-over", f"https://{OTHER}/.admit/hand-over"
        ]  # fmt: skip
        # Its own session, whose id is the same everywhere, and no store is asked from now on.
        [session] = await here.world.auth.sessions.of("ann")
        assert told(answer)["session"] == session.id
        asked = here.world.store.asked.copy()
        assert (await browser.get(START)).status_code == 200
        assert here.world.store.asked == asked
        assert set(browser.jars[OTHER]) == {"__Host-admit"}


async def test_who_is_not_signed_in_signs_in_first_and_comes_back() -> None:
    async with front() as here:
        browser = Browser(here)
        page = await browser.follow()
        assert page.status_code == 200
        assert browser.went[-1].startswith(f"https://{HOST}/auth/sign-in?next=/auth/hand-over%3F")
        await browser.sign_in()
        signed_in = await browser.get(browser.went[-1])  # as after the form: the page knows the way back
        assert signed_in.status_code == 303
        answer = await browser.follow(f"https://{HOST}{signed_in.headers['location']}")
        assert told(answer)["subject"] == "ann"
        assert browser.went[-1] == START


async def test_a_session_that_is_handed_over_is_told_once_and_one_that_is_not_never() -> None:
    async with front() as here:
        auth, browser = here.world.auth, Browser(here)
        await browser.sign_in()
        ticket = led(await browser.get(led(await browser.get(f"https://{OTHER}/.admit/hand-over?next=/")) or ""))
        assert ticket is not None
        kept = browser.jars[OTHER]
        browser.jars[OTHER] = dict.fromkeys(kept, "A" * 43)
        for _ in range(2):  # in another browser, and in the right one once it was tried there
            assert (await browser.get(ticket)).status_code == 401
            browser.jars[OTHER] = kept
        assert [entry.act for entry in (await auth.audit.page(subject="ann")).entries] == [Act.SIGN_IN]
        await browser.follow()
        [entry] = [one for one in (await auth.audit.page(subject="ann")).entries if one.act != Act.SIGN_IN]
        [session] = await auth.sessions.of("ann")
        assert (entry.act, entry.subject, entry.what, entry.actor) == (
            Act.SESSION_HANDED_OVER, "ann", session.id, "ann"
        )  # fmt: skip
        assert entry.address != ""


async def test_another_tab_that_begins_does_not_end_what_the_first_has_begun() -> None:
    async with front() as here:
        browser = Browser(here)
        await browser.sign_in()
        first = led(await browser.get(f"https://{OTHER}/.admit/hand-over?next=/a"))
        assert led(await browser.get(f"https://{OTHER}/.admit/hand-over?next=/b"))
        assert first is not None
        assert (await browser.follow(first)).status_code == 200
        assert browser.went[-1] == f"https://{OTHER}/a"


async def test_a_rule_that_asks_for_a_fresh_sign_in_leads_to_the_confirmation_first() -> None:
    async with front() as here:
        browser = Browser(here)
        await browser.sign_in()
        here.world.clock.advance(61)
        way = f"https://{OTHER}/.admit/hand-over?next=/vault&within=60"
        page = await browser.follow(way)
        assert page.status_code in (200, 403)
        assert any(url.startswith(f"https://{HOST}/auth/confirm?next=/auth/hand-over") for url in browser.went)


async def test_it_ends_with_the_session_and_with_its_cookie() -> None:
    async with front() as here:
        auth = here.world.auth
        browsers = [Browser(here), Browser(here), Browser(here)]
        for browser in browsers:
            await browser.sign_in()
            assert (await browser.follow()).status_code == 200
        sessions = {session.id: session for session in await auth.sessions.of("ann")}
        first, second, third = (
            sessions[browser.jars[HOST]["__Host-admit"].removeprefix("adm_s_").split(".")[0]] for browser in browsers
        )
        await auth.revoke(first)
        await auth.sessions.step_up(second, await here.world.proof())  # another cookie, and the old one never again
        assert [(await browser.get(START)).status_code for browser in browsers] == [401, 401, 200]
        assert third.id in sessions
        await auth.subjects.change("ann", Subject.disabled)
        assert (await browsers[2].get(START)).status_code == 401


@pytest.mark.parametrize("text", [
    "adm_h_", "adm_h_x.y.z", f"adm_h_k.8P71wp9HZHbnXrGhpJn2bp.0.{MAC}", f"adm_h_k.8P71wp9HZHbnXrGhpJn2bp.01.{MAC}",
    f"adm_h_k.8P71wp9HZHbnXrGhpJn2bp.x.{MAC}", f"adm_h_k.8P71wp9HZHbnXrGhpJn2bp.1234567890.{MAC}", f"adm_h_k.8P71wp9HZHbn.1.{MAC}",
    f"adm_h_k.8P71wp9HZHbnXrGhpJn2bp.1.{MAC[:-1]}\xe9", f"adm_h_k.8P71wp9HZHbnXrGhpJn2bp..{MAC}", "adm_s_x",
])  # fmt: skip
async def test_what_is_none_is_refused_without_a_look_at_the_store(text: str) -> None:
    async with front() as here:
        with pytest.raises(BadCredential):
            here.world.auth.handovers.verify(f"https://{OTHER} {text}", 0.0)


async def test_one_that_was_made_up_or_whose_master_secret_is_gone_opens_nothing() -> None:
    async with front() as here:
        auth, browser = here.world.auth, Browser(here)
        text = await browser.comes_to_the_other()
        with pytest.raises(LookUpNeeded):
            auth.handovers.verify(text, 0.0)
        now = here.world.clock.now()
        assert (await auth.handovers.look_up(text, now)).principal.subject == "ann"
        with pytest.raises(BadCredential):
            await auth.handovers.look_up(text[:-1] + ("A" if text[-1] != "A" else "B"), now)
        auth._master.unlock([b"another of thirty-two bytes, yes"])
        with pytest.raises(BadCredential):
            await auth.handovers.look_up(text, now)
        assert not Master([b"x" * 32]).locked


@pytest.mark.parametrize("over", [True, False])
async def test_a_ticket_of_a_session_that_ended_or_has_another_cookie_by_now_hands_nothing_over(over: bool) -> None:
    async with front() as here:
        auth, browser = here.world.auth, Browser(here)
        await browser.sign_in()
        ticket = led(await browser.get(led(await browser.get(f"https://{OTHER}/.admit/hand-over?next=/")) or ""))
        assert ticket is not None
        [session] = await auth.sessions.of("ann")
        if over:
            await auth.revoke(session)
        else:
            await auth.sessions.step_up(session, await here.world.proof())
        assert (await browser.get(ticket)).status_code == 401
        assert "__Host-admit" not in browser.jars[OTHER]


async def test_what_waits_for_the_end_of_it_waits_for_that_of_the_session() -> None:
    async with front() as here:
        auth, browser = here.world.auth, Browser(here)
        text = await browser.comes_to_the_other()
        now = here.world.clock.now()
        who = (await auth.handovers.look_up(text, now)).principal
        assert await auth.handovers.lasts(who, now) == await auth.sessions.lasts(who, now) > now


async def test_a_session_without_a_cookie_is_handed_over_nowhere() -> None:
    async with front() as here:
        started = await here.world.sign_in(cookie=False)
        with pytest.raises(Revoked):
            await here.world.auth.handovers.begin(started.session, f"https://{OTHER}", "x" * 22)


async def test_what_nobody_asks_for_is_not_there() -> None:
    async with front() as here:
        browser = Browser(here)
        await browser.sign_in()
        assert (await browser.get(f"https://{OTHER}/.admit/hand-over", "POST")).status_code == 405
        for host in ("evil.test", "two, hosts"):
            assert (await here.ask(("GET", "/auth/hand-over", {"Host": host}), [])).status_code == 421
        for query in ("", "?to=https://evil.test&browser=" + "x" * 22, f"?to=https://{OTHER}&browser=x", f"?to=http://{OTHER}&browser=" + "x" * 22,
                      "?to=https://[&browser=" + "x" * 22):  # fmt: skip
            assert (await browser.get(f"{ISSUER}/hand-over{query}")).status_code == 404
        # Where a gateway does not hand it on, it does not go round in circles.
        assert led(await here.asks("/.admit/hand-over", host=OTHER, Accept="text/html")) is None


async def test_a_person_whose_ticket_is_no_good_is_told_what_to_do_next_and_a_program_why() -> None:
    async with front() as here:
        browser = Browser(here)
        await browser.sign_in()
        await browser.follow()
        spent = next(url for url in browser.went if "ticket=" in url)
        page = await browser.get(spent)
        assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert page.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        again = "/.admit/hand-over?next=%2Freports%3Fpage%3D2"
        assert re.findall('class="button[^>]* href="([^"]*)"', page.text) == [again, f"{ISSUER}/account"]
        # None of our files is at that host: nothing is asked of it, and nothing else is let in.
        assert not re.search('(?:src|href)="(?!data:|#|https://|/[.]admit/)', page.text)
        assert "style-src data:; img-src data:;" in page.headers["content-security-policy"]
        assert told(await browser.follow(f"https://{OTHER}{again}"))["subject"] == "ann"
        asked = ("GET", spent.partition(OTHER)[2].replace("/.admit/", "/auth/"), {"Host": OTHER})
        answer = await here.ask(asked, [])
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


async def test_a_person_is_told_too_when_nobody_can_say_whose_ticket_it_is() -> None:
    async with front() as here:
        browser = Browser(here)
        await browser.sign_in()
        url: str | None = START
        while url is not None and "ticket=" not in url:
            url = led(await browser.get(url))
        assert url is not None
        here.world.auth._gate.fence("gone")
        page = await browser.get(url)
        assert (page.status_code, page.headers["retry-after"]) == (503, "1")
        assert "Not available at the moment" in page.text
