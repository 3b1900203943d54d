"""The lab's place in Redis: one of its numbered databases, that was empty."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from admit.errors import ConfigError, StoreUnavailable
from admit.lab.strategy import Store
from admit.stores.redis_place import Place, parse

MARK = "admit-lab"
"""A key that stands in a database which is the lab's."""

NAMES = (b"lab:", b"{")
"""What the names of all keys begin with that are made in it: by the tables of the lab, and by a store of Admit."""

_LAST = 15
_PATIENCE = 10.0
_AT_ONCE = 1_000

# A table of keys that has grown stays that large for a while, and would be weighed with what comes next.
_FLUSHED = """
if redis.call('DBSIZE') == 1 and redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('FLUSHDB')
  redis.call('SET', KEYS[1], '1')
end
"""


class Number:
    """A database, by its number; ``client`` stays connected to it, so that another run sees that it is in use."""

    kind: Store = "redis"

    def __init__(self, url: str, place: Place, client: Any) -> None:
        self.at = _at(place)
        self._url = url
        self._client = client
        self._names = tuple(place.prefix.encode() + name for name in NAMES)

    async def fresh(self) -> str:
        """The same, without what was made in it; what somebody else has put there meanwhile stays."""
        await self._remove()
        await _done(self.at, self._client.eval(_FLUSHED, 1, MARK))
        return self._url

    async def another(self) -> str:
        """The same, with what is in it: strategies keep apart there by the names of their keys."""
        return self._url

    async def close(self) -> None:
        """Leave nothing in it of what was made."""
        try:
            await self._remove()
            await _done(self.at, self._client.delete(MARK))
        finally:
            await self._client.aclose()

    async def _remove(self) -> None:
        cursor = -1
        while cursor != 0:
            cursor, found = await _done(self.at, self._client.scan(max(cursor, 0), count=_AT_ONCE))
            if ours := [key for key in found if key.startswith(self._names)]:
                await _done(self.at, self._client.delete(*ours))


async def taken(scheme: str, rest: str) -> Number:
    """The database that a URL names, or the last that is empty. Raises ConfigError, StoreUnavailable."""
    place = parse(scheme, rest)
    at = _at(place)
    where, _, query = rest.partition("?")
    numbered = "/" in where.rpartition("@")[2].rstrip("/") or "db=" in query
    async with _connected(place, 0) as client:
        used: dict[str, Any] = await _done(at, client.info("keyspace"))
    full = {int(name.removeprefix("db")) for name in used if re.fullmatch("db[0-9]{1,10}", name)}
    for number in [place.db] if numbered else range(_LAST, 0, -1):
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(_connected(place, number))
            if await _is_to_be_had(client, at, number, full=number in full):
                ground = Number(_numbered(scheme, rest, number), place, client)
                await ground.fresh()
                stack.pop_all()
                return ground
    what = f"Number {place.db} of {at} holds" if numbered else f"All databases of {at} hold"
    fault = f"{what} what is not the lab's, or another run is there."
    raise ConfigError([f"{fault} Name an empty one: {scheme}://…/7"])


async def _is_to_be_had(client: Any, at: str, number: int, *, full: bool) -> bool:
    """Whether it is marked now, and was empty, or left behind by a run that was killed: nobody is connected to it."""
    if not full:
        return bool(await _done(at, client.set(MARK, "1", nx=True)))
    if not await _done(at, client.exists(MARK)):
        return False
    connected: list[dict[str, str]] = await _done(at, client.client_list())
    return [one["db"] for one in connected].count(str(number)) == 1


def _numbered(scheme: str, rest: str, number: int) -> str:
    where, mark, query = rest.partition("?")
    who, at, hosts = where.rpartition("@")
    options = "&".join(one for one in query.split("&") if one and not one.startswith("db="))
    host = hosts.partition("/")[0]
    return f"{scheme}://{who}{at}{host}/{number}{mark if options else ''}{options}"


def _at(place: Place) -> str:
    return f"{place.servers[0][0]}:{place.servers[0][1]}"


def _connected(place: Place, number: int) -> Any:
    host, port = place.servers[0]
    return cast("Any", Redis)(
        host=host, port=port, db=number, username=place.username, password=place.password, ssl=place.tls,
        socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE,
        **({"ssl_ca_certs": place.ca, "ssl_certfile": place.cert, "ssl_keyfile": place.key} if place.tls else {}),
    )  # fmt: skip


async def _done(at: str, answer: Any) -> Any:
    try:
        return await answer
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"{at} refuses, or does not answer: {error}") from error
