"""Accounts: made, found, signed in to, and given other passwords."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from admit.accounts import Account, Accounts
from admit.core.password import OWASP_2024
from admit.core.store import Cursor, Store
from admit.errors import BadCredential, BadInput, ConfigError, Revoked, TooMany
from admit.hashing import Hashing
from admit.kept import ACCOUNT
from admit.stores.memory import MemoryStore
from admit.stores.sqlite import SqliteStore
from admit.subjects import Subject
from admit.system import chance
from services import ANOTHER, EMAIL, PASSWORD, Overtaken, Services, services

Make = Callable[[Path], Store]


@pytest.fixture(
    params=[lambda path: MemoryStore(), lambda path: SqliteStore(path / "admit.db")], ids=["memory", "sqlite"]
)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Services]:
    make: Make = request.param
    async with services(make(tmp_path)) as found:
        yield found


async def phc_of(here: Services, account: Account) -> str | None:
    [record] = await here.ledger.get(here.accounts.key(account.id))
    assert record is not None
    return ACCOUNT.decode(record).password


async def test_an_account_is_found_by_id_and_by_its_address_in_any_spelling(here: Services) -> None:
    account = await here.accounts.create("Ann@Example.COM", PASSWORD)
    assert account.email == EMAIL
    assert await here.accounts.get(account.id) == account
    assert await here.accounts.by_email("ANN@example.com") == account


async def test_what_is_not_there_is_none(here: Services) -> None:
    assert await here.accounts.get("nothing") is None
    assert await here.accounts.by_email(EMAIL) is None


async def test_an_account_comes_with_its_subject_and_roles(here: Services) -> None:
    account = await here.accounts.create(EMAIL, PASSWORD, roles=["user", "admin", "user"])
    assert (await here.subjects.get(account.id)).roles == ("admin", "user")


async def test_an_address_that_is_taken_is_refused_and_leaves_nothing_behind(here: Services) -> None:
    account = await here.accounts.create(EMAIL, PASSWORD)
    with pytest.raises(BadInput) as refused:
        await here.accounts.create("ANN@example.com", ANOTHER)
    assert (refused.value.code, refused.value.field) == ("email_taken", "email")
    assert (await here.accounts.find()).accounts == (account,)


async def test_of_many_that_take_one_address_at_once_one_succeeds(here: Services) -> None:
    made = await asyncio.gather(*(here.accounts.create(EMAIL, PASSWORD) for _ in range(10)), return_exceptions=True)
    accounts = [answer for answer in made if isinstance(answer, Account)]
    assert len(accounts) == 1
    assert {answer.code for answer in made if isinstance(answer, BadInput)} == {"email_taken"}
    assert (await here.accounts.find()).accounts == tuple(accounts)


@pytest.mark.parametrize(
    "email, password, roles, code",
    [
        ("ann", PASSWORD, (), "bad_email"),
        (EMAIL, "short", (), "password_too_short"),
        (EMAIL, "x" * 1_025, (), "password_too_long"),
        (EMAIL, PASSWORD, ("no role",), "bad_role"),
    ],
)
async def test_what_is_not_acceptable_makes_no_account(
    here: Services, email: str, password: str, roles: tuple[str, ...], code: str
) -> None:
    with pytest.raises(BadInput) as refused:
        await here.accounts.create(email, password, roles=roles)
    assert refused.value.code == code
    assert (await here.accounts.find()).accounts == ()


async def test_every_account_is_listed_once_in_pages(here: Services) -> None:
    made = {(await here.accounts.create(f"user{number}@example.com")).id for number in range(7)}
    listed: list[str] = []
    after: Cursor | None = None
    while True:
        page = await here.accounts.find(after=after, limit=3)
        listed += [account.id for account in page.accounts]
        after = page.after
        if after is None:
            break
    assert sorted(listed) == sorted(made)


async def test_the_right_password_proves_the_subject_under_its_present_generation(here: Services) -> None:
    account = await here.accounts.create(EMAIL, PASSWORD)
    subject = await here.subjects.change(account.id, Subject.signed_out)
    proof = await here.accounts.sign_in("ANN@example.com", PASSWORD)
    assert (proof.subject, proof.gen, proof.methods) == (account.id, subject.gen, ("pwd",))
    started = await here.sessions.start(proof)
    assert await here.alive(account.id) == {started.session.id}


async def test_signing_in_to_a_disabled_account_is_refused_until_it_is_enabled(here: Services) -> None:
    account = await here.accounts.create(EMAIL, PASSWORD)
    await here.subjects.change(account.id, Subject.disabled)
    with pytest.raises(BadCredential):
        await here.accounts.sign_in(EMAIL, PASSWORD)
    await here.subjects.change(account.id, Subject.enabled)
    assert (await here.accounts.sign_in(EMAIL, PASSWORD)).subject == account.id


async def test_an_account_without_a_password_cannot_sign_in_until_it_is_given_one(here: Services) -> None:
    account = await here.accounts.create(EMAIL)
    for password in ("", PASSWORD):
        with pytest.raises(BadCredential):
            await here.accounts.sign_in(EMAIL, password)
    await here.accounts.set_password(account.id, PASSWORD)
    assert (await here.accounts.sign_in(EMAIL, PASSWORD)).subject == account.id


async def test_nobody_ever_signs_in_to_the_account_of_a_service(here: Services) -> None:
    account = await here.accounts.create("backup@example.com", roles=["user"], service=True)
    assert (account.service, await here.accounts.get(account.id)) == (True, account)
    for password in (PASSWORD, "None", account.id):
        with pytest.raises(BadCredential):
            await here.accounts.sign_in("backup@example.com", password)
    with pytest.raises(BadInput, match="service_account"):
        await here.accounts.set_password(account.id, PASSWORD)
    with pytest.raises(BadInput, match="service_account"):
        await here.accounts.create("other@example.com", PASSWORD, service=True)


async def test_a_changed_password_ends_all_sessions_but_the_one_that_changed_it(here: Services) -> None:
    account = await here.accounts.create(EMAIL, PASSWORD)
    own, *_ = [await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD)) for _ in range(3)]
    renewed = await here.accounts.change_password(own.session, PASSWORD, ANOTHER)
    assert await here.alive(account.id) == {own.session.id}
    assert renewed.session.id == own.session.id
    assert renewed.cookie != own.cookie
    assert (await here.accounts.sign_in(EMAIL, ANOTHER)).subject == account.id
    with pytest.raises(BadCredential):
        await here.accounts.sign_in(EMAIL, PASSWORD)


async def test_a_password_is_not_changed_by_a_session_that_is_over(here: Services) -> None:
    await here.accounts.create(EMAIL, PASSWORD)
    started = await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
    await here.sessions.revoke(started.session)
    with pytest.raises(Revoked):
        await here.accounts.change_password(started.session, PASSWORD, ANOTHER)
    await here.accounts.sign_in(EMAIL, PASSWORD)


async def test_of_many_changes_at_once_from_one_password_one_succeeds(here: Services) -> None:
    account = await here.accounts.create(EMAIL, PASSWORD)
    started = [await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD)) for _ in range(5)]
    answers = await asyncio.gather(
        *(
            here.accounts.change_password(one.session, PASSWORD, f"{ANOTHER} {number}")
            for number, one in enumerate(started)
        ),
        return_exceptions=True,
    )
    [winner] = [number for number, answer in enumerate(answers) if not isinstance(answer, BaseException)]
    assert await here.alive(account.id) == {started[winner].session.id}
    await here.accounts.sign_in(EMAIL, f"{ANOTHER} {winner}")


async def test_a_password_that_is_set_ends_everything_of_the_account(here: Services) -> None:
    account = await here.accounts.create(EMAIL, PASSWORD)
    await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
    await here.accounts.set_password(account.id, ANOTHER)
    assert await here.alive(account.id) == set()
    subject = await here.subjects.get(account.id)
    assert subject.gen == subject.floor == subject.app_floor == subject.key_floor > here.ledger.term
    await here.accounts.sign_in(EMAIL, ANOTHER)
    with pytest.raises(BadInput) as refused:
        await here.accounts.set_password("nobody", ANOTHER)
    assert refused.value.code == "no_account"


async def test_a_changed_password_is_told_in_the_log(here: Services) -> None:
    account = await here.accounts.create(EMAIL, PASSWORD)
    assert account.id not in here.ledger.copy.raised
    started = await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
    await here.accounts.change_password(started.session, PASSWORD, ANOTHER)
    gen = (await here.subjects.get(account.id)).gen
    assert here.ledger.copy.raised[account.id] == gen
    await here.accounts.set_password(account.id, PASSWORD)
    assert here.ledger.copy.raised[account.id] == gen + 1


async def test_a_sign_in_succeeds_though_another_was_faster_to_hash_anew() -> None:
    store = Overtaken()
    async with services(store) as before:
        account = await before.accounts.create(EMAIL, PASSWORD)
    async with services(store, OWASP_2024) as here:
        store.at("before the commit", lambda: here.accounts.sign_in(EMAIL, PASSWORD))
        proof = await here.accounts.sign_in(EMAIL, PASSWORD)
        assert proof.subject == account.id
        assert store.overtaken
        phc = await phc_of(here, account)
        assert phc is not None
        assert not here.hashing.outgrown(phc)


class Crowded(Hashing):
    """A pool whose only place is taken right after a password was verified."""

    async def verify(self, password: bytes, kept: str | None) -> None:
        await super().verify(password, kept)
        self.other = asyncio.create_task(self.hash(password))
        await asyncio.sleep(0)


async def test_a_sign_in_succeeds_though_there_is_no_place_to_hash_anew() -> None:
    async with services(MemoryStore()) as here:
        account = await here.accounts.create(EMAIL, PASSWORD)
        crowded = Crowded(OWASP_2024, chance=chance, threads=1, waiting=0)
        proof = await Accounts(here.ledger, here.subjects, here.sessions, crowded, here.audit).sign_in(EMAIL, PASSWORD)
        assert proof.subject == account.id
        phc = await phc_of(here, account)
        assert phc is not None
        assert crowded.outgrown(phc)
        await crowded.other
        await crowded.close()


async def test_a_crowd_is_told_to_wait_and_not_that_its_password_is_wrong() -> None:
    async with services(MemoryStore(), OWASP_2024) as here:
        await here.accounts.create(EMAIL, PASSWORD)
        small = Hashing(OWASP_2024, chance=chance, threads=1, waiting=0)
        accounts = Accounts(here.ledger, here.subjects, here.sessions, small, here.audit)
        answers = await asyncio.gather(*(accounts.sign_in(EMAIL, PASSWORD) for _ in range(3)), return_exceptions=True)
        assert sum(isinstance(answer, TooMany) for answer in answers) == 2
        await small.close()


async def test_accounts_need_a_store_that_is_whole() -> None:
    async with services(MemoryStore(partitioned=True)) as here:
        for ask in (here.accounts.create, here.accounts.sign_in):
            with pytest.raises(ConfigError, match="one partition"):
                await ask(EMAIL, PASSWORD)
        with pytest.raises(ConfigError, match="one partition"):
            await here.accounts.by_email(EMAIL)
