"""An API key is guessed, forged, or put together from what a copy of the store holds (KEY-01).

Its secret has 256 bits of chance and is shown once; the store has 16 bytes of its SHA-256. Whatever is no key by its
form and checksum is refused before anybody is asked, and a digest is compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac

import pytest

from admit.core import secret
from admit.core.api_key import parse_api_key, write_api_key
from admit.core.secret import SECRET_BYTES, new_secret, written
from admit.errors import BadCredential
from worlds import with_token, world


async def test_a_secret_has_256_bits_of_chance_and_no_two_are_alike() -> None:
    async with world("memory") as here:
        made = [(await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "x")).text for _ in range(50)]
    secrets = [parse_api_key(text)[1] for text in made]
    assert SECRET_BYTES * 8 == 256
    assert len({part[place : place + 8] for part in secrets for place in range(0, 40, 8)}) == 5 * len(secrets)


async def test_what_the_store_holds_opens_nothing() -> None:
    async with world("memory") as here:
        made = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "backup")
        id, presented = parse_api_key(made.text)
        [record] = await here.store.get(here.auth.api_keys.key(id))
        assert record is not None
        for telling in (presented, presented[:16], presented[-16:], made.text[-6:]):
            assert telling.encode() not in record.body
        assert made.key.digest == hashlib.sha256(presented.encode()).digest()[:16]
        for guess in (written(made.key.digest), written(made.key.digest * 2), made.key.digest.hex()):
            assert not await here.works(with_token(write_api_key(id, (guess * 3)[:43])))
        assert await here.works(with_token(made.text))


async def test_no_garbage_reaches_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world("memory") as here:
        made = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "backup")
        here.store.asked.clear()
        letters = "abcdefghijklmnopqrstuvwxyz"
        for place in range(6, len(made.text)):
            letter = letters[(letters.find(made.text[place]) + 1) % 26]
            with pytest.raises(BadCredential):
                await here.auth.admit(with_token(made.text[:place] + letter + made.text[place + 1 :]))
        assert not here.store.asked
        # A key with a right checksum is asked about, once in a while, and its secret compared in constant time.
        compared = list[tuple[bytes, bytes]]()
        compare = hmac.compare_digest

        def noted(one: bytes, other: bytes) -> bool:
            compared.append((one, other))
            return compare(one, other)

        monkeypatch.setattr(hmac, "compare_digest", noted)
        forged = write_api_key(made.key.id, new_secret(here.auth._ledger.chance))
        for _ in range(3):
            assert not await here.works(with_token(forged))
        assert compared == [(made.key.digest, secret.digest(parse_api_key(forged)[1]))]
