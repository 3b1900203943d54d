"""Remembers every secret that is handed out in this process and all that is logged, so that the two can be compared."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from admit.core import jwt, secret
from admit.core.cookie import CookieRule
from admit.core.refresh import RefreshToken

LOGGERS = ("admit", "uvicorn", "asyncio")
SHORTEST = 32

_RUN = re.compile(rf"[A-Za-z0-9_-]{{{SHORTEST},}}")


class Recorder:
    """What was handed out, and what was said."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.said: list[str] = []

    def hand_out(self, text: str) -> None:
        """Remember what of a token, a cookie's value or a bare secret nobody else may know."""
        self.secrets.update(part for part in text.split(".")[-2:] if len(part) >= SHORTEST)

    def note(self, record: logging.LogRecord) -> None:
        """Remember what a log line says, with the traceback that comes along."""
        if record.name.partition(".")[0] in LOGGERS:
            traceback = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
            self.said.append(f"{record.getMessage()}\n{traceback}")

    def told(self) -> set[str]:
        """The secrets that were said, wherever in a line."""
        sizes = {len(known) for known in self.secrets}
        runs = (run for line in self.said for run in _RUN.findall(line))
        parts = (run[at : at + size] for run in runs for size in sizes for at in range(len(run) - size + 1))
        return self.secrets.intersection(parts)


@contextmanager
def recording() -> Iterator[Recorder]:
    """While inside, all is remembered; a recording around this one hears no line of it."""
    recorder, was = Recorder(), logging.getLogRecordFactory()

    def record(*args: Any, **more: Any) -> logging.LogRecord:
        made = logging.LogRecord(*args, **more)
        recorder.note(made)
        return made

    def heard(make: Callable[..., str]) -> Callable[..., str]:
        def hear(*args: Any, **more: Any) -> str:
            made = make(*args, **more)
            recorder.hand_out(made.partition("; ")[0])
            return made

        return hear

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((secret, "new_secret"), (jwt, "mint"), (RefreshToken, "text"), (CookieRule, "line")):
            patch.setattr(owner, name, heard(getattr(owner, name)))
        logging.setLogRecordFactory(record)
        levels = {name: logging.getLogger(name).level for name in LOGGERS}
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.DEBUG)
        try:
            yield recorder
        finally:
            logging.setLogRecordFactory(was)
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
