"""The session cookie can be read by a script, sent over plain http, or set by a sibling host (COO-01).

`__Host-`, Secure, HttpOnly, Path=/, no Domain and SameSite=Lax (Strict for the refresh token), on every Set-Cookie of every route, refusals too.
"""

from __future__ import annotations

from http.cookies import SimpleCookie

from doors import ANN, COOKIE, NEW_PASSWORD, ROUTES, authority, door


async def test_every_set_cookie_has_every_attribute() -> None:
    async with door() as here:
        browser = await here.signed_in()
        change = {"current_password": ANN["password"], "new_password": NEW_PASSWORD}
        answers = [await browser.request(method, path, json=body) for method, path, body, _ in ROUTES]
        answers.append(
            await here.browser().post("/api/tokens", json=ANN | {"password": NEW_PASSWORD, "refresh": "cookie"})
        )
        await browser.post("/api/sign-in", json=ANN | {"password": NEW_PASSWORD})
        answers += [
            await here.browser().post("/api/sign-in", json=ANN | {"password": NEW_PASSWORD}),
            await browser.post("/api/sign-out-others"),
            await browser.post("/api/password", json=change | {"current_password": NEW_PASSWORD}),
            await browser.post("/api/sign-out"),
            await browser.post("/api/sign-out"),
        ]
    lines = [line for answer in answers for line in answer.headers.get_list("set-cookie")]
    assert len(lines) >= 7
    for line in lines:
        name, morsel = next(iter(SimpleCookie(line).items()))
        assert name in {COOKIE, f"{COOKIE}-device", f"{COOKIE}-refresh"}
        assert (morsel["secure"], morsel["httponly"], morsel["path"]) == (True, True, "/")
        assert (morsel["domain"], morsel["samesite"].lower()) == ("", "strict" if name.endswith("refresh") else "lax")


async def test_over_plain_http_the_cookie_has_a_name_that_says_so() -> None:
    async with door(authority(issuer="http://127.0.0.1:8000")) as here:
        answer = await here.browser().post("/api/sign-in", json=ANN)
        assert answer.headers["set-cookie"].startswith("admit-insecure=adm_s_")
        assert "Secure" not in answer.headers["set-cookie"]
        assert "HttpOnly" in answer.headers["set-cookie"]
