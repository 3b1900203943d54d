"""A real nginx, with the configuration that a page gives."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from commands import stopped
from server.fleet import until


def block(page: Path, language: str) -> str:
    """The one block of ``page`` that is written in ``language``."""
    [found] = blocks(page, language)
    return found


def blocks(page: Path, language: str) -> list[str]:
    """What of ``page`` is written in ``language``, in its order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def put(text: str, places: Mapping[str, str]) -> str:
    """``text`` with what is particular to a machine replaced; each of it must be there."""
    for there, here in places.items():
        assert there in text, there
        text = text.replace(there, here)
    return text


@contextmanager
def nginx(directory: Path, site: str) -> Iterator[None]:
    """An nginx with that site, from a directory of its own."""
    conf = directory / "nginx.conf"
    temporary = "\n".join(
        f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""
    conf.write_text(
        f"{user} daemon off; pid {directory}/pid; error_log {directory}/error.log;\n"
        f"events {{}}\nhttp {{ access_log {directory}/access.log;\n{temporary}\n"
        f"proxy_cache_path {directory}/cache keys_zone=shared:1m;\n{site}\n}}\n"
    )
    with (directory / "said").open("w") as out:
        process = subprocess.Popen(["nginx", "-p", str(directory), "-c", str(conf)], stderr=out)
    with stopped(process, signal.SIGQUIT):
        until(lambda: (directory / "pid").exists() or process.poll() is not None, "nginx does not start")
        assert process.poll() is None, (directory / "said").read_text()
        yield
