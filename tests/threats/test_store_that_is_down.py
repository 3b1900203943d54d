"""The store does not answer, and somebody is let in, or thrown out, or shown a traceback (OPS-02).

Closed, with 503 and Retry-After: never 200, and never 401, which makes clients throw their sign-in away.
"""

from __future__ import annotations

import pytest

from admit.errors import LostHistory, StoreUnavailable
from admit.stores.memory import MemoryStore
from doors import ROUTES, authority, bearer, door, is_problem
from worlds import Watched


@pytest.mark.parametrize("kind", [StoreUnavailable, LostHistory, OSError], ids=lambda kind: kind.__name__)
async def test_every_route_fails_closed(kind: type[Exception]) -> None:
    store = Watched(MemoryStore())

    async def down() -> None:
        raise kind("disk on fire in rack 7")

    auth = authority(store=store)
    async with door(auth) as here:
        signed_in, tokens = await here.signed_in(), await here.tokens()
        # A credential that this process has not seen yet, so that it has to be looked up.
        fresh = {"Cookie": f"__Host-admit={signed_in.cookies['__Host-admit']}"}
        for verb in ("get", "find", "commit"):
            store.before[verb] = down
        for method, path, body, _ in ROUTES:
            headers = bearer(tokens) if path == "/api/sign-out" else fresh
            answer = await here.browser().request(method, path, json=body, headers=headers)
            if path in ("/api/refresh", "/healthz") or path.startswith("/.well-known/"):
                continue  # a forged token is refused, what is published is told, and the process lives, without the store
            assert answer.status_code == (500 if kind is OSError else 503), path
            assert is_problem(answer)
            assert "rack" not in answer.text
            assert ("retry-after" in answer.headers) == (kind is not OSError)
            assert "set-cookie" not in answer.headers


async def test_it_goes_on_when_the_store_is_back() -> None:
    store = Watched(MemoryStore())

    async def down() -> None:
        raise StoreUnavailable("gone")

    async with door(authority(store=store)) as here:
        browser = await here.signed_in()
        store.before["get"] = down
        assert (await here.browser().get("/readyz")).status_code == 503
        assert (await here.browser().get("/healthz")).status_code == 200
        assert (await browser.get("/api/me")).status_code == 503
        del store.before["get"]
        assert (await here.browser().get("/readyz")).status_code == 200
        assert (await browser.get("/api/me")).status_code == 200
