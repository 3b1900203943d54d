"""What every request passes, and every answer bears."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from admit.web.limits import MAX_BODY_BYTES
from doors import ANN, Door, authority, door, is_problem

JSON = {"Content-Type": "application/json"}


async def test_a_body_as_large_as_allowed_is_read(here: Door) -> None:
    body = b'{"email": "' + b"x" * (MAX_BODY_BYTES - 13) + b'"}'
    assert len(body) == MAX_BODY_BYTES
    assert (await here.browser().post("/api/sign-in", content=body, headers=JSON)).status_code == 422
    answer = await here.browser().post("/api/sign-in", content=body + b" ", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_that_does_not_say_its_length_is_read_no_further_than_allowed(here: Door) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 100 * MAX_BODY_BYTES:
            read += 1_000
            yield b" " * 1_000

    answer = await here.browser().post("/api/sign-in", content=endless(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert is_problem(answer)
    assert read <= MAX_BODY_BYTES + 1_000


async def test_a_content_type_may_say_its_charset(here: Door) -> None:
    body = b'{"email": "ann@example.com", "password": "a password of some length"}'
    kind = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await here.browser().post("/api/sign-in", content=body, headers=kind)).status_code == 200


@pytest.mark.parametrize(
    "issuer, host, status",
    [
        ("https://auth.example.com", "auth.example.com", 200),
        ("https://auth.example.com", "AUTH.example.com", 200),
        ("https://auth.example.com", "auth.example.com:443", 200),
        ("https://auth.example.com", "auth.example.com:8443", 421),
        ("https://auth.example.com:8443", "auth.example.com:8443", 200),
        ("https://auth.example.com:8443", "auth.example.com", 421),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", 200),
        ("http://127.0.0.1:8000", "localhost:8000", 421),
        ("http://[::1]", "[::1]", 200),
        ("http://[::1]", "[::1]:80", 200),
    ],
)
async def test_it_answers_to_the_host_of_its_issuer(issuer: str, host: str, status: int) -> None:
    async with door(authority(issuer=issuer)) as here:
        answer = await here.browser().get("/healthz", headers={"Host": host})
        assert answer.status_code == status


async def test_a_trusted_origin_may_change_state() -> None:
    async with door(authority(trusted_origins=["https://app.example.com"])) as here:
        sent: dict[str, Any] = {
            "json": ANN,
            "headers": {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"},
        }
        assert (await here.browser().post("/api/sign-in", **sent)).status_code == 200
