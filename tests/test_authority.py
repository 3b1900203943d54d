"""The authority: opened by its first use, honest about what it cannot do, and configured all at once or not at all."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from admit.authority import Authority
from admit.core.password import HashParameters, PasswordPolicy
from admit.core.presented import BEARER, COOKIE
from admit.core.principal import Ends
from admit.core.request import Request
from admit.core.session_policy import SessionPolicy
from admit.core.store import Replace
from admit.errors import (
    BadCredential,
    BadInput,
    ConfigError,
    CrossOrigin,
    Denied,
    LostHistory,
    NoCredential,
    StoreError,
)
from admit.keys import KEYRING
from admit.testing.clock import FakeClock
from admit.tokens import TokenPolicy
from worlds import (
    ISSUER,
    KINDS,
    ORIGIN,
    SECRET,
    SHORT,
    World,
    authority,
    made,
    value_of,
    with_cookie,
    with_token,
    world,
)


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path, sessions=SHORT, trusted_origins=["https://partner.example"]) as found:
        yield found


def test_every_fault_of_a_configuration_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as wrong:
        Authority(
            "postgres://user:password@db",
            issuer="http://app.example.com",
            secret=[b"short", b"too"],
            scopes={"user": 'a"b'},
            trusted_origins=["https://app.example.com/path", "nothing"],
            on_lost_history="end-everything",  # type: ignore[arg-type]
        )
    assert len(wrong.value.faults) == 8
    assert "password" not in str(wrong.value)


def test_a_text_in_the_place_of_a_list_is_one_fault() -> None:
    with pytest.raises(ConfigError) as wrong:
        authority("memory://", FakeClock(), trusted_origins="https://a.example.com", audience=" ")
    assert len(wrong.value.faults) == 2
    assert "['https://a.example.com']" in str(wrong.value)


@pytest.mark.parametrize("audience", ["", " ", "https://api.example.com ", "a\nb", "caf\u00e9"])
def test_an_audience_that_nobody_could_be_is_refused(audience: str) -> None:
    with pytest.raises(ConfigError, match="audience"):
        authority("memory://", FakeClock(), audience=audience)


NUMBERS = {
    SessionPolicy: {"idle": 60, "absolute": 3_600},
    TokenPolicy: {"access": 600, "grace": 10, "leeway": 5},
    PasswordPolicy: {"min_length": 15, "max_bytes": 1_024},
    HashParameters: {"memory": 65_536, "passes": 3, "lanes": 4},
}
POLICIES = [(policy, given, name) for policy, given in NUMBERS.items() for name in given]


@pytest.mark.parametrize("policy, given, name", POLICIES)
@pytest.mark.parametrize("value", ["5", None, math.nan, math.inf, -math.inf, True, [5]], ids=repr)
def test_what_is_no_number_is_a_fault_of_the_configuration(
    policy: Callable[..., object], given: dict[str, int], name: str, value: object
) -> None:
    policy(**given)
    with pytest.raises(ConfigError) as wrong:
        policy(**given | {name: value})
    assert repr(value) in str(wrong.value)


@pytest.mark.parametrize("policy, given", NUMBERS.items())
def test_no_number_that_is_wrong_hides_another(policy: Callable[..., object], given: dict[str, int]) -> None:
    with pytest.raises(ConfigError) as wrong:
        policy(**dict.fromkeys(given, "much"))
    assert len(wrong.value.faults) == len(given)


@pytest.mark.parametrize("setting", [{"issuer": "app.example.com"}, {"issuer": f"{ISSUER}/"}, {"issuer": f" {ISSUER}"}])
def test_an_issuer_that_tokens_could_not_name_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Authority("memory://", **setting)


def test_an_https_issuer_has_a_secure_cookie_however_it_is_spelled() -> None:
    for spelled in (ISSUER, "HTTPS://app.example.com/auth"):
        assert authority("memory://", FakeClock(), issuer=spelled).cookies.secure
    assert not authority("memory://", FakeClock(), issuer="http://127.0.0.1:8000").cookies.secure


def test_nothing_is_opened_by_making_one(tmp_path: Path) -> None:
    authority(f"sqlite:///{tmp_path}/admit.db", FakeClock())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_the_first_use_opens_the_store_however_many_come_first(kind: str, tmp_path: Path) -> None:
    auth = authority(made(kind, tmp_path), FakeClock(), secret=None)
    subjects = await asyncio.gather(*(auth.subjects.get("ann") for _ in range(10)))
    assert len(set(map(str, subjects))) == 1
    with pytest.raises(NoCredential):
        await auth.admit(Request("GET", ORIGIN))
    await auth.close()


async def test_closed_and_used_again_it_opens_again(here: World) -> None:
    started = await here.sign_in()
    await here.auth.close()
    assert (await here.by_cookie(started)).subject == "ann"


async def test_a_wrong_master_secret_is_told_at_every_use_and_not_only_the_first(here: World) -> None:
    await here.auth.keys.signing()
    wrong = authority(here.store, here.clock, secret=b"x" * 32)
    started = await here.sign_in()
    for _ in range(2):
        with pytest.raises(StoreError, match="master secret"):
            await wrong.admit(with_cookie(started))


def _open_files(folder: Path) -> list[Path]:
    """Which of the files in ``folder`` this process has open."""
    found: list[Path] = []
    for number in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile by somebody else
            found.append(number.readlink())
    return sorted(path for path in found if path.is_relative_to(folder))


async def test_an_open_that_fails_leaves_neither_threads_nor_files_open(tmp_path: Path) -> None:
    async with authority(made("sqlite", tmp_path), FakeClock()) as auth:
        await auth.keys.signing()
    before = set(threading.enumerate())
    files = _open_files(tmp_path)
    for _ in range(3):
        with pytest.raises(StoreError, match="master secret"):
            await authority(made("sqlite", tmp_path), FakeClock(), secret=b"x" * 32).open()
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {name for name in left if name.startswith("admit-sqlite")}
    assert _open_files(tmp_path) == files == []


async def test_an_embedded_store_brings_its_own_secret(tmp_path: Path) -> None:
    async with world("sqlite", tmp_path, secret=None) as here:
        pair = await here.auth.tokens.issue((await here.sign_in()).session)
        async with authority(made("sqlite", tmp_path), here.clock, secret=None) as another:
            assert (await another.tokens.refresh(pair.refresh_token)).access_token
            assert (await another.admit(with_token(pair.access_token))).subject == "ann"


async def test_a_lost_secret_is_not_made_anew_and_restore_is_the_way_out(tmp_path: Path) -> None:
    clock, secret = FakeClock(), tmp_path / "admit.db-secret"
    async with authority(made("sqlite", tmp_path), clock, secret=None) as auth:
        started = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
        pair = await auth.tokens.issue(started.session)
        old = [key.kid for key in await auth.keys.list()]
    kept = secret.read_bytes()
    secret.unlink()
    lost = authority(made("sqlite", tmp_path), clock, secret=None)
    for _ in range(2):
        with pytest.raises(ConfigError, match=f"(?s){secret} is missing.*admit restore"):
            await lost.open()
    assert not secret.exists()
    await lost.restore()
    assert secret.read_bytes() != kept
    with pytest.raises(Denied):
        await lost.admit(with_cookie(started))
    with pytest.raises(Denied):
        await lost.tokens.refresh(pair.refresh_token)
    with pytest.raises(Denied):
        await lost.admit(with_token(pair.access_token))
    assert set(old) <= lost._copy.ended[Ends.KEY]
    again = await lost.sessions.start((await lost.subjects.before("ann")).proven("pwd"))
    assert (await lost.admit(with_token(await lost.tokens.access(again.session)))).subject == "ann"
    await lost.close()


async def test_another_secret_is_told_by_its_name_and_restore_takes_it_over(tmp_path: Path) -> None:
    async with authority(made("sqlite", tmp_path), FakeClock()) as auth:
        named = auth._master.current
        await auth.keys.signing()
    other = authority(made("sqlite", tmp_path), FakeClock(), secret=b"x" * 32)
    with pytest.raises(StoreError, match=f"(?s){named}.*{other._master.current}.*admit restore"):
        await other.open()
    await other.restore()
    assert (await other.keys.signing()).kid
    await other.close()
    with pytest.raises(StoreError, match="master secret"):
        await auth.open()


async def test_restore_keeps_keys_that_open(here: World) -> None:
    before = await here.auth.keys.list()
    await here.auth.restore()
    assert await here.auth.keys.list() == before
    await here.auth.close()
    await here.auth.restore()
    assert await here.auth.keys.list() == before


async def test_a_keyring_that_cannot_be_read_is_no_dead_end_either(here: World) -> None:
    [record] = await here.store.get(KEYRING)
    assert record is not None
    await here.store.commit(Replace(replace(record, body=b"{}", version=1), record.version))
    broken = authority(here.store, here.clock)
    with pytest.raises(StoreError):
        await broken.open()
    await broken.restore()
    assert (await broken.keys.signing()).kid


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_cookie_counts_for_no_change_that_another_site_asks_for(here: World, method: str) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    own = with_cookie(started, method)
    assert await here.works(own)
    for origin, passes in ((ORIGIN, True), ("https://partner.example", True), ("https://evil.example", False)):
        request = Request(method, own.url, (*own.headers, (b"origin", origin.encode())))
        if passes:
            assert await here.works(request)
        else:
            with pytest.raises(CrossOrigin):
                await here.auth.admit(request)
        bearer = Request(method, own.url, (*with_token(token).headers, (b"origin", origin.encode())))
        assert await here.works(bearer)


async def test_only_the_doors_of_a_route_are_open(here: World) -> None:
    started = await here.sign_in()
    cookie, token = with_cookie(started), with_token(await here.auth.tokens.access(started.session))
    for request, door, other in ((cookie, COOKIE, BEARER), (token, BEARER, COOKIE)):
        assert (await here.auth.admit(request, accept=[door])).subject == "ann"
        with pytest.raises(NoCredential):
            await here.auth.admit(request, accept=[other])


async def test_a_good_cookie_is_no_fallback_for_a_bad_token(here: World) -> None:
    headers = (*with_cookie(await here.sign_in()).headers, (b"authorization", b"Bearer x"))
    with pytest.raises(BadCredential):
        await here.auth.admit(Request("GET", ORIGIN, headers))
    assert (await here.auth.admit(Request("GET", ORIGIN, headers), accept=[COOKIE])).subject == "ann"


async def test_bad_expired_revoked_and_foreign_look_alike_from_outside(here: World) -> None:
    revoked, late = await here.sign_in(), await here.sign_in()
    foreign = await here.auth.tokens.access(revoked.session, audience="https://api.example.com")
    pair = await here.auth.tokens.issue(late.session)
    await here.auth.revoke(revoked.session)
    here.clock.advance(SHORT.absolute)
    requests = [with_cookie(revoked), with_cookie(late), with_token(foreign), with_token(pair.access_token)]
    told = set()
    for request in [*requests, with_token("x"), with_cookie(f"={value_of(late)[:-1]}_;")]:
        with pytest.raises(Denied) as refused:
            await here.auth.admit(request)
        told.add((refused.value.code, refused.value.public))
    assert told == {("bad_credential", BadCredential.public)}


async def test_a_principal_is_revoked_with_its_whole_session(here: World) -> None:
    started = await here.sign_in()
    pair = await here.auth.tokens.issue(started.session)
    who = await here.by_token(pair.access_token)
    receipt = await here.auth.revoke(who)
    assert receipt.effective_by == here.clock.now() + 2 * 1.01
    assert not await here.works(with_cookie(started))
    assert not await here.works(with_token(pair.access_token))
    assert not await here.refreshes(pair.refresh_token)


async def test_a_credential_outside_any_session_has_none_to_revoke(here: World) -> None:
    who = await here.by_cookie(await here.sign_in())
    with pytest.raises(BadInput):
        await here.auth.revoke(msgspec.structs.replace(who, session=None))


async def test_what_expired_long_ago_is_purged_and_what_lives_is_not(here: World) -> None:
    dead = await here.sign_in()
    here.clock.advance(SHORT.absolute + 86_400 + 1)
    alive = await here.sign_in()
    assert await here.auth.purge() == 1
    assert await here.store.get(here.auth.sessions.key(dead.session.id)) == [None]
    assert await here.works(with_cookie(alive))


async def test_a_replaced_database_of_a_store_that_was_handed_in_stops_everything(here: World) -> None:
    started = await here.sign_in()
    await here.by_cookie(started)
    here.auth._gate.fence("another inode")
    for _ in range(2):
        with pytest.raises(LostHistory, match="admit restore"):
            await here.by_cookie(started)
        with pytest.raises(LostHistory):
            here.auth.verify(value_of(started), "session")
        with pytest.raises(LostHistory):
            await here.sign_in()


async def test_a_database_found_replaced_by_a_purge_stops_everything(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await here.sign_in()
    await here.by_cookie(started)

    async def purge(now: float) -> int:
        raise LostHistory("another inode")

    monkeypatch.setattr(here.store, "purge", purge)
    with pytest.raises(LostHistory):
        await here.auth.purge()
    with pytest.raises(LostHistory):
        here.auth.verify(value_of(started), "session")


@pytest.mark.parametrize("policy, alive", [("accept", True), ("end everything", False)])
async def test_a_replaced_database_is_adopted_as_configured_by_one_of_all_who_notice(
    policy: str, alive: bool, tmp_path: Path
) -> None:
    auth = authority(f"sqlite:///{tmp_path}/admit.db", FakeClock(), on_lost_history=policy)
    async with auth:
        started = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
        assert (await auth.admit(with_cookie(started))).subject == "ann"
        before = auth._ledger.store
        auth._gate.fence("another inode")
        answers = await asyncio.gather(*(auth.admit(with_cookie(started)) for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(answer, LostHistory) for answer in answers) == 9
        assert auth._ledger.store is not before
        for _ in range(2):
            if alive:
                assert (await auth.admit(with_cookie(started))).subject == "ann"
            else:
                with pytest.raises(BadCredential):
                    await auth.admit(with_cookie(started))
        again = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
        assert (await auth.admit(with_cookie(again))).subject == "ann"


def test_one_secret_or_a_list_of_them() -> None:
    for secret in (SECRET, [SECRET], [b"n" * 32, SECRET]):
        authority("memory://", FakeClock(), secret=secret)
    with pytest.raises(ConfigError):
        authority("memory://", FakeClock(), secret=[])
