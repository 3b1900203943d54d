"""The policy file: the rules for what a gateway asks about, as somebody wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec

from admit.core.address import TrustedProxies
from admit.core.faults import Faults
from admit.core.policy import EVERYTHING, Allow, Gateway, Policy, Rule
from admit.core.presented import DOORS
from admit.core.requirement import SIGNED_IN, Requirement
from admit.errors import ConfigError
from admit.server.judged import toml


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule as the file has it."""

    host: str
    allow: Allow
    path: str = EVERYTHING
    methods: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    within: float | None = None
    accept: tuple[str, ...] = DOORS

    def requirement(self) -> Requirement:
        """What it asks of whom it lets in. Raises ConfigError."""
        asked = Requirement.of(*self.scopes, roles=self.roles, within=self.within, accept=self.accept)
        return SIGNED_IN if asked == SIGNED_IN else asked


_TOP = {"gateway", "networks", "token", "rule"}


def read(path: Path, scheme: str = "https") -> Policy:
    """The policy in the file at ``path``, for hosts reached by ``scheme``. Raises ConfigError with every fault in it."""
    written = toml(path, str(path))
    faults = Faults()
    if strange := sorted(written.keys() - _TOP):
        faults.found.append(f"it has {', '.join(strange)}; write {', '.join(sorted(_TOP))} only.")
    gateway: Any = written.get("gateway")
    if gateway not in get_args(Gateway):
        faults.found.append(f"its gateway is {gateway!r}; write one of {', '.join(get_args(Gateway))}.")
        gateway = "nginx"
    token, networks, rows = written.get("token", False), _listed(written, "networks"), _listed(written, "rule")
    if not networks:
        faults.found.append('it has no networks; write where the gateway asks from, such as ["127.0.0.1"].')
    if not isinstance(token, bool):
        faults.found.append(f"token is {token!r}; write true or false.")
    if not rows:
        faults.found.append("it has no rules, and lets nobody in; write [[rule]] above each.")
    trusted = faults.of(TrustedProxies.of, map(str, networks))
    rules = [faults.of(_rule, number, row, scheme) for number, row in enumerate(rows, 1)]
    policy = Policy()
    if not faults.found:
        policy = faults.of(lambda: Policy(gateway=gateway, networks=trusted, rules=tuple(rules), token=token is True))
    if faults.found:
        raise ConfigError([f"{path}: {fault}" for fault in faults.found])
    return policy


def _listed(written: dict[str, Any], name: str) -> list[Any]:
    """What is listed under ``name``, nothing where that is no list."""
    found: list[Any] = written[name] if isinstance(written.get(name), list) else []
    return found


def _rule(number: int, row: Any, scheme: str) -> Rule:
    try:
        written = msgspec.convert(row, Written)
    except msgspec.ValidationError as error:
        raise ConfigError([f"Rule {number}: {error}."]) from None
    where = f"Rule {number} ({written.host}{written.path})"
    faults = Faults()
    asked = faults.of(written.requirement)
    if not faults.found:
        return Rule.of(
            number,
            written.host,
            written.path,
            allow=written.allow,
            methods=written.methods,
            requirement=asked,
            scheme=scheme,
        )
    raise ConfigError([f"{where}: {fault}" for fault in faults.found])
