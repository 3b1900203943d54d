"""Wires store, keys and services into one Authority: what issues credentials, admits them and ends them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, get_args

from admit import blocklist, handover, system
from admit.accounts import Accounts, SignUp
from admit.api_keys import ApiKey, ApiKeys
from admit.audit import Audit
from admit.core import lease, origin
from admit.core.address import NO_PROXIES, TrustedProxies
from admit.core.audit import DAYS, days_kept
from admit.core.cookie import CookieRule
from admit.core.faults import Faults
from admit.core.log import Copy
from admit.core.password import OWASP_2024, SINGLE_FACTOR, HashParameters, PasswordPolicy
from admit.core.presented import API_KEY, BEARER, COOKIE, DOORS, counted
from admit.core.principal import Ends, Principal
from admit.core.request import Request
from admit.core.scope import RoleScopes
from admit.core.secret import Master
from admit.core.session_policy import BALANCED, SessionPolicy
from admit.core.store import Store
from admit.core.tally import Tally, total
from admit.core.throttle import MODERATE, ThrottlePolicy
from admit.core.verdict import Seen
from admit.core.world import Chance, Clock
from admit.errors import AdmitError, BadInput, LostHistory
from admit.feed import Feed
from admit.followers import Followers
from admit.gate import Credential, Gate
from admit.handover import HOST, Handovers
from admit.hashing import Hashing
from admit.history import MOVED, History, OnLostHistory
from admit.kept import KINDS
from admit.keys import KEYRING, SigningKeys
from admit.leased import Leased
from admit.ledger import TERM, Ledger
from admit.receipts import Receipt, Receipts
from admit.sessions import Session, Sessions
from admit.staleness import Staleness
from admit.stores import beside
from admit.stores.observed import Around, Observed
from admit.subjects import Subjects
from admit.sync import Sync
from admit.throttle import Throttle
from admit.tickets import Tickets
from admit.tokens import STANDARD, TokenPolicy, Tokens
from admit.trail import Trail
from admit.unsafe import CheapestHash, NoThrottle
from admit.verifier_keys import VerifierKeys
from admit.watch import over_within
from admit.witness import Witness

AGAIN = 0.005
"""Seconds until somebody who waits for another to open the store looks again."""


class Authority:
    """Owns a store: issues credentials, admits them, ends them.

    ``store`` is a URL (``sqlite:///app.db``, ``memory://``) or a Store; accounts may lie in an ``accounts_store``.
    ``issuer`` is the URL under which the authority is reached, exactly as tokens name it; ``audience`` is whom its
    tokens are for (default: itself).
    ``secret`` is the master secret, or a list of which the first encrypts and all decrypt; an embedded store
    keeps one beside it when none is given. ``scopes`` maps a role to the scope it allows. ``proxies`` are those
    whose word about a client's address counts; ``throttle`` is how often somebody may guess.
    Of ``peppers``, secrets for passwords that are kept out of the store, the first is used and all verify.
    With ``sign_up="closed"`` nobody makes an account over HTTP, and so nobody learns by it who has one.
    The audit log is kept for ``audit_days``; with 0 there is none.
    ``around_commits`` is put around each commit to the store, such as to measure it.
    ``max_staleness`` (seconds) is how old at most what a verifier elsewhere knows may be when it accepts. The store
    keeps it, and whoever starts last decides for all who serve it; who does not say keeps it as it is (2 at first).
    ``serves_alone`` promises that no other process serves the log of this store: then it can be seen that all know.

    Nothing is opened here: the first use does that, or ``async with``. Raises ConfigError with every fault at
    once.
    """

    _leased: Leased | None = None  # until a store is open that is no embedded one
    _open = False

    def __init__(
        self,
        store: str | Store,
        *,
        issuer: str,
        accounts_store: str | Store | None = None,
        audience: str | None = None,
        secret: bytes | Sequence[bytes] | None = None,
        sessions: SessionPolicy = BALANCED,
        tokens: TokenPolicy = STANDARD,
        passwords: PasswordPolicy = SINGLE_FACTOR,
        hashing: HashParameters | CheapestHash = OWASP_2024,
        peppers: Sequence[bytes] = (),
        scopes: Mapping[str, str] | None = None,
        trusted_origins: Collection[str] = (),
        proxies: TrustedProxies = NO_PROXIES,
        throttle: ThrottlePolicy | NoThrottle = MODERATE,
        sign_up: SignUp = "open",
        audit_days: float = DAYS,
        max_staleness: float | None = None,
        serves_alone: bool = False,
        on_lost_history: OnLostHistory = "stop",
        around_commits: Sequence[Around] = (),
        clock: Clock | None = None,
        chance: Chance = system.chance,
    ) -> None:
        self._stores = store, accounts_store
        self._on_lost_history = on_lost_history
        self._around_commits = around_commits
        self._master = Master()
        faults = Faults()
        self.issuer = faults.of(origin.issuer, issuer)
        role_scopes = faults.of(RoleScopes, scopes or {})
        if secret is not None:
            faults.of(self._master.unlock, [secret] if isinstance(secret, bytes) else secret)
        opened = faults.of(beside.named, store, accounts_store, KINDS)
        if audience is not None:
            faults.of(origin.audience, audience)
        self.trusted_origins = faults.of(origin.configured_origins, trusted_origins)
        # A policy that is misspelt would be read as the last of them, which accepts.
        faults.one_of("on_lost_history", on_lost_history, get_args(OnLostHistory))
        faults.one_of("sign_up", sign_up, get_args(SignUp))
        self.clock, self._copy = clock or system.SystemClock(), Copy(partial(self._lost, MOVED))
        self._staleness = Staleness(
            None if max_staleness is None else faults.of(lease.bound, max_staleness), self._copy, self.clock
        )
        pepper = faults.of(Master, peppers, "Pepper") if peppers else None
        faults.of(days_kept, audit_days)
        faults.report()
        self.origin = origin.origin_of(issuer)
        self.audience, self.sign_up = audience or issuer, sign_up
        self.cookies = CookieRule(secure=self.origin.startswith("https:"))
        trail = Trail(self.clock, chance, proxies, audit_days)
        self._ledger = Ledger(self._observed(opened), self._copy, self.clock, chance, trail, self._ready, self._lost)
        self.followers = Followers(self.clock.lease, self._staleness.lasts, alone=serves_alone)
        self._receipts = Receipts(
            self._staleness, self.followers, self._copy, self.clock, self._know_all, lambda: self._ledger.store.lag
        )
        self._history = History(self._ledger, partial(self._staleness.anew, self._ledger))
        self._hashing = Hashing(hashing, chance=chance, peppers=pepper)
        self.subjects = Subjects(self._ledger)
        self.verifiers = VerifierKeys(self._ledger)
        self.tickets = Tickets(self._ledger, self.subjects)
        self.sessions = Sessions(self._ledger, self.subjects, sessions, self.cookies, role_scopes)
        self.api_keys = ApiKeys(self._ledger, self.subjects, role_scopes, proxies)
        self.audit, self.notes = Audit(self._ledger, self._master), trail.keeps
        self.accounts = Accounts(
            self._ledger,
            self.subjects,
            self.sessions,
            self._hashing,
            self.audit,
            blocklist.strict(passwords, issuer),
            apart=accounts_store is not None,
            removed=[self.api_keys.remove],
        )
        self.refresh_cookies, marks = (CookieRule(self.cookies.secure, name) for name in ("refresh", "device"))
        self.throttle = Throttle(self._ledger, self._master, self.audit, self.accounts.owner, throttle, proxies, marks)
        self.keys = SigningKeys(self._ledger, self._master, tokens.algorithm)
        self.tokens = Tokens(
            self._ledger, self.sessions, self.keys, self._master, tokens, issuer=self.issuer, audience=self.audience
        )
        self.handovers = Handovers(self._ledger, self.sessions, self.tickets, self._master, self.cookies)
        kinds: dict[str, Credential] = {
            COOKIE: self.sessions,
            BEARER: self.tokens,
            API_KEY: self.api_keys,
            HOST: self.handovers,
        }
        self._gate = Gate(kinds, self._copy, self.clock)
        self._witness = Witness(self._gate, self.tokens, self.sessions, self.api_keys, self.clock, self.audience)
        self._recovering, self._starting = threading.Lock(), threading.Lock()
        self.sync: Any = Sync(self)  # for programs without an event loop: the same services, each call waited for
        self.verify, self.seen, self.tallies = self._gate.verify, self._gate.seen, self._gate.tallies
        self._presented = partial(counted, cookies=self.cookies, tallies=self.tallies)
        self.left = self.api_keys.uses.left

    async def admit(self, request: Request, *, accept: Collection[str] = DOORS, behind: str | None = None) -> Principal:
        """Whom ``request`` speaks for, by the credential that counts among those of the doors ``accept``.

        A cookie counts for no request that changes state and that a browser sent for another origin: than ours, or
        than that of the upstream ``behind`` a gateway that asks. Raises Denied, Stale, StoreError.
        """
        door, text = self._presented(request, accept)
        if door == COOKIE:
            ours, trusted = (self.origin, self.trusted_origins) if behind is None else (behind, ())
            origin.refuse_cross_origin(request, ours, trusted)
            door, text = handover.at(behind, text)
        await self._ready()
        who = await self._gate.admit(text, door)
        if who.conditions is not None:
            await self.api_keys.uses.judge(who, request)
        return who

    async def ask(self, credential: str, audience: str) -> Seen:
        """Whom ``credential`` speaks for at this moment, at a service elsewhere that is ``audience`` and cannot tell itself.

        Session cookies and API keys are for the audience of this authority and no other, and to ask counts as a use.
        The answer comes from looks at the store and the log that begin after this call. Raises Denied, Stale, StoreError.
        """
        self.followers.vouched()
        await self._ready()
        return await self._witness.ask(credential, audience)

    async def over(self, who: Principal, *, within: float) -> bool:
        """Whether ``who``, whom this admitted, has ended: known as soon as that is so, after ``within`` seconds at most.

        For what stays open in a program without an event loop: ``sync.over(who, within=15)``.
        """
        return await over_within(who, within)

    async def revoke(self, what: Session | ApiKey | Principal, *, wait: float = 0) -> Receipt:
        """End a session, an API key, or for a principal all that its sign-in produced; here it has when this returns.

        It waits up to ``wait`` seconds until it has ended :meth:`everywhere`. Raises StoreError, BadInput for a principal outside any session.
        """
        key = what.marks[Ends.API_KEY] if isinstance(what, Principal) else isinstance(what, ApiKey) and what.id
        session = what.session if isinstance(what, Principal) else what.id
        subject = what.owner if isinstance(what, ApiKey) else what.subject
        if key:
            await self.api_keys.revoke(key, owner=subject)
        elif session:
            await self.sessions.revoke(session, subject=subject)
        else:
            raise BadInput("no_session", "This credential does not belong to a session.")
        return await self.everywhere(wait)

    async def everywhere(self, wait: float = 0) -> Receipt:
        """The receipt for all that has ended so far, by whatever call; waits up to ``wait`` seconds for all verifiers.

        They are done when each of those that may still accept something was seen to know, which a process that
        ``serves_alone`` can tell; in any case at ``effective_by``.
        """
        return await self._receipts.everywhere(wait)

    async def restore(self) -> Receipt:
        """End everything that was issued so far: after a database was put back, or when all may be compromised.

        Where the master secret of the signing keys was lost, it begins with others. Raises StoreError, ConfigError.
        """
        await self._start(renew=True)
        await self._history.end()
        return await self.everywhere()

    def feed(self) -> Feed:
        """A reader of the revocation log for all who follow it from elsewhere; for one event loop."""
        return Feed(self._ledger)

    async def purge(self) -> int:
        """Remove what nobody can present any more, up to 1,000 things; how many were removed."""
        return await self.accounts.sweep() or await self._ledger.purge()

    async def check(self) -> None:
        """Return if this can answer: the store gives an answer, and all that has ended is known. Raises StoreError, Stale."""
        await self._ledger.get(TERM)

    @property
    def max_staleness(self) -> float:
        """Seconds by which what a verifier knows may be old when it accepts, as the store keeps it."""
        return self._staleness.seconds

    @property
    def hashing(self) -> int:
        """How many passwords are hashed at this moment, or wait for it."""
        return self._hashing.busy

    @property
    def tally(self) -> Tally:
        """How credentials were answered so far, in this process, by what it took; ``tallies`` has each kind's."""
        return total(self.tallies.values())

    async def hash_time(self) -> float:
        """Seconds that hashing one password takes, here and now. Raises TooMany."""
        began = self.clock.lease()
        await self._hashing.hash(b"a password of some length")
        return self.clock.lease() - began

    async def open(self) -> None:
        """Open the store, begin its history if it has none, and know all that has ended. Harmless when open.

        Raises ConfigError, LostHistory, StoreError.
        """
        await self._start()

    async def close(self) -> None:
        """Give back threads, files and connections; the next use opens them again."""
        self._open = False
        if self._leased is not None:
            await asyncio.to_thread(self._leased.stop)
            self._leased = None
        await self._ledger.store.close()
        await self._hashing.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _know_all(self) -> None:
        """Know all that was acknowledged before this call. Raises Stale, LostHistory, StoreError."""
        await self._ready()
        if self._leased is not None:
            await self._gate.catch_up()

    async def _ready(self) -> None:
        if not self._open:
            await self.open()
        if self._leased is not None:
            await self._ledger.store.open()  # a fork, or an event loop that has ended, leaves connections behind
        if self._gate.fenced is not None:
            await self._recover()
        elif self._gate.behind:
            # The term moves by the log alone, and a refresh token or a ticket passes no verification on its way.
            await self._gate.catch_up()

    async def _start(self, *, renew: bool = False) -> None:
        while not self._starting.acquire(blocking=False):  # noqa: ASYNC110 - who is at it may be another thread
            await asyncio.sleep(AGAIN)
        try:
            if not self._open:
                await self._ledger.store.open()
                await self._adopt(self._ledger.store, renew=renew)
        except LostHistory:
            await self._recover(renew=renew)
        finally:
            self._starting.release()

    def _observed(self, store: Store) -> Store:
        return Observed(store, self._around_commits) if self._around_commits else store

    def _lost(self, reason: str) -> None:
        self._gate.fence(reason)

    async def _adopt(self, store: Store, *, replaced: bool = False, afresh: bool = False, renew: bool = False) -> None:
        """Serve ``store``, which is open, from now on; with ``afresh``, nothing that was issued from it before.

        ``replaced`` is whether it came in the place of another. With ``renew``, signing keys that cannot be opened make room for others. It is closed when that fails.
        """
        try:
            if self._master.locked:
                # Another secret would open nothing of what was sealed under one that was lost.
                sealed = (await store.get(KEYRING))[0] is not None
                self._master.unlock([store.own_secret(make=renew or not sealed)])
            if replaced:
                self._staleness.begin_anew()
            await self._history.follow(store, afresh=afresh, renew=renew)
            await self._staleness.agree(store, self._ledger)
            self._ledger.store = store
            await self._follow(store)
            self.followers.begin_anew()
            self._open = True
            await (self.keys.reread_or_renew() if renew else self.keys.reread())
            await self.accounts.tell()
        except AdmitError:
            await self.close()
            await store.close()
            raise

    async def _follow(self, store: Store) -> None:
        """Verify by the end of the log of ``store``: by a look where it is embedded, by a lease where it is not."""
        if self._leased is not None:
            await asyncio.to_thread(self._leased.stop)
            self._leased = None
        if store.tail is not None:
            self._gate.open(store.tail)
            return
        self._leased = Leased(store, self._copy, self.clock, self._ledger.chance, self.max_staleness, self._lost)
        await self._leased.read_on()
        self._gate.open(self._leased, self._leased.read_on)

    async def _recover(self, *, renew: bool = False) -> None:
        """Serve a database that was put in the place of ours, as the configuration says. Raises LostHistory."""
        if self._gate.fenced == MOVED and not renew:
            raise LostHistory(MOVED)
        if self._on_lost_history == "stop" or not all(isinstance(one, str | None) for one in self._stores):
            raise LostHistory("the database was replaced; run “admit restore” to sign everybody out and go on")
        if not self._recovering.acquire(blocking=False):
            raise LostHistory("the database was replaced, and is being adopted")
        try:
            store = self._observed(beside.named(*self._stores, KINDS, accept_lost_history=True))
            await store.open()
            replaced = self._ledger.store
            try:
                await self._adopt(store, replaced=True, afresh=self._on_lost_history == "end everything", renew=renew)
            finally:
                await replaced.close()
        finally:
            self._recovering.release()
