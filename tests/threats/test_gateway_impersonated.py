"""Somebody tells the forward-auth endpoint himself what his request is for, and is let through to another (FWD-01).

A gateway asks about a request in headers. Whoever may write those headers, in the endpoint's own words or in those of
another gateway that it would read as well, has one page judged and gets another (as in CVE-2026-40575).
"""

from __future__ import annotations

import pytest

from admit.core.policy import Gateway
from gateways import GATEWAYS, HOST, by, front

each = pytest.mark.parametrize("gateway", GATEWAYS)
OPEN = "/static/x"
"""What anyone may have by GET; nobody has anything else without being signed in."""

LIES = {
    "/admin/x": [(name, OPEN) for name in ("X-Original-URI", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X_Original_URI",
                                           "X_Forwarded_Uri", "X-Forwarded-Prefix")],
    "POST": [(name, "GET") for name in ("X-Original-Method", "X-Forwarded-Method", "X-Http-Method-Override", "X-Method-Override",
                                        "X_Original_Method")],
    "evil.test": [(name, HOST) for name in ("X-Original-Host", "X-Forwarded-Host", "X-Host", "X_Forwarded_Host")],
}  # fmt: skip
SPOOFED = [(honest, *lie) for honest, lies in LIES.items() for lie in lies]


@each
async def test_from_elsewhere_nobody_asks_whatever_he_writes(gateway: Gateway) -> None:
    async with front(gateway) as here:
        cookie = by(await here.world.sign_in())
        lies = {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
        for peer in ("192.0.2.9", "10.0.0.1", "::1", "127.0.0.2"):
            for target, presented in (("/", cookie), (OPEN, {})):
                answer = await here.asks(target, peer=peer, **lies, **presented)
                assert (answer.status_code, "x-admit-subject" in answer.headers) == (403, False), peer
        assert (await here.asks("/", **cookie)).status_code == 200


OBEYED = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X_Rewrite_URL",
          "X_Admit_Subject", "X-Admit_Subject", "X_Forwarded_Host", "X_Original_URI")  # fmt: skip


@each
@pytest.mark.parametrize("name", OBEYED)
async def test_what_a_program_behind_may_obey_in_place_of_what_was_judged_is_refused(
    gateway: Gateway, name: str
) -> None:
    async with front(gateway) as here:
        assert (await here.asks(OPEN)).status_code == 200
        assert (await here.asks(OPEN, **{name: "/admin/x"})).status_code == 403
        assert (await here.asks(OPEN, Connection="close, X-Admit-Subject")).status_code == 403


@each
@pytest.mark.parametrize(("honest", "name", "text"), SPOOFED)
async def test_what_a_client_writes_in_the_headers_of_gateways_changes_nothing(
    gateway: Gateway, honest: str, name: str, text: str
) -> None:
    async with front(gateway) as here:
        question = here.question(
            honest if honest == "/admin/x" else OPEN,
            honest if honest == "POST" else "GET",
            honest if honest == "evil.test" else HOST,
        )
        # A gateway that adds to what the client wrote, before it or after it, leaves it open who said what.
        method, path, said = question
        first = await here.ask(question, [(name, text)])
        assert first.status_code in (401, 403)
        if name in said:
            rest = [(one, value) for one, value in said.items() if one != name]
            last = await here.ask((method, path, {}), [*rest, (name, text), (name, said[name])])
            joined = await here.ask((method, path, {**said, name: f"{text}, {said[name]}"}), [])
            assert (last.status_code, joined.status_code) == (403, 403)


@each
async def test_a_question_that_says_too_little_is_no_question(gateway: Gateway) -> None:
    async with front(gateway) as here:
        method, path, said = here.question("/static/x", "GET", HOST)
        assert (await here.ask((method, path, said), [])).status_code == 200
        if gateway == "envoy":
            return
        for missing in set(said) - {"X-Forwarded-Proto"}:
            left = {name: text for name, text in said.items() if name != missing}
            assert (await here.ask((method, path, left), [])).status_code == 403, missing
