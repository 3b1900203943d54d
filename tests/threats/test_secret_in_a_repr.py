"""A value is logged whole, or stands in a report of an error with all that was at hand (OPS-01, KEY-05, SES-09).

Trackers of errors send the variables of each frame; whoever reads them there would present what he finds.
"""

from __future__ import annotations

from admit import Authority, Request


async def test_what_is_handed_out_is_not_told_by_whoever_holds_it() -> None:
    async with Authority("memory://", issuer="https://app.example.com") as auth:
        before = await auth.subjects.before("ann")
        started = await auth.sessions.start(before.proven("pwd"))
        pair = await auth.tokens.issue(started.session)
        created = await auth.api_keys.create(before, "nightly")
        assert started.cookie
        shown = (started.cookie, pair.access_token, pair.refresh_token, created.text)
        headers = tuple((b"authorization", f"Bearer {text}".encode()) for text in shown)
        request = Request("GET", "https://app.example.com/links", headers)
        told = f"{started!r} {pair} {[created, request]}"
    opens = {part for text in shown for part in text.partition(";")[0].split(".") if len(part) > 22}
    assert len(opens) >= 6, "the secrets of four, and what a token says"
    assert not [part for part in opens if part in told]
    for name in (
        "Started(session=Session(id=",
        "expires_in=600",
        "name='nightly'",
        "url='https://app.example.com/links'",
    ):
        assert name in told, "what opens nothing is there"
