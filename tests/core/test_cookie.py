"""The session cookie is written in one way and read in one way."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.cookie import MAX_COOKIE_BYTES, CookieRule
from admit.errors import BadCredential

SECURE, INSECURE = CookieRule(secure=True), CookieRule(secure=False)


def test_over_https_it_is_a_host_cookie_out_of_reach_of_scripts_and_of_plain_http() -> None:
    cookies: SimpleCookie = SimpleCookie(SECURE.line("value", 60.9))
    [(name, cookie)] = cookies.items()
    assert name == "__Host-admit"
    assert cookie.value == "value"
    assert cookie["path"] == "/"
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == "60"
    assert cookie["secure"] is cookie["httponly"] is True
    assert cookie["domain"] == cookie["expires"] == ""


def test_over_http_its_name_says_so_and_it_makes_no_promise_a_browser_would_refuse() -> None:
    assert INSECURE.line("value", 60) == "admit-insecure=value; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("rule", [SECURE, INSECURE])
def test_clearing_empties_it_and_lets_it_expire(rule: CookieRule) -> None:
    assert rule.clearing().startswith(f"{rule.name}=; Max-Age=0; Path=/; ")


@pytest.mark.parametrize(
    "headers, value",
    [
        ([], None),
        ([b""], None),
        ([b"__Host-admit"], None),
        ([b"__Host-admit="], ""),
        ([b"__Host-admit=a"], "a"),
        ([b"other=1; __Host-admit=a"], "a"),
        ([b"other=1;__Host-admit=a;x=y"], "a"),
        ([b"other=1", b"__Host-admit=a=b"], "a=b"),
        ([b'__Host-admit="a"'], '"a"'),
        ([b"__host-admit=a"], None),
        ([b"__HOST-ADMIT=a"], None),
        ([b"__Host-admit =a"], None),
        ([b"x__Host-admit=a"], None),
        # A browser lets a sibling host set a name that begins with any of these: it is not the prefixed one.
        *(
            ([space + b"__Host-admit=a"], None)
            for space in (b"\x0b", b"\x0c", b"\xa0", b"\x1c", b"\x85", b"\xe2\x80\x80")
        ),
        ([b"=__Host-admit=a"], None),
        ([b"admit-insecure=a"], None),
        ([b'x="; __Host-admit=a"'], 'a"'),
        ([b"\xff=1; __Host-admit=\xff"], "ÿ"),
    ],
)
def test_it_is_found_under_its_exact_name_only(headers: list[bytes], value: str | None) -> None:
    assert SECURE.read(headers) == value


@pytest.mark.parametrize(
    "headers",
    [
        [b"__Host-admit=a; __Host-admit=a"],
        [b"__Host-admit=a", b"x=1; __Host-admit=b"],
        [b"__Host-admit=; __Host-admit=a"],
    ],
)
def test_two_of_the_name_are_refused_for_one_of_them_was_planted(headers: list[bytes]) -> None:
    with pytest.raises(BadCredential):
        SECURE.read(headers)


@given(st.lists(st.binary() | st.sampled_from([b"__Host-admit=", b"__Host-admit=x;", b";"])))
def test_any_bytes_are_read_as_a_short_text_or_as_none(headers: list[bytes]) -> None:
    try:
        value = SECURE.read([b"".join(headers)])
    except BadCredential:
        return
    assert value is None or len(value) <= MAX_COOKIE_BYTES


def test_a_cookie_too_long_to_be_ours_is_cut_not_kept() -> None:
    assert SECURE.read([b"__Host-admit=" + b"x" * 100_000]) == "x" * MAX_COOKIE_BYTES
