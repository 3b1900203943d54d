"""An answer is framed, sniffed, leaked by Referer, or fetched over plain http (XSS-04)."""

from __future__ import annotations

from doors import ROUTES, authority, door

ARMOUR = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "strict-transport-security": "max-age=31536000",
}


async def test_every_answer_bears_every_header_and_no_version() -> None:
    async with door() as here:
        browser = await here.signed_in()
        answers = [await browser.request(method, path, json=body) for method, path, body, _ in ROUTES]
        answers += [
            await browser.get("/nothing"),
            await browser.put("/api/me"),
            await browser.get("/", headers={"Host": "x"}),
        ]
        answers.append(await browser.post("/api/sign-in", content=b"x" * 100_000))
    for answer in answers:
        assert {name: answer.headers.get(name) for name in ARMOUR} == ARMOUR, answer.url
        assert not {"server", "x-powered-by"} & set(answer.headers)


async def test_a_server_for_this_machine_does_not_bind_the_host_name_to_https() -> None:
    async with door(authority(issuer="http://127.0.0.1:8000")) as here:
        assert "strict-transport-security" not in (await here.browser().get("/healthz")).headers
