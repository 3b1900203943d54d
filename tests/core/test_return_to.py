"""Where one may be sent back to: our own paths, and nothing a browser reads as another host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.return_to import MAX_RETURN_LENGTH, safe_path

OURS = [
    "/", "/links", "/links/", "/links?page=2&next=//evil.test", "/a/b#c", "/a//b", "/caf%C3%A9", "/a%20b", "/a%2Fb",
    "/?q=%0d%0a", "/?https://evil.test", "/#//evil.test", "/.well-known/x", "/a..b", "/@evil.test", "/a:b", "/%252F%252Fevil.test",
]  # fmt: skip


@pytest.mark.parametrize("path", OURS)
def test_a_path_of_ours_is_where_one_came_from(path: str) -> None:
    assert safe_path(path, "/start") == path


@pytest.mark.parametrize("text", ["", "links", "?a", "#a", "./a", "../a", "/a b", "/é", "/" + "a" * MAX_RETURN_LENGTH])
def test_what_no_browser_would_have_sent_leads_to_the_start(text: str) -> None:
    assert safe_path(text) == "/"
    assert safe_path(text, "/account") == "/account"


# What a browser does to a text before it looks for a host, and the characters that matter to it.
PARTS = st.sampled_from(["/", "\\", "\t", "\n", "\r", " ", ".", "..", "%2f", "%5C", "%2e", "%09", "?", "#", "@", ":", "a", "evil.test"])  # fmt: skip


def host_of(text: str) -> str | None:
    """The host that a browser on an https page reads out of a text without a scheme (WHATWG URL, 4.4)."""
    kept = text.strip("".join(map(chr, range(0x21)))).translate(dict.fromkeys(map(ord, "\t\n\r")))
    path = kept.replace("\\", "/")
    return path[2:] if path.startswith("//") else None


@given(st.lists(PARTS, max_size=8).map("".join))
def test_no_text_that_is_taken_names_a_host_to_a_browser(text: str) -> None:
    if safe_path(text, "") == text != "":
        assert text.startswith("/")
        assert host_of(text) is None


@given(st.text())
def test_any_text_gives_a_path(text: str) -> None:
    assert safe_path(text).startswith("/")
