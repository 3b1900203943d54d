"""API keys: made, found, used, rotated, suspended and ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.api_keys import MAX_KEYS, SHORTEST_OVERLAP, USUAL_LIFE, Created
from admit.core.api_key import parse_api_key, write_api_key
from admit.core.ids import home_of
from admit.core.log import Ended, decode
from admit.core.presented import API_KEY, BEARER, COOKIE
from admit.core.principal import Ends
from admit.core.request import Request
from admit.core.requirement import Requirement
from admit.core.store import REVOCATIONS
from admit.core.throttle import Limit
from admit.core.verdict import MAX_LOOK_UP_USE
from admit.errors import BadCredential, BadInput, Denied, LookUpNeeded, NotEnough, Revoked, StepUp, TooMany
from admit.subjects import Before, Subject
from worlds import KINDS, ORIGIN, World, with_token, world

DAY = 86_400.0


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        await found.auth.subjects.change("ann", lambda subject: subject.with_roles(["user"]))
        yield found


async def ann(here: World) -> Before:
    return await here.auth.subjects.before("ann")


async def made(here: World, **asked: object) -> Created:
    return await here.auth.api_keys.create(await ann(here), "backup", **asked)  # type: ignore[arg-type]


def showing(text: str, peer: str | None = None) -> Request:
    return Request("GET", f"{ORIGIN}/", ((b"x-api-key", text.encode()),), peer)


async def test_a_key_speaks_for_its_owner_in_either_header(here: World) -> None:
    key = await made(here)
    who = await here.auth.admit(showing(key.text))
    assert who is await here.auth.admit(with_token(key.text))
    assert (who.subject, who.credential, who.session) == ("ann", "api_key", None)
    assert who.scope == {"links:read", "links:write"}
    assert who.roles == {"user"}
    assert (who.methods, who.authenticated_at) == ((), 0.0)
    assert who.expires_at == here.clock.now() + USUAL_LIFE
    assert who.marks == ("", "", "", key.key.id, "")
    assert key.key.id[0] == home_of("ann")


async def test_a_key_seen_before_asks_the_store_nothing(here: World) -> None:
    key = await made(here)
    who = await here.auth.admit(showing(key.text))
    here.store.asked.clear()
    for _ in range(10):
        assert await here.auth.admit(showing(key.text)) is who
        assert here.auth.verify(key.text, API_KEY) is who
        assert here.auth.seen(key.text, API_KEY) is who
    assert not here.store.asked


async def test_its_secret_is_kept_by_nobody_and_a_guess_is_refused(here: World) -> None:
    key = await made(here)
    [record] = await here.store.get(here.auth.api_keys.key(key.key.id))
    assert record is not None
    assert key.text.split(".")[1].encode() not in record.body
    other = await made(here)
    mixed = write_api_key(key.key.id, parse_api_key(other.text)[1])
    with pytest.raises(BadCredential):
        await here.auth.admit(showing(mixed))


async def test_a_key_is_taken_at_no_door_but_its_own(here: World) -> None:
    key = await made(here)
    assert await here.works(showing(key.text))
    for accept in ([BEARER], [COOKIE], [BEARER, COOKIE]):
        with pytest.raises(Denied):
            await here.auth.admit(with_token(key.text), accept=accept)
    assert not await here.works(Request("GET", ORIGIN, ((b"cookie", f"__Host-admit={key.text}".encode()),)))
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    assert not await here.works(showing(token))


async def test_a_key_for_a_part_has_no_role_and_shrinks_with_its_owner(here: World) -> None:
    key = await made(here, scope="links:write")
    whole = await made(here)
    who = await here.auth.admit(showing(key.text))
    assert who.scope == {"links:write"}
    assert not who.roles
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["admin"]))
    assert (await here.auth.admit(showing(key.text))).scope == frozenset()
    assert (await here.auth.admit(showing(whole.text))).scope == {"links:read", "users:write"}
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["user"]))
    assert (await here.auth.admit(showing(key.text))).scope == {"links:write"}


@pytest.mark.parametrize(
    "asked, code",
    [
        ({"scope": "users:write"}, "invalid_scope"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"life": 59.0}, "bad_life"),
        ({"life": float("inf")}, "bad_life"),
        ({"life": float("nan")}, "bad_life"),
        ({"networks": ["10.0.0.1/8"]}, "bad_network"),
        ({"networks": ["localhost"]}, "bad_network"),
        ({"networks": ["10.0.0.0/8"] * 33}, "bad_network"),
        ({"limit": Limit(0, 60)}, "bad_limit"),
        ({"limit": Limit(1, 0)}, "bad_limit"),
    ],
)
async def test_what_no_key_may_be_is_refused(here: World, asked: dict[str, object], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        await made(here, **asked)
    assert (refused.value.code, refused.value.field) == (
        code,
        "scope" if code == "invalid_scope" else next(iter(asked)),
    )
    assert await here.auth.api_keys.of("ann") == []


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines", "\x1b[31m"])
async def test_a_name_is_short_and_printable(here: World, name: str) -> None:
    with pytest.raises(BadInput, match="bad_name"):
        await here.auth.api_keys.create(await ann(here), name)


async def test_a_revoked_key_ends_at_once_and_is_told(here: World) -> None:
    key, other = await made(here), await made(here)
    assert await here.works(showing(key.text))
    await here.auth.api_keys.revoke(key.key)
    assert not await here.works(showing(key.text))
    assert await here.works(showing(other.text))
    assert await here.auth.api_keys.get(key.key.id) is None
    page = await here.store.inner.log(REVOCATIONS, None)
    assert Ended(Ends.API_KEY, key.key.id) in [decode(line) for line in page.entries]


async def test_a_key_expires(here: World) -> None:
    key = await made(here, life=600.0)
    here.clock.advance(599)
    assert await here.works(showing(key.text))
    here.clock.advance(1)
    assert not await here.works(showing(key.text))
    assert await here.auth.api_keys.of("ann") == []


async def test_rotated_with_an_overlap_both_work_until_it_is_over(here: World) -> None:
    key = await made(here, scope="links:read", networks=["192.0.2.0/24"], limit=Limit(100, 60.0))
    assert (await here.auth.admit(showing(key.text, "192.0.2.1"))).subject == "ann"
    new = await here.auth.api_keys.rotate(await ann(here), key.key.id, overlap=SHORTEST_OVERLAP)
    same = ("owner", "name", "scope", "networks", "limit")
    assert [getattr(new.key, name) for name in same] == [getattr(key.key, name) for name in same]
    assert new.key.expires_at - here.clock.now() == USUAL_LIFE
    here.clock.advance(SHORTEST_OVERLAP - 1)
    assert await here.works(showing(key.text, "192.0.2.1"))
    assert await here.works(showing(new.text, "192.0.2.1"))
    here.clock.advance(1)
    assert not await here.works(showing(key.text, "192.0.2.1"))
    assert await here.works(showing(new.text, "192.0.2.1"))


async def test_rotated_without_an_overlap_the_old_one_ends_at_once(here: World) -> None:
    key = await made(here)
    assert await here.works(showing(key.text))
    new = await here.auth.api_keys.rotate(await ann(here), key.key.id)
    assert not await here.works(showing(key.text))
    assert await here.works(showing(new.text))
    with pytest.raises(BadInput, match="no_api_key"):
        await here.auth.api_keys.rotate(await ann(here), key.key.id)


@pytest.mark.parametrize("overlap", [1.0, SHORTEST_OVERLAP - 1, 31 * DAY, -1.0, float("nan")])
async def test_an_overlap_is_none_or_as_long_as_a_verifier_goes_by_what_it_was_told(
    here: World, overlap: float
) -> None:
    key = await made(here)
    with pytest.raises(BadInput, match="bad_overlap"):
        await here.auth.api_keys.rotate(await ann(here), key.key.id, overlap=overlap)


async def test_the_last_use_is_known_to_five_minutes_and_seldom_written(here: World) -> None:
    key = await made(here)
    assert key.key.used_at == 0.0
    here.store.asked.clear()
    for _ in range(40):
        assert await here.works(showing(key.text))
        kept = await here.auth.api_keys.get(key.key.id)
        assert kept is not None
        assert 0 <= here.clock.now() - kept.used_at < MAX_LOOK_UP_USE
        here.clock.advance(20)
    assert here.store.asked["commit"] == 3


async def test_noting_a_use_brings_no_key_back_that_ends_meanwhile(here: World) -> None:
    key = await made(here)
    with here.store.once(here.store.before, "commit", lambda: here.auth.api_keys.revoke(key.key)):
        assert not await here.works(showing(key.text))
    assert await here.auth.api_keys.get(key.key.id) is None


async def test_a_disabled_owner_suspends_and_an_enabled_one_brings_back(here: World) -> None:
    key = await made(here)
    assert await here.works(showing(key.text))
    await here.auth.subjects.change("ann", Subject.disabled)
    assert not await here.works(showing(key.text))
    await here.auth.subjects.change("ann", Subject.enabled)
    here.clock.advance(5)
    assert await here.works(showing(key.text))


@pytest.mark.parametrize("event", [Subject.signed_out, Subject.proof_changed])
async def test_what_ends_sessions_alone_leaves_keys(here: World, event: object) -> None:
    key = await made(here)
    await here.auth.subjects.change("ann", event)  # type: ignore[arg-type]
    assert await here.works(showing(key.text))


async def test_a_reset_ends_keys_for_good(here: World) -> None:
    key, before = await made(here), await ann(here)
    assert await here.works(showing(key.text))
    await here.auth.subjects.change("ann", Subject.proof_reset)
    assert not await here.works(showing(key.text))
    assert await here.auth.api_keys.of("ann") == []
    # Whoever was let in before it makes none after it.
    with pytest.raises(Revoked):
        await here.auth.api_keys.create(before, "late")


async def test_a_reset_that_overtakes_the_making_of_a_key_ends_it(here: World) -> None:
    async def reset() -> None:
        await here.auth.subjects.change("ann", Subject.proof_reset)

    with here.store.once(here.store.before, "commit", reset):
        key = await made(here)
    assert not await here.works(showing(key.text))


async def test_a_restore_suspends_until_the_owner_confirms(here: World) -> None:
    key, ended = await made(here), await here.auth.api_keys.create(await here.auth.subjects.before("bob"), "ended")
    await here.auth.subjects.change("bob", Subject.proof_reset)
    assert await here.works(showing(key.text))
    here.clock.advance(1)
    await here.auth.restore()
    assert not await here.works(showing(key.text))
    [kept] = await here.auth.api_keys.of("ann")
    assert here.auth.api_keys.is_suspended(kept)
    with pytest.raises(BadInput, match="no_api_key"):
        await here.auth.api_keys.rotate(await ann(here), key.key.id)
    # Whatever happens to the subject meanwhile, what was over before the restore stays over.
    await here.auth.subjects.change("bob", Subject.signed_out)
    with pytest.raises(BadInput, match="no_api_key"):
        await here.auth.api_keys.confirm(await here.auth.subjects.before("bob"), ended.key.id)
    await here.auth.subjects.change("ann", Subject.signed_out)
    await here.auth.api_keys.confirm(await ann(here), key.key.id)
    here.clock.advance(5)
    assert await here.works(showing(key.text))


async def test_a_key_belongs_to_its_owner_alone(here: World) -> None:
    key, bob = await made(here), await here.auth.subjects.before("bob")
    for act in (here.auth.api_keys.rotate, here.auth.api_keys.confirm):
        for id in (key.key.id, "", "x", "0" * 22):
            with pytest.raises(BadInput, match="no_api_key"):
                await act(bob, id)
    assert await here.auth.api_keys.of("bob") == []
    assert await here.works(showing(key.text))


async def test_there_is_an_end_to_how_many_one_has(here: World) -> None:
    for _ in range(MAX_KEYS - 1):
        await made(here)
    here.clock.advance(0.01)
    last = await made(here)
    with pytest.raises(BadInput, match="too_many_keys"):
        await made(here)
    assert (await here.auth.api_keys.of("ann"))[0].id == last.key.id
    await here.auth.api_keys.revoke(last.key)
    assert (await made(here)).key.owner == "ann"


async def test_it_is_used_from_its_networks_only(here: World) -> None:
    key = await made(here, networks=["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"])
    for peer, works in [
        ("192.0.2.9", True), ("::ffff:192.0.2.9", True), ("2001:db8::1", True), ("198.51.100.7", True),
        ("198.51.100.8", False), ("2001:db9::1", False), (None, False), ("testclient", False),
    ]:  # fmt: skip
        assert await here.works(showing(key.text, peer)) is works, peer
    for ask in (here.auth.verify, lambda text, door: here.auth.seen(text, door) or here.auth.verify(text, door)):
        with pytest.raises(LookUpNeeded):
            ask(key.text, API_KEY)
    here.clock.advance(MAX_LOOK_UP_USE)
    with pytest.raises(LookUpNeeded):
        here.auth.verify(key.text, API_KEY)


async def test_it_is_used_as_often_as_its_limit_says_and_then_waits(here: World) -> None:
    here.clock.advance(60 - here.clock.now() % 60)
    key = await made(here, limit=Limit(200, 60.0))
    answers = [await here.works(showing(key.text)) for _ in range(250)]
    assert answers == [True] * 200 + [False] * 50
    # In parts of a fiftieth, and once it is spent nobody is asked.
    assert here.store.asked["count"] == 50
    here.clock.advance(20)
    with pytest.raises(TooMany) as refused:
        await here.auth.admit(showing(key.text))
    assert refused.value.quota == (200, 60.0)
    assert refused.value.retry_after == pytest.approx(40.0)
    here.clock.advance(40)
    assert await here.works(showing(key.text))


@pytest.mark.parametrize("back", [1, 60, 3_600])
async def test_a_clock_that_is_set_back_keeps_nobody_waiting_for_ever_and_gives_nothing_twice(
    here: World, back: int
) -> None:
    async def bounded() -> None:
        assert here.store.asked["count"] < 20, "claims without end"

    here.clock.advance(60 - here.clock.now() % 60)
    key = await made(here, life=DAY, limit=Limit(3, 60.0))
    here.store.before["count"] = bounded
    assert await here.works(showing(key.text))
    here.clock.step_wall(-back)
    assert [await here.works(showing(key.text)) for _ in range(4)].count(True) == (2 if back <= 60 else 3)
    here.clock.advance(60 + back)
    assert await here.works(showing(key.text))


async def test_many_at_once_are_let_through_as_often_as_one_after_the_other(here: World) -> None:
    key = await made(here, limit=Limit(100, DAY))
    here.store.interleave()
    await here.works(showing(key.text))
    answers = await asyncio.gather(*(here.works(showing(key.text)) for _ in range(150)))
    assert answers.count(True) == 99


async def test_who_comes_from_elsewhere_uses_nothing_up(here: World) -> None:
    key = await made(here, limit=Limit(1, DAY), networks=["192.0.2.0/24"])
    assert not any([await here.works(showing(key.text, "203.0.113.1")) for _ in range(5)])
    assert await here.works(showing(key.text, "192.0.2.1"))
    assert not await here.works(showing(key.text, "192.0.2.1"))


async def test_what_waits_for_the_end_hears_of_it(here: World) -> None:
    key = await made(here)
    who = await here.auth.admit(showing(key.text))
    waiting = asyncio.create_task(who.over())
    await asyncio.sleep(0)
    await here.auth.api_keys.revoke(key.key)
    await asyncio.wait_for(waiting, 30)


async def test_a_key_is_revoked_like_a_session_by_what_it_was_let_in_with(here: World) -> None:
    for by_principal in (True, False):
        key = await made(here)
        who = await here.auth.admit(showing(key.text))
        receipt = await here.auth.revoke(who if by_principal else key.key)
        assert receipt.effective_by >= here.clock.now()
        assert not await here.works(showing(key.text))


async def test_nobody_signed_in_by_a_key_however_young_it_is(here: World) -> None:
    who = await here.auth.admit(showing((await made(here)).text))
    with pytest.raises(NotEnough) as refused:
        Requirement.of(within=3_600).judge(who, here.clock.now())
    assert not isinstance(refused.value, StepUp)
    with pytest.raises(NotEnough):
        await here.auth.sessions.refuse_narrowed(who)
