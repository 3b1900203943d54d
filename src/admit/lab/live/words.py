"""What happened at a step, in one sentence each; every number in them was counted or measured in that step."""

from __future__ import annotations

from collections.abc import Mapping

from admit.lab.live.copied import AT_MOST, Copied, Said
from admit.lab.live.servers import Answered
from admit.lab.live.shown import Verdict

NOBODY = "Nobody is signed in here yet."
ALREADY_IN = "Ann is signed in here already."
DISABLED = "The account is disabled, so the sign-in server refused before it looked at a password."
NOT_IN = "The browser keeps nothing to present: the app server refused without a look at anything."
NOTHING_TO_STEAL = "There is nothing to steal: the browser keeps no credential."
ALREADY_STOLEN = "The thief has this one already."
NOT_SIGNED_IN = "Nobody is signed in here, so there was nothing to end."
ALREADY_DISABLED = "The account is disabled already."
DISABLED_UNSEEN = "The account is disabled; nobody was signed in here."
SIGN_IN_AGAIN = "The access token was refused, and so was the refresh token: Ann has to sign in again."


def signed_in(kept: Mapping[str, str], *, written: bool) -> str:
    """Ann signed in, and the browser has ``kept`` of it; whether the store has something too is ``written``."""
    if "access_token" not in kept:
        size = sum(len(value) for value in kept.values())
        return f"The sign-in server wrote a session down, and gave the browser its id in a cookie of {size:,} bytes."
    size = len(kept["access_token"])
    if not written:
        return f"The sign-in server signed a token of {size:,} bytes, and wrote nothing down."
    return f"The sign-in server signed an access token of {size:,} bytes, and wrote the sign-in down for the next one."


def requested(number: int, answered: Answered, *, refreshed: bool) -> str:
    """Ann asked the application server ``number``."""
    asking = f"{_asked(answered.operations)}, in {answered.microseconds:,.0f} µs"
    before = (
        "The access token was refused, so the page got the next one; with it app server" if refreshed else "App server"
    )
    match answered.exchange.status:
        case 200:
            return f"{before} {number} let Ann in {asking}."
        case 503:
            return f"{before} {number} could not tell who it is, and said so {asking}."
        case _:
            return f"{before} {number} refused {asking}: Ann has to sign in again."


def stolen(copied: Copied) -> str:
    """A thief has a copy, and used it once at each server."""
    return f"A thief has a copy, and {_of(copied, 'let in')} let him in as Ann."


def ended(why: str, expires_in: float | None) -> str:
    """An end was acknowledged; ``why`` tells what it comes to, with what is left of the access token where it says so."""
    return why.format(left=f"{max(0.0, expires_in or 0.0):.0f} s")


def verdict(copied: Copied | None) -> Verdict | None:
    """For how long ``copied`` is good, or was."""
    if copied is None or not copied.runs:
        return None
    holder = "the thief" if copied.stolen else "whoever holds a copy"
    if copied.lag is None:
        return _open(copied, holder)
    first, last = map(_duration, copied.lag)
    if not copied.let_in:
        return Verdict(
            last, f"after it was copied all app servers had refused {holder}: it was no good any more.", True, True
        )
    if not copied.by_the_end:
        return Verdict(last, f"after the theft the last app server refused {holder}: it had expired.", True, True)
    if copied.let_in_after_the_end:
        means = f"after the end the last app server refused {holder}, let in {copied.let_in_after_the_end} times until then."
        return Verdict(last, means, False, True)
    return Verdict(last, f"after the end the last app server refused {holder}, the first after {first}.", True, True)


def _open(copied: Copied, holder: str) -> Verdict:
    """Somebody is let in yet."""
    where = f"{_of(copied, 'let in')} let {holder} in"
    if copied.over:
        return Verdict(_duration(AT_MOST * 1_000), f"later {where}; the lab has put the copy away.", False, True)
    if copied.ended is None:
        return Verdict(_duration(copied.age * 1_000), f"after the theft {where}.", False, False)
    return Verdict(_duration((copied.age - copied.ended) * 1_000), f"after the end {where}.", False, False)


def _duration(milliseconds: float) -> str:
    return (
        f"{milliseconds:.1f}\N{NO-BREAK SPACE}ms"
        if milliseconds < 1_000
        else f"{milliseconds / 1_000:.1f}\N{NO-BREAK SPACE}s"
    )


def _asked(operations: int) -> str:
    if not operations:
        return "without asking the store"
    return f"after {operations} store operation{'s' if operations > 1 else ''}"


def _of(copied: Copied, said: Said) -> str:
    """How many of the app servers say ``said``."""
    standing = [runs[-1].said for runs in copied.runs.values()]
    found, servers = standing.count(said), len(standing)
    if servers == 1:
        return "the app server" if found else "no app server"
    return f"all {servers} app servers" if found == servers else f"{found} of {servers} app servers"
