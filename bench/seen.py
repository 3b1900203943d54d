"""How long a credential takes that was seen before, revocation and freshness checked each time."""

from __future__ import annotations

import asyncio
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack

from admit import Authority, TokenPolicy
from admit.core.log import Ended
from admit.core.principal import Ends
from table import Row, Timings, interleave

TOKENS = 1_000
MANY_TOKENS = 100_000
REVOKED = 1_000_000
BAR = 0.5
BAR_REVOKED = 1.5


async def some_tokens(auth: Authority, number: int) -> list[str]:
    """Access tokens of ``number`` sessions, each verified once."""
    tokens = []
    for place in range(number):
        before = await auth.subjects.before(f"user-{place}")
        started = await auth.sessions.start(before.proven("pwd"), cookie=False)
        tokens.append(await auth.tokens.access(started.session))
        auth.verify(tokens[-1])
    return tokens


def again(auth: Authority, tokens: list[str]) -> Callable[[], None]:
    """Verify as many as :data:`TOKENS` of ``tokens``, in random order."""
    order = random.choices(tokens, k=TOKENS)

    def verify() -> None:
        for text in order:
            auth.verify(text)

    return verify


def from_the_wire(auth: Authority, tokens: list[str]) -> Callable[[], None]:
    """The same with texts that were decoded from bytes just now, as a server has them."""
    order = [text.encode() for text in random.choices(tokens, k=TOKENS)]

    def verify() -> None:
        for text in order:
            auth.verify(text.decode("latin-1"))

    return verify


async def timings(algorithms: list[str], slices: int, seconds: float) -> Timings:
    """All cases in turns."""
    cases: dict[str, Callable[[], object]] = {}
    async with AsyncExitStack() as open_until_then:
        folder = open_until_then.enter_context(tempfile.TemporaryDirectory())

        async def opened(url: str, algorithm: str = "ES256") -> Authority:
            tokens = TokenPolicy(algorithm=algorithm, access=3_600)
            return await open_until_then.enter_async_context(Authority(url, issuer="https://b.example", tokens=tokens))

        for algorithm in algorithms:
            auth = await opened("memory://", algorithm)
            cases[f"{algorithm}: seen before"] = again(auth, await some_tokens(auth, TOKENS))
        auth = await opened(f"sqlite:///{folder}/none.db")
        tokens = await some_tokens(auth, TOKENS)
        cases["none revoked"] = again(auth, tokens)
        cases["from the wire"] = from_the_wire(auth, tokens)
        auth = await opened(f"sqlite:///{folder}/million.db")
        cases["revoked"] = again(auth, await some_tokens(auth, TOKENS))
        for _ in range(REVOKED):
            auth._copy.apply(Ended(Ends.SESSION, secrets.token_urlsafe(16)), time.time(), auth.clock.lease())  # noqa: SLF001 - as the log would
        auth = await opened("memory://", "HS256")
        cases["many"] = again(auth, await some_tokens(auth, MANY_TOKENS))
        return interleave(cases, slices, operations=TOKENS, seconds=seconds, clock=time.process_time)


def rows_of_seen_before(algorithms: list[str], slices: int, seconds: float) -> Iterator[Row]:
    """Microseconds, and what a million revocations cost."""
    found = asyncio.run(timings(algorithms, slices, seconds))
    micros = found.micros
    for algorithm in algorithms:
        yield Row(f"{algorithm}: seen before", micros(f"{algorithm}: seen before"), "µs", BAR)
    yield Row("seen before, on SQLite", micros("none revoked"), "µs", BAR)
    yield Row("seen before, on SQLite, 10⁶ revoked", micros("revoked"), "µs")
    yield Row("seen before, 10⁶ revoked / none", found.ratio("revoked", "none revoked"), "×", BAR_REVOKED)
    yield Row("seen before, text new from the wire", micros("from the wire"), "µs")
    yield Row("seen before, 10⁵ tokens", micros("many"), "µs")
