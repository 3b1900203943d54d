"""Passwords: what is accepted as one, what of it is hashed, and how much work a hash is.

No rule about kinds of characters, no periodic change, no truncation (NIST SP 800-63B-4, section 3.1.1.2).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from admit.core.faults import is_whole
from admit.errors import BadInput, ConfigError, StoreError

FIELD = "password"

_UNASSIGNED = "Cn"
_LEAST_OF_ITS_OWN = 8
"""Characters that a password needs beside what is known of its owner and of the service."""
_SHORTEST_WORD = 4  # "ann" is in many a good password
_MUST_FIT = 64 * 4  # NIST SP 800-63B-4, 3.1.1.2: at least 64 characters, of up to four bytes each


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """What is accepted as a password: at least ``min_length`` characters, at most ``max_bytes`` of UTF-8.

    Passwords are normalised by NFKC (NIST SP 800-63B-4, section 3.1.1.2; UAX #15), so that one typed on
    another keyboard or system is the same password. That is fixed: to change it would lock people out.
    The least length is measured after it, in code points; the most before it and after it.
    A smaller ``max_bytes`` than before shuts out whoever has a longer password already.

    ``known`` says of a password whether those who guess know it: a list of common or of breached ones. ``words`` are
    what they try first here, such as the product's name. Neither concerns a password that somebody has already.
    """

    min_length: int = 15
    max_bytes: int = 1_024
    known: Callable[[str], bool] | None = None
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faults: list[str] = []
        if not is_whole(self.min_length, 8, 64):
            faults.append(f"min_length is {self.min_length!r}; write 8 to 64 characters, 15 without a second factor.")
        if not is_whole(self.max_bytes, _MUST_FIT, 4_096):
            faults.append(f"max_bytes is {self.max_bytes!r}; write {_MUST_FIT} to 4096, so that 64 characters fit.")
        if faults:
            raise ConfigError(faults)

    def prepare(self, password: str) -> bytes:
        """What is hashed of a password that somebody presents. Raises BadInput when it is too long to be one."""
        # PWD-02: refused before any work is done with it (Django CVE-2013-1443), normalising included, whose
        # time is the square of a run of combining marks. Never cut off.
        if len(password) > self.max_bytes or len(_utf8(password)) > self.max_bytes:
            raise self._too_long()
        prepared = _utf8(unicodedata.normalize("NFKC", password))
        if len(prepared) > self.max_bytes:  # NFKC may write one character as eighteen
            raise self._too_long()
        return prepared

    def judge(self, password: str, about: Iterable[str] = ()) -> bytes:
        """What is hashed of a password that somebody chooses, who is known by the words ``about`` him.

        Raises BadInput when it is not acceptable.
        """
        prepared = self.prepare(password)
        if len(prepared.decode()) < self.min_length:
            public = f"Choose a password of at least {self.min_length} characters; a few words in a row do."
            raise BadInput("password_too_short", public, field=FIELD)
        # UAX #15, 12.1: a later Unicode may normalise what has no meaning yet, and would lock its owner out.
        if any(unicodedata.category(character) == _UNASSIGNED for character in password):
            public = "The password has a character that is too new to be typed the same everywhere; choose another."
            raise BadInput("bad_password", public, field=FIELD)
        self._refuse_common(prepared.decode(), (*self.words, *about))
        return prepared

    def _refuse_common(self, password: str, words: Iterable[str]) -> None:
        """NIST SP 800-63B-4, 3.1.1.2: not what is common, breached, repeated, or the name of somebody or something here."""
        own = password.casefold()
        # The longest first: "example.com" leaves nothing of "example".
        for word in sorted({word.casefold() for word in words}, key=len, reverse=True):
            if len(word) >= _SHORTEST_WORD:
                own = own.replace(word, "")
        if len(own) < min(_LEAST_OF_ITS_OWN, self.min_length):
            public = (
                "This is mostly a name or an address that is known here. Add words that have nothing to do with it."
            )
            raise BadInput("password_too_common", public, field=FIELD)
        repeated = _repeated(password)
        spellings = {password, password.casefold(), repeated, repeated.casefold()}
        if self.known and (len(repeated) < _LEAST_OF_ITS_OWN or any(map(self.known, spellings))):
            public = "Those who guess try this password early. Choose three or four words that do not belong together."
            raise BadInput("password_too_common", public, field=FIELD)

    def _too_long(self) -> BadInput:
        return BadInput("password_too_long", f"A password has at most {self.max_bytes} bytes.", field=FIELD)


SINGLE_FACTOR: Final = PasswordPolicy()
"""At least 15 characters: NIST SP 800-63B-4, section 3.1.1.2, for a password that stands alone."""

WITH_SECOND_FACTOR: Final = PasswordPolicy(min_length=8)
"""At least 8 characters: NIST SP 800-63B-4, section 3.1.1.2, where a second factor is always asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashParameters:
    """How much work one argon2id hash is (RFC 9106): ``memory`` in KiB, ``passes`` over it, ``lanes`` in parallel.

    Not below the weakest that the OWASP Password Storage Cheat Sheet calls equivalent.
    """

    memory: int
    passes: int
    lanes: int = 1

    def __post_init__(self) -> None:
        faults: list[str] = []
        memory, passes = is_whole(self.memory, LEAST_MEMORY, MOST_MEMORY), is_whole(self.passes, 1, 100)
        if not memory:
            fault = f"memory is {self.memory!r}; it is in KiB"
            faults.append(f"{fault}: write {LEAST_MEMORY} to {MOST_MEMORY}, which is 4 GiB.")
        if not passes:
            faults.append(f"passes is {self.passes!r}; write 1 to 100.")
        if memory and passes and not any(self.memory >= least and self.passes >= few for least, few in _OWASP):
            enough = " or ".join(f"{least} and {few}" for least, few in _OWASP)
            faults.append(f"memory and passes are {self.memory} and {self.passes}; write at least {enough}.")
        if not is_whole(self.lanes, 1, 64):
            faults.append(f"lanes is {self.lanes!r}; write 1 to 64.")
        if faults:
            raise ConfigError(faults)


# OWASP Password Storage Cheat Sheet, argon2id: as strong as each other, more memory or more time.
_OWASP: Final = ((47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5))

LEAST_MEMORY: Final = min(memory for memory, _ in _OWASP)
MOST_MEMORY: Final = 4_194_304

OWASP_2024: Final = HashParameters(memory=19_456, passes=2)
"""19 MiB, two passes, one lane: what the OWASP Password Storage Cheat Sheet asks for at least."""

RFC_9106_LOW_MEMORY: Final = HashParameters(memory=65_536, passes=3, lanes=4)
"""64 MiB, three passes, four lanes: RFC 9106, section 4, second recommendation."""

# https://github.com/P-H-C/phc-string-format; every count is bounded, so nothing here can take long.
_PHC: Final = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=[1-9][0-9]{0,2}"
    r"\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)


def words_of(name: str) -> tuple[str, ...]:
    """The words by which ``name``, an address or a host, is known: its two sides, and what stands between its signs."""
    sides = (name, *name.split("@"))
    parts = (re.split(r"[\W_]", side) for side in sides)
    return tuple({*sides, *(word for words in parts for word in (*words, "".join(words)))} - {""})


def effort(phc: str) -> tuple[int, int]:
    """The memory in KiB and the passes that ``phc``, a PHC string of argon2id, was made with. Raises StoreError."""
    found = _PHC.fullmatch(phc)
    if found is None:
        raise StoreError("a password hash in the store is not a PHC string of argon2id, version 19")
    return int(found[1]), int(found[2])


def _repeated(password: str) -> str:
    """What ``password`` is a repetition of; itself, if of nothing."""
    return password[: (password + password).find(password, 1)]


def _utf8(password: str) -> bytes:
    try:
        return password.encode()
    except UnicodeEncodeError:
        # JSON can write half of a surrogate pair; it is no character, and has no bytes to hash.
        raise BadInput("bad_password", "The password is not valid Unicode text.", field=FIELD) from None
