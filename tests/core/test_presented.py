"""Of all that a request carries, one credential counts, and no other when that one is bad."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.cookie import CookieRule
from admit.core.presented import API_KEY, BEARER, COOKIE, DOORS, presented
from admit.core.request import Request
from admit.errors import AdmitError, BadCredential, NoCredential

RULE = CookieRule(secure=True)
TOKEN = (b"authorization", b"Bearer token")
OURS = (b"cookie", b"__Host-admit=cookie")
KEY = (b"authorization", b"Bearer adm_k_key")
ALONE = (b"x-api-key", b"adm_k_key")


def request(*headers: tuple[bytes, bytes]) -> Request:
    return Request("GET", "https://app.example.com/", headers)


@pytest.mark.parametrize(
    "headers, accept, found",
    [
        ([TOKEN], DOORS, (BEARER, "token")),
        ([OURS], DOORS, (COOKIE, "cookie")),
        ([OURS, TOKEN], DOORS, (BEARER, "token")),
        ([OURS, TOKEN], [COOKIE], (COOKIE, "cookie")),
        ([OURS, TOKEN], [BEARER], (BEARER, "token")),
        ([(b"authorization", b"bEARER token")], DOORS, (BEARER, "token")),
        ([(b"authorization", b"Bearer \xff")], DOORS, (BEARER, "ÿ")),
        ([KEY], DOORS, (API_KEY, "adm_k_key")),
        ([OURS, KEY], [COOKIE, API_KEY], (API_KEY, "adm_k_key")),
        ([OURS, ALONE], DOORS, (API_KEY, "adm_k_key")),
        ([(b"x-api-key", b"\xff")], DOORS, (API_KEY, "ÿ")),
        # Where the one does not count the other does, and refuses it: the cookie beside it stays out.
        ([OURS, KEY], [BEARER, COOKIE], (BEARER, "adm_k_key")),
        ([OURS, TOKEN], [COOKIE, API_KEY], (API_KEY, "token")),
        ([OURS, ALONE], [BEARER, COOKIE], (COOKIE, "cookie")),
        ([TOKEN, ALONE], [BEARER], (BEARER, "token")),
    ],
)
def test_the_header_wins_where_it_is_accepted(
    headers: list[tuple[bytes, bytes]], accept: list[str], found: tuple[str, str]
) -> None:
    assert presented(request(*headers), accept, RULE) == found


@pytest.mark.parametrize(
    "header", [b"", b"Bearer", b"Bearer ", b"Basic dXNlcg==", b"DPoP token", b"token", b" Bearer x"]
)
def test_a_cookie_is_no_fallback_for_a_bad_header(header: bytes) -> None:
    with pytest.raises(BadCredential):
        presented(request(OURS, (b"authorization", header)), DOORS, RULE)


@pytest.mark.parametrize(
    "headers",
    [[TOKEN, TOKEN], [TOKEN, OURS, (b"authorization", b"Basic x")], [ALONE, ALONE], [TOKEN, ALONE], [ALONE, KEY, OURS]],
)
def test_two_headers_are_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(BadCredential):
        presented(request(*headers), DOORS, RULE)


@pytest.mark.parametrize("headers, accept", [([], DOORS), ([TOKEN], [COOKIE]), ([OURS], [BEARER]), ([OURS, TOKEN], [])])
def test_what_does_not_count_here_is_not_there(headers: list[tuple[bytes, bytes]], accept: list[str]) -> None:
    with pytest.raises(NoCredential):
        presented(request(*headers), accept, RULE)


@given(st.lists(st.tuples(st.sampled_from([b"authorization", b"cookie", b"x-api-key", b"x"]), st.binary())))
def test_any_headers_give_a_text_or_one_of_our_errors(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        door, _ = presented(request(*headers), DOORS, RULE)
    except AdmitError:
        return
    assert door in DOORS
