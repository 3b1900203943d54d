"""Log lines: one for each record, whatever somebody put into it."""

from __future__ import annotations

import logging
import socket

import pytest

from admit.server.load import load
from admit.server.log import JsonLine, OneLine
from admit.server.serve import announce


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("admit.web", logging.INFO, __file__, 1, message, args, None)


def test_no_control_character_reaches_the_log() -> None:
    controls = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)))
    line = OneLine("%(name)s %(message)s").format(record("before %s after", controls))
    assert line.isprintable()
    assert JsonLine().format(record("before %s after", controls)).isprintable()
    assert line.startswith("admit.web before \\x00\\x01")
    assert line.endswith(" after")


def test_other_text_stays_as_it_is() -> None:
    assert OneLine("%(message)s").format(record("Zoë \N{SNOWMAN} %d", 1)) == "Zoë \N{SNOWMAN} 1"


def test_the_password_of_a_store_is_not_announced(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    settings = load(
        None,
        store="redis://:hunter2@127.0.0.1/0",
        accounts_store="postgresql://ann:hunter2@127.0.0.1/admit?connections=2",
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        announce(settings, listening)
    assert (
        "store redis://:***@127.0.0.1/0, accounts in postgresql://ann:***@127.0.0.1/admit?connections=2" in caplog.text
    )
    assert "hunter2" not in caplog.text
