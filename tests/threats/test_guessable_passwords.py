"""Rules about kinds of characters and dates lead to passwords like "Summer2026!"; shortness leads to guesses (PWD-03)."""

from __future__ import annotations

import unicodedata

import pytest

from admit.errors import BadCredential, BadInput
from admit.stores.memory import MemoryStore
from services import EMAIL, PASSWORD, services

YEARS = 400 * 86_400.0


@pytest.mark.parametrize("short", ["", "x", "Summer2026!", "x" * 14])
async def test_a_short_password_is_refused_wherever_one_is_chosen(short: str) -> None:
    async with services(MemoryStore()) as here:
        with pytest.raises(BadInput, match="password_too_short"):
            await here.accounts.create(EMAIL, short)
        account = await here.accounts.create(EMAIL, PASSWORD)
        started = await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
        with pytest.raises(BadInput, match="password_too_short"):
            await here.accounts.change_password(started.session, PASSWORD, short)
        with pytest.raises(BadInput, match="password_too_short"):
            await here.accounts.set_password(account.id, short)
        await here.accounts.sign_in(EMAIL, PASSWORD)


@pytest.mark.parametrize(
    "chosen", ["only lower case words", "   spaces at both ends   ", "слова и пробелы", "🔑🔒🗝️🚪🏠🌳🐈🐕🚲🌧️☂️🎻🎺🥁🎷"]
)
async def test_length_is_all_that_is_asked_and_every_character_counts(chosen: str) -> None:
    async with services(MemoryStore()) as here:
        await here.accounts.create(EMAIL, chosen)
        await here.accounts.sign_in(EMAIL, chosen)
        for wrong in {chosen.strip(), chosen.upper(), chosen + " "} - {chosen}:
            with pytest.raises(BadCredential):
                await here.accounts.sign_in(EMAIL, wrong)


async def test_the_same_password_from_another_keyboard_opens() -> None:
    async with services(MemoryStore()) as here:
        await here.accounts.create(EMAIL, unicodedata.normalize("NFC", "Ångström und Übermut"))
        for form in ("NFD", "NFKC", "NFKD"):
            await here.accounts.sign_in(EMAIL, unicodedata.normalize(form, "Ångström und Übermut"))


async def test_a_password_does_not_grow_old() -> None:
    async with services(MemoryStore()) as here:
        account = await here.accounts.create(EMAIL, PASSWORD)
        here.clock.passes(YEARS)
        proof = await here.accounts.sign_in(EMAIL, PASSWORD)
        assert proof.subject == account.id
        assert proof.at > account.created_at + YEARS - 1
