"""Which origin is ours, and which requests a browser sent on behalf of another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.origin import configured_origin, issuer, origin_of, refuse_cross_origin
from admit.core.request import Request
from admit.errors import BadCredential, CrossOrigin

OURS = "https://app.example.com"


@pytest.mark.parametrize(
    "url, origin",
    [
        ("https://app.example.com/auth", OURS),
        ("HTTPS://APP.example.com:443/", OURS),
        ("https://app.example.com:8443", "https://app.example.com:8443"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_origin_is_scheme_host_and_port_in_one_spelling(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "", "app.example.com", "ftp://app.example.com", "https://", "https://:443", "javascript:alert(1)",
        "https://user@app.example.com", "https://app.example.com:99999", "https://app.example.com:x", "https://[::1",
        "https://é.example", "https://app.example.com\\@evil.example", "https://app.exa\nmple.com",
        " https://app.example.com", "https://app.example.com\n", "https://app.example.com/\x00", "https://%61.example",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused_with_words(url: str) -> None:
    for read in (origin_of, configured_origin, issuer):
        with pytest.raises(ValueError, match=r"\w"):
            read(url)


@pytest.mark.parametrize("text", [f"{OURS}/", f"{OURS}/path", f"{OURS}?x", f"{OURS}#x"])
def test_a_configured_origin_is_no_more_than_one(text: str) -> None:
    with pytest.raises(ValueError, match=f"write {OURS}"):
        configured_origin(text)
    assert configured_origin("https://APP.example.com:443") == OURS


@pytest.mark.parametrize(
    "text",
    [OURS, f"{OURS}/auth", "http://127.0.0.1:8000", "http://[::1]/a", "http://localhost", "http://a.localhost:1"],
)
def test_an_issuer_is_https_or_on_this_machine(text: str) -> None:
    assert issuer(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"{OURS}/auth/", f"{OURS}?", f"{OURS}?a=b", f"{OURS}#", "http://app.example.com", "http://10.0.0.1",
        "http://localhost.example.com", "http://127.1", "http://0.0.0.0", "http://[::ffff:127.0.0.1]",
    ],
)  # fmt: skip
def test_an_issuer_that_others_could_read_along_or_misspell_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        issuer(text)


def post(*headers: tuple[str, str], method: str = "POST") -> Request:
    return Request(method, f"{OURS}/x", tuple((name.encode(), value.encode("latin-1")) for name, value in headers))


SITE, ORIGIN = "sec-fetch-site", "origin"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(SITE, "same-origin")],
        [(SITE, "none")],
        [(ORIGIN, OURS)],
        [(SITE, "same-origin"), (ORIGIN, OURS)],
        [(SITE, "cross-site"), (ORIGIN, "https://partner.example")],
        [(ORIGIN, "https://partner.example")],
        [(SITE, ""), (ORIGIN, "")],
    ],
)
def test_what_we_sent_ourselves_or_trust_may_change_state(headers: list[tuple[str, str]]) -> None:
    refuse_cross_origin(post(*headers), OURS, {"https://partner.example"})


@pytest.mark.parametrize(
    "headers",
    [
        [(SITE, "cross-site")],
        [(SITE, "same-site")],
        [(SITE, "Same-Origin")],
        [(SITE, "cross-site"), (ORIGIN, OURS)],
        [(ORIGIN, "null")],
        [(ORIGIN, "https://evil.example")],
        [(ORIGIN, "http://app.example.com")],
        [(ORIGIN, "https://app.example.com:8443")],
        [(ORIGIN, "https://app.example.com.evil.example")],
        [("host", "evil.example"), (ORIGIN, "https://evil.example")],
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "TRACE", ""])
def test_what_another_site_had_sent_may_not(headers: list[tuple[str, str]], method: str) -> None:
    with pytest.raises(CrossOrigin):
        refuse_cross_origin(post(*headers, method=method), OURS)


@pytest.mark.parametrize("name", [SITE, ORIGIN])
def test_two_answers_to_where_it_came_from_are_none(name: str) -> None:
    with pytest.raises(BadCredential):
        refuse_cross_origin(post((name, "same-origin"), (name, "same-origin")), OURS)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_only_reads_may_come_from_anywhere(method: str) -> None:
    refuse_cross_origin(post((SITE, "cross-site"), method=method), OURS)


@given(st.text(), st.text())
def test_any_text_is_a_url_or_a_value_error(text: str, other: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}:{other}"):
        try:
            origin = origin_of(url)
        except ValueError:
            continue
        assert origin_of(origin) == origin


values = st.sampled_from([b"", OURS.encode(), b"null", b"https://evil.example", b"same-origin", b"none"]) | st.binary()


@given(st.none() | values, st.none() | values)
def test_whatever_the_headers_say_only_ours_or_no_browsers_passes(site: bytes | None, origin: bytes | None) -> None:
    headers = [(b"sec-fetch-site", site)] * (site is not None) + [(b"origin", origin)] * (origin is not None)
    own = site in (b"same-origin", b"none") or (not site and (not origin or origin == OURS.encode()))
    try:
        refuse_cross_origin(Request("POST", OURS, tuple((name, value or b"") for name, value in headers)), OURS)
    except CrossOrigin:
        assert not own
    else:
        assert own
