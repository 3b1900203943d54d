"""An authority, asked over HTTP with the standard library: its description, its keys, its log."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Meta

from admit import system
from admit.core import api_key, origin, strict
from admit.core.jwk import MAX_SET_BYTES, VerifyingKey, key_set
from admit.core.secret import written
from admit.core.store import READ_AT_MOST, Cursor, Page
from admit.core.throttle import Limit
from admit.core.world import Chance
from admit.errors import BadCredential, BadInput, CursorLost, StoreUnavailable

METADATA = "/.well-known/oauth-authorization-server"
"""Below the issuer: what describes it (RFC 8414)."""

MAX_METADATA_BYTES = 64 * 1024
MAX_LINE_BYTES = 1_024
"""Bytes of one line of the log: the longest entry names a subject of 128 bytes."""


HEEDED = {"conditions": "heeded"}
"""What whoever asks about an API key says who looks at where it is used from, and how often."""

BLOCK_BYTES = 64 * 1024


class Metadata(msgspec.Struct, frozen=True):
    """What an authority says of itself, as far as a verifier needs it (RFC 8414, section 2)."""

    issuer: str
    jwks_uri: str
    revocations_endpoint: str
    introspection_endpoint: str
    max_staleness: Annotated[float, Meta(gt=0, le=60)]


class End(msgspec.Struct, frozen=True):
    """The last line of an answer: it is whole, and came to the end of the log."""

    cursor: str | None
    probe: str


class Introspection(msgspec.Struct, frozen=True):
    """What an authority says of a credential at this moment (RFC 7662, section 2.2), as far as a verifier needs it.

    Of a session cookie or an API key it says all that a Principal is made of, and for how many seconds that may be
    used (``usable_for``) by who follows the log; of a key also where it may be used from (``networks``), and how often
    in this process (``limit``). Times are Unix seconds.
    """

    active: bool
    sub: str = ""
    sid: str = ""
    scope: str = ""
    roles: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()
    auth_time: float = 0.0
    exp: float = 0.0
    gen: int = -1
    usable_for: float = 0.0
    api_key: str = ""
    networks: tuple[str, ...] = ()
    limit: Limit | None = None


_introspection = msgspec.json.Decoder(Introspection)
_metadata = msgspec.json.Decoder(Metadata)
_end = msgspec.json.Decoder(End)


class Remote:
    """One connection to the authority ``issuer``, kept open; for one thread at a time.

    ``key`` is a verifier key. Nothing is connected before it is needed. Redirects are not followed. Raises
    ConfigError for an issuer that is neither https nor loopback.
    """

    def __init__(
        self, issuer: str, key: str, tls: ssl.SSLContext | None = None, chance: Chance = system.chance
    ) -> None:
        self._issuer = issuer
        self._origin = origin.origin_of(issuer)
        self._key = key
        self._tls = tls
        self._chance = chance
        # By which the authority tells this process from others with the same key.
        self._follower = written(chance(9))
        self._connection: http.client.HTTPConnection | None = None

    def metadata(self, within: float) -> Metadata:
        """What the authority says of itself. Raises StoreUnavailable, also for what cannot be true."""
        try:
            said = strict.decoded(self._document(self._issuer + METADATA, MAX_METADATA_BYTES, within), _metadata)
        except ValueError as error:
            raise StoreUnavailable(f"the description of {self._issuer} cannot be read: {error}") from error
        if said.issuer != self._issuer:
            raise StoreUnavailable(f"what is found at {self._issuer} describes {said.issuer!r}")
        for url in (said.jwks_uri, said.revocations_endpoint, said.introspection_endpoint):
            if not url.startswith(self._origin + "/"):
                raise StoreUnavailable(f"the description of {self._issuer} leads elsewhere: {url!r}")
        return said

    def keys(self, url: str, within: float) -> dict[str, VerifyingKey]:
        """The keys published at ``url``. Raises StoreUnavailable, also for a set that cannot be trusted."""
        try:
            return key_set(self._document(url, MAX_SET_BYTES, within))
        except BadInput as error:
            raise StoreUnavailable(f"the keys at {url} cannot be used: {error}") from error

    def ask(self, url: str, token: str, within: float) -> Introspection:
        """What the authority says of ``token`` at this moment. Raises BadCredential for the verifier key."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/x-www-form-urlencoded"}
        form = {"token": token} | (HEEDED if token.startswith(api_key.PREFIX) else {})
        with self._answer(url, headers, within, urlencode(form).encode()) as answer:
            try:
                return strict.decoded(answer.read(MAX_METADATA_BYTES), _introspection)
            except ValueError as error:
                raise StoreUnavailable(f"an answer about a token that cannot be read: {error}") from error

    def log(self, url: str, after: Cursor | None, wait: float, probe: str, within: float) -> Iterator[Page]:
        """The log from ``after`` to its end, in pieces; the last one says ``end``.

        The authority waits up to ``wait`` seconds for news; each piece has to come ``within`` as many after that.
        ``probe`` comes back with the end, or the answer is not one to this question.
        Raises CursorLost, BadCredential, StoreUnavailable.
        """
        asked = {"wait": f"{wait:g}", "probe": probe, "follower": self._follower} | (
            {} if after is None else {"after": after}
        )
        headers = {"Authorization": f"Bearer {self._key}"}
        with self._answer(f"{url}?{urlencode(asked)}", headers, wait + within) as answer:
            entries: list[bytes] = []
            last = b""
            for lines in _lines(answer):
                entries += lines
                if not entries[-1].startswith(b"["):
                    last = entries.pop()
                    break
                if len(entries) >= READ_AT_MOST:
                    yield Page(tuple(entries), None, end=False, stamp=b"")
                    entries = []
            try:
                end = _end.decode(last)
            except ValueError as error:
                raise StoreUnavailable(f"an answer of the log that ends in the middle: {error}") from error
            answer.read(1)  # to its end, so that the connection can be used again
            if end.probe != probe or end.cursor is None:
                raise StoreUnavailable("an answer to somebody else's question; is there a cache in between?")
            yield Page(tuple(entries), Cursor(end.cursor), end=True, stamp=end.cursor.encode())

    def close(self) -> None:
        """Let go of the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def abandon(self) -> None:
        """Forget the connection without closing it, in a forked child: the parent goes on using it, and the name.

        To close it would wait for a lock of its buffer that a thread of the parent holds while it reads.
        """
        self._connection = None
        self._follower = written(self._chance(9))

    def _document(self, url: str, at_most: int, within: float) -> bytes:
        with self._answer(url, {}, within) as answer:
            document = answer.read(at_most + 1)
            if len(document) > at_most:
                raise StoreUnavailable(f"{url} has more than {at_most} bytes")
            return document

    @contextmanager
    def _answer(
        self, url: str, headers: Mapping[str, str], within: float, form: bytes | None = None
    ) -> Generator[http.client.HTTPResponse]:
        """The answer to a GET, or the POST of a form; the connection is kept only when it was read to its end."""
        whole = False
        try:
            answer = self._asked(url, headers, within, form)
            _judge(answer, url)
            yield answer
            whole = answer.isclosed() or not answer.read(1)
        except (OSError, http.client.HTTPException) as error:
            raise StoreUnavailable(f"no answer from {url}: {error!r}") from error
        finally:
            if not whole:
                self.close()

    def _asked(
        self, url: str, headers: Mapping[str, str], within: float, form: bytes | None
    ) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        if self._connection is not None:
            # A server may close a kept connection at any time; that is no failure yet.
            with suppress(OSError, http.client.HTTPException):
                return _send(self._connection, target, headers, within, form)
            self.close()
        host, port = parts.hostname or "", parts.port
        self._connection = (
            http.client.HTTPConnection(host, port, timeout=within)
            if parts.scheme == "http"
            else http.client.HTTPSConnection(host, port, timeout=within, context=self._tls)
        )
        return _send(self._connection, target, headers, within, form)


def _lines(answer: http.client.HTTPResponse) -> Iterator[list[bytes]]:
    """The whole lines of an answer, as many at a time as have come. Raises StoreUnavailable for one without end."""
    begun = b""
    # Read by the block: the client of the standard library takes ten microseconds for a line, a million times.
    while block := answer.read1(BLOCK_BYTES):
        *lines, begun = (begun + block).split(b"\n")
        if len(begun) > MAX_LINE_BYTES:
            raise StoreUnavailable("a line of the log without end")
        if lines:
            yield lines
    if begun:
        yield [begun]


def _send(
    connection: http.client.HTTPConnection, target: str, headers: Mapping[str, str], within: float, form: bytes | None
) -> http.client.HTTPResponse:
    if connection.sock is not None:
        connection.sock.settimeout(within)
    method = "GET" if form is None else "POST"
    connection.request(method, target, form, {"Accept-Encoding": "identity", **headers})
    return connection.getresponse()


def _judge(answer: http.client.HTTPResponse, url: str) -> None:
    """Return if the answer is one; else raise what its status means."""
    match answer.status:
        case HTTPStatus.OK:
            return
        case HTTPStatus.GONE:
            raise CursorLost("the authority does not know this position of the log")
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            raise BadCredential(f"{url} refuses the verifier key")
        case status:
            raise StoreUnavailable(f"{url} answered {status}")
