"""A change of password, a reset or a disabled account leaves a session or a refresh token alive (SES-05).

Who took over an account keeps it when the password change that was to throw him out ends only what the
browser shows: the refresh token of the stolen phone, the access token in a cache, or the session of a second
process that has seen it before. So every event is measured on every credential, of the session that caused it
and of another one, in a process that knows them well and in one that has never seen them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from admit.authority import Authority
from admit.core.request import Request
from admit.errors import Denied
from admit.sessions import Session, Started
from admit.subjects import Subject
from worlds import WHOLE, World, authority, with_cookie, with_token, world

EMAIL, PASSWORD, ANOTHER = "ann@example.com", "a password of some length", "another one, not shorter"


@dataclass
class SignIn:
    """One sign-in with each way of presenting it."""

    session: Session
    cookie: Request
    access: Request
    refresh: str

    async def alive(self, auth: Authority) -> dict[str, bool]:
        """Which of them still open a door."""
        found: dict[str, bool] = {}
        tries: dict[str, Callable[[], Awaitable[object]]] = {
            "cookie": lambda: auth.admit(self.cookie),
            "access": lambda: auth.admit(self.access),
            "refresh": lambda: auth.tokens.refresh(self.refresh),
        }
        for name, attempt in tries.items():
            try:
                await attempt()
            except Denied:
                found[name] = False
            else:
                found[name] = True
        return found


@dataclass
class Story:
    """Ann is signed in twice; something happens in the first of the two."""

    world: World
    id: str
    own: SignIn
    other: SignIn
    handed_back: Started | None = None


@pytest.fixture(params=WHOLE)
async def story(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Story]:
    async with world(request.param, tmp_path) as here:
        account = await here.auth.accounts.create(EMAIL, PASSWORD, roles=["user"])
        own, other = [await sign_in(here) for _ in range(2)]
        yield Story(here, account.id, own, other)


async def sign_in(here: World) -> SignIn:
    started = await here.auth.sessions.start(await here.auth.accounts.sign_in(EMAIL, PASSWORD))
    pair = await here.auth.tokens.issue(started.session)
    return SignIn(started.session, with_cookie(started), with_token(pair.access_token), pair.refresh_token)


async def revoke_one(story: Story) -> None:
    await story.world.auth.revoke(story.own.session)


async def sign_out_everywhere(story: Story) -> None:
    await story.world.auth.sessions.sign_out_everywhere(story.id)


async def sign_out_everywhere_else(story: Story) -> None:
    story.handed_back = await story.world.auth.sessions.sign_out_everywhere(story.id, keep=story.own.session)


async def change_password(story: Story) -> None:
    story.handed_back = await story.world.auth.accounts.change_password(story.own.session, PASSWORD, ANOTHER)


async def reset_password(story: Story) -> None:
    await story.world.auth.accounts.set_password(story.id, ANOTHER)


async def disable(story: Story) -> None:
    await story.world.auth.subjects.change(story.id, Subject.disabled)


async def disable_and_enable(story: Story) -> None:
    await disable(story)
    await story.world.auth.subjects.change(story.id, Subject.enabled)


async def change_roles(story: Story) -> None:
    await story.world.auth.subjects.change(story.id, lambda subject: subject.with_roles(["admin"]))


async def end_everything(story: Story) -> None:
    await story.world.auth.restore()


ALL, NONE = {"cookie", "access", "refresh"}, set[str]()
ROLES = {"cookie", "refresh"}

EFFECTS = [
    (revoke_one, NONE, ALL),
    (sign_out_everywhere, NONE, NONE),
    (sign_out_everywhere_else, NONE, NONE),
    (change_password, NONE, NONE),
    (reset_password, NONE, NONE),
    (disable, NONE, NONE),
    (disable_and_enable, NONE, NONE),
    (change_roles, ROLES, ROLES),
    (end_everything, NONE, NONE),
]


@pytest.mark.parametrize("known", ["seen before", "never seen"])
@pytest.mark.parametrize("here", ["in the process that did it", "in another process"])
@pytest.mark.parametrize("event, own, other", EFFECTS, ids=[event.__name__ for event, *_ in EFFECTS])
async def test_an_event_ends_what_it_should_and_nothing_else(
    story: Story, event: Callable[[Story], Awaitable[None]], own: set[str], other: set[str], here: str, known: str
) -> None:
    async with authority(story.world.store.inner, story.world.clock) as another:
        auth = another if here == "in another process" else story.world.auth
        if known == "seen before":
            for request in (story.own.cookie, story.own.access, story.other.cookie, story.other.access):
                await auth.admit(request)
        await event(story)
        for signed_in, stays in ((story.own, own), (story.other, other)):
            assert await signed_in.alive(auth) == {name: name in stays for name in ALL}
        if story.handed_back is not None:
            who = await auth.admit(with_cookie(story.handed_back))
            assert who.session == story.own.session.id


async def test_what_stays_has_the_new_roles_at_once(story: Story) -> None:
    assert (await story.world.auth.admit(story.own.cookie)).roles == {"user"}
    await change_roles(story)
    who = await story.world.auth.admit(story.own.cookie)
    assert (sorted(who.roles), sorted(who.scope)) == (["admin"], ["links:read", "users:write"])
    pair = await story.world.auth.tokens.refresh(story.own.refresh)
    who = await story.world.auth.admit(with_token(pair.access_token))
    assert (sorted(who.roles), sorted(who.scope)) == (["admin"], ["links:read", "users:write"])


async def test_a_new_sign_in_works_after_every_event_but_disabling(story: Story) -> None:
    for event in (revoke_one, sign_out_everywhere, change_roles, disable_and_enable, end_everything):
        await event(story)
        assert all((await (await sign_in(story.world)).alive(story.world.auth)).values())


async def test_a_refresh_that_races_sign_out_everywhere_leaves_nothing_alive(story: Story) -> None:
    here = story.world
    for moment, verb in ((here.store.before, "commit"), (here.store.after, "get"), (here.store.after, "commit")):
        signed_in = await sign_in(here)
        issued: list[str] = []
        with here.store.once(moment, verb, lambda: here.auth.sessions.sign_out_everywhere(story.id)):
            try:
                pair = await here.auth.tokens.refresh(signed_in.refresh)
            except Denied:
                pair = None
        if pair is not None:
            issued = [pair.access_token]
            assert not await here.refreshes(pair.refresh_token)
        assert not any([await here.works(with_token(token)) for token in issued])
        assert await signed_in.alive(here.auth) == dict.fromkeys(ALL, False)


async def test_a_sign_in_that_races_the_change_of_the_password_leaves_nothing_alive(story: Story) -> None:
    here = story.world

    async def change() -> None:
        await here.auth.accounts.set_password(story.id, ANOTHER)

    with here.store.once(here.store.before, "commit", change):
        started = await here.auth.sessions.start(await here.auth.accounts.sign_in(EMAIL, PASSWORD))
    assert not await here.works(with_cookie(started))
    with pytest.raises(Denied):
        await here.auth.tokens.issue(started.session)
    assert await here.auth.sessions.of(story.id) == []
