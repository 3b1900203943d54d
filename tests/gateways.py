"""Gateways as the forward-auth endpoint meets them: a policy, an application, and questions in the form of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from admit.core.address import TrustedProxies
from admit.core.policy import Gateway, Policy, Rule
from admit.core.requirement import Requirement
from admit.web import application
from worlds import World, value_of, world

HOST = "app.example.com"
OTHER = "tools.example.com"
GATEWAYS: tuple[Gateway, ...] = ("nginx", "traefik", "caddy", "envoy")
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}
NAMES = ("subject", "session", "credential", "client", "scopes", "roles", "token")

RULES = (
    Rule.of(1, HOST, "/static/*", allow="anyone", methods=["GET"]),
    Rule.of(2, HOST, "/admin/*", allow="signed-in", requirement=Requirement.of(roles="admin")),
    Rule.of(3, HOST, "/links/*", allow="signed-in", requirement=Requirement.of("links:read")),
    Rule.of(4, HOST, "/vault", allow="signed-in", requirement=Requirement.of(within=60)),
    Rule.of(5, HOST, "/api/*", allow="signed-in", requirement=Requirement.of(accept="token")),
    Rule.of(6, HOST, "/internal/*", allow="nobody"),
    Rule.of(7, HOST, "/*", allow="signed-in"),
    Rule.of(8, f"*.{OTHER}", "/*", allow="signed-in"),
    Rule.of(9, OTHER, "/*", allow="signed-in"),
)

POLICY = Policy(rules=RULES, networks=TrustedProxies.of(["127.0.0.1"]))


@dataclass
class Front:
    """A gateway of some kind in front of an upstream, that asks an application at ``127.0.0.1``."""

    world: World
    app: Any
    gateway: Gateway

    async def asks(
        self, target: str = "/", method: str = "GET", host: str = HOST, *, peer: str = "127.0.0.1", **headers: str
    ) -> httpx.Response:
        """What is answered to a question about a request with ``headers``."""
        return await self.ask(self.question(target, method, host), list(headers.items()), peer)

    async def ask(
        self, question: tuple[str, str, dict[str, str]], more: list[tuple[str, str]], peer: str = "127.0.0.1"
    ) -> httpx.Response:
        """What is answered to ``question``, with the headers ``more``, the name of which may come twice."""
        method, path, headers = question
        way = httpx.ASGITransport(self.app, client=(peer, 50_000))
        async with httpx.AsyncClient(
            transport=way, base_url="http://127.0.0.1:8000", headers={"Accept": "*/*"}
        ) as client:
            named = {"Host": "127.0.0.1:8000"} | headers
            return await client.request(method, path, headers=[*named.items(), *more])

    def question(self, target: str, method: str, host: str) -> tuple[str, str, dict[str, str]]:
        """Method, path and headers of a question, as this kind of gateway puts it."""
        match self.gateway:
            case "nginx":
                said = {"X-Original-Method": method, "X-Original-Host": host, "X-Original-URI": target}
                return "GET", "/auth/forward-auth", said
            case "envoy":
                return method, f"/auth/forward-auth{target}", {"Host": host}
            case _:
                said = {"X-Forwarded-Method": method, "X-Forwarded-Host": host, "X-Forwarded-Uri": target}
                return "GET", "/auth/forward-auth", {**said, "X-Forwarded-Proto": "https"}


def told(answer: httpx.Response) -> dict[str, str]:
    """What an upstream would be told, without what is empty."""
    said = {name: answer.headers[f"x-admit-{name}"] for name in NAMES}
    return {name: text for name, text in said.items() if text}


def by(started: Any) -> dict[str, str]:
    """The Cookie header of a session."""
    return {"Cookie": f"__Host-admit={value_of(started)}"}


@asynccontextmanager
async def front(gateway: Gateway = "nginx", rules: tuple[Rule, ...] = RULES, **settings: Any) -> AsyncIterator[Front]:
    """An authority at `https://app.example.com/auth`, and a gateway that asks it."""
    policy = Policy(rules=rules, gateway=gateway, networks=POLICY.networks, token=settings.pop("token", False))
    async with world("memory", **settings) as here:
        yield Front(here, application(here.auth, at="/auth", forward=policy), gateway)
