"""What the server has to say, on standard error: a line for each record, for people or as JSON.

By the standard library's logging, which the libraries beside us write to as well: one way out, one place to
neutralise what somebody put into a path (CWE-117).
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

LogFormat = Literal["text", "json"]

# What a terminal, or whoever reads a log line by line, would take for something else.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}


REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the request that is being answered."""

TRACE: ContextVar[str] = ContextVar("trace", default="")
"""The id of the trace that it belongs to, where spans are made of requests."""


def without_password(text: str) -> str:
    """``text``, a URL without its password if that is what it is."""
    if "://" not in text or (parts := urlsplit(text)).password is None:
        return text
    who, _, where = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{who.partition(':')[0]}:***@{where}"))


class OneLine(logging.Formatter):
    """A line for each record, whatever somebody put into a path; a traceback follows on lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in the standard library
        """The record in one line."""
        return super().formatMessage(record).translate(_CONTROLS)


class JsonLine(logging.Formatter):
    """An object for each record: ``at`` (Unix seconds), ``level``, ``logger``, ``process``, ``request``, ``said``, and its facts.

    Also ``trace``, where requests are traced.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON, with its traceback."""
        facts: dict[str, object] = getattr(record, "facts", {})
        told: dict[str, object] = {
            "at": record.created,
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "request": REQUEST.get(),
            "said": record.getMessage().translate(_CONTROLS),
            **facts,
        }
        if trace := TRACE.get():
            told["trace"] = trace
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told).decode()


def log_to_stderr(form: LogFormat = "text") -> None:
    """Write what the server has to say to standard error."""
    out = logging.StreamHandler()
    out.setFormatter(JsonLine() if form == "json" else OneLine("%(asctime)s %(levelname)s %(name)s %(message)s"))
    # What no line of ours tells is not found out for each (Python's Logging HOWTO, "Optimization").
    logging._srcfile = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as documented
    logging.logThreads = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.INFO, handlers=[out])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
