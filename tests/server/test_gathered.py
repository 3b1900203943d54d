"""What is written in one turn of the event loop is sent by one call, in its order, and all of it."""

from __future__ import annotations

import asyncio
from typing import cast

from admit.server.gathered import HELD_AT_MOST, Gathered


class Sent(asyncio.Transport):
    """A transport that notes what it is asked to do."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.calls: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")


async def gathered() -> tuple[Sent, Gathered]:
    sent = Sent()
    return sent, Gathered(cast("asyncio.Transport", sent), asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_is_sent_at_once() -> None:
    sent, here = await gathered()
    here.write(b"head, ")
    here.write(b"body")
    assert sent.calls == []
    here.send()
    assert sent.calls == [b"head, body"]


async def test_what_nobody_sends_goes_out_by_itself() -> None:
    sent, here = await gathered()
    here.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    await asyncio.sleep(0)
    assert sent.calls == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    here.write(b"more")
    await asyncio.sleep(0)
    assert sent.calls[1:] == [b"more"]


async def test_what_is_large_waits_for_nothing() -> None:
    sent, here = await gathered()
    here.write(bytes(HELD_AT_MOST))
    assert sent.calls == []
    here.write(b"!")
    assert sent.calls == [bytes(HELD_AT_MOST) + b"!"]
    here.write(b"small again")
    assert len(sent.calls) == 1


async def test_what_was_written_is_sent_before_the_connection_closes() -> None:
    sent, here = await gathered()
    here.write(b"the last words")
    here.close()
    await asyncio.sleep(0)
    assert sent.calls == [b"the last words", "close"]


async def test_what_waits_when_the_connection_is_cut_off_is_not_sent() -> None:
    sent, here = await gathered()
    here.write(b"unheard")
    here.abort()
    await asyncio.sleep(0)
    assert sent.calls == ["abort"]


async def test_everything_else_is_the_transport_itself() -> None:
    _, here = await gathered()
    assert here.get_extra_info("peername") == ("127.0.0.1", 1)
