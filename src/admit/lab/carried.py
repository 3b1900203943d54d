"""What goes with a request and what is known of a sign-in: the same for every strategy, so that none has it easier."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable

import msgspec

from admit.lab.strategy import Refused

COOKIE = "__Host-session"
DEVICE = "Firefox/Linux"
METHODS = ("pwd", "otp")


class SignIn(msgspec.Struct, frozen=True, array_like=True):
    """What an application knows of a sign-in. Times are Unix seconds."""

    created_at: float
    authenticated_at: float
    seen_at: float
    methods: tuple[str, ...]
    device: str


def signed_in() -> bytes:
    """What is known of a sign-in of this moment."""
    now = time.time()
    return msgspec.msgpack.encode(SignIn(now, now, now, METHODS, DEVICE))


def cookie(value: str) -> tuple[str, str]:
    """The header that brings a session cookie back."""
    return "cookie", f"{COOKIE}={value}"


def bearer(text: str) -> tuple[str, str]:
    """The header that presents a token or a key (RFC 6750, section 2.1)."""
    return "authorization", f"Bearer {text}"


def of_cookie(header: tuple[str, str]) -> str:
    """The value of the session cookie. Raises Refused."""
    name, value = header
    if name == "cookie":
        for pair in value.split("; "):
            if pair.startswith(f"{COOKIE}="):
                return pair[len(COOKIE) + 1 :]
    raise Refused("there is no session cookie")


def of_bearer(header: tuple[str, str]) -> str:
    """The token or the key. Raises Refused."""
    name, value = header
    if name != "authorization" or not value.startswith("Bearer "):
        raise Refused("there is no bearer token")
    return value[7:]


def new_text() -> str:
    """A secret of 256 bits."""
    return secrets.token_urlsafe(32)


def digest(text: str) -> bytes:
    """What is kept of a secret of full entropy: 128 bits of its SHA-256."""
    return hashlib.sha256(text.encode(errors="replace")).digest()[:16]


def written(roles: Iterable[str]) -> str:
    """Roles as one text."""
    return " ".join(sorted(roles))
