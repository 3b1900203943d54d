"""Feeds whatever a fuzzer thinks of to all that reads what strangers send: `make fuzz`, a minute of `make check-all`.

Each input is a target and its text. A parser may return or raise one of our errors; anything else ends the run
and leaves the input behind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["admit"]):  # pyright: ignore[reportAttributeAccessIssue] - it has no types
    from admit.core import jose, jwt, refresh
    from admit.core.address import ProxyHeader, TrustedProxies
    from admit.core.api_key import parse_api_key, write_api_key
    from admit.core.cookie import CookieRule
    from admit.core.jwk import SigningKey, key_set
    from admit.core.origin import refuse_cross_origin
    from admit.core.presented import DOORS, presented
    from admit.core.request import Request
    from admit.core.return_to import safe_path
    from admit.core.session_cookie import parse_cookie
    from admit.errors import AdmitError

NOW = 1_800_000_000
ISSUER = "https://app.example"
KEY = SigningKey.generate("HS256", lambda size: b"k" * size)
KEYS = {KEY.kid: KEY.verifying()}
RULES = jwt.Rules(issuer=ISSUER, audience=ISSUER)
FAMILY = refresh.Keys("abcdefgh", b"m" * 32, b"c" * 32)
PROXIES: list[ProxyHeader] = ["x-forwarded-for", "forwarded", "x-real-ip"]


def a_cookie_header(data: bytes) -> None:
    """Cookie headers, and what is in ours."""
    text = CookieRule(secure=True).read(data.split(b"\n"))
    if text is not None:
        parse_cookie(text)


def a_cookie(data: bytes) -> None:
    """The value of a session cookie."""
    parse_cookie(data.decode("latin-1"))


def a_request(data: bytes) -> None:
    """Header lines: which credential counts, and whether a browser sent it for another site."""
    lines = (line.partition(b":") for line in data.split(b"\n"))
    request = Request("POST", ISSUER, tuple((name.lower(), value) for name, _, value in lines))
    refuse_cross_origin(request, ISSUER)
    presented(request, DOORS, CookieRule(secure=True))


def a_token(data: bytes) -> None:
    """An access token."""
    jwt.verify(data.decode("latin-1"), KEYS, RULES, NOW)


def claims(data: bytes) -> None:
    """Claims under a good signature: what a mistaken issuer might sign."""
    with suppress(AdmitError):
        text = jose.sign(data, KEY, jwt.TYPE)
        found = jwt.verify(text, KEYS, RULES, NOW)
        assert found.iss == ISSUER
        assert found.exp - found.iat <= jwt.MAX_LIFE


def an_api_key(data: bytes) -> None:
    """An API key: what is one is written in one way."""
    text = data.decode("latin-1")
    assert write_api_key(*parse_api_key(text)) == text


def a_refresh_token(data: bytes) -> None:
    """A refresh token."""
    text = data.decode("utf-8", "surrogateescape")
    refresh.key_id_of(text)
    assert refresh.parse(text, FAMILY).text(FAMILY) == text


def keys(data: bytes) -> None:
    """A JWK Set."""
    key_set(data)


def a_return_address(data: bytes) -> None:
    """Where to go after signing in: whatever is accepted stays on our origin."""
    text = data.decode("utf-8", "surrogatepass") if data.isascii() else data.decode("latin-1")
    path = safe_path(text, "/")
    assert path.startswith("/")
    assert urlsplit(urljoin(ISSUER, path))[:2] == urlsplit(ISSUER)[:2]


def an_address(data: bytes) -> None:
    """What proxies say of a sender."""
    header = PROXIES[data[0] % len(PROXIES)] if data else PROXIES[0]
    proxies = TrustedProxies.of(["127.0.0.1", "10.0.0.0/8", "fd00::/8"], header)
    lines = tuple((header.encode(), line) for line in data[1:].split(b"\n"))
    assert proxies.source(Request("GET", ISSUER, lines, "127.0.0.1"))


TARGETS: list[Callable[[bytes], None]] = [
    a_cookie_header, a_cookie, a_request, a_token, claims, a_refresh_token, keys, a_return_address, an_address, an_api_key,
]  # fmt: skip


def one_input(data: bytes) -> None:
    """One target and its text."""
    if data:
        with suppress(AdmitError):
            TARGETS[data[0] % len(TARGETS)](data[1:])


def seeds() -> list[tuple[Callable[[bytes], None], bytes]]:
    """An input of each kind that is as it should be, so that the fuzzer need not find the form by chance."""
    session = f"a{'0' * 21}"
    said: dict[str, object] = {
        "iss": ISSUER, "sub": "ann", "aud": ISSUER, "exp": NOW + 600, "iat": NOW, "jti": "t", "client_id": "web",
        "scope": "a b", "roles": ["user"], "sid": session, "gen": 1, "auth_time": NOW, "amr": ["pwd"],
    }  # fmt: skip
    payload = json.dumps(said, separators=(",", ":")).encode()
    public = SigningKey.generate("Ed25519", lambda size: b"k" * size).verifying().jwk()
    cookie = f"adm_s_{session}.1.{'s' * 43}".encode()
    return [
        (a_cookie_header, b"a=b; __Host-admit=" + cookie),
        (a_cookie, cookie),
        (a_request, b"authorization:Bearer abc\nsec-fetch-site:same-origin\norigin:https://app.example"),
        (a_token, jose.sign(payload, KEY, jwt.TYPE).encode()),
        (claims, payload),
        (a_refresh_token, refresh.RefreshToken(FAMILY.id, session, 7, "s" * 43).text(FAMILY).encode()),
        (keys, json.dumps({"keys": [public]}).encode()),
        (a_return_address, b"/account?tab=devices#top"),
        (an_address, b"\x00198.51.100.7, 10.1.2.3"),
        (an_api_key, write_api_key(session, "s" * 43).encode()),
        (an_address, b'\x01for="[2001:db8::1]:4711";proto=https, for=10.0.0.1'),
    ]


def sow(folder: Path) -> None:
    """Put the seeds where the fuzzer keeps what it found."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, (target, text) in enumerate(seeds()):
        (folder / f"seed-{place}").write_bytes(bytes([TARGETS.index(target)]) + text)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        if not argument.startswith("-"):
            sow(Path(argument))
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
