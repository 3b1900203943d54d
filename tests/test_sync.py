"""The same authority for programs without an event loop."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from admit.core.principal import Principal
from admit.errors import BadCredential, BadInput
from admit.receipts import Receipt
from admit.testing.clock import FakeClock
from worlds import ISSUER, KINDS, authority, made, value_of, with_cookie, with_token


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_story_without_an_event_loop(kind: str, tmp_path: Path) -> None:
    auth = authority(made(kind, tmp_path), FakeClock()).sync
    started = auth.sessions.start(auth.subjects.before("ann").proven("pwd"))
    who = auth.admit(with_cookie(started))
    assert isinstance(who, Principal)
    assert who.subject == "ann"
    pair = auth.tokens.issue(started.session)
    assert auth.verify(pair.access_token).session == started.session.id
    assert auth.tokens.refresh(pair.refresh_token).access_token
    assert isinstance(auth.revoke(started.session), Receipt)
    for request in (with_cookie(started), with_token(pair.access_token)):
        with pytest.raises(BadCredential):
            auth.admit(request)
    with pytest.raises(BadInput):
        auth.subjects.get("*")
    auth.close()


def test_what_is_no_service_is_handed_on_as_it_is() -> None:
    auth = authority("memory://", FakeClock())
    assert auth.sync.issuer == ISSUER
    assert auth.sync is auth.sync
    assert auth.sync.clock.now() == auth.clock.now()
    with pytest.raises(AttributeError):
        _ = auth.sync.nothing


@pytest.mark.parametrize("kind", KINDS)
def test_many_threads_share_one_authority(kind: str, tmp_path: Path) -> None:
    auth = authority(made(kind, tmp_path), FakeClock()).sync
    started = [auth.sessions.start(auth.subjects.before("ann").proven("pwd")) for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(auth.admit, map(with_cookie, started)))
    assert [who.session for who in found] == [one.session.id for one in started]
    assert auth.verify(value_of(started[0]), "session").subject == "ann"
    auth.close()


def loops() -> int:
    return sum(thread.name == "admit-sync" for thread in threading.enumerate())


def test_threads_that_meet_at_the_first_use_get_one_loop() -> None:
    before = loops()
    auth = authority("memory://", FakeClock())
    barrier = threading.Barrier(8)

    def first_use() -> object:
        barrier.wait()
        return auth.sync.subjects.get("ann")

    with ThreadPoolExecutor(8) as pool:
        found = [answer.result() for answer in [pool.submit(first_use) for _ in range(8)]]
    assert found == [found[0]] * 8
    assert loops() == before + 1
