"""Behind a real nginx, with the configuration that `docs/how-to/run-behind-nginx.md` gives, word for word."""

from __future__ import annotations

import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from admit.lab.browser.certificate import self_signed
from commands import free_port
from nginx import block, nginx, put
from server.fleet import PATIENCE, Fleet, serving, until

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-behind-nginx.md"
NAME = "auth.example.com"
ANN = {"email": "ann@example.com", "password": "a password of some length"}


@dataclass(frozen=True)
class Front:
    """nginx on two free ports, a server of ours behind it."""

    fleet: Fleet
    tls: int
    plain: int
    trusted: ssl.SSLContext

    def browser(self, host: str = NAME, *, at: str = "127.0.0.1", **headers: str) -> httpx.Client:
        """Somebody outside, who asked for ``host`` and comes from the address ``at``."""
        url = f"https://127.0.0.1:{self.tls}"
        way = httpx.HTTPTransport(verify=self.trusted, local_address=at)
        browser = httpx.Client(base_url=url, transport=way, headers={"Host": host, **headers}, timeout=PATIENCE)
        browser.event_hooks["request"].append(lambda asked: asked.extensions.update(sni_hostname=NAME))
        return browser

    def past_nginx(self, at: str, **headers: str) -> httpx.Client:
        """Somebody on the same network who comes from the address ``at``, and not through nginx."""
        way = httpx.HTTPTransport(local_address=at)
        return httpx.Client(
            base_url=self.fleet.base, transport=way, headers={"Host": NAME, **headers}, timeout=PATIENCE
        )

    def client(self, answer: httpx.Response) -> str:
        """Who the log says got ``answer``."""
        request = answer.headers["x-request-id"]
        until(lambda: f"{request}\n" in self.fleet.log, "no line bears its id")
        [line] = [line for line in self.fleet.log.splitlines() if line.endswith(request)]
        return line.split()[-2]


@contextmanager
def front(directory: Path, *, site: Callable[[str], str] = lambda text: text) -> Iterator[Front]:
    """Both, as the page says."""
    at, key = self_signed(directory, NAME)
    tls, plain, behind = free_port(), free_port(), free_port()
    places = {
        "listen 443": f"listen 127.0.0.1:{tls}",
        "listen 80": f"listen 127.0.0.1:{plain}",
        "127.0.0.1:8000": f"127.0.0.1:{behind}",
        f"/etc/letsencrypt/live/{NAME}/fullchain.pem": str(at),
        f"/etc/letsencrypt/live/{NAME}/privkey.pem": str(key),
    }
    settings = put(block(PAGE, "toml"), {"/var/lib/admit/admit.db": str(directory / "admit.db")})
    (directory / "admit.toml").write_text(settings)
    with (
        serving(directory, 2, "--config", str(directory / "admit.toml"), port=behind) as fleet,
        nginx(directory, put(site(block(PAGE, "nginx")), places)),
    ):
        yield Front(fleet, tls, plain, ssl.create_default_context(cafile=str(at)))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front(tmp_path_factory.mktemp("nginx")) as here:
        yield here


def test_people_come_by_tls_and_get_a_cookie_that_only_tls_carries(here: Front) -> None:
    with here.browser() as ann:
        assert ann.get("/readyz").json() == {"status": "ok"}
        assert ann.post("/api/sign-up", json=ANN).status_code == 201
        signed_in = ann.post("/api/sign-in", json=ANN)
        assert signed_in.headers["set-cookie"].startswith("__Host-admit=")
        assert "Secure" in signed_in.headers["set-cookie"]
        assert signed_in.headers["strict-transport-security"]
        cookie = signed_in.headers["set-cookie"].partition(";")[0]
        assert ann.get("/api/me", headers={"Cookie": cookie}).json()["email"] == ANN["email"]
    answer = httpx.get(f"http://127.0.0.1:{here.plain}/sign-in?x=1")
    assert (answer.status_code, answer.headers["location"]) == (308, f"https://{NAME}/sign-in?x=1")


def test_another_host_gets_no_certificate_and_no_answer(here: Front) -> None:
    with socket.create_connection(("127.0.0.1", here.tls)) as raw, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(raw, server_hostname="evil.test")
    with here.browser("evil.test") as stranger, pytest.raises(httpx.TransportError):
        stranger.get("/readyz")
    # What nginx lets through under its name, Admit sees under its name.
    with here.browser(**{"X-Forwarded-Host": "evil.test"}) as sly:
        assert sly.get("/readyz").status_code == 200
    # Whoever reaches Admit past nginx has to know it too.
    assert httpx.get(f"{here.fleet.base}/readyz").status_code == 421


def test_requests_that_two_parsers_could_read_differently_do_not_get_through(here: Front) -> None:
    smuggled = "GET /api/me HTTP/1.1\r\nHost: auth.example.com\r\n\r\n"
    chunked = f"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
    for lines in (
        f"Content-Length: 6\r\n{chunked}",
        f"Content-Length: 6\r\nContent-Length: 7\r\n\r\n{smuggled}",
        f"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}",
        f"Content-Length : 6\r\n\r\n{smuggled}",
        f"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n{smuggled}",
    ):
        with (
            socket.create_connection(("127.0.0.1", here.tls), timeout=60) as raw,
            here.trusted.wrap_socket(raw, server_hostname=NAME) as tls,
        ):
            tls.sendall(f"POST /api/sign-in HTTP/1.1\r\nHost: {NAME}\r\n{lines}".encode())
            answer = tls.recv(65_536)
        assert answer.split(b" ")[1] in (b"400", b"501"), lines


LIES = {"X-Forwarded-For": "198.51.100.1", "X-Real-IP": "198.51.100.2", "Forwarded": "for=198.51.100.3"}


def test_the_client_is_whom_nginx_names_whatever_the_client_says(here: Front) -> None:
    with here.browser(at="127.0.0.5") as honest, here.browser(at="127.0.0.6", **LIES) as liar:
        assert here.client(honest.get("/readyz")) == "127.0.0.5"
        assert here.client(liar.get("/readyz")) == "127.0.0.6"
    with here.past_nginx("127.0.0.7", **LIES) as neighbour:
        assert here.client(neighbour.get("/readyz")) == "127.0.0.7"


def test_who_guesses_is_one_client_whatever_he_says_and_slows_down_nobody_else(here: Front) -> None:
    def guess(browser: httpx.Client, number: int) -> int:
        wrong = {"email": f"user{number}@example.com", "password": "Summer of 2026 and all"}
        lie = {name: text.replace("198.51.100", f"198.51.{number}") for name, text in LIES.items()}
        return browser.post("/api/sign-in", json=wrong, headers=lie).status_code

    # One comes through nginx, one past it; each has 20 tries in a minute, and another minute may have begun.
    for name, at in (("browser", "127.0.0.8"), ("past_nginx", "127.0.0.9")):
        with getattr(here, name)(at=at) as eve:
            statuses = [guess(eve, number) for number in range(41)]
        assert statuses[:20] == [401] * 20, name
        assert 429 in statuses, name
    with here.browser(at="127.0.0.10") as somebody:
        assert guess(somebody, 50) == 401


def test_a_proxy_that_adds_to_what_the_client_said_is_read_from_the_end(tmp_path: Path) -> None:
    def adding(text: str) -> str:
        return put(text, {"X-Forwarded-For $remote_addr": "X-Forwarded-For $proxy_add_x_forwarded_for"})

    with front(tmp_path, site=adding) as here, here.browser(at="127.0.0.5", **LIES) as liar:
        assert here.client(liar.get("/readyz")) == "127.0.0.5"


def test_a_rolling_restart_under_load_fails_no_request(here: Front) -> None:
    before, enough = here.fleet.workers(), threading.Event()

    def ask_for_ever() -> int:
        asked = 0
        with here.browser() as client:
            while not enough.is_set():
                # Half of them are what nginx may not send twice.
                answers = client.get("/readyz"), client.post("/api/refresh", json={"refresh_token": "adm_r_x"})
                assert [answer.status_code for answer in answers] == [200, 401]
                asked += 2
        return asked

    with ThreadPoolExecutor(4) as threads:
        clients = [threads.submit(ask_for_ever) for _ in range(4)]
        here.fleet.process.send_signal(signal.SIGHUP)
        try:
            until(lambda: "all workers are new" in here.fleet.log or any(one.done() for one in clients), "no end")
        finally:
            enough.set()
        assert sum(client.result() for client in clients) > 40
    assert not here.fleet.workers() & before


def test_a_cache_keeps_no_answer_to_somebody_signed_in(tmp_path: Path) -> None:
    def caching(text: str) -> str:
        on = 'proxy_cache shared; proxy_cache_valid any 10m; add_header X-Cache "$upstream_cache_status" always;'
        return put(text, {"proxy_cache off;": on})

    with front(tmp_path, site=caching) as here, here.browser() as ann, here.browser() as eve:
        assert ann.post("/api/sign-up", json=ANN).status_code == 201
        cookie = ann.post("/api/sign-in", json=ANN).headers["set-cookie"].partition(";")[0]
        mine = {"Cookie": cookie}
        for _ in range(2):
            answer = ann.get("/api/me", headers=mine)
            assert (answer.status_code, answer.headers["x-cache"]) == (200, "MISS")
        assert eve.get("/api/me").status_code == 401
        # A path that looks like a file of everybody's (web cache deception).
        for path in ("/account/x.css", "/api/me/x.css", "/api/me%2fx.css", "/api/me;x.css", "/account%0ax.css"):
            answer = ann.get(path, headers=mine)
            assert answer.status_code == 404, path
            assert ANN["email"] not in answer.text
            assert eve.get(path).headers["x-cache"] == "MISS"
