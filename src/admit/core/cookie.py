"""The session cookie: its one name, its attributes, and how it is read back (RFC 6265bis)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from admit.errors import BadCredential

MAX_COOKIE_BYTES = 4_096


class CookieRule(msgspec.Struct, frozen=True):
    """How the session cookie is written.

    Over https: ``__Host-admit`` with Secure, HttpOnly, SameSite=Lax, Path=/ and no Domain, so that neither a
    sibling host nor plain http can set it (RFC 6265bis, section 4.1.3.2). Over http, which only a loopback
    issuer may use, browsers accept neither Secure nor the prefix: there it has another name that says so.
    """

    secure: bool

    @property
    def name(self) -> str:
        """The exact name; case matters."""
        return "__Host-admit" if self.secure else "admit-insecure"

    def line(self, value: str, max_age: float) -> str:
        """The value of a Set-Cookie header that hands out ``value`` for ``max_age`` seconds."""
        attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.secure else "")
        return f"{self.name}={value}; Max-Age={int(max_age)}{attributes}"

    def clearing(self) -> str:
        """The value of a Set-Cookie header that makes a browser forget the cookie."""
        return self.line("", 0)

    def read(self, headers: Iterable[bytes]) -> str | None:
        """Our cookie in the Cookie headers of a request, None where there is none.

        Raises BadCredential when our name comes twice: one of the two was planted, and nothing tells which.
        """
        name = self.name.encode()
        found: list[bytes] = []
        for header in headers:
            for pair in header.split(b";"):
                key, equals, value = pair.strip(b" \t").partition(b"=")
                if equals and key == name:
                    found.append(value)
        if not found:
            return None
        if len(found) > 1:
            raise BadCredential("two session cookies on one request")
        return found[0][:MAX_COOKIE_BYTES].decode("latin-1")
