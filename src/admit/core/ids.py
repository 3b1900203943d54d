"""Ids that say where they live: ``<home><time><random>``, and text anchored to its home.

The first character of every record id is its *home*, one of 64. What belongs to a subject shares the
subject's home, so that a store which is split into partitions can commit it in one step.
"""

from __future__ import annotations

import hashlib

import pybase64

from admit.core.world import Chance
from admit.errors import BadInput

# In the order of their code points, so that ids of one home sort by the time they were made.
HOMES = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
LENGTH = 22
EVERYTHING = "*"
CLIENT = "c:"
MAX_SUBJECT_BYTES = 128

_TIME_DIGITS = 7  # 42 bits of milliseconds: until the year 2109
_ALPHABET = frozenset(HOMES)
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_IN_ORDER = bytes.maketrans(_BASE64, HOMES.encode())


def home_of(text: str) -> str:
    """The home of something known by its own text: a subject, a client, a key id, or ``*``."""
    return HOMES[hashlib.sha256(text.encode()).digest()[0] & 63]


def anchor(text: str) -> str:
    """The record id of something known by its own text: its home, then the text."""
    return home_of(text) + text


def new_id(home: str, now: float, chance: Chance) -> str:
    """A new id of 22 characters in ``home``: 42 bits of time in milliseconds, 84 bits of chance."""
    return _id(home, int(now * 1000), 6 * _TIME_DIGITS, chance)


def newest_first_id(home: str, now: float, chance: Chance) -> str:
    """A new id of 22 characters in ``home`` that comes before all that were made there earlier, by this function.

    It has 52 bits of time in 1,024ths of a millisecond, 74 bits of chance.
    """
    return _id(home, ~int(now * 1_024_000), 6 * _TIME_DIGITS + 10, chance)


def _id(home: str, moment: int, bits: int, chance: Chance) -> str:
    number = moment & (1 << bits) - 1
    left = 6 * (LENGTH - 1) - bits
    number = number << left | int.from_bytes(chance(11)) >> 88 - left
    digits = pybase64.b64encode((number << 2).to_bytes(16)).translate(_IN_ORDER)
    return home + digits[: LENGTH - 1].decode()


def random_home(chance: Chance) -> str:
    """The home of something that belongs to nobody yet."""
    return HOMES[chance(1)[0] & 63]


def is_id(text: str) -> bool:
    """Whether ``text`` has the form of an id made by :func:`new_id`."""
    return len(text) == LENGTH and _ALPHABET.issuperset(text)


def subject_id(text: str) -> str:
    """``text`` itself, if it can name a subject: 1 to 128 bytes, printable, not ``*``, not ``c:…``; else BadInput."""
    size = len(text.encode(errors="replace"))
    if not 0 < size <= MAX_SUBJECT_BYTES or not text.isprintable():
        fault = f"A subject is named by 1 to {MAX_SUBJECT_BYTES} bytes of printable text."
        raise BadInput("bad_subject", fault, field="subject")
    # The revocation log names everything "*" and clients "c:…"; a subject must not answer to either.
    if text == EVERYTHING or text.startswith(CLIENT):
        raise BadInput("bad_subject", "A subject's name is not “*” and does not begin with “c:”.", field="subject")
    return text
