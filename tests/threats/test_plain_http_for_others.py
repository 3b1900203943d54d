"""A server over plain http that others can reach gives every password and cookie to whoever listens (COO-05)."""

from __future__ import annotations

import pytest

from admit.errors import ConfigError
from admit.server.load import load


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "auth.example.com", ""])
def test_it_is_refused_with_a_host_that_others_reach(host: str) -> None:
    for issuer in (None, "http://127.0.0.1:8000"):
        with pytest.raises(ConfigError):
            load(host=host, issuer=issuer)


@pytest.mark.parametrize("issuer", ["http://auth.example.com", "http://192.0.2.1", "http://0.0.0.0:8000"])
def test_it_is_refused_as_an_issuer_that_others_reach(issuer: str) -> None:
    with pytest.raises(ConfigError):
        load(issuer=issuer)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_this_machine_alone_may(host: str) -> None:
    assert load(host=host).issuer.startswith("http://")


def test_over_https_any_host_may_be_listened_on() -> None:
    assert load(host="0.0.0.0", issuer="https://auth.example.com").host == "0.0.0.0"
