"""Somebody misuses an account, or his office, and nothing says who, when, from where and by what (OPS-01, OPS-11).

Whatever signs in, fails to, ends, or changes what somebody may do leaves an entry in the commit that does it, through
the routes, the pages and the commands, each with its author.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context

import pytest

from admit.core.audit import AUDIT, Act, Entry
from admit.core.store import Change, Insert
from admit.errors import StoreUnavailable
from admit.guards.asgi import Guard, Receive
from admit.guards.starlette import Authentication
from admit.stores.memory import MemoryStore
from admit.subjects import Subject
from admit.trail import acting
from doors import ANN, BOB, NEW_PASSWORD, Door, authority, bearer, door
from throttled import guarded, somewhere, tried
from web.pages.people import FIREFOX, people

FROM = {"User-Agent": FIREFOX}


async def newest(here: Door) -> Entry:
    return (await here.auth.audit.page(limit=1)).entries[0]


async def test_what_a_browser_does_is_told_with_its_author_his_credential_and_where_he_is() -> None:
    async with door(None, ANN, BOB) as here:
        browser = here.browser(**FROM)
        signed_in = (await browser.post("/api/sign-in", json=ANN)).json()
        ann, session = signed_in["subject"], signed_in["session"]
        other = (await here.browser().post("/api/sign-in", json=ANN)).json()["session"]
        change = {"current_password": ANN["password"], "new_password": NEW_PASSWORD}
        doing: list[tuple[Act, str, str, dict[str, str] | None, str]] = [
            (Act.SESSION_ENDED, "DELETE", f"/api/sessions/{other}", None, other),
            (Act.SIGN_OUT_EVERYWHERE, "POST", "/api/sign-out-others", None, ""),
            (Act.PASSWORD_CHANGED, "POST", "/api/password", change, ""),
            (Act.SIGN_OUT, "POST", "/api/sign-out", None, session),
        ]
        for act, method, path, body, what in doing:
            answer = await browser.request(method, path, json=body)
            assert answer.is_success, answer.text
            entry = await newest(here)
            assert (entry.act, entry.subject, entry.what, entry.failed) == (act, ann, what, "")
            assert (entry.actor, entry.credential, entry.credential_id) == (ann, "session", session)
            assert (entry.address, entry.device, entry.agent) == ("127.0.0.1", "Firefox/Linux", FIREFOX)


async def test_what_is_done_by_a_token_names_the_token() -> None:
    async with door(None, ANN) as here:
        tokens = await here.tokens()
        who = here.auth.verify(tokens["access_token"])
        await here.browser().post("/api/sign-out", headers=bearer(tokens))
        entry = await newest(here)
        assert (entry.act, entry.actor, entry.credential) == (Act.SIGN_OUT, who.subject, "token")
        assert entry.credential_id in who.marks
        assert entry.credential_id != who.session


@pytest.mark.parametrize("path", ["/sign-out", "/account/sign-out-others"])
async def test_what_is_done_at_the_pages_is_told_alike(path: str) -> None:
    async with people() as here:
        browser = await here.signed_in()
        assert (await browser.post(path)).status_code == 303
        entry = await newest(here.door)
        assert entry.act in {Act.SIGN_OUT, Act.SIGN_OUT_EVERYWHERE}
        assert entry.actor == entry.subject != ""
        assert entry.address == "127.0.0.1"


async def test_one_request_is_never_taken_for_another_s() -> None:
    async with door(None, ANN, BOB) as here:
        ann, bob = await here.signed_in(ANN), await here.signed_in(BOB)
        names = {name: (await one.get("/api/me")).json()["subject"] for name, one in (("ann", ann), ("bob", bob))}
        await ann.post("/api/sign-out-others")
        await here.browser().post("/api/sign-in", json=BOB | {"password": "not the password of Bob"})
        failed = await newest(here)
        assert (failed.subject, failed.actor) == (names["bob"], ""), "who typed a wrong password is nobody"
        await here.auth.subjects.change(names["bob"], Subject.disabled)
        entry = await newest(here)
        assert (entry.actor, entry.address) == ("", ""), "what no request did is nobody's"


@pytest.mark.parametrize("guard", [Guard, Authentication])
async def test_what_comes_next_on_a_connection_is_not_done_by_whom_the_last_request_spoke_for(
    guard: type[Guard | Authentication],
) -> None:
    """A server that stops reading, and goes on when the application wants more, goes on in the context of that request."""
    async with authority() as auth:
        started = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
        token = await auth.tokens.access(started.session)
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "headers": [(b"authorization", f"Bearer {token}".encode())],
        }
        contexts: list[Context] = []

        async def read_on() -> dict[str, object]:
            contexts.append(copy_context())
            return {"type": "http.request"}

        async def application(_scope: object, receive: Receive, _send: object) -> None:
            await receive()
            await auth.subjects.change("eve", Subject.disabled)

        async def nothing(_message: object) -> None:
            """Nobody reads the answer."""

        await asyncio.create_task(guard(application, auth)(scope, read_on, nothing))
        await asyncio.create_task(auth.subjects.change("bob", Subject.disabled), context=contexts[0])
        actors = {entry.subject: entry.actor for entry in (await auth.audit.page()).entries if entry.act != Act.SIGN_IN}
        assert (actors["eve"], actors["bob"]) == ("ann", "")


@pytest.mark.parametrize("body,why", [
    (ANN | {"password": "not the password of Ann"}, "wrong_password"),
    ({"email": "nobody@example.com", "password": "of nobody at all"}, "no_account"),
])  # fmt: skip
async def test_a_sign_in_that_fails_is_told_with_where_it_came_from(body: dict[str, str], why: str) -> None:
    async with guarded(ANN) as (here, clock):
        clock.advance(1)
        await tried(here, body, **next(somewhere()))
        entry = await newest(here)
        assert (entry.act, entry.failed, entry.address) == (Act.SIGN_IN, why, "198.51.0.1")


async def test_who_is_made_to_wait_is_told_once_and_fills_nothing() -> None:
    async with guarded(ANN) as (here, _):
        places = somewhere()
        wrong = ANN | {"password": "not the password of Ann"}
        for _ in range(40):
            await tried(here, wrong, **next(places))
        entries = (await here.auth.audit.page(limit=1_000)).entries
        assert sorted(entry.failed for entry in entries if entry.failed) == ["too_many", *["wrong_password"] * 3]


class Mute(MemoryStore):
    """Takes everything but the audit log, once told so."""

    mute = False

    async def commit(self, *changes: Change) -> None:
        if self.mute and any(isinstance(one, Insert) and one.record.kind == AUDIT.kind for one in changes):
            raise StoreUnavailable("no place")
        await super().commit(*changes)


async def test_what_cannot_be_told_is_not_done() -> None:
    store = Mute()
    async with authority(store=store) as auth:
        account = await auth.accounts.create(ANN["email"], ANN["password"])
        session = (await auth.sessions.start(await auth.accounts.sign_in(ANN["email"], ANN["password"]))).session
        store.mute = True
        doing: list[Callable[[], Awaitable[object]]] = [
            lambda: auth.revoke(session),
            lambda: auth.subjects.change(account.id, Subject.disabled),
            lambda: auth.accounts.set_password(account.id, NEW_PASSWORD),
            auth.restore,
        ]
        for do in doing:
            with pytest.raises(StoreUnavailable):
                await do()
        assert await auth.sessions.get(session.id) is not None
        assert (await auth.accounts.sign_in(ANN["email"], ANN["password"])).subject == account.id


async def test_an_operator_is_told_from_people_whatever_he_is_called() -> None:
    async with door(None, ANN) as here:
        ann = (await (await here.signed_in()).get("/api/me")).json()["subject"]
        with acting(operator=ann):
            await here.auth.subjects.change(ann, Subject.disabled)
        entry = await newest(here)
        assert (entry.credential, entry.act) == ("operator", Act.ACCOUNT_DISABLED)
