"""The gRPC guard: every kind of call on every kind of server, with the codes and the metadata that gRPC's clients know."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from admit.core.requirement import Requirement
from admit.core.throttle import Limit
from admit.errors import ConfigError, NotEnough
from admit.guards import grpc as guard
from admit.trail import acting
from guards.applications import SERVED, by_token, roles
from guards.calls import KINDS, SERVERS, Served, coroutines, in_threads, metadata, on_a_loop, plain, presented_by, who
from worlds import ORIGIN, world

servers = pytest.mark.parametrize("served", SERVERS)
interceptors = pytest.mark.parametrize("served", [in_threads, on_a_loop])


@servers
async def test_every_kind_of_call_is_let_through_for_those_who_are_known(served: Served) -> None:
    answers = {
        "One": [b"hello ann"],
        "Some": [b"hello", b"ann"],
        "Many": [b"hello ann"],
        "Both": [b"hel ann", b"lo ann"],
    }
    async with world("memory") as here, served(here.auth) as client:
        cookie, token = await presented_by(here)
        for method in KINDS:
            for presented in (cookie, token, token):
                assert (await client.call(*presented, method=method)).answers == answers[method]
            refused = await client.call(method=method)
            assert (refused.told, refused.answers) == (("UNAUTHENTICATED", "no_credential"), [])
            assert refused.trailing["www-authenticate"] == "Bearer"


@servers
async def test_whatever_is_wrong_with_a_credential_is_answered_alike(served: Served) -> None:
    async with world("memory") as here, served(here.auth) as client:
        _, token = await presented_by(here)
        started = await here.sign_in("bob")
        ended = metadata(by_token(await here.auth.tokens.access(started.session)))
        assert (await client.call(*ended)).answers == [b"hello bob"]
        await here.auth.revoke(started.session)
        bad = [
            ended,
            [("authorization", "Bearer x")],
            [("authorization", "Basic eA==")],
            [*token, *token],
            [*token, *ended],
        ]
        found = {str(await client.call(*presented)) for presented in bad}
        assert len(found) == 1
        assert (await client.call(*bad[0])).told == ("UNAUTHENTICATED", "bad_credential")


async def test_what_a_method_asks_for_is_asked_beside_the_interceptor() -> None:
    async with world("memory") as here:

        @guard.required(here.auth, "links:write")
        def one(request: bytes, _: Any) -> bytes:
            return who()

        @guard.required(here.auth, roles="admin")
        def some(request: bytes, _: Any) -> Any:
            yield who()

        methods = {"One": one, "Some": some}
        async with in_threads(here.auth, requirement=Requirement.of(within=300), methods=methods) as client:
            for subject, role in (("ann", "user"), ("bob", "admin")):
                await roles(here, subject, [role])
            (_, ann), (_, bob) = await presented_by(here), await presented_by(here, "bob")
            assert (await client.call(*ann)).answers == [b"ann"]
            refused = await client.call(*bob)
            assert refused.told == ("PERMISSION_DENIED", "not_enough")
            assert refused.trailing["www-authenticate"] == 'Bearer error="insufficient_scope", scope="links:write"'
            assert (await client.call(*bob, method="Some")).answers == [b"bob"]
            assert (await client.call(*ann, method="Some")).told == ("PERMISSION_DENIED", "not_enough")
            here.clock.advance(302)
            assert (await client.call(*ann)).told == ("UNAUTHENTICATED", "step_up")


@interceptors
async def test_what_is_open_is_open_to_anybody_and_nothing_beside_it(served: Served) -> None:
    def hello(request: bytes, _: Any) -> bytes:
        return request

    methods = {"One": hello, "Open": hello}
    async with world("memory") as here:
        for names, found in (
            (["/links.Links/Open"], False),
            (["/links.Links/"], True),
            (["/links.Link"], None),
            ([], None),
        ):
            async with served(here.auth, methods=methods, open=names) as client:
                assert bool((await client.call(method="Open")).answers) is (found is not None)
                assert bool((await client.call(method="One")).answers) is bool(found)
                assert (await client.call(method="None")).code is grpc.StatusCode.UNIMPLEMENTED
        for wrong in ("/links.Links/Open", ["links.Links/Open"]):
            with pytest.raises(ConfigError, match="write a list"):
                guard.Interceptor(here.auth, open=wrong)


@servers
async def test_a_store_that_is_down_is_no_reason_to_throw_a_sign_in_away(served: Served) -> None:
    async with world("memory") as here, served(here.auth) as client:
        cookie, _ = await presented_by(here)
        await here.store.close()
        here.auth._gate.fence("gone")
        refused = await client.call(*cookie)
        assert refused.code is grpc.StatusCode.UNAVAILABLE
        assert refused.trailing["retry-after"] == "1"


@interceptors
async def test_what_a_method_raises_itself_is_answered_as_well(served: Served) -> None:
    def one(request: bytes, _: Any) -> bytes:
        raise NotEnough("found out later")

    async def waiting(request: bytes, _: Any) -> bytes:
        raise NotEnough("found out later")

    def some(request: bytes, _: Any) -> Any:
        yield request
        raise NotEnough("found out later")

    async def streaming(request: bytes, _: Any) -> Any:
        yield request
        raise NotEnough("found out later")

    methods = {"One": one, "Some": some} if served is in_threads else {"One": waiting, "Some": streaming}
    async with world("memory") as here, served(here.auth, methods=methods) as client:
        _, token = await presented_by(here)
        for method, before in (("One", []), ("Some", [b"hello"])):
            refused = await client.call(*token, method=method)
            assert (refused.told, refused.answers) == (("PERMISSION_DENIED", "not_enough"), before)


@servers
async def test_many_callers_at_once_are_not_taken_for_each_other(served: Served) -> None:
    async with world("memory") as here, served(here.auth) as client:
        people = [f"person-{number}" for number in range(8)]
        tokens = {subject: (await presented_by(here, subject))[1] for subject in people}
        asking = [(subject, method) for subject in people for method in KINDS] * 3
        found = await asyncio.gather(*(client.call(*tokens[subject], method=method) for subject, method in asking))
        assert [answer.answers[-1].rpartition(b" ")[2].decode() for answer in found] == [
            subject for subject, _ in asking
        ]
        assert (await client.call()).told == ("UNAUTHENTICATED", "no_credential")


@interceptors
async def test_an_interceptor_and_a_method_behind_it_use_a_key_once(served: Served) -> None:
    async with world("memory") as here:
        made = plain() if served is in_threads else coroutines()
        methods = {name: guard.required(here.auth)(method) for name, method in made.items() if name in ("One", "Both")}
        async with served(here.auth, methods=methods) as client:
            for method in methods:
                before = await here.auth.subjects.before("ann")
                key = await here.auth.api_keys.create(before, "ci", limit=Limit(2, 60))
                found = [await client.call(*metadata(by_token(key.text)), method=method) for _ in range(3)]
                assert [one.code.name for one in found] == ["OK", "OK", "RESOURCE_EXHAUSTED"]


@servers
async def test_what_is_left_of_a_limit_trails_every_answer(served: Served) -> None:
    async with world("memory") as here, served(here.auth) as client:
        key = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "ci", limit=Limit(4, 60))
        for place, method in enumerate((*KINDS, "One")):
            answer = await client.call(*metadata(by_token(key.text)), method=method)
            assert answer.code.name == ("OK" if place < 4 else "RESOURCE_EXHAUSTED")
            assert answer.trailing["ratelimit"].startswith(f'"api-key";r={max(0, 3 - place)};t=')
            assert answer.trailing["ratelimit-policy"] == '"api-key";q=4;w=60'
        _, token = await presented_by(here)
        assert "ratelimit" not in (await client.call(*token)).trailing


@servers
async def test_what_a_method_does_is_noted_with_the_credential_it_came_by(served: Served) -> None:
    async with world("memory") as here, served(here.auth) as client:
        cookie, _ = await presented_by(here)
        for method in KINDS:
            SERVED.clear()
            assert (await client.call(*cookie, method=method)).code is grpc.StatusCode.OK
            by = SERVED.pop()
            with acting(request=by.request, who=by.who):
                await here.auth.subjects.change("eve", lambda one: one)
            entry = (await here.auth.audit.page(subject="eve")).entries[0]
            assert (entry.actor, entry.credential, entry.address) == ("ann", "session", "127.0.0.1")


async def test_what_a_method_has_trail_itself_is_left_to_it() -> None:
    def one(request: bytes, context: Any) -> bytes:
        context.set_trailing_metadata((("cost", "7"),))
        return request

    async with world("memory") as here, in_threads(here.auth, methods={"One": one}) as client:
        key = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "ci", limit=Limit(4, 60))
        assert (await client.call(*metadata(by_token(key.text)))).trailing == {"cost": "7"}


def test_nobody_is_served_where_no_guard_is() -> None:
    with pytest.raises(LookupError):
        guard.principal()


@pytest.mark.parametrize(
    "peer, address",
    [
        ("ipv4:192.0.2.7:50000", "192.0.2.7"),
        ("ipv6:[2001:db8::1]:50000", "2001:db8::1"),
        ("ipv6:%5B2001:db8::1%5D:50000", "2001:db8::1"),
        ("unix:", None),
        ("unix:/run/x:1", None),
        ("", None),
    ],
)
def test_who_asks_is_whom_the_server_saw(peer: str, address: str | None) -> None:
    assert guard._address(peer) == address


async def test_the_address_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world("memory") as here:
        _, token = await presented_by(here)
        asked: list[Any] = []
        admit = here.auth.admit

        async def seen(request: Any, **more: Any) -> Any:
            asked.append(request)
            return await admit(request, **more)

        monkeypatch.setattr(here.auth, "admit", seen)
        async with in_threads(here.auth) as client:
            assert (await client.call(*token)).answers == [b"hello ann"]
        assert [(one.method, one.url, one.peer) for one in asked] == [
            ("POST", f"{ORIGIN}/links.Links/One", "127.0.0.1")
        ]
