"""Every event against every credential: what docs/matrix.toml expects is what happens: here, behind each guard, at a verifier, behind a gateway."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from admit import TokenPolicy
from admit.api_keys import SHORTEST_OVERLAP, Created
from admit.core import jwt
from admit.core.keyring import PUBLISHED_BEFORE_USE
from admit.core.presented import API_KEY, BEARER, COOKIE
from admit.core.principal import Principal
from admit.core.session_policy import RELAXED
from admit.core.verdict import Seen
from admit.errors import BadCredential, BadInput, LookUpNeeded, Replayed
from admit.gate import GONE, Gate
from admit.sessions import Session
from admit.subjects import Subject
from admit.web import application
from counts import times
from gateways import POLICY, Front
from guards.applications import (
    Made,
    asgi,
    client,
    with_django,
    with_fastapi,
    with_flask,
    with_litestar,
    with_starlette,
    with_wsgi,
)
from guards.calls import metadata, on_a_loop
from services import ANOTHER, EMAIL, PASSWORD
from wire import Afar, Wire
from worlds import ISSUER, SCOPES, World, value_of, world

MATRIX: dict[str, Any] = tomllib.loads((Path(__file__).parent.parent / "docs" / "matrix.toml").read_text())
ALLOWED = frozenset({"links:read", "links:write", "users:write"})


class TokensAtAVerifier:
    """Access tokens, as a service elsewhere proves them with the public keys."""

    looked_up = False

    def __init__(self, here: World) -> None:
        self._keys = here.auth.keys

    def verify(self, text: str, now: float) -> Seen:
        return jwt.proven(text, self._keys.verifying(now), jwt.Rules(issuer=ISSUER, audience=ISSUER), now)

    async def look_up(self, text: str, now: float) -> Seen:
        return self.verify(text, now)

    async def lasts(self, who: Principal, now: float) -> float:
        return who.expires_at + now - now


class AskedAtAVerifier:
    """Session cookies and API keys, about which a service elsewhere asks the authority, and whose end the log tells it."""

    looked_up = True

    def __init__(self, here: World) -> None:
        self._auth = here.auth

    def verify(self, text: str, now: float) -> Seen:
        raise LookUpNeeded(f"it proves nothing by itself: {text} at {now}")

    async def look_up(self, text: str, now: float) -> Seen:
        assert now
        return await self._auth.ask(text, ISSUER)

    async def lasts(self, who: Principal, now: float) -> float:
        return who.expires_at + now - now


@dataclass
class Ann:
    """Somebody with two sessions and all of their credentials."""

    world: World
    id: str
    sessions: list[Session]
    cookies: list[str]
    tokens: list[str]
    refresh: list[str]
    spent: str
    key: Created
    afar: Afar
    gate: Gate
    front: Front
    guards: dict[str, LetsIn]

    async def found(self, credential: str) -> str:
        """What has become of a credential: ends, suspends, shrinks or stays."""
        which, kind = int(credential.startswith("other_")), credential.removeprefix("other_")
        try:
            match kind:
                case "cookie":
                    scope = await self.everywhere(self.cookies[which], COOKIE)
                case "api_key":
                    scope = await self.everywhere(self.key.text, API_KEY)
                case "token":
                    scope = await self.everywhere(self.tokens[which], BEARER)
                case _:
                    pair = await self.world.auth.tokens.refresh(self.refresh[which])
                    scope = frozenset(pair.scope.split())
        except BadCredential:
            return "suspends" if kind == "api_key" and await self.comes_back() else "ends"
        return "stays" if scope == ALLOWED else "shrinks"

    async def comes_back(self) -> bool:
        """Whether the API key is accepted again once all was done that may bring it back."""
        auth = self.world.auth
        await auth.subjects.change(self.id, Subject.enabled)
        with suppress(BadInput):
            await auth.api_keys.confirm(await auth.subjects.before(self.id), self.key.key.id)
        self.world.clock.advance(GONE)
        self.afar.follower.step()
        try:
            return await self.everywhere(self.key.text, API_KEY) == ALLOWED
        except BadCredential:
            return False

    async def everywhere(self, text: str, door: str) -> frozenset[str]:
        """What a credential allows, at home, at the verifier and behind a gateway; each guard lets in whom they do."""
        said: list[frozenset[str] | None] = []
        for gate in (self.world.auth._gate, self.gate):
            said.append(None)
            with suppress(BadCredential):
                said[-1] = (await gate.admit(text, door)).scope
        assert said[0] == said[1], "a verifier says otherwise"
        presented = {"Cookie": f"__Host-admit={text}"} if door == COOKIE else {"Authorization": f"Bearer {text}"}
        answer = await self.front.asks("/x", **presented)
        behind = frozenset(answer.headers["x-admit-scopes"].split()) if answer.status_code == 200 else None
        assert said[0] == behind, "a gateway is told otherwise"
        let_in = {name: await lets_in(presented) for name, lets_in in self.guards.items()}
        assert let_in == dict.fromkeys(self.guards, said[0] is not None)
        if said[0] is None:
            raise BadCredential("refused")
        return said[0]


LetsIn = Callable[[dict[str, str]], Awaitable[bool]]
BY_HTTP: dict[str, Made] = {
    "fastapi": with_fastapi,
    "starlette": with_starlette,
    "litestar": with_litestar,
    "django": with_django,
    "flask": with_flask,
    "asgi": asgi,
    "wsgi": with_wsgi,
}


def in_turns(number: int) -> list[str]:
    """The guards behind which the event of that number is measured."""
    some, names = times("guards behind which an event is measured"), list(MATRIX["guards"])
    return [names[(number * some + place) % len(names)] for place in range(some)]


@asynccontextmanager
async def guarded(here: World, names: list[str]) -> AsyncIterator[dict[str, LetsIn]]:
    """Whether a request with some headers is let in, by the small application behind each of these guards."""
    async with AsyncExitStack() as stack:

        def by_http(client: httpx.AsyncClient) -> LetsIn:
            async def lets_in(headers: dict[str, str]) -> bool:
                answer = await client.get("/links", headers=headers)
                assert answer.status_code in (200, 401), answer.text
                return answer.status_code == 200

            return lets_in

        async def by_grpc(headers: dict[str, str]) -> bool:
            answer = await calls.call(*metadata(headers))
            assert answer.code in (grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED)
            return answer.code is grpc.StatusCode.OK

        found: dict[str, LetsIn] = {}
        for name in names:
            if name == "grpc":
                calls = await stack.enter_async_context(on_a_loop(here.auth))
                found[name] = by_grpc
            else:
                found[name] = by_http(await stack.enter_async_context(client(BY_HTTP[name](here))))
        yield found


@pytest.fixture
async def ann(event: str) -> AsyncIterator[Ann]:
    names = in_turns(list(EVENTS).index(event))
    tokens = TokenPolicy(grace=0, access=3_600)
    async with world("memory", sessions=RELAXED, tokens=tokens) as here, guarded(here, names) as guards:
        auth = here.auth
        account = await auth.accounts.create(EMAIL, PASSWORD, roles=("user", "admin"))
        made = [await auth.sessions.start(await auth.accounts.sign_in(EMAIL, PASSWORD)) for _ in range(2)]
        pairs = [await auth.tokens.issue(started.session) for started in made]
        # The first refresh token of a family is spent, so that one that was spent can come again.
        spent = [pair.refresh_token for pair in pairs]
        pairs = [await auth.tokens.refresh(pair.refresh_token) for pair in pairs]
        here.clock.advance(PUBLISHED_BEFORE_USE + 1)
        assert here.store.tail is not None
        afar = Afar(Wire(here.store.tail), here.clock)
        asked = AskedAtAVerifier(here)
        gate = Gate({BEARER: TokensAtAVerifier(here), COOKIE: asked, API_KEY: asked}, afar.copy, here.clock)
        gate.open(afar.bounded)
        found = Ann(
            here,
            account.id,
            [started.session for started in made],
            [value_of(started) for started in made],
            [pair.access_token for pair in pairs],
            [pair.refresh_token for pair in pairs],
            spent[0],
            await auth.api_keys.create(await auth.subjects.before(account.id), "backup"),
            afar,
            gate,
            Front(here, application(here.auth, at="/auth", forward=POLICY), POLICY.gateway),
            guards,
        )
        yield found


async def set_key(ann: Ann, act: str) -> None:
    keys = ann.world.auth.keys
    if act == "rotate":
        await keys.rotate()
    else:
        await keys.revoke((await keys.list())[0].kid)


async def spent_again(ann: Ann) -> None:
    with pytest.raises(Replayed):
        await ann.world.auth.tokens.refresh(ann.spent)


async def restored(ann: Ann) -> None:
    ann.world.clock.advance(1)
    await ann.world.auth.restore()


async def confirmed(ann: Ann) -> None:
    proof = await ann.world.auth.accounts.sign_in(EMAIL, PASSWORD)
    await ann.world.auth.sessions.step_up(ann.sessions[0], proof)


async def rotated(ann: Ann, overlap: float) -> None:
    keys, before = ann.world.auth.api_keys, await ann.world.auth.subjects.before(ann.id)
    assert (await keys.rotate(before, ann.key.key.id, overlap=overlap)).key.scope is None


EVENTS: dict[str, Callable[[Ann], Awaitable[object]]] = {
    "signing out": lambda ann: ann.world.auth.revoke(ann.sessions[0]),
    "ending another session": lambda ann: ann.world.auth.revoke(ann.sessions[1]),
    "signing out everywhere else": lambda ann: ann.world.auth.sessions.sign_out_everywhere(
        ann.id, keep=ann.sessions[0]
    ),
    "changing the password": lambda ann: ann.world.auth.accounts.change_password(ann.sessions[0], PASSWORD, ANOTHER),
    "an operator sets the password": lambda ann: ann.world.auth.accounts.set_password(ann.id, ANOTHER),
    "disabling the account": lambda ann: ann.world.auth.subjects.change(ann.id, Subject.disabled),
    "deleting the account": lambda ann: ann.world.auth.accounts.delete(ann.id),
    "taking a role away": lambda ann: ann.world.auth.subjects.change(ann.id, lambda one: one.with_roles(["user"])),
    "confirming that it is oneself": confirmed,
    "giving an access token back": lambda ann: ann.world.auth.tokens.end_presented(ann.tokens[0]),
    "giving a refresh token back": lambda ann: ann.world.auth.tokens.end_presented(ann.refresh[0]),
    "a refresh token that was spent comes again": spent_again,
    "revoking the signing key": lambda ann: set_key(ann, "revoke"),
    "rotating the signing key": lambda ann: set_key(ann, "rotate"),
    "restoring a backup": restored,
    "revoking the API key": lambda ann: ann.world.auth.revoke(ann.key.key),
    "rotating the API key, with no overlap": lambda ann: rotated(ann, 0.0),
    "rotating the API key, with an overlap": lambda ann: rotated(ann, SHORTEST_OVERLAP),
}


def test_every_event_and_every_credential_has_its_cell() -> None:
    assert MATRIX["events"].keys() == EVENTS.keys()
    assert all(cells.keys() == MATRIX["credentials"].keys() for cells in MATRIX["events"].values())
    assert MATRIX["guards"].keys() == BY_HTTP.keys() | {"grpc"}
    assert {name for number in range(len(EVENTS)) for name in in_turns(number)} == MATRIX["guards"].keys()
    assert {scope for scopes in SCOPES.values() for scope in scopes.split()} == ALLOWED


@pytest.mark.parametrize("event", EVENTS)
async def test_an_event_does_to_each_credential_what_the_matrix_says(ann: Ann, event: str) -> None:
    for credential in ("cookie", "other_cookie", "token", "other_token", "api_key"):
        ann.afar.follower.step()
        assert await ann.found(credential) == "stays"
    await EVENTS[event](ann)
    ann.afar.follower.step()
    # The API key comes last: to see whether it comes back, the account is changed.
    assert list(MATRIX["credentials"])[-1] == "api_key"
    measured = {credential: await ann.found(credential) for credential in MATRIX["credentials"]}
    assert measured == MATRIX["events"][event]
