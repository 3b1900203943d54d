"""Session cookies at a verifier: the authority is asked about one, and from then on the log ends it like everything."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from admit import Request, Verifier
from admit.asking import AT_MOST, Asking
from admit.core.presented import BEARER, COOKIE, DOORS
from admit.core.verdict import MAX_LOOK_UP_USE
from admit.errors import BadCredential, ConfigError, LookUpNeeded, NoCredential, Revoked, Stale, StoreUnavailable
from admit.remote import Introspection
from followed import AUDIENCE, KEY, asking, clock, liar, token, until
from liar import Liar
from services import PassingClock

__all__ = ["clock", "liar"]

SID = "0" * 22
TEXT = f"adm_s_{SID}.1.{'s' * 43}"


@pytest.fixture
def verifier(liar: Liar, clock: PassingClock) -> Iterator[Verifier]:
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock, accept=DOORS) as made:
        yield made


def answer(liar: Liar, clock: PassingClock, **more: Any) -> None:
    """Let the authority say of every cookie that it is Ann's."""
    said = {
        "active": True, "sub": "ann", "sid": SID, "scope": "links:read", "roles": ["user"], "amr": ["pwd"],
        "auth_time": int(clock.now()), "exp": int(clock.now()) + 3_600, "gen": 5, "usable_for": 300.0,
    }  # fmt: skip
    body = json.dumps({key: value for key, value in (said | more).items() if value is not None}).encode()
    liar.answers["/auth/introspect"] = lambda _, __: body


def inactive(liar: Liar) -> None:
    liar.answers["/auth/introspect"] = lambda _, __: b'{"active": false}'


def showing(text: str = TEXT) -> Request:
    return Request("GET", f"{AUDIENCE}/links", ((b"cookie", f"admit-insecure={text}".encode()),))


def ended(liar: Liar, verifier: Verifier, *entry: object) -> None:
    """Let the log say so, and the verifier hear of it."""
    before = verifier.status().entries
    liar.entries.append(json.dumps(entry).encode())
    until(lambda: verifier.status().entries > before)


async def test_a_cookie_is_looked_up_once_and_is_then_known(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    answer(liar, clock)
    with pytest.raises(LookUpNeeded):
        verifier.verify(TEXT, COOKIE)
    who = await verifier.admit(showing())
    assert (who.subject, who.credential, who.session, who.gen) == ("ann", "session", SID, 5)
    assert who.scope == {"links:read"}
    assert who.roles == {"user"}
    assert (who.methods, who.client) == (("pwd",), None)
    for _ in range(10):
        assert await verifier.admit(showing()) is verifier.verify(TEXT, COOKIE) is verifier.seen(TEXT, COOKIE) is who
    assert liar.sent == [f"token={TEXT}"]


async def test_many_who_show_one_cookie_are_one_question(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    answer(liar, clock)
    found = await asyncio.gather(*(verifier.admit(showing()) for _ in range(50)))
    assert {who.subject for who in found} == {"ann"}
    assert len(liar.sent) <= 2


@pytest.mark.parametrize("said, used", [(10.0, 10.0), (86_400.0, MAX_LOOK_UP_USE)])
async def test_what_was_said_is_used_no_longer_than_the_authority_says_and_the_protocol_allows(
    verifier: Verifier, liar: Liar, clock: PassingClock, said: float, used: float
) -> None:
    answer(liar, clock, usable_for=said)
    await verifier.admit(showing())
    clock.passes(used + 0.1)
    until(lambda: verifier.status().fresh)
    with pytest.raises(LookUpNeeded):
        verifier.verify(TEXT, COOKIE)
    await verifier.admit(showing())
    assert len(liar.sent) == 2


@pytest.mark.parametrize(
    "entry", [("ended", 0, SID), ("ended", 1, f"{SID}.1")], ids=["its session", "the cookie itself"]
)
async def test_the_log_ends_it_and_no_question_is_needed_then(
    verifier: Verifier, liar: Liar, clock: PassingClock, entry: tuple[object, ...]
) -> None:
    answer(liar, clock)
    await verifier.admit(showing())
    ended(liar, verifier, *entry)
    liar.answers["/auth/introspect"] = lambda _, __: 503
    for text in (TEXT, TEXT[:-1] + "t"):  # seen before, and not
        with pytest.raises(Revoked):
            await verifier.admit(showing(text))
    assert len(liar.sent) == 1


async def test_a_subject_that_changed_is_asked_about_anew(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    answer(liar, clock)
    await verifier.admit(showing())
    ended(liar, verifier, "raised", "ann", 6)
    with pytest.raises(Revoked):  # an answer from before the change
        await verifier.admit(showing())
    answer(liar, clock, gen=6, roles=["admin"])
    assert (await verifier.admit(showing())).roles == {"admin"}


async def test_an_end_that_is_told_while_the_question_is_under_way_wins(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    answer(liar, clock)
    said = liar.answers["/auth/introspect"]

    def late(liar: Liar, query: dict[str, str]) -> bytes | int:
        ended(liar, verifier, "ended", 0, SID)
        return said(liar, query)

    liar.answers["/auth/introspect"] = late
    with pytest.raises(Revoked):
        await verifier.admit(showing())


def silent(liar: Liar, verifier: Verifier) -> None:
    """The log cannot be followed any more."""
    liar.answers["/auth/revocations"] = lambda _, __: 503
    until(lambda: not verifier.status().fresh)


async def test_who_cannot_prove_it_asks_about_each_use(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    answer(liar, clock)
    await verifier.admit(showing())
    silent(liar, verifier)
    answer(liar, clock)
    for asked in (2, 3):
        assert (await verifier.admit(showing())).subject == "ann"
        assert len(liar.sent) == asked
    with pytest.raises(Stale):
        verifier.verify(TEXT, COOKIE)
    with pytest.raises(Stale):
        await verifier.within(outage="closed").admit(showing())


async def test_what_was_refused_once_stays_refused(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    """An answer of the log that was sent before the end may come after the question about it (P4)."""
    answer(liar, clock)
    await verifier.admit(showing())
    speaking = liar.answers["/auth/revocations"]
    silent(liar, verifier)
    inactive(liar)
    with pytest.raises(Revoked):
        await verifier.admit(showing())
    liar.answers["/auth/revocations"] = speaking
    until(lambda: verifier.status().fresh)
    assert verifier.seen(TEXT, COOKIE) is None
    with pytest.raises(BadCredential):
        await verifier.admit(showing())


async def test_a_cookie_that_somebody_made_up_ends_nobody(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    """The id of a session is no secret: who knows it must not sign anybody out."""
    answer(liar, clock)
    await verifier.admit(showing())
    inactive(liar)
    with pytest.raises(BadCredential):
        await verifier.admit(showing(TEXT[:-1] + "t"))
    assert (await verifier.admit(showing())).subject == "ann"


@pytest.mark.parametrize(
    "more", [{"sid": "1" * 22}, {"sub": None}, {"gen": None}, {"gen": "5"}, {"roles": "user"}], ids=str
)
async def test_an_answer_that_says_too_little_is_none(
    verifier: Verifier, liar: Liar, clock: PassingClock, more: dict[str, Any]
) -> None:
    answer(liar, clock, **more)
    with pytest.raises((Stale, StoreUnavailable)):
        await verifier.admit(showing())
    assert verifier.seen(TEXT, COOKIE) is None


@pytest.mark.parametrize("text", ["", "x", "adm_s_x", TEXT[:-1], f"adm_s_{SID}.01.{'s' * 43}"])
async def test_what_is_no_cookie_is_refused_without_a_question(verifier: Verifier, liar: Liar, text: str) -> None:
    for ask in (lambda: verifier.verify(text, COOKIE), lambda: verifier.sync.admit(showing(text))):
        with pytest.raises(BadCredential):
            ask()
    assert not liar.sent


async def test_a_verifier_takes_cookies_only_where_it_was_told_to(liar: Liar, clock: PassingClock) -> None:
    answer(liar, clock)
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock) as tokens_only:
        for ask in (lambda: tokens_only.verify(TEXT, COOKIE), lambda: tokens_only.sync.admit(showing())):
            with pytest.raises(NoCredential):
                ask()
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock, accept=[COOKIE]) as cookies_only:
        assert (await cookies_only.admit(showing())).subject == "ann"
        with pytest.raises(NoCredential):
            cookies_only.verify(token(liar))
        for request, accept in ((asking(token(liar)), DOORS), (showing(), (BEARER,))):
            with pytest.raises(NoCredential):
                await cookies_only.admit(request, accept=accept)
    assert len(liar.sent) == 1


@pytest.mark.parametrize(
    "more",
    [{"accept": []}, {"accept": "session"}, {"accept": ["cookie"]}, {"trusted_origins": "https://a.example"}],
    ids=str,
)
def test_what_it_accepts_and_trusts_is_judged_at_the_start(more: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as told:
        Verifier("https://auth.example.com", audience=AUDIENCE, key=KEY, **more)
    assert len(told.value.faults) == 1


async def test_who_waits_for_the_end_learns_of_it(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    answer(liar, clock)
    over = asyncio.create_task((await verifier.admit(showing())).over())
    liar.entries.append(json.dumps(["ended", 0, SID]).encode())
    await asyncio.wait_for(over, 60)
    other = TEXT.replace(SID, "1" * 22)
    answer(liar, clock, sid="1" * 22)
    idle = asyncio.create_task((await verifier.admit(showing(other))).over())
    await asyncio.sleep(0.1)
    assert not idle.done()
    clock.passes(3_601)
    await asyncio.wait_for(idle, 60)


async def test_an_answer_that_may_not_be_used_any_more_signs_nobody_out(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    answer(liar, clock, usable_for=0.0)
    liar.answers["/auth/revocations"] = lambda _, __: 503
    clock.passes(3.0)
    with pytest.raises(Stale):
        await verifier.admit(showing())


async def test_questions_of_those_who_went_away_keep_nobody_waiting_without_end() -> None:
    go_on, clock = threading.Event(), PassingClock()

    def ask(text: str) -> Introspection:
        go_on.wait(60)
        raise StoreUnavailable(f"no answer about {text}")

    questions = Asking(ask, clock, 1.0)
    asked = [asyncio.create_task(questions.vouched("first"))]
    for _ in range(3):
        await asyncio.sleep(0)  # it has its turn
    asked += [asyncio.create_task(questions.vouched(str(number))) for number in range(AT_MOST)]
    await asyncio.sleep(0)  # they have asked
    with pytest.raises(Stale, match="too many"):
        await questions.vouched("one more")
    go_on.set()
    assert {type(said) for said in await asyncio.gather(*asked, return_exceptions=True)} == {Stale}
