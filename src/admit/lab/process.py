"""Application servers in a process of their own: `python -m admit.lab.process` takes commands as lines of JSON.

Each line of its input is a command, each line of its output the reply to it. The end of the input ends it, and so does
the end of whoever started it.
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import BinaryIO, TypeAlias

import msgspec

from admit.lab.strategy import Plan, Strategy
from admit.lab.watching import Answer, Header, Here, Measured

TABLE = "admit.lab.strategies"
"""The module whose STRATEGIES are meant, unless another is named as the first argument."""

MAX_LINE = 2**28
"""Bytes of a command or a reply: some hundreds of thousands of answers."""


class Serve(msgspec.Struct, tag=True, frozen=True):
    """Take part in ``plan`` under a number."""

    server: int
    plan: Plan


class Watch(msgspec.Struct, tag=True, frozen=True):
    """See AppServer.watch; no ``limit`` is null, for JSON has no infinity."""

    server: int
    groups: list[list[Header]]
    pause: float
    limit: float | None


class Renew(msgspec.Struct, tag=True, frozen=True):
    """See AppServer.renew."""

    server: int
    person: int
    header: Header


class Tell(msgspec.Struct, tag=True, frozen=True):
    """See AppServer.tell."""

    server: int


class Rest(msgspec.Struct, tag=True, frozen=True):
    """See AppServer.rest."""

    server: int


class Measure(msgspec.Struct, tag=True, frozen=True):
    """See AppServer.measure."""

    server: int
    headers: list[Header]
    seconds: float
    at_once: int


class Close(msgspec.Struct, tag=True, frozen=True):
    """See AppServer.close."""

    server: int


Command: TypeAlias = Serve | Watch | Renew | Tell | Rest | Measure | Close


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a command: what it ``failed`` with, if it did."""

    failed: str = ""
    answers: list[Answer] = []
    measured: Measured | None = None


async def _replied(servers: dict[int, Here], strategies: Mapping[str, Strategy], command: Command) -> Reply:
    match command:
        case Serve(server, plan):
            servers[server] = Here(await strategies[plan.strategy].server(plan))
            return Reply()
        case Watch(server, groups, pause, limit):
            await servers[server].watch(groups, pause=pause, limit=math.inf if limit is None else limit)
            return Reply()
        case Renew(server, person, header):
            await servers[server].renew(person, header)
            return Reply()
        case Tell(server):
            return Reply(answers=await servers[server].tell())
        case Rest(server):
            return Reply(answers=await servers[server].rest())
        case Measure(server, headers, seconds, at_once):
            return Reply(measured=await servers[server].measure(headers, seconds=seconds, at_once=at_once))
        case Close(server):
            await servers.pop(server).close()
            return Reply()


async def obey(strategies: Mapping[str, Strategy], out: BinaryIO) -> None:
    """Do what the lines of the standard input say, until they end."""
    lines = asyncio.StreamReader(limit=MAX_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    decoder, servers = msgspec.json.Decoder(Command), dict[int, Here]()
    while line := await lines.readline():
        try:
            reply = await _replied(servers, strategies, decoder.decode(line))
        except Exception as error:  # noqa: BLE001 - whatever it is, who asked has to know, and it may be the strategy's
            reply = Reply(failed=f"{type(error).__name__}: {error}")
        out.write(msgspec.json.encode(reply) + b"\n")
        out.flush()
    for server in servers.values():
        await server.close()


def main() -> None:
    """Run until the input ends."""
    # What a library prints must not come between the replies.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        table = import_module(sys.argv[1] if len(sys.argv) > 1 else TABLE)
        asyncio.run(obey(table.STRATEGIES, out))


if __name__ == "__main__":
    main()
