"""What a refusal tells a client to do: confirm, ask for more, sign in, wait."""

from __future__ import annotations

import json

import msgspec
import pytest

from admit.core.answers import OUTSIDE, headers_of, problem_of, schemas, status_of
from admit.errors import AdmitError, BadInput, NoCredential, NotEnough, StepUp

CHALLENGES: list[tuple[AdmitError, int, str | None]] = [
    (NoCredential(), 401, "Bearer"),
    (StepUp(max_age=300.9), 401, 'Bearer error="insufficient_user_authentication", max_age=300'),
    (NotEnough(scope="links:write"), 403, 'Bearer error="insufficient_scope", scope="links:write"'),
    (NotEnough("no such role"), 403, None),
]


@pytest.mark.parametrize("error, status, challenge", CHALLENGES)
def test_a_challenge_says_what_to_bring(error: AdmitError, status: int, challenge: str | None) -> None:
    assert status_of(error) == status
    assert headers_of(error).get("WWW-Authenticate") == challenge


def test_a_problem_is_what_its_schema_says() -> None:
    schema = schemas()["Problem"]
    body = json.loads(problem_of(BadInput("c", "p", field="\ud800")).body)
    assert body.keys() == schema["properties"].keys()
    assert set(schema["required"]) <= body.keys()
    assert body["fields"] == [{"field": "\ud800", "detail": "p"}]


def test_what_is_refused_outside_says_its_own_status() -> None:
    assert all(msgspec.json.decode(found.body)["status"] == status for status, found in OUTSIDE.items())
