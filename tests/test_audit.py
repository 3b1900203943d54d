"""The audit log: each act has its entry in its own commit, and what is kept is read the newest first, from any store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from admit.audit import EXAMINED, Audit, Listed
from admit.authority import Authority
from admit.core.audit import AUDIT, DAY, Act, Entry, neutral
from admit.core.ids import anchor, home_of
from admit.core.session_policy import BALANCED
from admit.core.store import Append, Change, Insert
from admit.errors import BadCredential, BadInput, ConfigError, Replayed, StoreUnavailable
from admit.handover import digest
from admit.stores.wrapped import Wrapped
from admit.subjects import Subject
from admit.testing.clock import FakeClock
from admit.trail import acting, acts
from services import ANOTHER, EMAIL, PASSWORD
from worlds import KINDS, NO_GRACE, Watched, World, authority, made, with_cookie

ELSEWHERE = "https://tools.example.com"
AGENT = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
Do = Callable[[Authority], Awaitable[object]]


async def all_of(audit: Audit, **asked: Any) -> list[Entry]:
    """Every entry that is asked for, the newest first, page by page."""
    page = await audit.page(**asked)
    found = list(page.entries)
    while page.after is not None:
        page = await audit.page(page.after, **asked)
        found += page.entries
    return found


async def told(auth: Authority, **asked: Any) -> list[str]:
    """What was done, the newest first, but for the making of the keys with which all begins."""
    return [entry.act for entry in await all_of(auth.audit, **asked) if entry.act != Act.SIGNING_KEYS_CREATED]


class Ticking(FakeClock):
    """A clock of which no two looks show the same."""

    def now(self) -> float:
        self.advance(0.001)
        return super().now()


@asynccontextmanager
async def ticking(kind: str, path: Path | None = None, **settings: Any) -> AsyncIterator[World]:
    clock, store = Ticking(), Watched(made(kind, path))
    async with authority(store, clock, **settings) as auth:
        yield World(auth, clock, store)


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with ticking(request.param, tmp_path, tokens=NO_GRACE) as found:
        yield found


async def test_what_happens_to_a_session_is_told_of_its_subject(here: World) -> None:
    auth = here.auth
    started = await here.sign_in()
    who = await here.by_cookie(started)
    with acting(request=with_cookie(started), who=who):
        stepped_up = await auth.sessions.step_up(started.session, await here.proof())
        await auth.sessions.sign_out_everywhere("ann", keep=stepped_up.session)
        await auth.revoke(who)
    await auth.revoke((await here.sign_in()).session)
    expected = [Act.SIGN_IN, Act.STEP_UP, Act.SIGN_OUT_EVERYWHERE, Act.SIGN_OUT, Act.SIGN_IN, Act.SESSION_ENDED]
    assert await told(auth, subject="ann") == await told(auth) == expected[::-1]
    assert await told(auth, subject="bob") == []
    assert {entry.subject for entry in await all_of(auth.audit, subject="ann")} == {"ann"}


async def test_tokens_that_are_had_for_a_cookie_are_told_and_those_of_a_sign_in_are_part_of_it(here: World) -> None:
    started = await here.sign_in()
    await here.auth.tokens.issue((await here.sign_in(cookie=False)).session)
    with acting(request=with_cookie(started), who=await here.by_cookie(started)):
        await here.auth.tokens.issue(started.session)
    [entry, *before] = await all_of(here.auth.audit, subject="ann")
    assert [one.act for one in before] == [Act.SIGN_IN] * 2
    assert (entry.act, entry.what, entry.actor) == (Act.TOKENS_ISSUED, started.session.id, "ann")
    assert (entry.credential, entry.credential_id) == ("session", started.session.id)


async def test_a_cookie_that_is_had_for_a_token_is_told_once(here: World) -> None:
    started = await here.sign_in(cookie=False)
    pair = await here.auth.tokens.issue(started.session)
    for _ in range(2):
        pair, _ = await here.auth.tokens.exchange(pair.refresh_token)
    [entry, *_] = await all_of(here.auth.audit, subject="ann")
    assert (entry.act, entry.what, entry.actor) == (Act.COOKIE_EXCHANGED, started.session.id, "ann")


async def test_what_happens_to_tokens_is_told(here: World) -> None:
    auth = here.auth
    first = await auth.tokens.issue((await here.sign_in()).session)
    await auth.tokens.revoke(await here.by_token(first.access_token))
    second = await auth.tokens.refresh(first.refresh_token)
    assert await told(auth) == [Act.TOKEN_REVOKED, Act.TOKENS_ISSUED, Act.SIGN_IN], "a refresh is no event"
    with pytest.raises(Replayed):
        await auth.tokens.refresh(first.refresh_token)
    await auth.tokens.end_presented(second.access_token)
    another = await auth.tokens.issue((await here.sign_in()).session)
    await auth.tokens.end(another.refresh_token)
    expected = [Act.REFRESH_REUSED, Act.TOKEN_REVOKED, Act.SIGN_IN, Act.TOKENS_ISSUED, Act.SESSION_ENDED]
    assert (await told(auth, subject="ann"))[:-3] == expected[::-1]


async def test_one_session_too_many_displaces_another_and_both_are_told(tmp_path: Path) -> None:
    async with ticking("homes", tmp_path, sessions=msgspec.structs.replace(BALANCED, max_sessions=1)) as here:
        first = await here.sign_in()
        await here.sign_in()
        entries = await all_of(here.auth.audit, subject="ann")
        assert sorted(entry.act for entry in entries) == [Act.SESSION_DISPLACED, Act.SIGN_IN, Act.SIGN_IN]
        assert [entry.what for entry in entries if entry.act == Act.SESSION_DISPLACED] == [first.session.id]


async def test_what_happens_to_api_keys_is_told_of_their_owner(here: World) -> None:
    by = await here.auth.subjects.before("ann")
    made = (await here.auth.api_keys.create(by, "nightly")).key
    another = (await here.auth.api_keys.rotate(by, made.id)).key
    await here.auth.restore()
    await here.auth.api_keys.confirm(await here.auth.subjects.before("ann"), another.id)
    await here.auth.revoke(another)
    await here.auth.api_keys.revoke(another.id)
    expected = [
        (Act.API_KEY_CREATED, made.id),
        (Act.API_KEY_ROTATED, another.id),
        (Act.API_KEY_CONFIRMED, another.id),
        (Act.API_KEY_REVOKED, another.id),
    ]
    entries = await all_of(here.auth.audit, subject="ann")
    assert [(entry.act, entry.what) for entry in reversed(entries)] == expected


async def test_what_is_done_by_an_api_key_names_it(here: World) -> None:
    made = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "nightly")
    who = await here.by_token(made.text)
    with acting(who=who):
        await here.auth.revoke(who)
    [entry, _] = await all_of(here.auth.audit, subject="ann")
    assert (entry.act, entry.actor, entry.credential, entry.credential_id) == (
        Act.API_KEY_REVOKED,
        "ann",
        "api_key",
        made.key.id,
    )


async def test_what_happens_to_a_subject_is_told_by_what_it_is(here: World) -> None:
    auth = here.auth
    events: list[tuple[Act, Callable[[Subject], Subject]]] = [
        (Act.ACCOUNT_DISABLED, Subject.disabled),
        (Act.ACCOUNT_ENABLED, Subject.enabled),
        (Act.ROLES_CHANGED, lambda subject: subject.with_roles(["admin"])),
        (Act.SIGN_OUT_EVERYWHERE, Subject.signed_out),
        (Act.PASSWORD_CHANGED, Subject.proof_changed),
        (Act.PASSWORD_RESET, Subject.proof_reset),
        (Act.SUBJECT_CHANGED, lambda subject: subject),
    ]
    for _, event in events:
        await auth.subjects.change("ann", event)
    assert await told(auth, subject="ann") == [act for act, _ in reversed(events)]


async def test_what_happens_to_the_house_is_told_of_nobody(here: World) -> None:
    auth = here.auth
    made = (await all_of(auth.audit))[-1]
    assert (made.act, made.subject) == (Act.SIGNING_KEYS_CREATED, "")
    here.clock.advance(700)
    await auth.keys.rotate()
    await auth.keys.revoke((await auth.keys.list())[0].kid)
    await auth.verifiers.create("links", "https://links.example.com")
    [verifier] = await auth.verifiers.list()
    await auth.verifiers.revoke(verifier.id)
    await auth.restore()
    expected = [Act.SIGNING_KEY_ROTATED, Act.SIGNING_KEY_REVOKED, Act.VERIFIER_CREATED, Act.VERIFIER_REVOKED]
    entries = (await all_of(auth.audit))[:-1]
    assert [entry.act for entry in entries] == [Act.EVERYTHING_ENDED, *reversed(expected)]
    assert {entry.subject for entry in entries} == {""}
    assert [entry.what for entry in entries[1:3]] == [verifier.id] * 2


@pytest.mark.parametrize("apart", [False, True], ids=["one store", "two stores"])
async def test_what_happens_to_an_account_is_told_with_who_did_it(apart: bool) -> None:
    settings = {"accounts_store": made("memory")} if apart else {}
    async with authority(made("memory"), Ticking(), **settings) as auth:
        with acting(operator="root"):
            account = await auth.accounts.create(EMAIL, PASSWORD)
        session = (await auth.sessions.start(await auth.accounts.sign_in(EMAIL, PASSWORD))).session
        await auth.accounts.change_password(session, PASSWORD, ANOTHER)
        with acting(operator="root"):
            await auth.accounts.set_password(account.id, PASSWORD)
            await auth.accounts.delete(account.id)
        entries = await all_of(auth.audit, subject=account.id)
        assert [(entry.act, entry.actor) for entry in reversed(entries)] == [
            (Act.ACCOUNT_CREATED, "root"),
            (Act.SIGN_IN, account.id),
            (Act.PASSWORD_CHANGED, ""),
            (Act.PASSWORD_RESET, "root"),
            (Act.ACCOUNT_DELETED, "root"),
        ]
        assert {entry.credential for entry in entries if entry.actor == "root"} == {"operator"}


async def test_an_entry_says_who_by_which_credential_and_from_where(here: World) -> None:
    started = await here.sign_in()
    who = await here.by_cookie(started)
    request = with_cookie(started)
    request = type(request)(request.method, request.url, (*request.headers, (b"user-agent", AGENT)), "203.0.113.7")
    with acting(request=request):
        acts(who)
        await here.auth.subjects.change("bob", Subject.disabled)
    [entry] = (await here.auth.audit.page(subject="bob")).entries
    assert entry == Entry(
        id=entry.id,
        at=entry.at,
        act=Act.ACCOUNT_DISABLED,
        subject="bob",
        actor="ann",
        credential="session",
        credential_id=started.session.id,
        address="203.0.113.7",
        device="Firefox/Linux",
        agent=AGENT.decode(),
    )


async def test_who_acts_is_forgotten_behind_the_block_and_known_in_the_tasks_begun_in_it(here: World) -> None:
    with acting(operator="root"):
        task = asyncio.create_task(here.auth.subjects.change("bob", Subject.disabled))
    await task
    await here.auth.subjects.change("ann", Subject.disabled)
    assert [entry.actor for entry in await all_of(here.auth.audit) if entry.subject] == ["", "root"]


async def test_a_program_without_an_event_loop_names_who_acts_too() -> None:
    auth = authority(made("memory"), Ticking())
    with acting(operator="root"):
        await asyncio.to_thread(auth.sync.subjects.change, "bob", Subject.disabled)
    page: Listed = await asyncio.to_thread(auth.sync.audit.page, subject="bob")
    assert [entry.actor for entry in page.entries] == ["root"]
    await asyncio.to_thread(auth.sync.close)


class Torn(Wrapped):
    """A store that remembers its commits, and gives no answer to the next when told so."""

    down = False

    def __init__(self) -> None:
        super().__init__(made("memory"))
        self.commits: list[tuple[Change, ...]] = []

    async def commit(self, *changes: Change) -> None:
        if self.down:
            raise StoreUnavailable("down")
        self.commits.append(changes)
        await super().commit(*changes)


def entries_of(changes: tuple[Change, ...]) -> list[Entry]:
    """What a commit has for the audit log."""
    records = [change.record for change in changes if isinstance(change, Insert)]
    return [AUDIT.decode(record) for record in records if record.kind == AUDIT.kind]


async def test_each_act_is_one_commit_with_its_entry_and_without_it_there_is_none() -> None:
    store = Torn()
    async with authority(store, Ticking(), tokens=NO_GRACE) as auth:
        account = await auth.accounts.create(EMAIL, PASSWORD)
        session = (await auth.sessions.start(await auth.accounts.sign_in(EMAIL, PASSWORD))).session
        pair = await auth.tokens.issue(session)
        await auth.tokens.refresh(pair.refresh_token)
        other = (await auth.sessions.start(await auth.accounts.sign_in(EMAIL, PASSWORD))).session
        ticket = await auth.handovers.begin(other, ELSEWHERE, digest("kept"))

        async def change_the_password(auth: Authority) -> None:
            own = await auth.sessions.get(session.id)  # as it went on, signed out everywhere else
            assert own is not None
            await auth.accounts.change_password(own, PASSWORD, ANOTHER, by_token=True)

        doing: dict[Act, Do] = {
            Act.TOKENS_ISSUED: lambda auth: auth.tokens.issue(other),
            Act.SESSION_HANDED_OVER: lambda auth: auth.handovers.finish(ticket, ELSEWHERE, "kept"),
            Act.SIGN_OUT_EVERYWHERE: lambda auth: auth.sessions.sign_out_everywhere(
                account.id, keep=session, by_token=True
            ),
            Act.PASSWORD_CHANGED: change_the_password,
            Act.REFRESH_REUSED: lambda auth: auth.tokens.refresh(pair.refresh_token),
            Act.SESSION_ENDED: lambda auth: auth.revoke(session),
            Act.PASSWORD_RESET: lambda auth: auth.accounts.set_password(account.id, PASSWORD),
            Act.ROLES_CHANGED: lambda auth: auth.subjects.change(account.id, lambda one: one.with_roles(["admin"])),
            Act.ACCOUNT_DISABLED: lambda auth: auth.subjects.change(account.id, Subject.disabled),
            Act.ACCOUNT_DELETED: lambda auth: auth.accounts.delete(account.id),
            Act.SIGNING_KEY_REVOKED: revoke_a_key,
            Act.VERIFIER_CREATED: lambda auth: auth.verifiers.create("links", "https://links.example.com"),
            Act.EVERYTHING_ENDED: lambda auth: auth.restore(),
        }
        for act, do in doing.items():
            before, store.down = await all_of(auth.audit), True
            with pytest.raises((StoreUnavailable, Replayed)):
                await do(auth)
            store.down = False
            assert await all_of(auth.audit) == before, f"{act} is told of, and was not done"
            store.commits.clear()
            with suppress(Replayed):
                await do(auth)
            # Something else than the entry is in its commit, and where something ends that is what tells it.
            [changes] = [changes for changes in store.commits if entries_of(changes)]
            assert [entry.act for entry in entries_of(changes)] == [act]
            assert len(changes) > 1
            assert [
                any(isinstance(one, Append) for one in commit) for commit in store.commits if commit != changes
            ] in (
                [],
                [False],
            )


async def revoke_a_key(auth: Authority) -> object:
    return await auth.keys.revoke((await auth.keys.list())[0].kid)


async def test_pages_go_from_the_newest_to_the_oldest_whatever_home_they_are_in(here: World) -> None:
    names = [f"user {number}" for number in range(60)]
    for name in names:
        here.clock.advance(1)
        await here.auth.subjects.change(name, Subject.disabled)
    for limit in (1, 7, 100):
        entries = [entry for entry in await all_of(here.auth.audit, limit=limit) if entry.subject]
        assert [entry.subject for entry in entries] == names[::-1], "from home to home, in the order of time"
    late = here.clock.now() - 9.5
    assert [entry.subject for entry in await all_of(here.auth.audit, since=late, limit=3)] == names[:-11:-1]


async def test_a_page_looks_at_so_many_entries_and_no_more(here: World) -> None:
    audit = here.auth.audit
    for number in range(30):
        await here.auth.subjects.change("ann", Subject.signed_out if number % 10 else Subject.disabled)

    def disabled(entry: Entry) -> bool:
        return entry.act == Act.ACCOUNT_DISABLED

    assert len(await all_of(audit, subject="ann", asked=disabled, limit=2)) == 3
    assert EXAMINED == 1_000


async def test_a_short_page_goes_on_behind_what_was_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admit.audit.EXAMINED", 10)
    async with ticking("homes") as here:
        for number in range(25):
            await here.auth.subjects.change("ann", Subject.disabled if number == 0 else Subject.signed_out)
        page = await here.auth.audit.page(subject="ann", asked=lambda entry: entry.act == Act.ACCOUNT_DISABLED)
        assert (page.entries, page.after is None) == ((), False)
        found = await all_of(here.auth.audit, subject="ann", asked=lambda entry: entry.act == Act.ACCOUNT_DISABLED)
        assert len(found) == 1


@pytest.mark.parametrize("after", ["", "x", "a" * 22, "é" * 21, "a/" + "a" * 19])
async def test_a_place_that_no_page_gave_is_refused(after: str) -> None:
    async with ticking("memory") as here:
        with pytest.raises(BadInput) as refused:
            await here.auth.audit.page(after)
        assert refused.value.code == "bad_cursor"


async def test_what_is_older_than_it_is_kept_is_not_shown_and_is_purged_a_day_later(here: World) -> None:
    await here.auth.subjects.change("ann", Subject.disabled)
    here.clock.advance(89 * DAY)
    await here.auth.subjects.change("ann", Subject.enabled)
    assert await told(here.auth, subject="ann") == [Act.ACCOUNT_ENABLED, Act.ACCOUNT_DISABLED]
    here.clock.advance(1 * DAY + 1)
    assert await told(here.auth, subject="ann") == [Act.ACCOUNT_ENABLED], "ninety days are over"
    here.clock.advance(1 * DAY)
    while await here.auth.purge():
        pass
    found = await here.store.find(AUDIT.kind, anchor("ann"))
    assert [AUDIT.decode(record).act for record in found.records] == [Act.ACCOUNT_ENABLED]


@pytest.mark.parametrize("days", [-1, 0.5, 3_651, float("nan"), float("inf"), "90"])
def test_days_that_nobody_can_mean_are_refused(days: Any) -> None:
    with pytest.raises(ConfigError, match="audit log"):
        authority(made("memory"), Ticking(), audit_days=days)


async def test_without_an_audit_log_nothing_is_written_and_all_is_done() -> None:
    async with ticking("memory", audit_days=0) as here:
        await here.auth.accounts.create(EMAIL, PASSWORD)
        with pytest.raises(BadCredential):
            await here.auth.accounts.sign_in(EMAIL, ANOTHER)
        started = await here.sign_in()
        await here.auth.revoke(started.session)
        assert not await here.works(with_cookie(started))
        assert await all_of(here.auth.audit) == []
        assert not [change async for change in here.store.dump() if entries_of((change,))]


async def test_who_follows_is_told_each_entry_once_in_the_order_of_time(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("admit.audit.POLL", 0.001)
    auth = here.auth
    await auth.subjects.change("nobody", Subject.disabled)
    here.clock.advance(1)
    async with aclosing(auth.audit.follow(since=here.clock.now())) as following:
        heard: list[str] = []
        for number in range(20):
            here.clock.advance(0.3)
            await auth.subjects.change(f"user {number}", Subject.disabled)
            if number % 3 == 0:
                heard.append((await anext(following)).subject)
        heard += [(await anext(following)).subject for _ in range(20 - len(heard))]
    assert heard == [f"user {number}" for number in range(20)]


async def test_who_follows_hears_of_an_entry_whose_commit_was_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admit.audit.POLL", 0.001)
    async with ticking("homes") as here:
        trail = here.auth._ledger.trail
        here.clock.advance(5)
        late = trail.entry(Act.SIGN_OUT, "late")
        here.clock.advance(1.5)
        async with aclosing(here.auth.audit.follow(since=here.clock.now() - 3)) as following:
            await here.auth.subjects.change("ann", Subject.disabled)
            assert (await anext(following)).subject == "ann"
            await here.store.commit(trail.insert(late, home_of("late")))
            assert (await anext(following)).subject == "late"


async def test_wrong_passwords_are_told_the_first_the_second_and_the_fourth_time() -> None:
    async with ticking("memory") as here:
        account = await here.auth.accounts.create(EMAIL, PASSWORD)
        for email in (EMAIL, "nobody@example.com"):
            for _ in range(9):
                with pytest.raises(BadCredential):
                    await here.auth.accounts.sign_in(email, ANOTHER)
        failed = [entry for entry in await all_of(here.auth.audit) if entry.failed]
        assert [(entry.failed, entry.subject, entry.times) for entry in failed] == [
            *(("no_account", "", times) for times in (8, 4, 2, 1)),
            *(("wrong_password", account.id, times) for times in (8, 4, 2, 1)),
        ]
        await here.auth.subjects.change(account.id, Subject.disabled)
        here.clock.advance(3_600)
        with pytest.raises(BadCredential):
            await here.auth.accounts.sign_in(EMAIL, PASSWORD)
        newest = (await here.auth.audit.page()).entries[0]
        assert (newest.failed, newest.times) == ("may_not_sign_in", 1)


@pytest.mark.parametrize("text,shown", [
    ("a\r\nb", "a\\r\\nb"), ("\x1b[2J", "\\x1b[2J"), ("\u202ea", "\\u202ea"), ("é", "é"), ("x" * 300, "x" * 128),
    ("\U000e0001", "\\U000e0001"),
])  # fmt: skip
def test_text_is_made_letters_and_cut(text: str, shown: str) -> None:
    assert neutral(text) == shown


def test_an_act_has_the_name_that_is_kept_for_good() -> None:
    assert all(act.value == act.name.lower() for act in Act)


def test_the_page_tells_of_every_act_and_field() -> None:
    page = (Path(__file__).parent.parent / "docs" / "how-to" / "audit-log.md").read_text()
    assert [act for act in Act if f"`{act}`" not in page] == []
    assert [name for name in Entry.__struct_fields__ if f"`{name}`" not in page] == []
