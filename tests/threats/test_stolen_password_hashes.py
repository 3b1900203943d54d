"""Whoever reads the store tries passwords at home, as many a second as the hash lets them (PWD-01).

argon2id with the parameters that OWASP asks for, a salt for each, and the work rises at the next sign-in
when the parameters rise.
"""

from __future__ import annotations

import pytest

from admit.accounts import Account
from admit.core.password import OWASP_2024, HashParameters
from admit.kept import ACCOUNT
from admit.stores.memory import MemoryStore
from services import ANOTHER, EMAIL, PASSWORD, Overtaken, Services, services

RAISED = HashParameters(memory=24_576, passes=3)


async def phc_of(here: Services, account: Account) -> str:
    [record] = await here.ledger.get(here.accounts.key(account.id))
    assert record is not None
    assert PASSWORD.encode() not in record.body
    phc = ACCOUNT.decode(record).password
    assert phc is not None
    return phc


async def test_a_stolen_hash_is_argon2id_with_owasp_parameters_and_a_salt_of_its_own() -> None:
    async with services(MemoryStore(), OWASP_2024) as here:
        ann = await here.accounts.create(EMAIL, PASSWORD)
        bob = await here.accounts.create("bob@example.com", PASSWORD)
        one, other = await phc_of(here, ann), await phc_of(here, bob)
        assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert len(one.split("$")[4]) == 22  # 16 bytes
        assert one.split("$")[4:] != other.split("$")[4:]


async def test_a_hash_is_made_anew_at_the_next_sign_in_when_parameters_have_risen() -> None:
    store = MemoryStore()
    async with services(store, OWASP_2024) as here:
        account = await here.accounts.create(EMAIL, PASSWORD)
    async with services(store, RAISED) as here:
        started = await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
        raised = await phc_of(here, account)
        assert raised.startswith("$argon2id$v=19$m=24576,t=3,p=1$")
        # It is the same password: nobody is signed out, and it still opens.
        assert await here.alive(account.id) == {started.session.id}
        await here.accounts.sign_in(EMAIL, PASSWORD)
        assert await phc_of(here, account) == raised
    async with services(store, OWASP_2024) as here:
        await here.accounts.sign_in(EMAIL, PASSWORD)
        assert await phc_of(here, account) == raised, "a server that is still configured lower does not lower it"


@pytest.mark.parametrize("moment", ["after account is read", "before the commit"])
async def test_a_changed_password_is_not_brought_back_by_a_hash_made_anew(moment: str) -> None:
    store = Overtaken()
    async with services(store, OWASP_2024) as here:
        account = await here.accounts.create(EMAIL, PASSWORD)
    async with services(store, RAISED) as here:
        store.at(moment, lambda: here.accounts.set_password(account.id, ANOTHER))
        await here.accounts.sign_in(EMAIL, PASSWORD)
        assert store.overtaken
        assert (await here.accounts.sign_in(EMAIL, ANOTHER)).subject == account.id
