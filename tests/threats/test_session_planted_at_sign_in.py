"""A session that was there before the sign-in is still there after it, signed in or not (SES-02).

Over HTTP, in a browser: whoever planted a cookie, or read one off the machine, must not be carried along when its
user signs in. So each sign-in hands out a new session and ends the one whose cookie it came with.
"""

from __future__ import annotations

from doors import ANN, BOB, COOKIE, door


async def test_the_cookie_that_came_along_with_a_sign_in_is_dead() -> None:
    async with door(None, ANN, BOB) as here:
        browser = await here.signed_in(BOB)
        before = browser.cookies[COOKIE]
        await browser.post("/api/sign-in", json=ANN)
        assert browser.cookies[COOKIE].split(".")[0] != before.split(".")[0]
        assert (await browser.get("/api/me")).json()["email"] == ANN["email"]
        replayed = await here.browser().get("/api/me", headers={"Cookie": f"{COOKIE}={before}"})
        assert replayed.status_code == 401


async def test_a_sign_in_that_fails_ends_nothing() -> None:
    async with door() as here:
        browser = await here.signed_in()
        assert (await browser.post("/api/sign-in", json=ANN | {"password": "x"})).status_code == 401
        assert (await browser.get("/api/me")).status_code == 200


async def test_an_invented_cookie_is_not_adopted() -> None:
    async with door() as here:
        invented = "adm_s_qP7-9dYxaZaTO9pr3Ny096.1." + "A" * 43
        browser = here.browser()
        browser.cookies.set(COOKIE, invented, domain="auth.example.com")
        assert (await browser.post("/api/sign-in", json=ANN)).status_code == 200
        replayed = await here.browser().get("/api/me", headers={"Cookie": f"{COOKIE}={invented}"})
        assert replayed.status_code == 401
