"""`admit serve`: real processes on real sockets."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import httpx
import pytest

from commands import admit, free_port
from server.alone import PATIENCE, running, wait_for

PASSWORD = "a password of some length"
ANN = {"email": "ann@example.com", "password": PASSWORD}


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_warns_of_plain_http_and_stops_when_told(tmp_path: Path, kind: signal.Signals) -> None:
    port = free_port()
    with running(tmp_path, "serve", "--port", str(port)) as (process, log):
        wait_for(f"http://127.0.0.1:{port}", process, log)
        process.send_signal(kind)
        assert process.wait(PATIENCE) == 0
    said = log.read_text()
    assert f"listening on 127.0.0.1 port {port}, issuer http://127.0.0.1:{port}" in said
    assert "THE ISSUER IS PLAIN HTTP" in said
    assert said.splitlines()[-1].endswith("stopped")
    assert "Traceback" not in said


def test_a_log_line_is_one_line_and_holds_no_secret(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, "serve", "--port", str(port)) as (process, log):
        wait_for(base := f"http://127.0.0.1:{port}", process, log)
        httpx.get(f"{base}/%0a%1b%5b31mFAKE%20LINE")
        httpx.get(f"{base}/api/me", headers={"Authorization": "Bearer hunter2"})
        httpx.post(f"{base}/api/sign-in", json={"email": "ann@example.com", "password": "hunter2"})
    lines = log.read_text().splitlines()
    assert not any("\x1b" in line for line in lines)
    assert all(re.match(r"\d{4}-\d\d-\d\d ", line) for line in lines)
    assert not any("hunter2" in line for line in lines)


def test_a_large_body_is_refused_before_it_has_been_read(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, "serve", "--port", str(port)) as (process, log):
        wait_for(f"http://127.0.0.1:{port}", process, log)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            head = f"POST /api/sign-in HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: 10000000\r\n\r\n".encode() + b"x" * 1_000)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_port_that_is_taken_is_said_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for command in ("serve", "demo"):
            said = admit(tmp_path, command, "--port", str(taken.getsockname()[1]))
            assert said.code == 2
            assert "Address already in use. Write another --port." in said.err
            assert "Traceback" not in said.err


def test_the_command_line_acts_at_once_on_a_running_server(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, "serve", "--port", str(port)) as (process, log):
        wait_for(base := f"http://127.0.0.1:{port}", process, log)
        with httpx.Client(base_url=base) as ann:
            assert ann.post("/api/sign-up", json=ANN).status_code == 201
            session = ann.post("/api/sign-in", json=ANN).json()["session"]
            assert ann.get("/api/me").status_code == 200
            [listed] = admit(tmp_path, "sessions", "list", "ann@example.com", "--json").json
            assert (listed["id"], listed["device"]) == (session, "Python")
            assert admit(tmp_path, "sessions", "revoke", session, "--json").json == {"ended": [session]}
            assert ann.get("/api/me").status_code == 401
            assert admit(tmp_path, "sessions", "revoke", session).code == 1
            ann.post("/api/sign-in", json=ANN)
            assert ann.get("/api/me").status_code == 200
            ended = admit(tmp_path, "sessions", "revoke", "--all-of", "ann@example.com", "--json").json
            assert len(ended["ended"]) == 1
            assert ann.get("/api/me").status_code == 401


def test_other_roles_count_at_once_and_end_no_session(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "admit.toml").write_text('[scopes]\nuser = "links:read"\nadmin = "users:write"\n')
    with running(tmp_path, "serve", "--port", str(port)) as (process, log):
        wait_for(base := f"http://127.0.0.1:{port}", process, log)
        with httpx.Client(base_url=base) as ann, httpx.Client(base_url=base) as client:
            ann.post("/api/sign-up", json=ANN)
            ann.post("/api/sign-in", json=ANN)
            tokens = client.post("/api/tokens", json=ANN).json()
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            assert (ann.get("/api/me").json()["roles"], tokens["scope"]) == (["user"], "links:read")
            said = admit(tmp_path, "accounts", "roles", "ann@example.com", "admin", "auditor", "--json")
            assert said.json["roles"] == ["admin", "auditor"]
            me = ann.get("/api/me").json()
            assert (me["roles"], me["scope"]) == (["admin", "auditor"], "users:write")
            assert client.get("/api/me", headers=headers).status_code == 401
            again = client.post("/api/refresh", json={"refresh_token": tokens["refresh_token"]}).json()
            assert again["scope"] == "users:write"
            assert admit(tmp_path, "accounts", "roles", "ann@example.com", "--none", "--json").json["roles"] == []
            assert ann.get("/api/me").json()["roles"] == []


def test_a_deleted_account_is_gone_at_once_and_its_address_free(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, "serve", "--port", str(port)) as (process, log):
        wait_for(base := f"http://127.0.0.1:{port}", process, log)
        with httpx.Client(base_url=base) as ann:
            id = ann.post("/api/sign-up", json=ANN).json()["id"]
            ann.post("/api/sign-in", json=ANN)
            assert admit(tmp_path, "accounts", "delete", "ann@example.com", stdin="n\n").code == 1
            assert ann.get("/api/me").status_code == 200
            said = admit(tmp_path, "accounts", "delete", "ann@example.com", "--yes", "--json")
            assert said.json == {"deleted": "ann@example.com", "id": id}
            assert ann.get("/api/me").status_code == 401
            assert ann.post("/api/sign-in", json=ANN).status_code == 401
            assert admit(tmp_path, "accounts", "delete", "ann@example.com", "--yes").code == 1
            assert ann.post("/api/sign-up", json=ANN).json()["id"] != id
