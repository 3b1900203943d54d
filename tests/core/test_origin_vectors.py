"""The cases of Go's protection against other origins: requests, and origins that somebody trusts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admit.core.origin import configured_origin, origin_of, refuse_cross_origin
from admit.core.request import Request
from admit.errors import CrossOrigin
from core.vectors import load

CASES: dict[str, Any] = load("go-cross-origin-protection.json")


def test_every_request_is_taken_or_refused_as_there(record_property: Callable[[str, object], None]) -> None:
    for case in CASES["requests"]:
        # The Host of a case is what is configured here: what a sender writes there decides nothing.
        ours = origin_of(f"https://{case['host']}")
        headers = ((b"host", b"evil.example"), *_headers(case))
        request = Request(case["method"], f"{ours}/x", headers)
        if case["expect"] == "allow":
            refuse_cross_origin(request, ours, case["trusted_origins"])
        else:
            with pytest.raises(CrossOrigin):
                refuse_cross_origin(request, ours, case["trusted_origins"])
    assert len(CASES["requests"]) >= 16
    record_property("note", f"requests of other origins, as Go judges them: {len(CASES['requests'])}")


@pytest.mark.parametrize("case", CASES["trusted_origin_config"], ids=lambda case: case["origin"])
def test_an_origin_can_be_trusted_or_is_refused_as_there(case: dict[str, Any]) -> None:
    if case["error"]:
        with pytest.raises(ValueError, match="write"):
            configured_origin(case["origin"])
    else:
        assert configured_origin(case["origin"]) == case["origin"]


def _headers(case: dict[str, Any]) -> tuple[tuple[bytes, bytes], ...]:
    named = ((b"sec-fetch-site", case["sec_fetch_site"]), (b"origin", case["origin"]))
    return tuple((name, value.encode()) for name, value in named if value)
