"""Refresh tokens: their text, and the decision what spending one does. Pure.

A family is the line of refresh tokens of one session. Each secret but the first is computed from the one
before it, so the server can hand out the same successor again to whoever holds what it was made from, and
a family never forks. Two keys are derived from the master secret: one for the check (``mac``), by which
garbage is refused without I/O, and one for the line of secrets (``chain``). Neither a key, nor a dump of the
store, nor both make a token.
"""

from __future__ import annotations

import hmac
from enum import Enum

import msgspec

from admit.core import secret
from admit.core.ids import LENGTH, is_id
from admit.errors import BadCredential

PREFIX = "adm_r_"
MAC_BYTES = 8
_COUNTER_DIGITS = 8
_BASE64URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_HEX = frozenset("0123456789abcdef")
_WIDTHS = (secret.KEY_ID_DIGITS, LENGTH, _COUNTER_DIGITS, secret.SECRET_DIGITS, 11)
_LENGTH = len(PREFIX) + sum(_WIDTHS) + len(_WIDTHS) - 1


class Family(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a session keeps of its refresh tokens: digests of the current and the previous, never a token.

    ``key_id`` names the master secret the family was begun under and keeps for its life.
    ``rotated_at`` is the Unix second of the last rotation. ``first`` is the counter of the family's first token:
    those below it are of a family of the same session that is over. Of one that is over itself ``current`` is empty.
    """

    key_id: str
    counter: int
    current: bytes
    previous: bytes | None
    rotated_at: float
    first: int = 0

    @property
    def is_over(self) -> bool:
        """Whether no token of it is good any more, and another may begin in its place."""
        return not self.current

    def may_have(self, token: RefreshToken) -> bool:
        """Whether ``token`` is not of a family of the session that is over."""
        return token.counter >= self.first


class Keys(msgspec.Struct, frozen=True):
    """The two keys of one master secret."""

    id: str
    mac: bytes
    chain: bytes


class RefreshToken(msgspec.Struct, frozen=True):
    """A refresh token whose check is right: ``adm_r_<key id>.<sid>.<counter>.<secret>.<mac>``, fixed widths."""

    key_id: str
    session: str
    counter: int
    secret: str

    def text(self, keys: Keys) -> str:
        """The token as its holder gets it."""
        body = f"{PREFIX}{self.key_id}.{self.session}.{self.counter:0{_COUNTER_DIGITS}x}.{self.secret}"
        return f"{body}.{_mac(keys, body)}"

    def successor(self, keys: Keys) -> RefreshToken:
        """The one token that may follow this one."""
        message = f"{self.session}.{self.counter}.{self.secret}".encode()
        following = secret.written(hmac.digest(keys.chain, message, "sha256"))
        return RefreshToken(self.key_id, self.session, self.counter + 1, following)

    def cookie(self, keys: Keys, n: int) -> str:
        """The secret of the session's ``n``-th cookie, had for this token: one, however often it is asked for.

        Another for another ``n``: what opened a cookie that is over opens none that comes after it.
        """
        message = f"cookie.{n}.{self.session}.{self.counter}.{self.secret}".encode()
        return secret.written(hmac.digest(keys.chain, message, "sha256"))


class Outcome(Enum):
    """What spending a refresh token does."""

    ROTATE = "rotate"
    """It is the current one: its successor takes its place."""
    ITSELF = "itself"
    """It is the current one, and so young that it is answered with itself."""
    SUCCESSOR = "successor"
    """It is the previous one, within the grace: the same successor is handed out again."""
    REUSE = "reuse"
    """It was spent before: somebody else holds a copy, and the session ends."""
    OVER = "over"
    """Its family ended and the session went on: refused, and nothing ends."""
    UNKNOWN = "unknown"
    """The record knows nothing of it (restored, lost tail, forged): refused, and nothing ends."""


def key_id_of(text: str) -> str:
    """The master secret that ``text`` claims to be made under. Raises BadCredential for what is no refresh token."""
    if len(text) != _LENGTH or not text.startswith(PREFIX):
        raise BadCredential("not a refresh token")
    return text[len(PREFIX) : len(PREFIX) + secret.KEY_ID_DIGITS]


def parse(text: str, keys: Keys) -> RefreshToken:
    """The refresh token in ``text``. Raises BadCredential for all that was not made under ``keys``."""
    key_id_of(text)
    body, _, mac = text.rpartition(".")
    if not text.isascii() or not hmac.compare_digest(mac, _mac(keys, body)):
        raise BadCredential("the check of the refresh token is wrong")
    fields = body[len(PREFIX) :].split(".")
    if tuple(map(len, fields)) != _WIDTHS[:-1]:
        raise BadCredential("the fields of the refresh token have the wrong widths")
    key_id, session, counter, token_secret = fields
    if not is_id(session) or not _HEX.issuperset(counter) or not _BASE64URL.issuperset(token_secret):
        raise BadCredential("the fields of the refresh token have the wrong characters")
    return RefreshToken(key_id, session, int(counter, 16), token_secret)


def begun(token: RefreshToken, now: float) -> Family:
    """The family of a first token."""
    current = secret.digest(token.secret)
    return Family(
        key_id=token.key_id,
        counter=token.counter,
        current=current,
        previous=None,
        rotated_at=now,
        first=token.counter,
    )


def ended(family: Family | None) -> Family | None:
    """``family``, where there is one, once none of its tokens is good. What begins in its place counts on from there.

    So an old token is known for what it is, and is not taken for one of the new family that was spent.
    """
    if family is None:
        return None
    following = family.counter + 1
    return msgspec.structs.replace(family, counter=following, current=b"", previous=None, first=following)


def counts_from(family: Family | None) -> int:
    """The counter of the first token of a session that has had ``family``, or none."""
    return 0 if family is None else family.counter


def rotated(family: Family, successor: RefreshToken, now: float) -> Family:
    """``family`` once ``successor`` has taken the place of the current token."""
    return Family(
        key_id=family.key_id,
        counter=successor.counter,
        current=secret.digest(successor.secret),
        previous=family.current,
        rotated_at=now,
        first=family.first,
    )


def spend(family: Family, token: RefreshToken, keys: Keys, now: float, grace: float) -> Outcome:
    """What spending ``token`` at ``now`` does to ``family``, with a grace of ``grace`` seconds (0: strict).

    Within the grace two tabs, or a client whose answer was lost, get the same successor and nobody is signed
    out. RFC 9700, section 4.14.2: a token that comes back later was copied, so its family ends.
    """
    age = max(0.0, now - family.rotated_at)
    presented = secret.digest(token.secret)
    if not family.may_have(token):
        return Outcome.OVER
    if token.counter > family.counter:
        return Outcome.UNKNOWN
    if token.counter == family.counter:
        if not secret.same(presented, family.current):
            return Outcome.UNKNOWN
        # The first token of a family came from no rotation, so it is never answered with itself.
        return Outcome.ITSELF if family.previous is not None and age < grace else Outcome.ROTATE
    is_previous = (
        token.counter == family.counter - 1
        and family.previous is not None
        and secret.same(presented, family.previous)
        and secret.same(secret.digest(token.successor(keys).secret), family.current)
    )
    return Outcome.SUCCESSOR if is_previous and age < grace else Outcome.REUSE


def _mac(keys: Keys, body: str) -> str:
    return secret.written(hmac.digest(keys.mac, body.encode(), "sha256")[:MAC_BYTES])
