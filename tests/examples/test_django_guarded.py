"""The Django site in one file, started with the line that stands in it: Django thinks of one site in a process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from commands import PATIENCE, environment, free_port
from test_docs import ROOT

ANN = {"email": "ann@example.com", "password": "a password of some length"}


def test_a_stranger_signs_up_in_and_out_again(tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    words = ["uvicorn", "examples.django_guarded:app", "--port", base.rpartition(":")[2]]
    env = environment(STORE=f"sqlite:///{tmp_path}/links.db", ISSUER=f"{base}/auth")
    process = subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=base) as browser:
            until_served(browser, process)
            assert "/auth/sign-in" in browser.get("/").text
            assert browser.get("/links").status_code == 401
            led = browser.get("/links", headers={"Sec-Fetch-Mode": "navigate"})
            assert (led.status_code, led.headers["location"]) == (303, "/auth/sign-in?next=/links")
            assert browser.post("/auth/api/sign-up", json=ANN).status_code == 201
            assert browser.post("/auth/api/sign-in", json=ANN).status_code == 200
            assert browser.get("/").text.startswith("hello ")
            assert browser.get("/links").json().keys() == {"links of"}
            assert browser.post("/links/remove").json().keys() == {"removed by"}
            assert browser.post("/links/remove", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
            assert browser.post("/auth/api/sign-out").status_code == 204
            assert browser.get("/links").status_code == 401
    finally:
        process.terminate()
        process.wait(PATIENCE)


def until_served(browser: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    """Return once the site answers."""
    until, pause = time.monotonic() + PATIENCE, threading.Event()
    while process.poll() is None and time.monotonic() < until:
        try:
            browser.get("/")
        except httpx.TransportError:
            pause.wait(0.05)
        else:
            return
    raise AssertionError("the site was not served")
