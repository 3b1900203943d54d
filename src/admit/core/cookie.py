"""Our cookies: the one name of each, its attributes, and how it is read back (RFC 6265bis)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from admit.errors import BadCredential

MAX_COOKIE_BYTES = 4_096

_NAMES = {
    ("session", True): b"__Host-admit",
    ("session", False): b"admit-insecure",
    ("refresh", True): b"__Host-admit-refresh",
    ("refresh", False): b"admit-refresh-insecure",
    ("device", True): b"__Host-admit-device",
    ("device", False): b"admit-device-insecure",
    ("handover", True): b"__Host-admit-handover",
    ("handover", False): b"admit-handover-insecure",
}
# No link from elsewhere has to carry a refresh token: only a script of ours asks for the next one.
_SAME_SITE = {"session": "Lax", "refresh": "Strict", "device": "Lax", "handover": "Lax"}


class CookieRule(msgspec.Struct, frozen=True):
    """How a cookie of ours is written: the session's, the refresh token's, that of a known device or of a handover.

    Over https: ``__Host-admit`` with Secure, HttpOnly, SameSite, Path=/ and no Domain, so that neither a sibling
    host nor plain http can set it (RFC 6265bis, section 4.1.3.2). SameSite is Strict for the refresh token. Over http, which only a loopback
    issuer may use, browsers accept neither Secure nor the prefix: there it has another name that says so.
    """

    secure: bool
    of: Literal["session", "refresh", "device", "handover"] = "session"

    @property
    def name(self) -> str:
        """The exact name; case matters."""
        return _NAMES[self.of, self.secure].decode()

    def line(self, value: str, max_age: float) -> str:
        """The value of a Set-Cookie header that hands out ``value`` for ``max_age`` seconds."""
        attributes = f"; Path=/; HttpOnly; SameSite={_SAME_SITE[self.of]}" + ("; Secure" if self.secure else "")
        return f"{self.name}={value}; Max-Age={int(max_age)}{attributes}"

    def clearing(self) -> str:
        """The value of a Set-Cookie header that makes a browser forget the cookie."""
        return self.line("", 0)

    def read(self, headers: Iterable[bytes]) -> str | None:
        """Our cookie in the Cookie headers of a request, None where there is none.

        Raises BadCredential when our name comes twice: one of the two was planted, and nothing tells which.
        """
        name = _NAMES[self.of, self.secure]
        found: list[bytes] = []
        for header in headers:
            for pair in header.split(b";"):
                key, equals, value = pair.strip(b" \t").partition(b"=")
                if equals and key == name:
                    found.append(value)
        if not found:
            return None
        if len(found) > 1:
            raise BadCredential(f"two {self.of} cookies on one request")
        return found[0][:MAX_COOKIE_BYTES].decode("latin-1")
