"""The URLs of Redis stores: each scheme as the table of stores asks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from admit.errors import ConfigError
from admit.stores import redis_fitness
from admit.stores.examined import Examined, Finding
from admit.stores.redis import RedisStore, homes_of
from admit.stores.redis_lines import Lines
from admit.stores.redis_place import Place, parse
from admit.stores.redis_routes import route_of

T = TypeVar("T")


class Kind:
    """The stores of one scheme."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    def from_url(self, rest: str, *, accept_lost_history: bool) -> RedisStore:
        """The store behind ``user:password@host:6379/0`` and its kin."""
        del accept_lost_history
        return RedisStore(parse(self._scheme, rest))

    def absent(self, rest: str, *, begins: bool) -> str | None:
        """Another process may have begun it: whether it is there shows when it is opened."""
        del rest, begins
        return None

    async def migrated(self, rest: str) -> tuple[int, int]:
        """The version of what is kept, before (0: nothing was) and after it was begun. Raises ConfigError, StoreError."""

        async def begun(place: Place, lines: Lines) -> tuple[int, int]:
            before = await redis_fitness.version_of(lines)
            await redis_fitness.judge(lines, homes_of(place))
            return before, redis_fitness.FORM

        return await self._once(rest, begun)

    async def examined(self, rest: str) -> Examined:
        """What there is to say of the servers behind a URL; it changes nothing. Raises ConfigError, StoreUnavailable."""

        async def look(place: Place, lines: Lines) -> Examined:
            version = await redis_fitness.version_of(lines)
            said = f"version {version}" if version else "nothing is in it yet: the first start begins it"
            findings = await redis_fitness.examined(lines, homes_of(place))
            return Examined([*findings, Finding("store", "good", said)], version == redis_fitness.FORM)

        return await self._once(rest, look)

    async def _once(self, rest: str, question: Callable[[Place, Lines], Awaitable[T]]) -> T:
        place = parse(self._scheme, rest)
        lines = Lines(place, route_of(place))
        try:
            return await question(place, lines)
        except Exception as error:
            if fault := redis_fitness.fault(error.__cause__):
                raise ConfigError([fault]) from error
            raise
        finally:
            await lines.close()


redis = Kind("redis")
redis_cluster = Kind("redis+cluster")
redis_sentinel = Kind("redis+sentinel")
rediss = Kind("rediss")
rediss_cluster = Kind("rediss+cluster")
rediss_sentinel = Kind("rediss+sentinel")
