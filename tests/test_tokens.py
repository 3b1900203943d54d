"""Tokens: issued once per session, verified locally, refreshed along one line, ended with their session."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.core import jwt
from admit.core.jwk import VerifyingKey
from admit.core.principal import FIRST_PARTY
from admit.core.store import Delete, Replace
from admit.errors import (
    BadCredential,
    BadInput,
    ConfigError,
    Conflict,
    Expired,
    LookUpNeeded,
    NotForUs,
    Replayed,
    Revoked,
    StoreUnavailable,
)
from admit.subjects import Event, Subject
from admit.tokens import TokenPolicy
from worlds import ISSUER, KINDS, SECRET, SHORT, World, authority, made, with_token, world

API = "https://api.example.com"
GRACE = 10.0


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path, sessions=SHORT) as found:
        await found.auth.subjects.change("ann", with_roles)
        yield found


def with_roles(subject: Subject) -> Subject:
    return subject.with_roles(["user"])


def claims_of(here: World, token: str) -> jwt.AccessToken:
    """What a token says, by the public keys alone."""
    keys: dict[str, VerifyingKey] = dict(here.auth.keys.verifying(here.clock.now()))
    return jwt.verify(token, keys, jwt.Rules(issuer=ISSUER, audience=ISSUER), here.clock.now())


async def test_a_pair_presents_the_session_and_says_how_long(here: World) -> None:
    started = await here.sign_in(cookie=False)
    pair = await here.auth.tokens.issue(started.session)
    assert pair.expires_in == 600
    assert pair.scope == "links:read links:write"
    who = await here.by_token(pair.access_token)
    assert (who.subject, who.credential, who.session, who.client) == ("ann", "token", started.session.id, FIRST_PARTY)
    assert who.scope == {"links:read", "links:write"}
    assert (who.roles, who.methods) == (frozenset({"user"}), ("pwd",))
    assert who.expires_at == int(here.clock.now() + 600)
    assert who.authenticated_at == int(here.clock.now())


async def test_an_access_token_is_over_at_its_time_and_its_leeway(here: World) -> None:
    pair = await here.auth.tokens.issue((await here.sign_in()).session)
    here.clock.advance(600 + 3)
    await here.by_token(pair.access_token)
    here.clock.advance(3)
    with pytest.raises(Expired):
        await here.by_token(pair.access_token)


async def test_no_access_token_outlives_its_session(here: World) -> None:
    started = await here.sign_in()
    pair = await here.auth.tokens.issue(started.session)
    for _ in range(6):
        here.clock.advance(19.5 * 60)
        pair = await here.auth.tokens.refresh(pair.refresh_token)
    left = started.session.ends_at - here.clock.now()
    assert claims_of(here, pair.access_token).exp == int(started.session.ends_at)
    assert pair.expires_in == pytest.approx(left, abs=1)
    here.clock.advance(left - 0.0001)
    for ask in (here.auth.tokens.refresh(pair.refresh_token), here.auth.tokens.access(started.session)):
        with pytest.raises(Expired):
            await ask


async def test_a_session_has_one_family_of_tokens(here: World) -> None:
    started = await here.sign_in()
    pair = await here.auth.tokens.issue(started.session)
    with pytest.raises(Conflict, match="family"):
        await here.auth.tokens.issue(started.session)
    assert await here.refreshes(pair.refresh_token)


async def test_of_many_who_begin_a_family_one_does(here: World) -> None:
    here.store.interleave()
    started = await here.sign_in()
    answers = await asyncio.gather(*(here.auth.tokens.issue(started.session) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, Conflict) for answer in answers) == 4


async def test_mere_activity_is_no_reason_to_refuse_a_family(here: World) -> None:
    started = await here.sign_in()
    here.clock.advance(SHORT.idle / 2)
    with here.store.once(here.store.before, "commit", lambda: here.by_cookie(started)):
        pair = await here.auth.tokens.issue(started.session)
    assert await here.refreshes(pair.refresh_token)


async def test_a_scope_is_narrowed_for_good_and_never_widened(here: World) -> None:
    started = await here.sign_in()
    with pytest.raises(BadInput):
        await here.auth.tokens.issue(started.session, scope="links:read users:write")
    pair = await here.auth.tokens.issue(started.session, scope="links:read")
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["user", "admin"]))
    pair = await here.auth.tokens.refresh(pair.refresh_token)
    assert pair.scope == claims_of(here, pair.access_token).scope == "links:read"
    with pytest.raises(BadInput):
        await here.auth.tokens.access(started.session, scope="links:write")
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles([]))
    here.clock.advance(GRACE)
    pair = await here.auth.tokens.refresh(pair.refresh_token)
    assert pair.scope == ""
    assert (await here.by_token(pair.access_token)).scope == frozenset()


async def test_a_token_whose_roles_allow_more_than_anybody_may_ask_for_is_still_verified(tmp_path: Path) -> None:
    scopes = {role: " ".join(f"{role}:{number}" for number in range(300)) for role in ("a", "b")}
    async with world("memory", scopes=scopes) as here:
        await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["a", "b"]))
        pair = await here.auth.tokens.issue((await here.sign_in()).session)
        assert len((await here.by_token(pair.access_token)).scope) == 600


async def test_an_access_token_alone_is_for_its_audience(here: World) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session, audience=API, scope="links:read")
    with pytest.raises(NotForUs):
        await here.by_token(token)
    assert await here.works(with_token(await here.auth.tokens.access(started.session)))


async def test_within_the_grace_two_tabs_and_lost_answers_get_the_same_successor(here: World) -> None:
    first = await here.auth.tokens.issue((await here.sign_in()).session)
    second = await here.auth.tokens.refresh(first.refresh_token)
    here.clock.advance(GRACE - 0.1)
    for text in (first.refresh_token, second.refresh_token, first.refresh_token):
        pair = await here.auth.tokens.refresh(text)
        assert pair.refresh_token == second.refresh_token
        assert await here.works(with_token(pair.access_token))
    assert len({first.access_token, second.access_token, pair.access_token}) == 3


async def test_after_the_grace_the_current_token_rotates(here: World) -> None:
    pair = await here.auth.tokens.issue((await here.sign_in()).session)
    texts = {pair.refresh_token}
    for _ in range(5):
        pair = await here.auth.tokens.refresh(pair.refresh_token)
        texts.add(pair.refresh_token)
        here.clock.advance(GRACE)
    assert len(texts) == 6


async def test_a_rotation_whose_answer_was_lost_is_repeated(here: World) -> None:
    pair = await here.auth.tokens.issue((await here.sign_in()).session)

    async def nobody_hears_of_it() -> None:
        raise StoreUnavailable

    with here.store.once(here.store.after, "commit", nobody_hears_of_it), pytest.raises(StoreUnavailable):
        await here.auth.tokens.refresh(pair.refresh_token)
    renewed = await here.auth.tokens.refresh(pair.refresh_token)
    assert renewed.refresh_token != pair.refresh_token
    assert (await here.auth.tokens.refresh(renewed.refresh_token)).refresh_token == renewed.refresh_token


async def test_the_first_use_of_an_authority_may_be_a_refresh(tmp_path: Path) -> None:
    async with world("sqlite", tmp_path, secret=None) as here:
        pair = await here.auth.tokens.issue((await here.sign_in()).session)
        restarted = authority(made("sqlite", tmp_path), here.clock, secret=None)
        try:
            assert (await restarted.tokens.refresh(pair.refresh_token)).access_token
        finally:
            await restarted.close()


async def test_garbage_costs_no_read(here: World) -> None:
    pair = await here.auth.tokens.issue((await here.sign_in()).session)
    good = pair.refresh_token
    here.store.asked.clear()
    for text in (
        "",
        "x",
        good[:-1],
        good[:-1] + "é",
        good.replace("adm_r_", "adm_x_"),
        good[:-11] + "A" * 11,
        "\ud800",
    ):
        with pytest.raises(BadCredential):
            await here.auth.tokens.refresh(text)
    assert not here.store.asked


async def test_a_family_outlives_a_new_master_secret_until_the_old_one_is_taken_out(here: World) -> None:
    pair = await here.auth.tokens.issue((await here.sign_in()).session)
    both = authority(here.store, here.clock, secret=[b"n" * 32, SECRET])
    renewed = await both.tokens.refresh(pair.refresh_token)
    here.clock.advance(GRACE)
    assert (await both.tokens.refresh(renewed.refresh_token)).refresh_token != renewed.refresh_token
    both.tokens._master.unlock([b"n" * 32])
    with pytest.raises(BadCredential):
        await both.tokens.refresh(renewed.refresh_token)


async def test_what_a_lost_tail_took_along_is_refused_and_ends_nothing(here: World) -> None:
    started = await here.sign_in()
    key = here.auth.sessions.key(started.session.id)
    [before] = await here.store.get(key)
    pair = await here.auth.tokens.issue(started.session)
    [begun] = await here.store.get(key)
    ahead = await here.auth.tokens.refresh(pair.refresh_token)
    for lost in (begun, before):
        [now] = await here.store.get(key)
        assert now is not None
        assert lost is not None
        version = here.auth.subjects._ledger.version()
        await here.store.commit(Replace(dataclasses.replace(lost, version=version), now.version))
        with pytest.raises(BadCredential):
            await here.auth.tokens.refresh(ahead.refresh_token)
        assert await here.auth.sessions.get(started.session.id) is not None


@pytest.mark.parametrize("event", [Subject.signed_out, Subject.proof_changed, Subject.proof_reset, Subject.disabled])
async def test_nothing_is_issued_for_a_session_that_is_over(here: World, event: Event) -> None:
    started = await here.sign_in()
    pair = await here.auth.tokens.issue(started.session)
    another = await here.sign_in()
    await here.auth.subjects.change("ann", event)
    for ask in (
        here.auth.tokens.refresh(pair.refresh_token),
        here.auth.tokens.access(started.session),
        here.auth.tokens.issue(another.session),
    ):
        with pytest.raises(Revoked):
            await ask
    await here.auth.sessions.revoke(started.session)
    with pytest.raises(Revoked):
        await here.auth.tokens.refresh(pair.refresh_token)


async def test_what_is_given_back_ends_its_session_though_its_record_is_gone(here: World) -> None:
    started = await here.sign_in(cookie=False)
    pair = await here.auth.tokens.issue(started.session)
    await here.store.commit(Delete("session", started.session.id))
    assert (await here.by_token(pair.access_token)).subject == "ann"
    await here.auth.tokens.end(pair.refresh_token)
    with pytest.raises(Revoked):
        await here.by_token(pair.access_token)


async def test_one_access_token_is_ended_and_its_session_lives_on(here: World) -> None:
    pair = await here.auth.tokens.issue((await here.sign_in()).session)
    who = await here.by_token(pair.access_token)
    await here.auth.tokens.revoke(who)
    with pytest.raises(Revoked):
        await here.by_token(pair.access_token)
    renewed = await here.auth.tokens.refresh(pair.refresh_token)
    assert (await here.by_token(renewed.access_token)).session == who.session
    with pytest.raises(BadInput):
        await here.auth.tokens.revoke(await here.by_cookie(await here.sign_in()))


async def test_a_token_signed_before_a_rotation_of_keys_verifies_after_it(here: World) -> None:
    started = await here.sign_in()
    before = await here.auth.tokens.access(started.session)
    here.clock.advance(10 * 60 - 1)
    with pytest.raises(BadInput):
        await here.auth.keys.rotate()
    here.clock.advance(1)
    await here.auth.keys.rotate()
    after = await here.auth.tokens.access(started.session)
    assert before.split(".")[0] != after.split(".")[0]
    assert await here.works(with_token(before))
    assert await here.works(with_token(after))


async def test_a_key_made_by_another_process_is_read_when_a_token_names_it(here: World) -> None:
    started = await here.sign_in()
    async with authority(here.store.inner, here.clock) as another:
        for _ in range(2):  # next signs first, then a key that this process has never read
            here.clock.advance(10 * 60)
            await another.keys.rotate()
        token = await another.tokens.access(started.session)
        with pytest.raises(LookUpNeeded):
            here.auth.verify(token)
        assert (await here.by_token(token)).subject == "ann"
        assert here.auth.verify(token).subject == "ann"


async def test_what_a_compromised_key_signed_is_refused_at_once(here: World) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    kid = (await here.by_token(token)).marks[4]
    await here.auth.keys.revoke(kid)
    with pytest.raises(BadCredential):
        await here.by_token(token)
    assert await here.works(with_token(await here.auth.tokens.access(started.session)))


@pytest.mark.parametrize(
    "policy, faults",
    [
        ({"access": 0.5, "grace": -1, "leeway": 61}, 3),
        ({"access": 3_601}, 1),
        ({"access": float("nan"), "grace": float("nan"), "leeway": float("nan")}, 3),
        ({"grace": 61, "leeway": -1}, 2),
        ({"algorithm": "none", "access": 0}, 2),
    ],
)
def test_every_setting_beyond_the_ceilings_is_reported_at_once(policy: dict[str, float | str], faults: int) -> None:
    with pytest.raises(ConfigError) as wrong:
        TokenPolicy(**policy)  # type: ignore[arg-type]
    assert len(wrong.value.faults) == faults


async def test_the_longest_life_allowed_is_verified(tmp_path: Path) -> None:
    async with world("memory", tokens=TokenPolicy(access=3_600, leeway=60, grace=0)) as here:
        pair = await here.auth.tokens.issue((await here.sign_in()).session)
        assert pair.expires_in == 3_600
        assert await here.works(with_token(pair.access_token))
        assert await here.refreshes(pair.refresh_token)
        with pytest.raises(Replayed):
            await here.auth.tokens.refresh(pair.refresh_token)


async def test_no_process_signs_with_a_key_that_another_has_revoked(here: World) -> None:
    async with authority(here.store.inner, here.clock) as other:
        started = await here.sign_in()
        token = await other.tokens.access(started.session)  # the other has read the keyring a moment ago
        await here.auth.keys.revoke((await here.auth.keys.signing()).kid)
        assert not await here.works(with_token(token))
        assert await here.works(with_token(await other.tokens.access(started.session)))


async def test_who_knows_that_keys_were_revoked_knows_what_signs_in_their_place(here: World) -> None:
    async with authority(here.store.inner, here.clock) as other:  # which has read the keyring a moment ago
        started = await here.sign_in()
        token = await other.tokens.access(started.session)
        for _ in range(2):
            await here.auth.keys.revoke((await here.auth.keys.signing()).kid)
        with pytest.raises(Revoked):
            await other.admit(with_token(token))
        fresh = await here.auth.tokens.access(started.session)
        assert (await other.admit(with_token(fresh))).subject == "ann"
