"""Which strategies the lanes can be, and what each keeps where, in words."""

from __future__ import annotations

from dataclasses import dataclass

LIFETIME = 30.0
"""Seconds that an access token lives in the lab: short, so that one sees it expire."""

SESSION_LIFETIME = 3_600.0
"""Seconds that a session and a refresh token live in the lab."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy as the page offers it, and what is kept by whom."""

    id: str  # for the page
    strategy: str  # the id in the table of strategies
    label: str
    browser: str
    store: str
    app: str
    ended: str  # what an end comes to; {left} is what is left of the access token


SESSION = Choice(
    "session",
    "session",
    "Session",
    "The browser keeps an id that means nothing by itself, in a cookie that no script can read.",
    "The store keeps a record of the session; to end it is to take that record out.",
    "Each app server keeps nothing, and asks the store every time.",
    "The record was taken out of the store, and every app server looks there at each request.",
)

TOKENS = (
    Choice(
        "stateless",
        "jwt-ed25519-pyjwt",
        "Stateless",
        "The page keeps a signed token in its memory; it says who Ann is, and until when.",
        "Nobody writes anything down, so there is nothing to take out again.",
        "Each app server keeps the public key, and asks nobody.",
        "Nothing was written down that could be taken out, so what was signed stays good until it expires, in {left}.",
    ),
    Choice(
        "hybrid",
        "hybrid",
        "Hybrid",
        "The page keeps a short-lived access token, and a refresh token that gets the next one.",
        "The store keeps the family of the refresh token; to end it stops the next access token, not this one.",
        "Each app server keeps the public key, and asks nobody.",
        "The refresh token was ended, so no other access token follows; this one stays good until it expires, in {left}.",
    ),
    Choice(
        "blocklist",
        "hybrid-blocklist",
        "Hybrid + blocklist",
        "The page keeps a short-lived access token, and a refresh token that gets the next one.",
        "The store keeps the family of the refresh token, and the ids of tokens that were ended early.",
        "Each app server keeps the public key, and still asks the blocklist every time.",
        "The id of the access token was put on the list of what has ended, which every app server reads at each request.",
    ),
    Choice(
        "leased",
        "admit-token",
        "Admit, leased",
        "The page keeps a short-lived access token, and a refresh token that gets the next one.",
        "The store keeps the session, and a log of what was ended, which every app server follows.",
        "Each app server keeps the keys and a copy of that log; it asks only when the log has moved. “Others” are reads for "
        "no request: when it was started, and of that log.",
        "The end went into the log in the same commit, and every app server looks whether that has moved before it lets in.",
    ),
)
