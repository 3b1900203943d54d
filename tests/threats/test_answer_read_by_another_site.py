"""A page of another site has its visitor's browser ask for what only that visitor may see, and reads it (CSR-08)."""

from __future__ import annotations

import pytest

from doors import ISSUER, ROUTES, authority, door

TRUSTED = "https://app.example.com"
ORIGINS = ["https://evil.test", "null", f"{ISSUER}.evil.test", "https://evil-auth.example.com", "http://auth.example.com", TRUSTED]  # fmt: skip
PAGES = ["/sign-in", "/sign-up", "/account", "/account/password", "/confirm", "/nothing"]
ASKED_FIRST = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


@pytest.mark.parametrize("origin", ORIGINS)
async def test_no_answer_is_lent_to_another_origin(origin: str) -> None:
    # An origin that may change state is no origin that may read: one is for forms, the other would be for scripts.
    async with door(authority(trusted_origins=[TRUSTED])) as here:
        browser = await here.signed_in()
        sender = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        for path in [*(path for _, path, _, _ in ROUTES), *PAGES]:
            answers = [
                await browser.get(path, headers=sender),
                await browser.options(path, headers=sender | ASKED_FIRST),
            ]
            for answer in answers:
                assert not [name for name in answer.headers if name.startswith("access-control-")], answer.url
        for method, path, body, _ in ROUTES:
            answer = await browser.request(method, path, json=body, headers=sender)
            assert not [name for name in answer.headers if name.startswith("access-control-")], answer.url
