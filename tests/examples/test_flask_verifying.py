"""The Flask service without a store, beside a real authority: what ends there ends here, streams too."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from followed import until
from guards.applications import by_token
from nearby import Nearby, nearby
from test_docs import ROOT


def example(here: Nearby, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example, as it is started beside ``here``."""
    monkeypatch.setenv("ISSUER", here.issuer)
    monkeypatch.setenv("VERIFIER_KEY", here.key)
    spec = importlib.util.spec_from_file_location("flask_verifying", ROOT / "examples/flask_verifying.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_ends_at_the_authority_ends_at_the_service_and_in_its_open_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with nearby() as here:
        service = example(here, monkeypatch)
        token, other = here.token(), here.token()
        with service.gate, service.app.test_client() as client:
            assert client.get("/links").status_code == client.post("/payments").status_code == 401
            # A busy machine may keep the bound of payments only now and then.
            until(lambda: client.post("/payments", headers=by_token(token)).status_code == 200)
            assert client.get("/links", headers=by_token(token)).status_code == 200
            who = service.gate.verify(token)
            assert not service.gate.sync.over(who, within=0.05)
            stream = client.get("/news", headers=by_token(token), buffered=False)
            lines = iter(stream.response)
            assert next(lines) == b"hello " + who.subject.encode() + b"\n"
            here.sign_out(token)
            assert set(lines) <= {b"still here\n"}
            assert service.gate.sync.over(who, within=60)
            until(lambda: client.get("/links", headers=by_token(token)).status_code == 401)
            assert client.get("/links", headers=by_token(other)).status_code == 200
