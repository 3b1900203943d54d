"""Errors as answers: each has its status, none tells more than it may, and none is a way in."""

from __future__ import annotations

import inspect
import logging

import pytest
from starlette.types import Scope

from admit import errors
from admit.core import device
from admit.core.answers import status_of
from admit.core.device import device_of
from admit.errors import (
    AdmitError,
    BadCredential,
    BadInput,
    ConfigError,
    Expired,
    NotForUs,
    Replayed,
    Revoked,
    Stale,
    StepUp,
    StoreError,
    TooMany,
)
from admit.guards.asgi import asked
from admit.web.answer import answer
from doors import door, is_problem

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
KINDS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, AdmitError)]


def made(kind: type[AdmitError]) -> AdmitError:
    if kind is TooMany:
        return TooMany("reason", retry_after=1.2)
    if kind is StepUp:
        return StepUp("reason", max_age=60.9)
    if kind is BadInput:
        return BadInput("code", "public")
    return kind(["reason"]) if kind is ConfigError else kind("reason")


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_status_a_problem_and_no_reason(kind: type[AdmitError]) -> None:
    error = made(kind)
    response = answer(SCOPE, error)
    assert response.status_code == status_of(error)
    assert b"reason" not in response.body
    assert response.media_type == "application/problem+json"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, Stale | StoreError)])
def test_what_cannot_be_known_now_is_never_a_reason_to_throw_a_sign_in_away(kind: type[AdmitError]) -> None:
    response = answer(SCOPE, made(kind))
    assert response.status_code in (409, 410, 503)
    assert ("retry-after" in response.headers) == (response.status_code == 503)


def test_bad_expired_revoked_replayed_and_foreign_credentials_look_the_same() -> None:
    kinds = (BadCredential, Expired, Revoked, Replayed, NotForUs)
    responses = [answer(SCOPE, kind(f"because of {kind.__name__}")) for kind in kinds]
    assert len({(response.status_code, response.body, tuple(response.raw_headers)) for response in responses}) == 1
    assert responses[0].headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_the_wait_is_whole_seconds_and_not_too_short() -> None:
    assert answer(SCOPE, TooMany(retry_after=1.2)).headers["retry-after"] == "2"


async def test_what_nobody_thought_of_is_answered_logged_and_not_explained(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("internal detail")

    async with door() as here:
        monkeypatch.setattr(here.auth, "check", broken)
        with caplog.at_level(logging.INFO, "admit"):
            response = await here.browser().get("/readyz")
    assert (response.status_code, response.json()["code"]) == (500, "error")
    assert is_problem(response)
    assert "internal detail" not in response.text
    assert response.headers["cache-control"] == "no-store"
    [record] = [one for one in caplog.records if one.name.startswith("admit")]  # others say more after some tests
    assert record.exc_info is not None


async def test_a_refusal_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    async with door() as here:
        with caplog.at_level(logging.INFO, "admit"):
            await here.browser().get("/api/me", headers={"Authorization": "Basic x"})
    assert "holds no bearer token" in caplog.text


AGENTS = {
    "Firefox/Linux": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Chrome/Android": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36",
    "Safari/iOS": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
    "Edge/Windows": "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36 Edg/131.0",
    "Safari/macOS": "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
    "Opera/Windows": "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 OPR/115.0",
    "curl": "curl/8.5.0",
    "Python": "python-httpx/0.28.1",
    "": "\x1b[31m\r\n",
}


@pytest.mark.parametrize("label, agent", AGENTS.items())
def test_a_device_is_called_by_words_of_ours(label: str, agent: str) -> None:
    scope = {**SCOPE, "headers": [(b"user-agent", agent.encode())]}
    assert device_of(asked(scope, "https://auth.example.com")) == label


def test_no_device_has_a_name_longer_than_a_session_keeps() -> None:
    names = [f"{browser}/{system}" for _, browser in device._BROWSERS for _, system in device._SYSTEMS]
    assert max(map(len, names)) <= 16
