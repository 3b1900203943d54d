"""The attacks that the lab performs come to what the browser and the servers do, and tell when they prove nothing."""

from __future__ import annotations

import pytest

from admit.lab.browser import attacks
from admit.lab.browser.attacks import Outcome, Performed, Scene, perform
from admit.lab.report import Attack
from admit.lab.strategy import Unmeasured

WORKS = {
    "cross-site request forgery": set[str](),
    "script injection takes the credential": {"localStorage", "memory"},
    "session fixation": set[str](),
    "cookie tossing": set[str](),
    "replay of a stolen credential": {"HttpOnly cookie", "localStorage", "memory"},
    "replay after signing out": {"localStorage", "memory"},
}


@pytest.fixture(scope="module")
def found() -> tuple[Attack, ...]:
    return perform()


def test_each_attack_works_where_nothing_stops_it(found: tuple[Attack, ...]) -> None:
    worked = {name: {one.place for one in found if (one.name, one.outcome) == (name, "worked")} for name in WORKS}
    assert worked == WORKS
    assert len(found) == 3 * len(WORKS)


def test_what_was_seen_is_told(found: tuple[Attack, ...]) -> None:
    seen = {(one.name, one.place): one.seen for one in found}
    assert "SameSite=Lax kept the cookie back" in seen["cross-site request forgery", "HttpOnly cookie"]
    assert "acts as the person" in seen["script injection takes the credential", "HttpOnly cookie"]
    assert "SecurityError" in seen["session fixation", "localStorage"]


def test_an_attack_that_does_nothing_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def idle(_: Scene) -> Outcome:
        return Outcome(worked=False, seen="")

    monkeypatch.setattr(attacks, "ATTACKS", (Performed("an idle one", idle, "anything"),))
    with pytest.raises(Unmeasured, match="an idle one: did not work"):
        perform()
