"""Verifier: what it takes from an authority, what it does not believe, and what it says when it cannot know."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import threading
from typing import Any

import pytest

from admit import Request, Verifier
from admit.core.jwk import SigningKey
from admit.errors import BadCredential, ConfigError, NoCredential, NotForUs, Revoked, Stale, StoreUnavailable
from admit.remote import Remote
from followed import AUDIENCE, KEY, asking, clock, liar, token, until, until_revoked, verifier
from liar import Liar
from services import PassingClock

__all__ = ["clock", "liar", "verifier"]


def test_it_knows_nothing_before_it_has_seen_the_end_of_the_log_and_begins_to_follow_when_asked(
    verifier: Verifier, liar: Liar
) -> None:
    assert verifier.status().staleness == float("inf")
    assert not liar.asked
    with pytest.raises(Stale):
        verifier.verify(token(liar))
    until(lambda: verifier.status().fresh)
    assert verifier.verify(token(liar)).subject == "ann"
    status = verifier.status()
    assert (status.fresh, status.keys, status.error) == (True, (liar.keys[0].kid,), None)
    assert status.staleness < 2


async def test_the_first_request_waits_for_the_log(verifier: Verifier, liar: Liar) -> None:
    assert (await verifier.admit(asking(token(liar)))).subject == "ann"


def test_programs_without_an_event_loop_ask_the_same(verifier: Verifier, liar: Liar) -> None:
    assert verifier.sync.admit(asking(token(liar))).subject == "ann"


async def test_what_is_not_for_it_is_refused(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    with pytest.raises(NotForUs):
        verifier.verify(token(liar, audience="https://elsewhere.example.com"))
    with pytest.raises(NoCredential):
        await verifier.admit(Request("GET", AUDIENCE, ((b"cookie", b"__Host-admit=adm_s_x"),)))
    with pytest.raises(BadCredential):
        verifier.verify("adm_s_x")


def test_an_entry_of_the_log_ends_what_was_seen_before(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar)
    assert verifier.verify(text).subject == "ann"
    liar.entries.append(json.dumps(["ended", 0, "0" * 22]).encode())
    until_revoked(verifier, text)
    assert verifier.status().entries == 1


@pytest.mark.parametrize(
    "entry",
    [["raised", "ann", 6], ["raised", "*", 6], ["raised", "c:web", 1]],
    ids=["a subject that was raised", "everything", "a client that was raised"],
)
def test_a_generation_below_is_over(verifier: Verifier, liar: Liar, entry: list[Any]) -> None:
    verifier.open()
    text = token(liar)
    verifier.verify(text)
    liar.entries.append(json.dumps(entry).encode())
    until_revoked(verifier, text)


def test_when_the_authority_is_silent_it_stops_accepting_and_goes_on_when_it_speaks(
    verifier: Verifier, liar: Liar
) -> None:
    verifier.open()
    text = token(liar)
    verifier.verify(text)
    speaking, liar.answers["/auth/revocations"] = liar.answers["/auth/revocations"], lambda _, __: 503
    until(lambda: not verifier.status().fresh)
    with pytest.raises(Stale):
        verifier.verify(text)
    assert "503" in str(verifier.status().error)
    liar.answers["/auth/revocations"] = speaking
    until(lambda: verifier.status().fresh)
    assert verifier.verify(text).subject == "ann"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda liar, query: liar.log({**query, "probe": "another"}), id="somebody else's answer"),
        pytest.param(lambda liar, query: liar.log(query).rpartition(b'{"cursor"')[0], id="cut off"),
        pytest.param(lambda _, __: b"", id="nothing"),
        pytest.param(lambda _, __: b"[" * 5_000, id="a line without an end"),
        pytest.param(lambda _, __: b'{"cursor": null, "probe": ""}', id="no position"),
        pytest.param(lambda liar, query: b'["unheard of",1]\n' + liar.log(query), id="an entry of a newer kind"),
        pytest.param(lambda _, __: 500, id="a failure"),
        pytest.param(lambda _, __: 302, id="a way elsewhere"),
        pytest.param(lambda _, __: 401, id="a key that is refused"),
    ],
)
def test_an_answer_that_is_none_proves_nothing(verifier: Verifier, liar: Liar, answer: Any) -> None:
    liar.answers["/auth/revocations"] = answer
    with pytest.raises(StoreUnavailable):
        verifier.open(0.3)
    with pytest.raises(Stale):
        verifier.verify(token(liar))
    assert liar.asked_for("elsewhere") == 0


def test_the_authority_allows_less_than_was_asked_for(liar: Liar) -> None:
    body = json.dumps(liar.metadata | {"max_staleness": 0.5}).encode()
    liar.answers["/auth/.well-known/oauth-authorization-server"] = lambda _, __: body
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, max_staleness=10) as verifier:
        assert verifier._bounded.bound == 0.5


def test_a_forked_child_follows_for_itself(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar)
    verifier.verify(text)
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            verifier.verify(text)
        except Stale:
            verifier.open(60)
            os._exit(0 if verifier.verify(text).subject == "ann" else 2)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert verifier.verify(text).subject == "ann"


def silent(liar: Liar, verifier: Verifier) -> None:
    """The log cannot be followed any more."""
    liar.answers["/auth/revocations"] = lambda _, __: 503
    until(lambda: not verifier.status().fresh)


async def test_who_cannot_prove_it_asks_and_believes_the_answer(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar)
    silent(liar, verifier)
    assert (await verifier.admit(asking(text))).subject == "ann"
    assert liar.sent == [f"token={text}"]
    liar.answers["/auth/introspect"] = lambda _, __: b'{"active": false}'
    with pytest.raises(Revoked):
        await verifier.admit(asking(text))
    with pytest.raises(Stale):
        verifier.verify(text)


async def test_what_the_authority_refused_once_stays_refused(verifier: Verifier, liar: Liar) -> None:
    """An answer of the log that was sent before the end may come after the question about it (P4)."""
    verifier.open()
    text, speaking = token(liar), liar.answers["/auth/revocations"]
    silent(liar, verifier)
    liar.answers["/auth/introspect"] = lambda _, __: b'{"active": false}'
    with pytest.raises(Revoked):
        await verifier.admit(asking(text))
    liar.answers["/auth/revocations"] = speaking
    until(lambda: verifier.status().fresh)
    with pytest.raises(Revoked):
        verifier.verify(text)


async def test_what_is_known_to_be_over_needs_no_question(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar)
    liar.entries.append(json.dumps(["ended", 0, "0" * 22]).encode())
    until_revoked(verifier, text)
    silent(liar, verifier)
    with pytest.raises(Revoked):
        await verifier.admit(asking(text))


async def test_with_everything_closed_nobody_is_asked(liar: Liar) -> None:
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, outage="closed") as verifier:
        silent(liar, verifier)
        with pytest.raises(Stale):
            await verifier.admit(asking(token(liar)))
    assert not liar.sent


async def test_an_authority_that_gives_no_answer_is_not_asked_again_at_once(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    verifier.open()
    silent(liar, verifier)
    answers: list[bytes | int] = [500, 401, b"no json", b"{}"]
    liar.answers["/auth/introspect"] = lambda _, __: answers[0]
    while answers:
        asked = liar.asked_for("introspect")
        for _ in range(10):
            with pytest.raises(Stale):
                await verifier.admit(asking(token(liar)))
        assert liar.asked_for("introspect") == asked + 1
        clock.passes(2)
        del answers[0]


async def test_many_who_ask_about_one_credential_are_one_question(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    silent(liar, verifier)
    text = token(liar)
    found = await asyncio.gather(*(verifier.admit(asking(text)) for _ in range(50)))
    assert len(found) == 50
    assert len(liar.sent) <= 2


async def test_an_answer_that_took_too_long_is_too_old(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    verifier.open()
    silent(liar, verifier)

    def late(_: Liar, __: dict[str, str]) -> bytes:
        clock.passes(2.1)
        return b'{"active": true}'

    liar.answers["/auth/introspect"] = late
    with pytest.raises(Stale):
        await verifier.admit(asking(token(liar)))


async def test_a_key_in_the_place_of_a_revoked_one_is_known_at_once(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    liar.keys.append(SigningKey.generate("ES256", secrets.token_bytes))
    liar.entries.append(json.dumps(["ended", 4, liar.keys[0].kid]).encode())
    until(lambda: liar.keys[1].kid in verifier.status().keys)
    assert verifier.verify(token(liar, key=1)).subject == "ann"


def test_all_faults_of_a_configuration_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as told:
        Verifier("http://auth.example.com", audience="", key="secret", max_staleness=0, outage="open")  # type: ignore[arg-type]
    assert len(told.value.faults) == 5


def test_a_key_that_was_withdrawn_opens_nothing_and_the_status_says_so(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    liar.answers["/auth/revocations"] = liar.answers["/auth/introspect"] = lambda _, __: 401
    until(lambda: not verifier.status().fresh)
    with pytest.raises(Stale):
        verifier.sync.admit(asking(token(liar)))
    assert "refuses the verifier key" in str(verifier.status().error)


async def test_who_waits_for_the_end_learns_of_it_from_the_log(verifier: Verifier, liar: Liar) -> None:
    ends = [await verifier.admit(asking(token(liar, sid=sid * 22))) for sid in "01"]
    first, second = [asyncio.create_task(who.over()) for who in ends]
    liar.entries.append(json.dumps(["ended", 0, "0" * 22]).encode())
    await asyncio.wait_for(first, 60)
    assert not second.done()
    liar.entries.append(json.dumps(["raised", "ann", 6]).encode())
    await asyncio.wait_for(second, 60)


async def test_what_expires_is_over_though_the_authority_is_silent(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    verifier.open()
    text = token(liar)
    known = asyncio.create_task((await verifier.admit(asking(text))).over())
    silent(liar, verifier)
    # Vouched for by the authority, because nothing here proves it: it can be waited for like any other.
    vouched = asyncio.create_task((await verifier.admit(asking(text))).over())
    await asyncio.sleep(0.1)
    assert not known.done()
    assert not vouched.done()
    clock.passes(3_000)
    await asyncio.sleep(0.1)
    assert not known.done()  # its leeway is not over
    clock.passes(6)
    await asyncio.wait_for(asyncio.gather(known, vouched), 60)
    assert not verifier.status().fresh


def test_a_forked_child_asks_without_an_event_loop_too(verifier: Verifier, liar: Liar) -> None:
    request = asking(token(liar))
    assert verifier.sync.admit(request).subject == "ann"
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)  # who waits for a thread that the fork left behind waits for ever
        os._exit(0 if verifier.sync.admit(request).subject == "ann" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert verifier.sync.admit(request).subject == "ann"


def test_a_forked_child_waits_for_no_question_that_the_parent_has_under_way(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    request = asking(token(liar))
    silent(liar, verifier)
    sent, answered = threading.Event(), threading.Event()

    def slow(_: Liar, __: dict[str, str]) -> bytes:
        if not sent.is_set():
            sent.set()
            answered.wait(60)
        return b'{"active": true}'

    liar.answers["/auth/introspect"] = slow

    def ask() -> None:
        with contextlib.suppress(Stale):  # an answer that took so long may be too old
            verifier.sync.admit(request)

    under_way = threading.Thread(target=ask)
    under_way.start()
    assert sent.wait(60)
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        os._exit(0 if verifier.sync.admit(request).subject == "ann" else 1)
    status = os.waitpid(child, 0)[1]
    answered.set()
    under_way.join()
    assert status == 0


def test_a_forked_child_lets_go_of_an_answer_that_the_parent_is_reading() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
        remote = Remote(issuer, KEY)

        def read() -> None:
            with contextlib.suppress(StoreUnavailable):
                list(remote.log(f"{issuer}/revocations", None, 0, "", 60))

        reading = threading.Thread(target=read)
        reading.start()
        served, _ = listening.accept()
        served.recv(4_096)
        served.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
        threading.Event().wait(0.2)  # time to be in the middle of the line; if it is not yet, less is shown
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(60)
            remote.abandon()
            remote.close()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        served.close()
        reading.join()
    assert status == 0
