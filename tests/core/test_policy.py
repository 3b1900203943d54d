"""Rules for what a gateway asks about: the first decides, whoever nobody lets in stays out, and so does all else."""

from __future__ import annotations

from typing import Any

import pytest

from admit.core.policy import NO_POLICY, Policy, Rule
from admit.core.requirement import Requirement
from admit.core.target import Ambiguous, Target
from admit.errors import ConfigError, Denied

HOST = "app.example.com"


def policy(*rules: tuple[str, str] | tuple[str, str, dict[str, Any]], host: str = HOST) -> Policy:
    """Rules for one host: what each allows, at which path, and what else it says."""
    return Policy(
        rules=tuple(
            Rule.of(number, host, rule[1], allow=rule[0], **(rule[2] if len(rule) == 3 else {}))  # type: ignore[arg-type]
            for number, rule in enumerate(rules, 1)
        )
    )


def decides(there: Policy, target: str, method: str = "GET", host: str = HOST) -> int:
    """The number of the rule that lets somebody in, 0 where none does."""
    try:
        return there.rule_for(Target.read(method, host, target)).number
    except Denied:
        return 0


def test_the_first_rule_for_a_request_decides() -> None:
    there = policy(("anyone", "/static/*"), ("signed-in", "/admin/*"), ("anyone", "/about"), ("signed-in", "/*"))
    met = {"/static/x.css": 1, "/static": 1, "/statics": 4, "/admin": 2, "/admin/": 2, "/admin/x/y": 2, "/about": 3,
           "/about/": 3, "/about/x": 4, "/": 4, "/admin?x=/static/": 2, "/%61dmin/x": 2}  # fmt: skip
    assert {target: decides(there, target) for target in met} == met


def test_what_no_rule_is_for_is_open_to_nobody() -> None:
    there = policy(("anyone", "/about"))
    assert decides(there, "/") == decides(there, "/about", host="other.example.com") == decides(NO_POLICY, "/") == 0
    assert decides(there, "/about") == 1


def test_a_rule_that_lets_nobody_in_beats_every_other_wherever_it_stands() -> None:
    there = policy(("anyone", "/*"), ("nobody", "/internal/*"))
    assert decides(there, "/x") == 1
    assert [decides(there, path) for path in ("/internal", "/internal/x", "/INTERNAL/x", "/%49nternal/x")] == [0] * 4


def test_methods_are_named_and_none_stands_for_another() -> None:
    there = policy(("anyone", "/x", {"methods": ["GET"]}), ("signed-in", "/x", {"methods": ["POST", "DELETE"]}))
    met = {"GET": 1, "POST": 2, "DELETE": 2, "HEAD": 0, "OPTIONS": 0, "PUT": 0}
    assert {method: decides(there, "/x", method) for method in met} == met


def test_a_name_with_a_star_is_for_all_below_it_and_not_for_itself() -> None:
    there = policy(("anyone", "/*"), host="*.example.com")
    assert decides(there, "/", host="a.example.com") == decides(there, "/", host="a.b.example.com") == 1
    assert decides(there, "/", host="example.com") == decides(there, "/", host="badexample.com") == 0
    assert there.knows("a.example.com")
    assert not there.knows("example.com")


@pytest.mark.parametrize("path", ["/Admin", "/ADMIN/x", "/%41dmin", "/adm%C4%B1n/../x", "/ａdmin"])
def test_a_path_that_meets_another_rule_where_capitals_are_one_meets_none(path: str) -> None:
    there = policy(("signed-in", "/admin/*", {"requirement": Requirement.of(roles="admin")}), ("anyone", "/*"))
    assert decides(there, path) == 0
    assert decides(there, "/Photos/IMG.JPG") == 2
    with pytest.raises(Ambiguous):
        there.rule_for(Target.read("GET", HOST, "/Admin"))


@pytest.mark.parametrize("wrong", [
    {"host": "https://app.example.com"}, {"host": "*"}, {"host": "bücher.example"}, {"host": "a.*.example.com"}, {"path": "admin"},
    {"path": "/a/*/b"}, {"path": "/a*"}, {"path": "/a/"}, {"path": "/a//b"}, {"path": "/a/../b"}, {"path": "/%61"}, {"path": ""},
    {"path": "/a;b"}, {"allow": "everybody"}, {"methods": ["get"]}, {"allow": "anyone", "requirement": Requirement.of("links:read")},
])  # fmt: skip
def test_a_rule_that_cannot_be_meant_is_named_with_what_to_write(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"host": HOST, "path": "/x", "allow": "signed-in"} | wrong
    with pytest.raises(ConfigError, match=r"Rule 7 .*: ") as refused:
        Rule.of(7, given.pop("host"), given.pop("path"), **given)
    assert "write" in str(refused.value).lower() or "asks" in str(refused.value)


def test_a_rule_that_is_never_reached_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"Rule 3 .* is never reached: rule 1 is for all of it"):
        policy(("signed-in", "/*"), ("nobody", "/internal/*"), ("anyone", "/static/*"))
    with pytest.raises(ConfigError, match="never reached"):
        policy(("anyone", "/x"), ("signed-in", "/x", {"methods": ["GET"]}))
    # The second goes further than the first.
    policy(("anyone", "/x", {"methods": ["GET"]}), ("signed-in", "/x"), ("signed-in", "/x/*"))


def test_what_asks_is_one_of_the_gateways_that_are_known() -> None:
    with pytest.raises(ConfigError, match="no gateway"):
        Policy(gateway="haproxy")  # type: ignore[arg-type]
