"""An authority that lies, fails and dawdles as a test says, over real HTTP on a loopback port."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from admit.core.jwk import SigningKey

Answer = Callable[["Liar", dict[str, str]], "bytes | int"]


class Liar:
    """Answers each path with bytes, a status, or what a function of the query returns; counts what it is asked."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}/auth"
        self.asked: list[str] = []
        self.sent: list[str] = []
        self.keys: list[SigningKey] = []
        self.answers: dict[str, Answer] = {
            "/auth/.well-known/oauth-authorization-server": lambda liar, _: json.dumps(liar.metadata).encode(),
            "/auth/.well-known/jwks.json": lambda liar, _: json.dumps(liar.jwks).encode(),
            "/auth/revocations": lambda liar, query: liar.log(query),
            "/auth/introspect": lambda _, __: b'{"active": true}',
        }
        self.entries: list[bytes] = [b'["began","once"]']

    @property
    def metadata(self) -> dict[str, Any]:
        """A true description."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
            "revocations_endpoint": f"{self.issuer}/revocations",
            "introspection_endpoint": f"{self.issuer}/introspect",
            "max_staleness": 2.0,
        }

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        return {"keys": [key.verifying().jwk() for key in self.keys]}

    def log(self, query: dict[str, str]) -> bytes:
        """The log behind a position, which is a number here, and its true end."""
        end = json.dumps({"cursor": str(len(self.entries)), "probe": query["probe"]}).encode()
        return b"\n".join((*self.entries[int(query.get("after", "0")) :], end, b""))

    def asked_for(self, part: str) -> int:
        """How often it was asked for what has ``part`` in its path."""
        return sum(part in path for path in self.asked)


class _Handler(BaseHTTPRequestHandler):
    liar: ClassVar[Liar]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a form."""
        self.liar.sent.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.do_GET()

    def do_GET(self) -> None:
        """Answer."""
        parts = urlsplit(self.path)
        self.liar.asked.append(parts.path)
        said = self.liar.answers[parts.path](
            self.liar, {name: last for name, [*_, last] in parse_qs(parts.query).items()}
        )
        body = b"" if isinstance(said, int) else said
        self.send_response(said if isinstance(said, int) else 200)
        if said in (301, 302, 307, 308):
            self.send_header("Location", f"{self.liar.issuer}/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def lying() -> Iterator[Liar]:
    """An authority that answers what a test says, until the end."""

    class Handler(_Handler):
        """That of one liar."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Handler.liar = liar = Liar(server.server_port)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield liar
        finally:
            server.shutdown()
            serving.join()
