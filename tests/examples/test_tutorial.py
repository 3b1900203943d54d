"""The application at the end of the tutorial, in an empty folder, started with the line that stands there."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from commands import PATIENCE, environment, free_port

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
PORT = "8000"
TYPED = {"email": "eve@example.com", "password": "tea with a spoon of salt"}


def block(language: str, within: str) -> str:
    """The block in ``language`` that holds ``within``."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", TUTORIAL.read_text(), re.MULTILINE | re.DOTALL)
    [found] = [one for one in blocks if within in one]
    return str(found)


@contextmanager
def started(folder: Path) -> Iterator[httpx.Client]:
    """Somebody who reads pages, in front of the application, on a port that is free."""
    port = str(free_port())
    (folder / "app.py").write_text(block("python", f"127.0.0.1:{PORT}").replace(PORT, port))
    words = block("sh", "uvicorn").replace(PORT, port).split()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", *words], cwd=folder, stderr=log, env=environment())
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Accept": "text/html"}) as reader:
            wait_for(reader, process, folder / "log")
            yield reader
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for(reader: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    until, pause = time.monotonic() + PATIENCE, threading.Event()
    while time.monotonic() < until and process.poll() is None:
        try:
            reader.get("/auth/healthz")
        except httpx.TransportError:
            pause.wait(0.05)
        else:
            return
    raise AssertionError(log.read_text())


def test_whoever_opens_the_route_is_led_to_a_page_and_back_to_the_route(tmp_path: Path) -> None:
    with started(tmp_path) as reader:
        led = reader.get("/links", follow_redirects=True)
        assert (led.status_code, str(led.url.raw_path, "ascii")) == (200, "/auth/sign-in?next=/links")
        [sign_up] = re.findall(r'href="([^"]*/sign-up[^"]*)"', led.text)
        page = reader.get(sign_up)
        [action] = re.findall(r'<form method="post" action="([^"]*)"', page.text)
        [onward] = re.findall(r'name="next" value="([^"]*)"', page.text)
        form = TYPED | {"password_again": TYPED["password"], "next": onward}
        back = reader.post(action, data=form, follow_redirects=True)
        assert (back.status_code, back.url.path) == (200, "/links")
        assert back.json().keys() == {"links of"}
        account = reader.get("/auth/account")
        assert "This device" in account.text
        assert reader.post("/auth/sign-out").status_code == 303
        assert reader.get("/links").headers["location"] == "/auth/sign-in?next=/links"
