"""Figures on a port of their own, added up over all workers, and the lines of the log that belong to them."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import httpx

from commands import free_port
from server.fleet import serving, until


def value(figures: str, name: str) -> float:
    return sum(float(found) for found in re.findall(rf"^{re.escape(name)}[^\n]* (\S+)$", figures, re.MULTILINE))


def test_the_figures_of_all_workers_are_added_up_and_outlive_them(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "settings.toml"
    config.write_text(f'metrics_port = {port}\nlog_format = "json"\n')
    with serving(tmp_path, 2, "--config", str(config)) as fleet:
        for connection in fleet.one_to_each().values():
            for _ in range(3):
                assert connection.ask("GET", "/api/me")[0] == 401
        wrong = {"email": "ann@example.com", "password": "wrong, but long enough"}
        assert fleet.connect().ask("POST", "/api/sign-in", wrong)[0] == 401
        assert fleet.connect().ask("GET", "/nothing?token=hunter2")[0] == 404

        def figures() -> str:
            return httpx.get(f"http://127.0.0.1:{port}/metrics").text

        me = 'admit_requests_total{method="GET",route="/api/me",status="401"}'
        until(lambda: value(figures(), me) == 6, "they are not counted")
        assert value(figures(), 'admit_sign_ins_total{outcome="refused"}') == 1
        assert "nothing" not in figures()
        assert httpx.get(f"{fleet.base}/metrics").status_code == 404
        before = fleet.workers()
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(fleet.workers()) == 2 and fleet.workers() != before, "nobody took its place")
        assert value(figures(), me) == 6
        answer = httpx.get(f"{fleet.base}/api/me")
        request = answer.headers["x-request-id"]
        until(lambda: request in fleet.log, "no line bears its id")
        lines = [json.loads(line) for line in fleet.log.splitlines()]
        [line] = [line for line in lines if (line["logger"], line["request"]) == ("admit.access", request)]
        assert (line["method"], line["route"], line["status"]) == ("GET", "/api/me", 401)
        assert "hunter2" not in fleet.log
