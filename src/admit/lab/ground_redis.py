"""The lab's place in Redis: one of its numbered databases, that was empty."""

from __future__ import annotations

import re
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from admit.errors import ConfigError, StoreUnavailable
from admit.lab.strategy import Store
from admit.stores.redis_place import Place, parse

MARK = "admit-lab"
"""A key that stands in a database which is the lab's."""

_LAST = 15
_MARKED_FOR = 86_400
_PATIENCE = 10.0


class Number:
    """A database, by its number."""

    kind: Store = "redis"

    def __init__(self, url: str, place: Place, number: int) -> None:
        self.at = f"{place.servers[0][0]}:{place.servers[0][1]}"
        self._url = url
        self._place = place
        self._number = number

    async def fresh(self) -> str:
        """The same, without what was in it."""
        async with _connected(self._place, self._number) as client, client.pipeline(transaction=True) as together:
            together.flushdb()
            together.set(MARK, "1", ex=_MARKED_FOR)
            await _done(self.at, together.execute())
        return self._url

    async def another(self) -> str:
        """The same, with what is in it: strategies keep apart there by the names of their keys."""
        return self._url

    async def close(self) -> None:
        """Leave it empty."""
        async with _connected(self._place, self._number) as client:
            await _done(self.at, client.flushdb())


async def taken(scheme: str, rest: str) -> Number:
    """The database that a URL names, or the last that is empty. Raises ConfigError, StoreUnavailable."""
    place = parse(scheme, rest)
    at = f"{place.servers[0][0]}:{place.servers[0][1]}"
    where, _, query = rest.partition("?")
    numbered = "/" in where.rpartition("@")[2].rstrip("/") or "db=" in query
    async with _connected(place, 0) as client:
        used: dict[str, Any] = await _done(at, client.info("keyspace"))
    full = {int(name.removeprefix("db")) for name in used if re.fullmatch("db[0-9]{1,10}", name)}
    choice = [place.db] if numbered else range(_LAST, 0, -1)
    for number in choice:
        if number not in full or await _is_ours(place, number):
            return await _marked(scheme, rest, place, number)
    what = f"Number {place.db} of {at} holds" if numbered else f"All databases of {at} hold"
    raise ConfigError([f"{what} what is not the lab's. Name an empty one: {scheme}://…/7"])


async def _is_ours(place: Place, number: int) -> bool:
    async with _connected(place, number) as client:
        return bool(await _done(str(place.servers[0]), client.exists(MARK)))


async def _marked(scheme: str, rest: str, place: Place, number: int) -> Number:
    where, mark, query = rest.partition("?")
    who, at, hosts = where.rpartition("@")
    options = "&".join(one for one in query.split("&") if one and not one.startswith("db="))
    host = hosts.partition("/")[0]
    ground = Number(f"{scheme}://{who}{at}{host}/{number}{mark if options else ''}{options}", place, number)
    await ground.fresh()
    return ground


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
