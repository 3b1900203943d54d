"""What a request is for: one reading, and a refusal of whatever has two."""

from __future__ import annotations

import contextlib
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.target import MAX_TARGET_LENGTH, Ambiguous, Target, host_of, path_of

PLAIN = {
    "/": "/", "/links": "/links", "/links/": "/links", "/links/?a=/../b": "/links", "/a/b.css?x": "/a/b.css",
    "/caf%C3%A9": "/café", "/a%20b": "/a b", "/100%25": "/100%", "/%61dmin": "/admin", "/.well-known/x": "/.well-known/x",
    "/a,b@c:d!$&'()*+=~_-": "/a,b@c:d!$&'()*+=~_-", "/v1.2/x": "/v1.2/x", "/?": "/", "/a?b?c": "/a",
}  # fmt: skip

ODD = [
    "", "links", "*", "//", "//links", "/a//b", "/a//", "https://evil.test/", "/./a", "/a/.", "/a/..", "/a/../b", "/..",
    "/%2e%2e/a", "/a/%2E", "/.%2e/a", "/a%2fb", "/a%2Fb", "/%2f", "/a\\b", "/a%5cb", "/a;b", "/a;v=1/b", "/a%3bb", "/a#b",
    "/a%23b", "/a%3fb", "/%00", "/a%0d%0ab", "/a%09", "/a%7f", "/%", "/%4", "/%zz", "/a%%41", "/%252e%252e/a", "/%25%32%65",
    "/%ff", "/%c0%af", "/%c3", "/é", "/a b", "/a\x00", "/a.", "/a./b", "/a%20", "/a%20/b", "/...", "/a%e2%80%8bb",
    "/a%ef%bc%8fb", "/%ef%bc%8e%ef%bc%8e/a", "/%e2%80%a5/a", "/a%e2%84%80b", "/" + "a" * MAX_TARGET_LENGTH,
]  # fmt: skip


@pytest.mark.parametrize("target", PLAIN)
def test_a_path_is_decoded_once_and_has_no_slash_at_its_end(target: str) -> None:
    assert path_of(target) == PLAIN[target]


@pytest.mark.parametrize("target", ODD)
def test_what_two_servers_could_read_differently_is_no_path(target: str) -> None:
    with pytest.raises(Ambiguous):
        path_of(target)


PARTS = st.sampled_from(
    [
        "/",
        "\\",
        ".",
        "..",
        "%2f",
        "%5c",
        "%2e",
        "%252e",
        "%25",
        "%00",
        ";",
        "?",
        "#",
        "//",
        "a",
        "B",
        "é",
        "％",
        "．",
        "／",
        " ",
    ]
)


@given(st.lists(PARTS, max_size=8).map("".join))
def test_what_is_taken_stays_itself_for_whoever_decodes_again_or_makes_it_shorter(text: str) -> None:
    try:
        path = path_of("/" + quote(text, safe="/\\.%;?#"))
    except Ambiguous:
        return
    assert unquote(path) == path
    assert not {"", ".", ".."} & set(path[1:].split("/")) or path == "/"
    assert not set("\\;?#") & set(path)
    assert path_of(quote(path)) == path


@given(st.text())
def test_any_text_is_a_path_or_ambiguous(text: str) -> None:
    for target in (text, f"/{text}"):
        with contextlib.suppress(Ambiguous):
            assert path_of(target).startswith("/")


HOSTS = {
    "app.example.com": "app.example.com", "APP.Example.COM": "app.example.com", "app.example.com.": "app.example.com",
    "app.example.com:443": "app.example.com", "app.example.com.:443": "app.example.com", "app.example.com:8443": "app.example.com:8443",
    "xn--bcher-kva.example": "xn--bcher-kva.example", "127.0.0.1": "127.0.0.1", "[::1]:443": "[::1]", "[::1]": "[::1]",
    "my_app.example.com": "my_app.example.com",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTS)
def test_a_host_has_one_spelling(text: str) -> None:
    assert host_of(text) == HOSTS[text]


@pytest.mark.parametrize("text", [
    "", ".", "app..example.com", "app.example.com..", "a, b", "a b", "a@b", "a/b", "bücher.example", "a:b", "a:1:2", "[::1", "a" * 300,
    "a:443443", "app.example.com\x00", "app%2eexample.com", "[evil]",
])  # fmt: skip
def test_what_no_browser_names_is_no_host(text: str) -> None:
    with pytest.raises(Ambiguous):
        host_of(text)


def test_the_port_that_goes_without_saying_is_that_of_the_scheme() -> None:
    assert host_of("127.0.0.1:80", "http") == "127.0.0.1"
    assert host_of("127.0.0.1:80") == "127.0.0.1:80"


@pytest.mark.parametrize("method", ["", "get", "Get", "GET ", "GE\tT", "G" * 40, "GET,POST", "G\xc9T"])
def test_a_method_is_written_in_capitals(method: str) -> None:
    with pytest.raises(Ambiguous):
        Target.read(method, "app.example.com", "/")
    assert Target.read("M-SEARCH", "app.example.com", "/").method == "M-SEARCH"
