"""`admit forward-auth`: what the policy says of a request, before somebody sends it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer

from admit.core.policy import Rule
from admit.core.scope import written
from admit.core.target import Target
from admit.errors import ConfigError, Denied
from admit.server.command import SHARED, Given, command

app = typer.Typer(no_args_is_help=True, help="See what a gateway in front of other programs is answered.")

Method = Annotated[str, typer.Argument(help="The method, such as GET.", metavar="METHOD")]
Url = Annotated[str, typer.Argument(help="The URL as a client would ask for it.", metavar="URL")]


@command(app, "explain", options={name: kind for name, kind in SHARED.items() if name != "store"})
def explain(given: Given, *, method: Method, url: Url) -> None:
    """Say which rule of the policy decides about a request and what it asks for; exit 1 where nobody comes in.

    admit forward-auth explain GET https://app.example.com/admin/users --config /etc/admit/admit.toml
    """
    settings = given.load()
    policy = settings.forward
    if policy is None:
        raise ConfigError(["There are no rules; write the path of their file as forward_policy."])
    _, _, rest = url.partition("://")
    target = "/" + rest.partition("/")[2]
    asked = Target.read(method.upper(), urlsplit(url).netloc, target, urlsplit(settings.issuer).scheme)
    told: dict[str, object] = {"method": asked.method, "host": asked.host, "path": asked.path}
    try:
        told |= _asks(policy.rule_for(asked))
    except Denied as denied:
        given.show(told | {"allow": "nobody", "because": str(denied)})
        raise typer.Exit(1) from None
    given.show(told)


def _asks(rule: Rule) -> dict[str, object]:
    """What ``rule`` is, and asks of whom it lets in."""
    asked = rule.requirement
    told: dict[str, object] = {"rule": rule.number, "written": f"{rule.host}{rule.path}", "allow": rule.allow}
    if rule.allow == "anyone":
        return told
    told["scopes"], told["roles"] = written(asked.scope) or "any", " or ".join(sorted(asked.roles)) or "any"
    told["within"] = "any time" if asked.within is None else f"{asked.within:g} s"
    return told | {"accept": " or ".join(sorted(asked.accept))}
