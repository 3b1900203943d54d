"""A gRPC service behind Admit: one method for whoever is signed in, one by scope, and a stream that ends with the sign-in.

Start it with `python -m examples.grpc_guarded`; it shares its store with whatever signs people in. Messages are plain
text here, so that it needs no code made from a .proto.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from admit import Authority
from admit.guards.grpc import Interceptor, principal, required

auth = Authority(
    os.environ.get("STORE", "sqlite:///links.db"),
    issuer=os.environ.get("ISSUER", "http://127.0.0.1:8000/auth"),
    scopes={"user": "links:read links:write"},
)


class Links:
    """The service."""

    def read(self, _: str, __: grpc.ServicerContext) -> str:
        """Whoever is signed in: the interceptor sees to it."""
        return f"links of {principal().subject}"

    @required(auth, "links:write")
    def add(self, request: str, _: grpc.ServicerContext) -> str:
        """Who holds the scope."""
        return f"{request} added by {principal().subject}"

    def news(self, _: str, __: grpc.ServicerContext) -> Iterator[str]:
        """Open until the caller leaves, or is not signed in any more."""
        who = principal()
        yield f"hello {who.subject}"
        while not auth.sync.over(who, within=15):
            yield "still here"


def served(service: Links, address: str) -> tuple[grpc.Server, int]:
    """A server of ``service``, started, and the port it listens on."""
    text: dict[str, Any] = {"request_deserializer": bytes.decode, "response_serializer": str.encode}
    methods = {
        "Read": grpc.unary_unary_rpc_method_handler(service.read, **text),
        "Add": grpc.unary_unary_rpc_method_handler(service.add, **text),
        "News": grpc.unary_stream_rpc_method_handler(service.news, **text),
    }
    server = grpc.server(ThreadPoolExecutor(8), interceptors=[Interceptor(auth)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("links.Links", methods),))
    port = server.add_insecure_port(address)
    server.start()
    return server, port


if __name__ == "__main__":
    running, _ = served(Links(), os.environ.get("ADDRESS", "127.0.0.1:50051"))
    running.wait_for_termination()
