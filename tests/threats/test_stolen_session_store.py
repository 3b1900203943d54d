"""A dump of the store, or a backup of it, opens sessions (SES-10, TOK-09).

Whoever reads a backup should have read e-mail addresses, not have become their owners. So the store has digests
of cookies, refresh tokens and tickets, signing keys only under the master secret, and access tokens not at all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from admit.core import refresh, secret
from admit.core.refresh import Keys, RefreshToken
from admit.core.secret import Master
from admit.errors import BadCredential, StoreError
from moves import exported
from worlds import SECRET, World, authority, value_of, with_cookie, world

PASSWORD = "a password of some length"


async def handed_out(here: World) -> list[str]:
    """Everything secret that a run hands out."""
    await here.auth.accounts.create("ann@example.com", PASSWORD)
    started = await here.auth.sessions.start(await here.auth.accounts.sign_in("ann@example.com", PASSWORD))
    secrets = [PASSWORD]
    pair = await here.auth.tokens.issue(started.session)
    for _ in range(3):
        secrets += [value_of(started), pair.refresh_token, *pair.access_token.split(".")[1:]]
        secrets.append(await here.auth.tickets.mint("reset", 60))
        here.clock.advance(60)
        pair = await here.auth.tokens.refresh(pair.refresh_token)
        secrets.append(pair.refresh_token)
        started = await here.auth.sessions.step_up(started.session, await here.proof(started.session.subject))
        pair = await here.auth.tokens.issue(started.session)
    jwk = (await here.auth.keys.signing()).secret_jwk()
    return [*secrets, jwk["d"], SECRET.hex(), SECRET.decode("latin-1")]


def dumped(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_nothing_that_was_handed_out_stands_in_the_files_or_in_an_export(tmp_path: Path) -> None:
    async with world("sqlite", tmp_path) as here:
        secrets = await handed_out(here)
        for dump in (dumped(tmp_path), await exported(here.store)):
            assert b"ann@example.com" in dump
            for text in secrets:
                parts = [part for part in text.split(".") if len(part) == secret.SECRET_DIGITS] or [text]
                assert all(part.encode() not in dump for part in parts)


async def test_what_the_store_has_of_a_cookie_opens_nothing(tmp_path: Path) -> None:
    async with world("sqlite", tmp_path) as here:
        started = await here.sign_in()
        assert started.session.cookie is not None
        kept = secret.written(started.session.cookie.digest)
        for text in (kept, kept.ljust(43, "A"), secret.written(started.session.cookie.digest * 2)):
            assert not await here.works(with_cookie(f"=adm_s_{started.session.id}.1.{text};"))


async def test_neither_the_keys_nor_a_dump_nor_both_make_a_refresh_token() -> None:
    async with world("memory") as here:
        started = await here.sign_in()
        pair = await here.auth.tokens.issue(started.session)
        pair = await here.auth.tokens.refresh(pair.refresh_token)
        session = await here.auth.sessions.get(started.session.id)
        assert session is not None
        assert session.family is not None
        master = Master([SECRET])
        mac, chain = master.key("refresh mac"), master.key("refresh chain")
        assert mac is not None
        assert chain is not None
        keys = Keys(master.current, mac, chain)
        assert refresh.parse(pair.refresh_token, keys).counter == 1
        for known in (session.family.current * 2, bytes(32)):
            guess = RefreshToken(keys.id, session.id, 1, secret.written(known))
            for forged in (guess, guess.successor(keys)):
                with pytest.raises(BadCredential):
                    await here.auth.tokens.refresh(forged.text(keys))
        assert await here.refreshes(pair.refresh_token)


async def test_a_dump_without_the_master_secret_signs_nothing(tmp_path: Path) -> None:
    async with world("sqlite", tmp_path) as here:
        await here.auth.keys.signing()
        thief = authority(here.store.inner, here.clock, secret=b"a guess" * 5)
        for _ in range(2):
            with pytest.raises(StoreError, match="not in the list"):
                await thief.open()
