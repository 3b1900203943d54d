"""Deleting an account ends all that it had in one commit, frees its address, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec
import pytest

from admit import Authority, Request
from admit.core.ids import anchor, new_id
from admit.core.store import PURGE_AT_MOST, Insert
from admit.errors import BadCredential, BadInput, Revoked
from admit.sessions import Started
from admit.unsafe import CHEAPEST_HASH
from services import ANOTHER, EMAIL, PASSWORD


@pytest.fixture(params=["memory://", "sqlite"])
async def auth(request: pytest.FixtureRequest, tmp_path: object) -> AsyncGenerator[Authority]:
    url = request.param if request.param != "sqlite" else f"sqlite:///{tmp_path}/admit.db"
    async with Authority(url, issuer="https://app.example", hashing=CHEAPEST_HASH) as opened:
        yield opened


def cookie_of(started: Started) -> Request:
    assert started.cookie is not None
    return Request("GET", "https://app.example/", ((b"cookie", started.cookie.split(";")[0].encode()),))


async def sessions_kept(auth: Authority, subject: str) -> int:
    return len((await auth._ledger.find("session", anchor(subject), limit=10_000)).records)


async def test_a_deleted_account_ends_every_credential_it_had(auth: Authority) -> None:
    account = await auth.accounts.create(EMAIL, PASSWORD)
    proof = await auth.accounts.sign_in(EMAIL, PASSWORD)
    started = await auth.sessions.start(proof)
    pair = await auth.tokens.issue(started.session)
    await auth.admit(cookie_of(started))
    auth.verify(pair.access_token)

    await auth.accounts.delete(account.id)

    with pytest.raises(BadCredential):
        await auth.admit(cookie_of(started))
    with pytest.raises(Revoked):
        auth.verify(pair.access_token)
    with pytest.raises(Revoked):
        await auth.tokens.refresh(pair.refresh_token)
    with pytest.raises(BadCredential):
        await auth.accounts.sign_in(EMAIL, PASSWORD)
    assert await auth.accounts.get(account.id) is None


async def test_a_proof_from_before_the_deletion_starts_nothing_that_lives(auth: Authority) -> None:
    account = await auth.accounts.create(EMAIL, PASSWORD)
    proof = await auth.accounts.sign_in(EMAIL, PASSWORD)
    await auth.accounts.delete(account.id)
    started = await auth.sessions.start(proof)
    with pytest.raises(BadCredential):
        await auth.admit(cookie_of(started))


async def test_its_api_keys_end_with_it_and_are_removed(auth: Authority) -> None:
    account = await auth.accounts.create(EMAIL, PASSWORD)
    before = await auth.subjects.before(account.id)
    made = await auth.api_keys.create(before, "backup")
    request = Request("GET", "https://app.example/", ((b"x-api-key", made.text.encode()),))
    assert (await auth.admit(request)).subject == account.id
    await auth.accounts.delete(account.id)
    with pytest.raises(BadCredential):
        await auth.admit(request)
    with pytest.raises(Revoked):
        await auth.api_keys.create(before, "another")
    assert await auth.purge() == 2  # the key, and that there is something to remove
    assert await auth._ledger.get(auth.api_keys.key(made.key.id)) == [None]


async def test_the_address_is_free_and_its_next_owner_gets_nothing_of_the_last(auth: Authority) -> None:
    account = await auth.accounts.create(EMAIL, PASSWORD, roles=["admin"])
    started = await auth.sessions.start(await auth.accounts.sign_in(EMAIL, PASSWORD))
    await auth.accounts.delete(account.id)
    following = await auth.accounts.create(EMAIL, ANOTHER)
    assert following.id != account.id
    assert (await auth.subjects.get(following.id)).roles == ()
    assert not (await auth.subjects.get(account.id)).active
    with pytest.raises(BadCredential):
        await auth.admit(cookie_of(started))


async def test_an_account_is_deleted_once(auth: Authority) -> None:
    account = await auth.accounts.create(EMAIL, PASSWORD)
    await auth.accounts.delete(account.id)
    with pytest.raises(BadInput, match="no_account"):
        await auth.accounts.delete(account.id)


async def test_purge_removes_what_it_had_a_bounded_number_at_a_time(auth: Authority) -> None:
    account = await auth.accounts.create(EMAIL, PASSWORD)
    proof = await auth.accounts.sign_in(EMAIL, PASSWORD)
    session = (await auth.sessions.start(proof)).session
    for _ in range(PURGE_AT_MOST + 4):  # as a store may hold them that had no limit of sessions
        other = msgspec.structs.replace(session, id=new_id(session.id[0], session.created_at, auth._ledger.chance))
        await auth._ledger.commit(Insert(auth.sessions.record(other)))
    await auth.accounts.delete(account.id)
    assert await auth.purge() == PURGE_AT_MOST
    assert await sessions_kept(auth, account.id) == 5
    assert await auth.purge() == 6, "the rest, and the note that there was something to remove"
    assert await sessions_kept(auth, account.id) == 0
    assert await auth.purge() == 0
