"""Hashes passwords with argon2id beside the event loop, on a few threads that a crowd cannot multiply."""

from __future__ import annotations

import asyncio
import hmac
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from admit.core.password import OWASP_2024, HashParameters, effort
from admit.core.secret import Master
from admit.core.world import Chance
from admit.errors import BadCredential, ConfigError, StoreError, TooMany
from admit.unsafe import CheapestHash

P = ParamSpec("P")
T = TypeVar("T")

SALT_BYTES = 16  # RFC 9106, 3.1: recommended for password hashing
TAG_BYTES = 32
RETRY_AFTER = 2.0

_PURPOSE = "pepper"


class Hashing:
    """A bounded pool for argon2id: at most ``threads`` hashes at once, at most ``waiting`` behind them.

    Its memory is never more than ``threads`` times that of one hash, however many sign in at once. Threads
    start with the first hash, and hash what is waiting before :meth:`close` returns.

    ``peppers`` are secrets that are not in the store: who has only a dump of it cannot even guess (OWASP Password
    Storage). The first is used, all verify; what is kept begins with the id of the one that was used.
    """

    def __init__(
        self,
        parameters: HashParameters | CheapestHash = OWASP_2024,
        *,
        chance: Chance,
        peppers: Master | None = None,
        threads: int = 2,
        waiting: int = 128,
    ) -> None:
        faults: list[str] = []
        if not 1 <= threads <= 64:
            faults.append(f"threads is {threads}; write 1 to 64, not more than there are processors.")
        if not 0 <= waiting <= 10_000:
            faults.append(f"waiting is {waiting}; write 0 to 10000 passwords.")
        if faults:
            raise ConfigError(faults)
        if isinstance(parameters, CheapestHash):
            self._memory, self._passes, self._lanes = 8, 1, 1
        else:
            self._memory, self._passes, self._lanes = parameters.memory, parameters.passes, parameters.lanes
        self._chance = chance
        self._peppers = peppers
        self._threads = threads
        self._places = threads + waiting
        self._taken = 0
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    async def hash(self, password: bytes) -> str:
        """What to keep of ``password``, as :class:`admit.core.password.PasswordPolicy` prepared it. Raises TooMany.

        A PHC string, behind the id of its pepper, if there is one.
        """
        current = "" if self._peppers is None else self._peppers.current
        peppered = self._peppered(password, current)
        assert peppered is not None
        return current + await self._beside(self._hash, peppered, self._chance(SALT_BYTES))

    async def verify(self, password: bytes, kept: str | None) -> None:
        """Return if ``kept`` is of ``password``; else raise BadCredential, after the same work whatever was wrong.

        None stands for an account that does not exist, is disabled or has no password. Raises TooMany.
        """
        pepper, phc = ("", None) if kept is None else _parts(kept)
        peppered = self._peppered(password, pepper)
        # ENU-01: the hash of a pepper that was taken out is like none.
        await self._beside(self._verify, peppered or password, None if peppered is None else phc)

    def outgrown(self, kept: str) -> bool:
        """Whether ``kept`` was made with less memory, fewer passes or another pepper than now. Raises StoreError."""
        pepper, phc = _parts(kept)
        memory, passes = effort(phc)
        current = "" if self._peppers is None else self._peppers.current
        return memory < self._memory or passes < self._passes or pepper != current

    @property
    def busy(self) -> int:
        """How many are hashed at this moment, or wait for it."""
        return self._taken

    async def close(self) -> None:
        """End the threads, once they have hashed what is waiting; the next hash starts others."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)

    async def _beside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._lock:
            if self._taken >= self._places:
                # PWD-06: whoever comes when the queue is full is told so at once, and costs nothing.
                raise TooMany(f"{self._taken} passwords are being hashed or wait for it", retry_after=RETRY_AFTER)
            future = self._started().submit(work, *args, **kwargs)
            self._taken += 1
        # Also when whoever waited was cancelled: the place is free again when the thread is.
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def _peppered(self, password: bytes, pepper: str) -> bytes | None:
        if not pepper:
            return password
        key = None if self._peppers is None else self._peppers.key(_PURPOSE, pepper)
        return None if key is None else hmac.digest(key, password, "sha256")

    def _leave(self, _: Future[T]) -> None:
        with self._lock:
            self._taken -= 1

    def _started(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "admit-hash")
        return self._pool

    def _hash(self, password: bytes, salt: bytes) -> str:
        return self._argon2(password, salt, self._memory, self._passes)

    def _verify(self, password: bytes, phc: str | None) -> None:
        from argon2.exceptions import VerificationError, VerifyMismatchError
        from argon2.low_level import Type, verify_secret

        if phc is None:
            self._burn(password, self._memory * self._passes)
            raise BadCredential("no password to compare with")
        memory, passes = effort(phc)
        try:
            verify_secret(phc.encode(), password, Type.ID)
        except VerifyMismatchError:
            # ENU-01: a hash made under lower parameters is verified sooner, which would tell that it is there.
            self._burn(password, self._memory * self._passes - memory * passes)
            raise BadCredential("wrong password") from None
        except VerificationError as error:
            raise StoreError(f"a password hash in the store cannot be verified: {error}") from error

    def _burn(self, password: bytes, work: int) -> None:
        """Do ``work`` KiB times passes of hashing for nothing, within the memory of one hash."""
        passes = -(-work // self._memory)
        memory = work // max(passes, 1)
        if memory >= 8 * self._lanes:
            self._argon2(password, bytes(SALT_BYTES), memory, passes)

    def _argon2(self, password: bytes, salt: bytes, memory: int, passes: int) -> str:
        from argon2.exceptions import HashingError
        from argon2.low_level import Type, hash_secret

        try:
            return hash_secret(password, salt, passes, memory, self._lanes, TAG_BYTES, Type.ID).decode()
        except HashingError as error:  # no memory for it at the moment
            raise TooMany(f"argon2id: {error}", retry_after=RETRY_AFTER) from error


def _parts(kept: str) -> tuple[str, str]:
    """The id of the pepper, empty where there is none, and the PHC string."""
    pepper, dollar, phc = kept.partition("$")
    return pepper, dollar + phc
