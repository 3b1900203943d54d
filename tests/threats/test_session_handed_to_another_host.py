"""On its way to another host a session is taken by somebody else, or is somebody else's (FWD-07).

An id or a secret of a session in a URL is in logs, histories and Referer headers for ever. A ticket that anybody
may spend signs the victim in as the attacker, who sends him the link, or the attacker as the victim, whose link he
finds. And a cookie of one host that opens another gives the least careful of them all that is at the others.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from admit.handover import LIFE
from gateways import HOST, OTHER, front
from handing import START, Browser, led
from worlds import ISSUER

ELSEWHERE = f"https://sub.{OTHER}"


async def ticket(browser: Browser, start: str = START) -> str:
    """The way to the other host with a ticket, not yet gone."""
    url: str | None = start
    while url is not None and "ticket=" not in url:
        url = led(await browser.get(url))
    assert url is not None
    return url


async def test_no_url_bears_what_opens_the_session() -> None:
    async with front() as here:
        browser = Browser(here)
        await browser.sign_in()
        await browser.follow()
        kept = {text for jar in browser.jars.values() for text in jar.values()}
        parts = {part for text in kept for part in text.removeprefix("adm_s_").removeprefix("adm_h_").split(".")}
        secrets = {part for part in parts if len(part) > 15}
        assert len(secrets) >= 3
        assert not any(part in url for part in secrets for url in browser.went)


async def test_a_ticket_is_good_once_for_a_minute_at_one_host_in_one_browser() -> None:
    async with front() as here:
        ann, eve = Browser(here), Browser(here)
        await ann.sign_in()
        await eve.get(f"https://{OTHER}/.admit/hand-over?next=/")
        for_ann = await ticket(ann)
        assert (await eve.get(for_ann)).status_code == 401  # found in a log: it is spent now, and opens nothing
        assert (await ann.get(for_ann)).status_code == 401
        for_ann = await ticket(ann)
        assert (await Browser(here).get(for_ann)).status_code == 401  # nor in a browser that has begun nothing
        elsewhere = for_ann.replace(f"https://{OTHER}", ELSEWHERE)
        ann.jars[f"sub.{OTHER}"] = dict(ann.jars[OTHER])
        assert (await ann.get(elsewhere)).status_code == 401
        assert (await ann.get(for_ann)).status_code == 303
        assert (await ann.get(for_ann)).status_code == 401
        late = await ticket(ann, f"https://{OTHER}/.admit/hand-over?next=/")
        here.world.clock.advance(LIFE + 1)
        assert (await ann.get(late)).status_code == 401
        assert not any("adm_h_" in text for jar in eve.jars.values() for text in jar.values())


async def test_nobody_is_signed_in_as_whoever_sends_him_a_link() -> None:
    async with front() as here:
        eve, victim = Browser(here), Browser(here)
        await eve.sign_in("eve")
        link = await ticket(eve)
        await victim.get(f"https://{OTHER}/.admit/hand-over?next=/")  # has a secret of his own
        assert (await victim.get(link)).status_code == 401
        assert "__Host-admit" not in victim.jars[OTHER]
        # And whose name she puts into the question of the victim's browser is not hers to choose.
        asked = led(await eve.get(f"https://{OTHER}/.admit/hand-over?next=/"))
        assert asked is not None
        await victim.sign_in("victim")
        handed = led(await victim.get(asked))
        assert handed is not None
        assert (await victim.get(handed)).status_code == 401


async def test_the_cookie_of_one_host_opens_no_other() -> None:
    async with front() as here:
        ann = Browser(here)
        await ann.sign_in()
        assert (await ann.follow()).status_code == 200
        stolen = ann.jars[OTHER]
        for host in (HOST, f"sub.{OTHER}"):
            thief = Browser(here, {host: dict(stolen)})
            assert (await thief.get(f"https://{host}/links")).status_code == 401, host
        thief = Browser(here, {HOST: dict(stolen)})
        assert (await thief.get(f"{ISSUER}/api/me")).status_code in (401, 303)
        assert (await Browser(here, {OTHER: dict(stolen)}).get(START)).status_code == 200


@pytest.mark.parametrize(
    "next", ["//evil.test", "https://evil.test/", "/\\evil.test", "/%09/evil.test", "javascript:alert(1)"]
)
async def test_it_leads_back_to_a_path_of_the_host_where_it_began(next: str) -> None:
    async with front() as here:
        ann = Browser(here)
        await ann.sign_in()
        url: str | None = f"https://{OTHER}/.admit/hand-over?next={next}"
        hops = 0
        while url is not None and hops < 6:
            parts = urlsplit(url)
            assert parts.netloc in ("", HOST, OTHER), url
            for text in parse_qs(parts.query).get("next", []):
                assert hops == 0 or (text.startswith("/") and text[1:2] not in ("/", "\\"))
            url = led(await ann.get(url if parts.netloc else f"https://{OTHER}{url}"))
            hops += 1


@pytest.mark.parametrize("key_id", ["AAAAAAAA", "", "of the list"])
async def test_whoever_knows_the_name_of_a_session_has_no_cookie_of_it(key_id: str) -> None:
    """The name of a session stands in tokens, in logs, and in what every upstream is told."""
    async with front() as here:
        ann = Browser(here)
        await ann.sign_in()
        assert (await ann.follow()).status_code == 200
        _, _, begun = ann.jars[OTHER]["__Host-admit"].partition("adm_h_")
        known, session, number, proof = begun.split(".")
        named = f"adm_h_{known if key_id == 'of the list' else key_id}.{session}.{number}."
        for forged in ("", proof[:-1], f"{proof}A", "A" * len(proof)):
            for host in (HOST, OTHER):
                thief = Browser(here, {host: {"__Host-admit": named + forged}})
                assert (await thief.get(f"https://{host}/links")).status_code == 401, (host, named + forged)
