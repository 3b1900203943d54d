"""Admit's verifier: an application server without a store, which follows the log of an authority over HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from admit.authority import Authority
from admit.core.presented import BEARER
from admit.core.request import Request
from admit.core.store import Store
from admit.errors import StoreUnavailable
from admit.lab.credentials import AccessTokens
from admit.lab.strategies.admit import LeasedIssuer, in_our_words, opened, store_of
from admit.lab.strategy import About, Asked, Caller, Count, Issuer, Plan, Server
from admit.verifier import Verifier

START = 60.0
"""Seconds until `admit serve` counts as failed, and a verifier that has not seen the log."""

ON_A_LEASH = '"$@" & read _; kill $!; wait $!'
"""For `sh -c`: runs a command until its input ends, as it does with whoever started it, however that one ends."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A strategy whose servers have public keys and a log, and nothing that they could lose."""

    about: About

    async def issuer(self, plan: Plan) -> Issuer:
        """The authority, and `admit serve` on the same store in a process of its own."""
        return await self.issuer_at(plan, reached=0)

    async def issuer_at(self, plan: Plan, *, reached: int) -> Asked:
        """The same, behind something that listens at the port ``reached``. Raises StoreError."""
        port = _free_port()
        origin = f"http://127.0.0.1:{reached or port}"
        async with AsyncExitStack() as stack:
            count = Count()
            store = store_of(plan, count)
            auth = await opened(plan, store, origin)
            stack.push_async_callback(auth.close)
            key = await auth.verifiers.create("lab", origin)
            await _served(stack, plan, origin, port)
            asked_at = f"http://{key}@127.0.0.1:{reached or port}"
            return _Issuer(plan, store, auth, count, asked_at, port, stack.pop_all())

    async def server(self, plan: Plan) -> Server:
        """A verifier, once it has seen the log."""
        server = _Server(plan)
        await server.open()
        return server


class _Issuer(LeasedIssuer):
    def __init__(
        self,
        plan: Plan,
        store: Store,
        auth: Authority,
        count: Count,
        asked_at: str,
        listens_at: int,
        held: AsyncExitStack,
    ) -> None:
        super().__init__(AccessTokens(), plan, store, auth, count)
        self.asked_at = asked_at
        self.listens_at = listens_at
        self._held = held

    async def close(self) -> None:
        await self._held.aclose()


class _Server:
    def __init__(self, plan: Plan) -> None:
        parts = urlsplit(plan.url)
        self._origin = f"http://{parts.hostname}:{parts.port}"
        key = parts.username or ""
        self._verifier = Verifier(self._origin, audience=self._origin, key=key, max_staleness=plan.staleness)
        self._seen = self._verifier.seen

    @property
    def count(self) -> Count:
        """What the verifier says that it has asked the authority: for news, and about a credential."""
        status = self._verifier.status()
        asked = status.polls + sum(by_path["looked_up"] for by_path in status.answers.values())
        return Count(asked, asked)

    async def open(self) -> None:
        await asyncio.to_thread(self._verifier.open, START)

    async def verify(self, header: tuple[str, str]) -> Caller:
        name, value = header
        # As the guards do: what is like most requests is known at once, and all else is looked at closely.
        usual = name == "authorization" and value.startswith("Bearer ")
        who = self._seen(value[7:], BEARER) if usual else None
        if who is None:
            request = Request("GET", self._origin, ((name.encode(), value.encode("utf-8", "replace")),))
            async with in_our_words():
                who = await self._verifier.admit(request, accept=(BEARER,))
        return Caller(who.subject, who.roles)

    async def close(self) -> None:
        await asyncio.to_thread(self._verifier.close)


async def _served(stack: AsyncExitStack, plan: Plan, origin: str, port: int) -> None:
    """`admit serve` on the store of ``plan``, once it listens; it ends with ``stack``, or with this process."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="admit-lab-")))
    secret, log = folder / "secret", folder / "log"
    secret.touch(0o600)
    secret.write_bytes(plan.secret)
    env = {name: value for name, value in os.environ.items() if not name.startswith("ADMIT_")}
    env |= {"ADMIT_ISSUER": origin, "ADMIT_STORE": plan.url, "ADMIT_SECRET_FILE": str(secret)}
    env |= {"ADMIT_PORT": str(port), "ADMIT_DRAIN_LIMIT": "0"}
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", ON_A_LEASH, "sh", sys.executable, "-m", "admit.server", "serve"),
            stdin=asyncio.subprocess.PIPE,
            stdout=out,
            stderr=out,
            cwd=folder,
            env=env,
            start_new_session=True,  # Ctrl-C is for the one who measures, who ends it in order
        )
    stack.push_async_callback(_let_go, process)
    until = time.monotonic() + START
    while not await _listens(port):
        said = log.read_text(errors="replace")
        if "Traceback" in said or time.monotonic() > until:
            raise StoreUnavailable(f"“admit serve” did not start: {(said or '-').strip().splitlines()[-1]}")
        await asyncio.sleep(0.05)


async def _let_go(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


VERIFIER = Followed(
    About(
        id="admit-verifier",
        family="admit",
        title="Admit, a verifier elsewhere",
        built=(
            "An ES256 token with a refresh token; verified with public keys and a log that is followed over HTTP, "
            "under a lease, by a service that has no store."
        ),
        stores=("sqlite", "postgresql", "redis"),
        carrier="bearer",
        outsiders=True,
    )
)
