"""Of all that a request carries, one credential counts, and no other when that one is bad."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.cookie import CookieRule
from admit.core.presented import API_KEY, BEARER, COOKIE, DOORS, counted, presented
from admit.core.request import Request
from admit.core.tally import begun
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


@pytest.mark.parametrize(
    "headers, accept", [([KEY], [BEARER]), ([OURS, KEY], [BEARER, COOKIE]), ([OURS, TOKEN], [COOKIE, API_KEY])]
)
def test_where_a_bearer_of_one_kind_counts_one_of_the_other_is_bad_and_no_cookie_takes_its_place(
    headers: list[tuple[bytes, bytes]], accept: list[str]
) -> None:
    with pytest.raises(BadCredential):
        presented(request(*headers), accept, RULE)


@pytest.mark.parametrize(
    "headers, accept, lost",
    [
        ([OURS], [BEARER, API_KEY], COOKIE),
        ([TOKEN], [COOKIE], BEARER),
        ([TOKEN], [COOKIE, API_KEY], BEARER),
        ([KEY], [BEARER, COOKIE], API_KEY),
        ([ALONE], [BEARER, COOKIE], API_KEY),
        # Somebody who shows nothing, or nothing that would count anywhere, loses nothing.
        ([], [BEARER], None),
        ([(b"authorization", b"Basic x")], [BEARER], None),
        ([OURS, OURS], [BEARER], None),
        ([TOKEN, TOKEN], [BEARER], None),
    ],
)
def test_what_would_count_if_more_were_accepted_is_counted_where_nothing_does(
    headers: list[tuple[bytes, bytes]], accept: list[str], lost: str | None
) -> None:
    tallies = begun(DOORS)
    with pytest.raises((NoCredential, BadCredential)):
        counted(request(*headers), accept, cookies=RULE, tallies=tallies)
    assert {door: one.not_accepted for door, one in tallies.items()} == {door: int(door == lost) for door in DOORS}


def test_what_lies_beside_a_credential_that_counts_is_not_lost() -> None:
    tallies = begun(DOORS)
    assert counted(request(OURS, TOKEN), [COOKIE], cookies=RULE, tallies=tallies) == (COOKIE, "cookie")
    assert counted(request(OURS, TOKEN), [BEARER], cookies=RULE, tallies=tallies) == (BEARER, "token")
    assert tallies == begun(DOORS)


@given(st.lists(st.tuples(st.sampled_from([b"authorization", b"cookie", b"x-api-key", b"x"]), st.binary())))
def test_any_headers_give_a_text_or_one_of_our_errors(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        door, _ = presented(request(*headers), DOORS, RULE)
    except AdmitError:
        return
    assert door in DOORS
