"""Where a process that commits can be stopped: right before COMMIT, and right after it."""

from __future__ import annotations

from collections.abc import Callable

from admit.stores.stamp import Stamp

BEFORE_COMMIT, AFTER_COMMIT = "before its commit", "after its commit"


def stop_at(moment: str, reached: Callable[[], None]) -> None:
    """From now on whoever appends to the log in this process calls ``reached`` at ``moment``.

    The head of the stamp is the last thing written before COMMIT, and what is settled the first thing after it.
    """
    head, settled = vars(Stamp)["head"], vars(Stamp)["settled"]
    written = False

    def write(stamp: Stamp, value: bytes) -> None:
        nonlocal written
        head.__set__(stamp, value)
        written = True
        if moment == BEFORE_COMMIT:
            reached()

    def settle(stamp: Stamp, value: bytes) -> None:
        if written and moment == AFTER_COMMIT:
            reached()
        settled.__set__(stamp, value)

    for word, change in (("head", write), ("settled", settle)):
        setattr(Stamp, word, vars(Stamp)[word].setter(change))
