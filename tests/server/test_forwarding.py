"""The policy file: read at the start with all its faults, explained before somebody relies on it, looked at by doctor."""

from __future__ import annotations

from pathlib import Path

import pytest

from admit.errors import ConfigError
from admit.server.forwarding import read
from commands import admit

POLICY = """
gateway = "nginx"
networks = ["127.0.0.1"]
token = true

[[rule]]
host = "app.example.com"
path = "/static/*"
methods = ["GET", "HEAD"]
allow = "anyone"

[[rule]]
host = "app.example.com"
path = "/admin/*"
allow = "signed-in"
roles = ["admin"]
within = 900
accept = ["session"]

[[rule]]
host = "app.example.com"
path = "/internal/*"
allow = "nobody"

[[rule]]
host = "app.example.com"
allow = "signed-in"
scopes = ["links:read"]
"""
ISSUER = {"ADMIT_ISSUER": "https://app.example.com/auth", "ADMIT_FORWARD_POLICY": "policy.toml"}


def written(directory: Path, text: str = POLICY) -> Path:
    path = directory / "policy.toml"
    path.write_text(text)
    return path


def faults_of(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(written(directory, text))
    return list(refused.value.faults)


def test_a_file_is_the_rules_in_their_order(tmp_path: Path) -> None:
    policy = read(written(tmp_path))
    assert [(rule.number, rule.path, rule.allow) for rule in policy.rules] == [
        (1, "/static/*", "anyone"), (2, "/admin/*", "signed-in"), (3, "/internal/*", "nobody"), (4, "/*", "signed-in")
    ]  # fmt: skip
    assert policy.token
    assert policy.rules[1].requirement.within == 900


def test_all_faults_of_a_file_are_said_at_once_with_the_number_of_the_rule(tmp_path: Path) -> None:
    wrong = """
    gatewya = "nginx"
    networks = ["0.0.0.0/0"]
    token = "yes"
    [[rule]]
    host = "app.example.com"
    allow = "everybody"
    [[rule]]
    host = "bücher.example"
    path = "admin"
    allow = "signed-in"
    [[rule]]
    host = "app.example.com"
    allow = "signed-in"
    within = 0
    accept = ["ticket"]
    [[rule]]
    host = "app.example.com"
    allow = "anyone"
    role = "admin"
    """
    said = "\n".join(faults_of(tmp_path, wrong))
    for part in (
        "it has gatewya; write gateway, networks, rule, token only", "its gateway is None; write one of nginx",
        "holds strangers", "token is 'yes'; write true or false", "Rule 1: Invalid enum value 'everybody'",
        "Rule 2 (bücher.exampleadmin): 'bücher.example' is no host", "Rule 2 (bücher.exampleadmin): its path cannot be one",
        "Rule 3 (app.example.com/*): A route that accepts", "Rule 3 (app.example.com/*): A sign-in at most 0.0 seconds ago",
        "Rule 4: Object contains unknown field `role`",
    ):  # fmt: skip
        assert part in said, said
    assert all(line.startswith(str(tmp_path)) for line in said.splitlines())


@pytest.mark.parametrize(("text", "part"), [
    ("", "it has no rules"), ("rule = 3", "it has no rules"), ('networks = "127.0.0.1"', "it has no networks"), ("rule", "is not TOML"),
    (POLICY + '[[rule]]\nhost = "app.example.com"\npath = "/x"\nallow = "anyone"\n', "Rule 5 (app.example.com/x) is never reached"),
])  # fmt: skip
def test_a_file_that_lets_nobody_in_or_everybody_is_a_fault(tmp_path: Path, text: str, part: str) -> None:
    assert any(part in fault for fault in faults_of(tmp_path, text))


def test_a_server_does_not_start_on_rules_that_cannot_be_meant(tmp_path: Path) -> None:
    written(tmp_path, POLICY.replace('"/admin/*"', '"/admin/*/x"'))
    said = admit(tmp_path, "serve", **ISSUER)
    assert said.code == 2
    assert "Rule 2 (app.example.com/admin/*/x)" in said.err
    assert admit(tmp_path, "serve", ADMIT_FORWARD_POLICY="nowhere.toml").code == 2


def test_it_is_explained_which_rule_a_request_meets(tmp_path: Path) -> None:
    written(tmp_path)
    said = admit(
        tmp_path, "forward-auth", "explain", "get", "https://APP.example.com/%61dmin/users/?x=1", "--json", **ISSUER
    )
    assert (said.code, said.json) == (0, {
        "method": "GET", "host": "app.example.com", "path": "/admin/users", "rule": 2, "written": "app.example.com/admin/*",
        "allow": "signed-in", "scopes": "any", "roles": "admin", "within": "900 s", "accept": "session",
    })  # fmt: skip
    refused = admit(
        tmp_path, "forward-auth", "explain", "GET", "https://app.example.com/internal/x", "--json", **ISSUER
    )
    assert (refused.code, refused.json["because"]) == (1, "rule 3 lets nobody in")
    odd = admit(tmp_path, "forward-auth", "explain", "GET", "https://app.example.com/a/%2e%2e/b", **ISSUER)
    assert odd.code == 1
    assert "left out by somebody" in odd.err
    bare = admit(
        tmp_path, "forward-auth", "explain", "GET", "https://app.example.com/", ADMIT_ISSUER=ISSUER["ADMIT_ISSUER"]
    )
    assert (bare.code, "forward_policy" in bare.err) == (2, True)


def test_doctor_says_who_asks_and_where_nobody_is_asked_for_anything(tmp_path: Path) -> None:
    def found() -> tuple[str, str]:
        rows = {row["what"]: row for row in admit(tmp_path, "doctor", "--json", **ISSUER).json}
        return rows["forward-auth"]["state"], rows["forward-auth"]["said"]

    written(tmp_path)
    assert found() == ("good", "4 rules; nginx asks from 127.0.0.1/32")
    written(tmp_path, POLICY.replace('allow = "signed-in"\nscopes = ["links:read"]', 'allow = "anyone"'))
    assert found()[0] == "weak"
