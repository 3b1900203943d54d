"""The guard for gRPC: interceptors for servers with threads and with an event loop, and methods that ask for something."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import aclosing
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any, NamedTuple, Unpack
from urllib.parse import unquote

import grpc
from grpc import aio

from admit.core.door import Door
from admit.core.origin import sent_by_no_other_page
from admit.core.presented import KEY_HEADER
from admit.core.principal import Principal
from admit.core.recent import Recent
from admit.core.request import Request
from admit.core.requirement import SIGNED_IN, Asked, Requirement
from admit.core.return_to import Detours
from admit.errors import AdmitError, ConfigError
from admit.guards.once import USED, Memory, told
from admit.guards.refusal import refused
from admit.guards.wsgi import Entrance
from admit.trail import ACTING, Acting

__all__ = ["AioInterceptor", "Interceptor", "principal", "required"]

Method = Callable[..., Any]

_SERVED: ContextVar[Principal] = ContextVar("admit.principal")
_MEMORY: ContextVar[Memory | None] = ContextVar("admit.memory", default=None)

# What gRPC calls the statuses of HTTP (its documentation maps them likewise, the other way round).
_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
_TOLD = frozenset({"www-authenticate", "retry-after", "ratelimit", "ratelimit-policy"})

_LOOKED_AT = frozenset({"authorization", "cookie", KEY_HEADER, "origin", "sec-fetch-site"})

_GUARDED_AT_MOST = 1_000


def principal() -> Principal:
    """Whom the call that is being served speaks for. Raises LookupError where no guard has let it in."""
    return _SERVED.get()


def required(door: Door, *scopes: str, **more: Unpack[Asked]) -> Callable[[Method], Method]:
    """A decorator of a servicer's method: it is called for those only who hold all of ``scopes`` and one of ``roles``.

    They signed in at most ``within`` seconds ago; ``accept`` names the credentials that count. The method finds the
    Principal by :func:`principal`. With an interceptor or without one. Raises ConfigError.
    """
    entrance = Entrance(door, Requirement.of(*scopes, **more))

    def guarding(method: Method) -> Method:
        path = "/" + method.__qualname__.replace(".", "/")
        return _guarding(method, Guard(door, entrance, path))

    return guarding


class Interceptor(grpc.ServerInterceptor):
    """Lets the calls of a server with threads through when ``door`` admits them and ``requirement`` holds.

    ``open`` names what anybody may call: methods (``/links.Links/Read``), or services (``/grpc.health.v1.Health/``).
    Servicers find the Principal by :func:`principal`. Raises ConfigError.
    """

    def __init__(self, door: Door, requirement: Requirement = SIGNED_IN, *, open: Collection[str] = ()) -> None:
        self._guarded = _Guarded(door, requirement, open)

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """The method that was called, guarded."""
        return self._guarded.of(continuation(handler_call_details), handler_call_details.method)


class AioInterceptor(aio.ServerInterceptor):
    """The same for a server of ``grpc.aio``, whose methods may be coroutines, or plain and run in threads."""

    def __init__(self, door: Door, requirement: Requirement = SIGNED_IN, *, open: Collection[str] = ()) -> None:
        self._guarded = _Guarded(door, requirement, open)

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """The method that was called, guarded."""
        return self._guarded.of(await continuation(handler_call_details), handler_call_details.method)


class _Guarded:
    """What both interceptors make of a method."""

    def __init__(self, door: Door, requirement: Requirement, open: Collection[str]) -> None:
        if isinstance(open, str) or not all(name.startswith("/") for name in open):
            raise ConfigError([f"open is {open!r}; write a list of names like '/links.Links/Read' or '/links.Links/'."])
        self._door = door
        self._entrance = Entrance(door, requirement)
        self._open = frozenset(open)
        self._made = Recent[tuple[Any, Any]](_GUARDED_AT_MOST)

    def of(self, found: grpc.RpcMethodHandler[Any, Any] | None, path: str) -> grpc.RpcMethodHandler[Any, Any] | None:
        """``found``, called for those only who may."""
        if found is None or path in self._open or path.rpartition("/")[0] + "/" in self._open:
            return found
        # gRPC asks for each call; most servers give it the same each time.
        before, handler = self._made.get(path) or (None, None)
        if before is not found:
            handler = self._guarding(found, path)
            self._made.put(path, (found, handler))
        return handler

    def _guarding(self, found: grpc.RpcMethodHandler[Any, Any], path: str) -> grpc.RpcMethodHandler[Any, Any]:
        made: Any
        match found.request_streaming, found.response_streaming:
            case False, False:
                made, method = grpc.unary_unary_rpc_method_handler, found.unary_unary
            case False, True:
                made, method = grpc.unary_stream_rpc_method_handler, found.unary_stream
            case True, False:
                made, method = grpc.stream_unary_rpc_method_handler, found.stream_unary
            case _:
                made, method = grpc.stream_stream_rpc_method_handler, found.stream_stream
        assert method is not None
        guarded = _guarding(method, Guard(self._door, self._entrance, path), streams=found.response_streaming)
        handler: grpc.RpcMethodHandler[Any, Any] = made(guarded, found.request_deserializer, found.response_serializer)
        return handler


class _Call(NamedTuple):
    """A call that was let in: for whom, and what there is one of for it, however many guards it passes."""

    who: Principal
    memory: Memory

    def serve(self) -> None:
        """Let what runs in this context know."""
        _SERVED.set(self.who)
        _MEMORY.set(self.memory)


class Guard:
    """A door and what is asked there, for the calls of one method."""

    __slots__ = ("_door", "_entrance", "_path")

    def __init__(self, door: Door, entrance: Entrance, path: str) -> None:
        self._door = door
        self._entrance = entrance
        self._path = path

    def admitted(self, context: Any) -> _Call:
        """Whom a call speaks for, found in this thread. Raises Denied, Stale, StoreError."""
        memory = _memory()
        who = self._at_once(context) or self._entrance.waited(self._asked(context), memory)
        return self._acting(who, context, memory)

    async def awaited(self, context: Any) -> _Call:
        """Whom a call speaks for. Raises Denied, Stale, StoreError."""
        memory = _memory()
        who = self._at_once(context) or await self._entrance.awaited(self._asked(context), memory)
        return self._acting(who, context, memory)

    def _acting(self, who: Principal, context: Any, memory: Memory) -> _Call:
        if self._door.notes:
            # Taken now: the context of a call that has ended says nothing any more.
            ACTING.set((self._acting_by, (context.invocation_metadata(), context.peer(), who)))
        if USED in memory:
            _tell(context, memory)
        return _Call(who, memory)

    def refusal(self, error: AdmitError, context: Any) -> tuple[grpc.StatusCode, str, tuple[tuple[str, str], ...]]:
        """Status, details and trailing metadata of the answer to a call that ended in ``error``."""
        status, headers, _ = refused(error, self._asked(context), Detours())
        told = [(name.lower(), value) for name, value in headers if name.lower() in _TOLD]
        return _CODES.get(status, grpc.StatusCode.INTERNAL), error.public, (("admit-code", error.code), *told)

    def _at_once(self, context: Any) -> Principal | None:
        """Whom a call speaks for whose credential was seen before, None where the whole call has to be looked at."""
        said: dict[str, str] = {}
        for name, value in context.invocation_metadata() or ():
            if name in _LOOKED_AT:
                if name in said or not isinstance(value, str):
                    return None
                said[name] = value
        given = said.get
        # No call is a mere GET: every one may change something.
        alone = sent_by_no_other_page(given("sec-fetch-site"), given("origin"))
        return self._entrance.at_once(given("authorization"), given("cookie") if alone else None, given(KEY_HEADER))

    def _acting_by(self, by: tuple[Any, str, Principal]) -> Acting:
        metadata, peer, who = by
        return Acting(self._as_sent(metadata, peer), who)

    def _asked(self, context: Any) -> Request:
        return self._as_sent(context.invocation_metadata(), context.peer())

    def _as_sent(self, metadata: Any, peer: str) -> Request:
        """The call as a request. Every call is a POST (gRPC over HTTP/2), so a cookie counts for our own pages only."""
        given = ((name, value) for name, value in metadata or ())
        headers = tuple(
            (name.encode(), value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape"))
            for name, value in given
        )
        return Request("POST", self._door.origin + self._path, headers, _address(peer))


def _guarding(method: Method, guard: Guard, *, streams: bool | None = None) -> Method:
    """``method``, called for those whom ``guard`` lets in; it is given a request and the context of the call last."""
    if inspect.isasyncgenfunction(method):
        return _of_stream_on_loop(method, guard)
    if inspect.iscoroutinefunction(method):
        return _of_coroutine(method, guard)
    if streams or inspect.isgeneratorfunction(method):
        return _of_stream(method, guard)
    return _of_function(method, guard)


def _of_function(method: Method, guard: Guard) -> Method:
    @wraps(method)
    def guarded(*given: Any) -> Any:
        try:
            # A context of its own: the threads of a server serve one call after another.
            own = copy_context()
            own.run(own.run(guard.admitted, given[-1]).serve)
            return own.run(method, *given)
        except AdmitError as error:
            _abort(guard, error, given[-1])

    return guarded


def _of_stream(method: Method, guard: Guard) -> Method:
    @wraps(method)
    def guarded(*given: Any) -> Iterator[Any]:
        try:
            own = copy_context()
            own.run(own.run(guard.admitted, given[-1]).serve)
            answers = iter(own.run(method, *given))
            end = object()
            while (answer := own.run(next, answers, end)) is not end:
                yield answer
        except AdmitError as error:
            _abort(guard, error, given[-1])

    return guarded


def _of_coroutine(method: Method, guard: Guard) -> Method:
    @wraps(method)
    async def guarded(*given: Any) -> Any:
        try:
            (await guard.awaited(given[-1])).serve()  # each call is a task, with a context of its own
            return await method(*given)
        except AdmitError as error:
            await _abort_on_loop(guard, error, given[-1])

    return guarded


def _of_stream_on_loop(method: Method, guard: Guard) -> Method:
    @wraps(method)
    async def guarded(*given: Any) -> AsyncIterator[Any]:
        try:
            (await guard.awaited(given[-1])).serve()
            async with aclosing(method(*given)) as answers:
                async for answer in answers:
                    yield answer
        except AdmitError as error:
            await _abort_on_loop(guard, error, given[-1])

    return guarded


def _abort(guard: Guard, error: AdmitError, context: Any) -> None:
    code, details, trailing = guard.refusal(error, context)
    context.set_trailing_metadata(trailing)
    context.abort(code, details)


async def _abort_on_loop(guard: Guard, error: AdmitError, context: Any) -> None:
    code, details, trailing = guard.refusal(error, context)
    await context.abort(code, details, trailing)


def _memory() -> Memory:
    """What there is one of for the call that is served here, or a new one."""
    found = _MEMORY.get()
    return {} if found is None else found


def _tell(context: Any, memory: Memory) -> None:
    """Have what is :func:`told` trail the answer, unless the method has something else trail."""
    more = {name.lower(): text for name, text in told(memory).items()}
    if more:
        # Which one of the kinds of context cannot say.
        before: tuple[Any, ...] = getattr(context, "trailing_metadata", tuple)() or ()
        context.set_trailing_metadata((*(one for one in before if one[0] not in more), *more.items()))


def _address(peer: str) -> str | None:
    """The address in gRPC's words for the other end: ``ipv4:192.0.2.7:5000``, ``ipv6:%5B2001:db8::1%5D:5000``."""
    kind, _, place = unquote(peer).partition(":")
    return place.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else None
