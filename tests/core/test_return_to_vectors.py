"""The URL cases of web-platform-tests: no text that is taken leads a browser away from where it was."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from admit.core.return_to import safe_path
from core.vectors import load


def test_where_a_browser_would_leave_the_origin_the_text_is_refused(
    record_property: Callable[[str, object], None],
) -> None:
    cases = [case for case in load("url/urltestdata.json") if isinstance(case, dict)]
    taken = away = 0
    for case in cases:
        base = urlsplit(case["base"] or "")
        if base.scheme not in ("http", "https"):
            continue
        stays = case.get("origin") == f"{base.scheme}://{base.netloc.rpartition('@')[2]}"
        is_taken = safe_path(case["input"], "") == case["input"] != ""
        assert stays or not is_taken, case
        taken += is_taken
        away += not stays
    assert taken > 5
    assert away > 100
    assert not any(case["base"] is None and safe_path(case["input"], "") for case in cases)
    record_property("note", f"URLs of web-platform-tests: {taken} taken, {away} that lead away all refused")
