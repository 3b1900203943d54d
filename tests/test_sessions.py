"""Sessions: started, found, stepped up and ended, with a cookie that has one form."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.ids import home_of
from admit.core.log import Ended, decode
from admit.core.principal import Ends
from admit.core.request import Request
from admit.core.session_cookie import parse_cookie
from admit.core.session_policy import BALANCED, RELAXED, STRICT, SessionPolicy
from admit.core.store import REVOCATIONS, Replace
from admit.errors import BadCredential, BadInput, ConfigError, Denied, Expired, NoCredential, Revoked, StoreError
from admit.sessions import Started
from admit.subjects import Proof, Subject
from worlds import KINDS, MINUTE, SHORT, World, value_of, with_cookie, world


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path, sessions=SHORT) as found:
        yield found


async def test_a_session_presents_its_subject_by_cookie(here: World) -> None:
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["user"]))
    started = await here.sign_in(device="Firefox/Linux")
    who = await here.by_cookie(started)
    assert (who.subject, who.credential, who.session) == ("ann", "session", started.session.id)
    assert who.roles == {"user"}
    assert who.scope == {"links:read", "links:write"}
    assert who.methods == ("pwd",)
    assert who.authenticated_at == here.clock.now()
    assert who.expires_at == here.clock.now() + SHORT.absolute
    assert who.marks == (started.session.id, f"{started.session.id}.1", "", "", "")
    assert started.session.id[0] == home_of("ann")
    assert started.session.device == "Firefox/Linux"


async def test_a_cookie_lives_as_long_as_its_session(here: World) -> None:
    started = await here.sign_in()
    assert started.cookie is not None
    assert started.cookie.startswith(f"__Host-admit=adm_s_{started.session.id}.1.")
    assert f"; Max-Age={int(SHORT.absolute)}; " in started.cookie
    here.clock.advance(MINUTE)
    stepped = await here.auth.sessions.step_up(started.session, await here.proof())
    assert f"; Max-Age={int(SHORT.absolute - MINUTE)}; " in str(stepped.cookie)


async def test_a_session_without_a_cookie_is_reached_by_none(here: World) -> None:
    started = await here.sign_in(cookie=False)
    assert started.cookie is None
    with pytest.raises(BadCredential):
        await here.by_cookie(f"=adm_s_{started.session.id}.1.{'A' * 43};")
    stepped = await here.auth.sessions.step_up(started.session, await here.proof())
    assert stepped.cookie is None


@pytest.mark.parametrize(
    "device, kept",
    [("", ""), ("x" * 17, "x" * 16), ("é" * 9, "é" * 8), ("x" + "é" * 8, "x" + "é" * 7), ("\ud800\udfff", "??")],
)
async def test_a_device_is_a_label_of_16_bytes_whatever_a_client_calls_itself(
    here: World, device: str, kept: str
) -> None:
    assert (await here.sign_in(device=device)).session.device == kept


async def test_sessions_are_found_by_id_and_by_subject_the_latest_first(here: World) -> None:
    started: list[Started] = []
    for _ in range(3):
        started.append(await here.sign_in())
        here.clock.advance(1)
    await here.sign_in("bob")
    assert await here.auth.sessions.get(started[0].session.id) == started[0].session
    assert await here.auth.sessions.of("ann") == [one.session for one in reversed(started)]
    await here.auth.sessions.revoke(started[1].session.id)
    assert await here.auth.sessions.get(started[1].session.id) is None
    assert await here.auth.sessions.of("ann") == [started[2].session, started[0].session]
    here.clock.advance(SHORT.absolute)
    assert await here.auth.sessions.of("ann") == []
    assert await here.auth.sessions.get(started[0].session.id) is None


async def test_what_is_no_session_is_not_found_nor_ended(here: World) -> None:
    assert await here.auth.sessions.get("nothing") is None
    for text in ("", "nothing", "a" * 21 + "/", "*"):
        with pytest.raises(BadInput):
            await here.auth.sessions.revoke(text)


async def test_an_end_is_told_even_when_nothing_was_left_to_end(here: World) -> None:
    started = await here.sign_in()
    for times in (1, 2):
        await here.auth.sessions.revoke(started.session)
        page = await here.store.inner.log(REVOCATIONS, None)
        told = [decode(line) for line in page.entries]
        assert told.count(Ended(Ends.SESSION, started.session.id)) == times


async def test_signing_out_everywhere_keeps_the_callers_session_under_another_cookie(here: World) -> None:
    own, other, bobs = await here.sign_in(), await here.sign_in(), await here.sign_in("bob")
    for started in (own, other, bobs):
        await here.by_cookie(started)
    kept = await here.auth.sessions.sign_out_everywhere("ann", keep=own.session)
    assert kept is not None
    assert (await here.by_cookie(kept)).session == own.session.id
    for started in (own, other):
        with pytest.raises(BadCredential):
            await here.by_cookie(started)
    assert (await here.by_cookie(bobs)).subject == "bob"
    assert await here.auth.sessions.sign_out_everywhere("ann") is None
    with pytest.raises(BadCredential):
        await here.by_cookie(kept)


async def test_no_other_subjects_session_is_taken_along(here: World) -> None:
    bobs = await here.sign_in("bob")
    with pytest.raises(BadInput):
        await here.auth.sessions.sign_out_everywhere("ann", keep=bobs.session)
    assert (await here.auth.sessions.get(bobs.session.id)) == bobs.session


async def test_a_session_that_is_over_is_not_kept_nor_stepped_up(here: World) -> None:
    revoked, proof = await here.sign_in(), await here.proof()
    await here.auth.sessions.revoke(revoked.session)
    before = await here.auth.subjects.get("ann")
    with pytest.raises(Revoked):
        await here.auth.sessions.sign_out_everywhere("ann", keep=revoked.session)
    with pytest.raises(Revoked):
        await here.auth.sessions.step_up(revoked.session, proof)
    assert await here.auth.subjects.get("ann") == before
    late = await here.sign_in()
    here.clock.advance(SHORT.absolute)
    with pytest.raises(Expired):
        await here.auth.sessions.step_up(late.session, await here.proof())
    with pytest.raises(Expired):
        await here.auth.sessions.sign_out_everywhere("ann", keep=late.session)


async def test_stepping_up_takes_a_proof_of_the_same_subject_from_after_the_last_end(here: World) -> None:
    started, old = await here.sign_in(), await here.proof()
    with pytest.raises(Revoked):
        await here.auth.sessions.step_up(started.session, await here.proof("bob"))
    kept = await here.auth.sessions.sign_out_everywhere("ann", keep=started.session)
    assert kept is not None
    with pytest.raises(Revoked, match="proof"):
        await here.auth.sessions.step_up(kept.session, old)


async def test_stepping_up_adds_its_methods_and_its_moment(here: World) -> None:
    started = await here.sign_in()
    here.clock.advance(MINUTE)
    stepped = await here.auth.sessions.step_up(started.session, await here.proof("ann", "otp", "pwd"))
    who = await here.by_cookie(stepped)
    assert who.methods == ("pwd", "otp")
    assert who.authenticated_at == here.clock.now()
    assert who.session == started.session.id
    assert who.expires_at == started.session.ends_at


async def test_of_many_who_step_up_one_session_at_once_one_goes_on(here: World) -> None:
    here.store.interleave()
    started, proof = await here.sign_in(), await here.proof()
    tries = (here.auth.sessions.step_up(started.session, proof) for _ in range(4))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    [stepped] = [one for one in answers if isinstance(one, Started)]
    assert sum(isinstance(one, Revoked) for one in answers) == 3
    assert parse_cookie(value_of(stepped))[1] == 2
    assert [await here.works(with_cookie(one)) for one in (started, stepped)] == [False, True]


async def test_what_is_no_session_is_presented_by_no_key(here: World) -> None:
    key = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "backup")
    who = await here.auth.admit(Request("GET", "https://app.example.com/", ((b"x-api-key", key.text.encode()),)))
    with pytest.raises(BadInput, match="session"):
        await here.auth.sessions.presented(who)


async def test_whose_a_session_is_is_read_once(here: World) -> None:
    pair = await here.auth.tokens.issue((await here.sign_in()).session)
    here.store.asked.clear()
    for _ in range(3):
        here.clock.advance(15)  # beyond the grace, and within the minute for which the keys were read
        pair = await here.auth.tokens.refresh(pair.refresh_token)
    assert (here.store.asked["get"], here.store.asked["commit"]) == (3, 3)
    await here.auth.sessions.sign_out_everywhere("ann")
    with pytest.raises(Revoked):
        await here.auth.tokens.refresh(pair.refresh_token)


async def test_activity_is_written_once_in_a_tenth_of_the_idle_limit(here: World) -> None:
    started = await here.sign_in()
    await here.by_cookie(started)
    here.store.asked.clear()
    for _ in range(30):
        here.clock.advance(SHORT.idle / 30)
        await here.by_cookie(started)
    assert here.store.asked["commit"] == 10


async def test_idle_time_counts_from_the_last_use_and_not_from_when_it_was_written(here: World) -> None:
    started = await here.sign_in()
    for pause in (0.09, 0.09, 0.99, 0.05, 0.99):
        here.clock.advance(SHORT.idle * pause)
        await here.by_cookie(started)
    here.clock.advance(SHORT.idle * 1.1)
    with pytest.raises(BadCredential):
        await here.by_cookie(started)


async def test_activity_that_is_overtaken_is_not_written_and_does_not_sign_out(here: World) -> None:
    started = await here.sign_in()
    here.clock.advance(SHORT.idle / 2)
    with here.store.once(here.store.before, "commit", lambda: here.auth.tokens.issue(started.session)):
        assert (await here.by_cookie(started)).subject == "ann"


async def test_activity_never_brings_back_a_session_that_ended_meanwhile(here: World) -> None:
    started = await here.sign_in()
    here.clock.advance(SHORT.idle / 2)
    with (
        here.store.once(here.store.before, "commit", lambda: here.auth.sessions.revoke(started.session)),
        pytest.raises(BadCredential),
    ):
        await here.by_cookie(started)
    assert await here.auth.sessions.get(started.session.id) is None


async def test_a_record_that_cannot_be_read_fails_closed(here: World) -> None:
    started = await here.sign_in()
    [record] = await here.store.get(here.auth.sessions.key(started.session.id))
    assert record is not None
    await here.store.commit(Replace(dataclasses.replace(record, body=b'{"v":99}', version=1), record.version))
    with pytest.raises(StoreError, match="newer Admit"):
        await here.by_cookie(started)


async def test_the_scope_of_a_session_is_cut_to_what_its_roles_allow_now(here: World) -> None:
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["user"]))
    started = await here.sign_in(scope="links:write users:write")
    assert (await here.by_cookie(started)).scope == {"links:write"}
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["admin"]))
    assert (await here.by_cookie(started)).scope == {"users:write"}
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles([]))
    assert (await here.by_cookie(started)).scope == frozenset()
    with pytest.raises(BadInput):
        await here.sign_in(scope="links:write ")


async def test_a_proof_from_before_a_change_starts_a_session_that_opens_nothing(here: World) -> None:
    old = await here.proof()
    await here.auth.subjects.change("ann", Subject.proof_changed)
    started = await here.auth.sessions.start(old)
    assert await here.auth.sessions.get(started.session.id) is None
    with pytest.raises(BadCredential):
        await here.by_cookie(started)


async def test_a_session_begun_while_its_subject_is_disabled_opens_nothing(here: World) -> None:
    subject = await here.auth.subjects.change("ann", Subject.disabled)
    asleep = await here.auth.sessions.start(Proof(subject="ann", gen=subject.gen, methods=(), at=here.clock.now()))
    assert not await here.works(with_cookie(asleep))
    assert await here.auth.sessions.get(asleep.session.id) is None
    with pytest.raises(Revoked):
        await here.auth.tokens.issue(asleep.session)
    await here.auth.subjects.change("ann", Subject.enabled)
    assert await here.auth.sessions.get(asleep.session.id) is None


GOOD = "adm_s_S0123456789abcdefghijk.1." + "A" * 43


def test_a_cookie_has_one_form() -> None:
    assert parse_cookie(GOOD) == ("S0123456789abcdefghijk", 1, "A" * 43)


@pytest.mark.parametrize(
    "text",
    [
        "", "adm_s_", GOOD[:-1], GOOD + "A", GOOD + ".x", GOOD.replace(".1.", "."), GOOD.replace(".1.", ".01."),
        GOOD.replace(".1.", ".0."), GOOD.replace(".1.", ".+1."), GOOD.replace(".1.", ".-1."), GOOD.replace(".1.", ". 1."),
        GOOD.replace(".1.", ".1_0."), GOOD.replace(".1.", ".²."), GOOD.replace(".1.", ".1234567890."), GOOD.upper(),
        GOOD.replace("S01", "S0/"), GOOD[:-1] + "é", "adm_s_" + GOOD, "adm_t_" + GOOD[6:],
    ],
)  # fmt: skip
def test_no_other_spelling_of_a_cookie_is_taken(text: str) -> None:
    with pytest.raises(BadCredential):
        parse_cookie(text)


@given(st.text())
def test_any_text_is_a_cookie_or_refused(text: str) -> None:
    for value in (text, GOOD + text, GOOD[: len(text)] + text):
        try:
            id, n, presented = parse_cookie(value)
        except BadCredential:
            continue
        assert f"adm_s_{id}.{n}.{presented}" == value


async def test_no_cookie_at_all_is_told_apart_from_a_bad_one(here: World) -> None:
    with pytest.raises(NoCredential):
        await here.auth.admit(Request("GET", "https://app.example.com/"))
    for value in ("x", "", value_of(await here.sign_in())[:-1] + "_"):
        with pytest.raises(Denied) as refused:
            await here.by_cookie(f"={value};")
        assert isinstance(refused.value, BadCredential)


def test_policies_hold_to_the_limits_they_are_named_after() -> None:
    assert STRICT.idle <= 15 * 60
    assert STRICT.absolute <= 12 * 3_600
    assert BALANCED.idle <= 3_600
    assert BALANCED.absolute <= 86_400
    assert RELAXED.absolute <= 30 * 86_400


@pytest.mark.parametrize(
    "idle, absolute, faults",
    [(0.5, 0.4, 2), (10, 9, 1), (1, 401 * 86_400, 1), (float("nan"), 10, 1), (0, float("nan"), 2)],
)
def test_every_limit_that_cannot_hold_is_reported_at_once(idle: float, absolute: float, faults: int) -> None:
    with pytest.raises(ConfigError) as wrong:
        SessionPolicy(idle=idle, absolute=absolute)
    assert len(wrong.value.faults) == faults
