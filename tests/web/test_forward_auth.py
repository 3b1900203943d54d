"""What a gateway is answered: a yes with all that the upstream is told, or a no that it can hand on."""

from __future__ import annotations

import pytest

from admit.core import forwarded
from admit.core.address import TrustedProxies
from admit.core.policy import Gateway
from admit.web import forward_auth
from gateways import GATEWAYS, HOST, NAMES, NAVIGATION, Front, by, front, told
from worlds import ISSUER, ORIGIN, SCOPES

each = pytest.mark.parametrize("gateway", GATEWAYS)


async def ann(here: Front, *roles: str) -> dict[str, str]:
    """Ann signed in, with roles."""
    await here.world.auth.subjects.change("ann", lambda one: one.with_roles(roles or ("user",)))
    return by(await here.world.sign_in())


@each
async def test_a_yes_tells_the_upstream_who_asks(gateway: Gateway) -> None:
    async with front(gateway) as here:
        cookie = await ann(here)
        answer = await here.asks("/links/7?x=1", **cookie)
        assert (answer.status_code, answer.content) == (200, b"")
        said = told(answer)
        assert said.pop("session")
        assert said == {"subject": "ann", "credential": "session", "scopes": SCOPES["user"], "roles": "user"}
        assert answer.headers["cache-control"] == "no-store"
        token = await here.world.auth.tokens.access((await here.world.sign_in()).session)
        said = told(await here.asks("/api/x", "POST", Authorization=f"Bearer {token}"))
        assert (said["credential"], said["client"]) == ("token", "first-party")


@each
async def test_what_the_rule_asks_for_decides(gateway: Gateway) -> None:
    async with front(gateway) as here:
        cookie = await ann(here)
        statuses = {
            "/": 200,
            "/links/7": 200,
            "/admin/x": 403,
            "/internal/x": 403,
            "/api/x": 401,
            "/vault": 200,
            "/a//b": 403,
        }
        assert {path: (await here.asks(path, **cookie)).status_code for path in statuses} == statuses
        assert (await here.asks("/admin/x", **await ann(here, "admin"))).status_code == 200
        assert (await here.asks("/", host="unknown.example.com", **cookie)).status_code == 403
        here.world.clock.advance(61)
        answer = await here.asks("/vault", **cookie)
        assert (answer.status_code, answer.json()["code"]) == (401, "step_up")


@each
async def test_where_anyone_may_come_nobody_is_a_name_with_nothing_in_it(gateway: Gateway) -> None:
    async with front(gateway) as here:
        for headers in ({}, {"Cookie": "__Host-admit=adm_s_x"}, {"Authorization": "Bearer x"}):
            answer = await here.asks("/static/x.css", **headers)
            assert answer.status_code == 200
            assert {name: answer.headers[f"x-admit-{name}"] for name in NAMES} == dict.fromkeys(NAMES, "")
        assert told(await here.asks("/static/x.css", **await ann(here)))["subject"] == "ann"
        assert (
            await here.asks("/static/x.css", "POST")
        ).status_code == 401  # the rule is for GET, and the last for all


@each
async def test_programs_are_told_no_and_people_are_led_to_the_sign_in(gateway: Gateway) -> None:
    async with front(gateway) as here:
        refused = await here.asks("/links/7")
        assert (refused.status_code, refused.json()["code"]) == (401, "no_credential")
        led = await here.asks("/links/7?page=2", **NAVIGATION)
        way = led.headers["x-admit-sign-in" if gateway == "nginx" else "location"]
        assert led.status_code == (401 if gateway == "nginx" else 303)
        assert way == f"{ORIGIN}/auth/sign-in?next=/links/7%3Fpage%3D2"
        assert led.headers["cache-control"] == "no-store"


@each
async def test_a_warm_answer_asks_the_store_nothing(gateway: Gateway) -> None:
    async with front(gateway, token=True) as here:
        cookie = await ann(here)
        token = await here.world.auth.tokens.access((await here.world.sign_in()).session)
        presented = [cookie, {"Authorization": f"Bearer {token}"}]
        for headers in presented:
            assert (await here.asks(**headers)).status_code == 200
        asked = here.world.store.asked.copy()
        for headers in presented:
            for method in ("GET", "POST"):
                assert (await here.asks("/x", method, **headers, Origin=ORIGIN)).status_code == 200
        assert here.world.store.asked == asked


async def test_who_is_remembered_is_told_apart_however_many_there_are_and_however_long_what_they_ask_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forward_auth, "_MANY", 2)
    async with front("nginx") as here:
        people = {name: by(await here.world.sign_in(name)) for name in ("ann", "bob", "carol")}
        await here.world.auth.subjects.change("ann", lambda one: one.with_roles(["admin"]))
        for turn in range(2):  # the second time it is answered at once
            for name, cookie in people.items():
                for target in ("/x", f"/admin/{'x' * 600}"):
                    method, path, headers = here.question(target, "GET", HOST)
                    lines = [(one.lower().encode(), text.encode()) for one, text in (headers | cookie).items()]
                    scope = {
                        "type": "http",
                        "method": method,
                        "path": path,
                        "headers": lines,
                        "client": ("127.0.0.1", 1),
                    }
                    at_once = here.app.state.at_once(scope)
                    answer = await here.asks(target, **cookie)
                    may, seen = name == "ann" or target == "/x", turn == 1 or target != "/x"
                    assert answer.status_code == (200 if may else 403)
                    assert (at_once is not None) == (may and seen)
                    if may:
                        assert answer.headers["x-admit-subject"] == name
                    if at_once is not None:
                        assert f"x-admit-subject: {name}\r\n".encode() in at_once
        # Beyond what is remembered gateways are still known, and strangers are not.
        for peer in ("127.0.0.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"):
            answer = await here.asks("/x", peer=peer, **people["bob"])
            assert answer.status_code == (200 if peer == "127.0.0.1" else 403)


async def test_a_name_with_an_underscore_that_disguises_nothing_is_let_through() -> None:
    async with front("nginx") as here:
        assert (await here.asks(**await ann(here), X_Of_Theirs="1")).status_code == 200


@each
async def test_an_api_key_comes_in_where_the_rule_takes_it_from_where_it_may_be_used(gateway: Gateway) -> None:
    async with front(gateway, proxies=TrustedProxies.of(["127.0.0.1"])) as here:
        keys = here.world.auth.api_keys
        await ann(here)
        anywhere = await keys.create(await here.world.proof(), "anywhere")
        elsewhere = await keys.create(await here.world.proof(), "elsewhere", networks=["192.0.2.0/24"])
        for header in ({"X-API-Key": anywhere.text}, {"Authorization": f"Bearer {anywhere.text}"}):
            answer = await here.asks("/links/7", "POST", **header)
            assert (told(answer)["subject"], told(answer)["credential"]) == ("ann", "api_key")
            assert (await here.asks("/api/x", **header)).status_code == 401  # rule 5 takes tokens alone
        for sender, status in (("192.0.2.1", 200), ("198.51.100.1", 401)):
            from_there = {"X-API-Key": elsewhere.text, "X-Forwarded-For": sender}
            assert (await here.asks("/links/7", **from_there)).status_code == status
        await here.world.auth.revoke(anywhere.key)
        assert (await here.asks("/links/7", **{"X-API-Key": anywhere.text})).status_code == 401


async def test_the_upstream_may_have_a_token_that_says_the_same_and_is_for_it_alone() -> None:
    async with front(token=True) as here:
        auth, cookie = here.world.auth, await ann(here)
        answer = await here.asks("/links/7", **cookie)
        now = here.world.clock.now()
        keys = auth.keys.verifying(now)
        said = forwarded.verify(answer.headers["x-admit-token"], keys, issuer=ISSUER, audience=ORIGIN, now=now)
        assert (said.sub, said.aud, said.sid) == ("ann", ORIGIN, answer.headers["x-admit-session"])
        assert said.scope == answer.headers["x-admit-scopes"]
        assert 0 < said.exp - now <= forwarded.LIFE
        # It is signed once for several requests, and anew long before it ends.
        assert (await here.asks("/links/8", **cookie)).headers["x-admit-token"] == answer.headers["x-admit-token"]
        here.world.clock.advance(31)
        assert (await here.asks("/links/8", **cookie)).headers["x-admit-token"] != answer.headers["x-admit-token"]
        assert (await here.asks("/static/x")).headers["x-admit-token"] == ""


async def test_a_subject_is_written_so_that_no_header_ends_early() -> None:
    async with front() as here:
        answer = await here.asks(**by(await here.world.sign_in('Zoë; a,b "100%"')))
        assert answer.headers["x-admit-subject"] == "Zo%C3%AB%3B%20a%2Cb%20%22100%25%22"


async def test_only_nginx_may_give_a_yes_again_and_no_other_cache() -> None:
    async with front() as here:
        yes, no = await here.asks(**await ann(here)), await here.asks()
        names = [name for name, _ in yes.headers.multi_items()]
        assert yes.headers["x-accel-expires"] == "1"
        assert names.index("x-accel-expires") < names.index("cache-control")
        assert "x-accel-expires" not in no.headers
    async with front("traefik") as here:
        assert "x-accel-expires" not in (await here.asks(**await ann(here))).headers


async def test_what_is_below_the_endpoint_is_asked_about_by_envoy_alone() -> None:
    async with front() as here:
        way = "GET", "/auth/forward-auth/links/7", {"Host": HOST}
        assert (await here.ask(way, [])).status_code == 404
    async with front("envoy") as here:
        assert (await here.ask(("GET", "/auth/forward-auth", {"Host": HOST}), [])).status_code == 404


async def test_without_a_policy_there_is_no_such_endpoint_and_with_one_it_is_described() -> None:
    from admit.web import application

    async with front() as here:
        assert "/forward-auth" not in str(application(here.world.auth, at="/auth").openapi()["paths"])
        assert "/auth/forward-auth" in here.app.openapi()["paths"]
