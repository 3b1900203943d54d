"""A worker is forked from a process that follows the log, inherits what that had proven, and nobody follows for it (TOK-06).

Threads are not forked: the child would accept for as long as its parent's proof lasts, with no one to tell it what ends,
or would wait for ever for a lock that a thread of its parent held.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable

from admit import Verifier
from admit.core.log import TICK
from admit.errors import Revoked, Stale
from followed import clock, liar, token, until_accepted, until_revoked, verifier
from liar import Liar
from services import PassingClock

__all__ = ["clock", "liar", "verifier"]

SESSION = "7" * 22


def forked(does: Callable[[], bool]) -> bool:
    """What ``does`` returns in a child; False also when it fails or takes a minute."""
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        try:
            os._exit(0 if does() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def test_the_proof_of_the_parent_is_none_for_the_child(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar)
    verifier.verify(text)

    def refuses() -> bool:
        try:
            verifier.verify(text)
        except Stale:
            return True
        return False

    assert forked(refuses)


def test_the_child_learns_for_itself_what_ends_after_the_fork(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar, sid=SESSION)
    verifier.verify(text)
    asked = len(liar.asked)

    def learns() -> bool:
        verifier.open(60)
        until_revoked(verifier, text)
        return True

    tell = threading.Timer(0.2, liar.entries.append, [json.dumps(["ended", 0, SESSION]).encode()])
    tell.start()
    assert forked(learns)
    tell.join()
    assert len(liar.asked) > asked


def test_what_had_ended_before_the_fork_stays_ended_in_the_child(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar, sid=SESSION)
    liar.entries.append(json.dumps(["ended", 0, SESSION]).encode())
    until_revoked(verifier, text)

    def never_accepts() -> bool:
        try:
            verifier.verify(text)
        except (Stale, Revoked):
            verifier.open(60)
        until_revoked(verifier, text)
        return True

    assert forked(never_accepts)


def test_a_fork_in_the_middle_of_a_change_waits_for_nobody(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    verifier.open()
    text = token(liar, sid=SESSION)
    verifier.verify(text)
    locked, over = threading.Event(), threading.Event()

    def hold() -> None:
        """What the thread that follows does whenever the log brings something."""
        with verifier._known.copy.lock:
            locked.set()
            over.wait(60)

    holding = threading.Thread(target=hold)
    holding.start()
    assert locked.wait(60)

    def goes_on() -> bool:
        verifier.open(50)
        clock.passes(TICK)  # then whoever verifies makes a change himself
        until_accepted(verifier, text)
        return True

    try:
        assert forked(goes_on)
    finally:
        over.set()
        holding.join()
