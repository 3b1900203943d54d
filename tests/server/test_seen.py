"""What is noted of requests that come again and again: figures of all, and lines only of what was refused."""

from __future__ import annotations

import logging

import httpx
import pytest
from starlette.types import Scope

from admit.core.address import NO_PROXIES
from admit.server.metrics import route_of
from admit.server.seen import Seen
from admit.web import application
from doors import ISSUER, authority


async def test_who_follows_the_log_leaves_no_line_for_each_answer(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[tuple[str, int]] = []

    def count(scope: Scope, status: int, seconds: float) -> None:
        assert seconds >= 0
        counted.append((route_of(scope), status))

    auth = authority()
    app = Seen(application(auth), proxies=NO_PROXIES, count=count)
    key = await auth.verifiers.create("links", ISSUER)
    with caplog.at_level(logging.INFO, "admit.access"):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as client:
            for text, path in ((key, "/revocations"), ("wrong", "/revocations"), (key, "/healthz")):
                await client.get(path, headers={"Authorization": f"Bearer {text}"})
    assert counted == [("/revocations", 200), ("/revocations", 401), ("/healthz", 200)]
    lines = [record.getMessage() for record in caplog.records if record.name == "admit.access"]
    assert [line.split()[1:3] for line in lines] == [["/revocations", "401"], ["/healthz", "200"]]
    await auth.close()
