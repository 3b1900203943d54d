"""A server hands out every kind of secret, logs all it can and is killed: what lies on the disk opens nothing (TOK-09, SES-10).

The database, its write-ahead log, whatever else is beside them and the log are searched for every secret that left the
server, as text and as bytes. The one file that may hold the master secret is its owner's alone.
"""

from __future__ import annotations

import base64
import logging
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from admit.authority import Authority
from admit.errors import AdmitError
from admit.tokens import TokenPolicy
from processes.acts import (
    ANOTHER,
    EMAIL,
    PASSWORD,
    Held,
    accepted,
    authority,
    change_password,
    refresh,
    sign_in,
    sign_up,
    spend,
    sqlite_of,
)
from processes.crew import Crew, Line

NEVER_RIGHT = "a password that was never right"


async def story(auth: Authority) -> tuple[list[Held], list[str]]:
    """What people hold in the end, and tickets; everything is also spent, replayed, refused or revoked."""
    log = logging.getLogger("story")
    account = await sign_up(auth)
    first, second = await sign_in(auth), await sign_in(auth)
    held = [first, second, Held(first.session, first.cookie, await refresh(auth, first.pair.refresh_token))]
    before = await auth.subjects.before(account)
    tickets = [await auth.tickets.mint("reset", 60, before), await auth.tickets.mint("link", 60)]
    await spend(auth, tickets[0], "reset")
    held.append(await change_password(auth, first, PASSWORD, ANOTHER))
    await auth.revoke(second.session)
    for refused in (
        sign_in(auth, password=NEVER_RIGHT),
        sign_in(auth, password=PASSWORD),
        spend(auth, tickets[0], "reset"),
        spend(auth, tickets[1], "reset"),
        refresh(auth, second.pair.refresh_token),
        refresh(auth, second.pair.refresh_token[:-1] + "A"),
        auth.admit(second.requests()["cookie"]),
        auth.admit(second.requests()["access token"]),
    ):
        with pytest.raises(AdmitError) as error:
            await refused
        log.error("refused", exc_info=error.value)
    for one in held:
        log.debug("%s opens %s", one.session.id, await accepted(auth, one))
    return held, tickets


async def private_parts(auth: Authority) -> list[str]:
    """The members of the signing keys that nobody else may know (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1)."""
    ring = await auth.keys.reread()
    return [jwk[name] for kept in ring.keys for jwk in [kept.key.secret_jwk()] for name in "dpqk" if name in jwk]


async def server(line: Line, url: str, algorithm: str, log: Path) -> None:
    """Tells the story with all logs on, hands over every secret in it, and goes on until it is killed."""
    logging.basicConfig(filename=log, level=logging.DEBUG, force=True)
    async with authority(url, tokens=TokenPolicy(algorithm=algorithm, grace=0)) as auth:
        held, tickets = await story(auth)
        line.say((held, tickets, await private_parts(auth), sqlite_of(auth).own_secret(make=False)))
        line.hear()


def secrets_of(held: list[Held], tickets: list[str], private: list[str], master: bytes) -> Iterator[bytes]:
    """Every secret, in each form in which it could have been written."""
    texts = {PASSWORD, ANOTHER, NEVER_RIGHT, base64.urlsafe_b64encode(master).rstrip(b"=").decode()}
    for text in (*tickets, *private):
        texts.add(text.rpartition(".")[2])
    for one in held:
        *_, secret, mac = one.pair.refresh_token.split(".")
        texts |= {one.cookie.rpartition(".")[2], secret, mac, *one.pair.access_token.split(".")[1:]}
    for text in texts:
        yield from forms(text.encode())
        with suppress(ValueError):
            yield from forms(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def forms(secret: bytes) -> Iterator[bytes]:
    """As it is, in hex, and as JSON has bytes: in base64, of which the last digits depend on what follows."""
    yield secret
    yield secret.hex().encode()
    for encoded in (base64.b64encode(secret), base64.urlsafe_b64encode(secret)):
        yield encoded[: len(secret) // 3 * 4]


def written(folder: Path) -> dict[str, bytes]:
    """What stands in each file, but for the one that is made to hold the secret."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "admit.db-secret"}


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "RS256", "HS256"])
async def test_no_file_holds_a_secret_that_was_handed_out(algorithm: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'admit.db'}"
    async with Crew() as crew:
        member = crew.start(server, url, algorithm, tmp_path / "log")
        held, tickets, private, master = await member.hear()
        await member.kill()
    killed = written(tmp_path)
    async with authority(url) as auth:
        await auth.open()
    closed = written(tmp_path)

    assert killed["admit.db-wal"], "the kill left the write-ahead log"
    assert "admit.db-stamp" in killed
    assert private
    for files in (killed, closed):
        # What is no secret is found, so a secret would be.
        everything = b"".join(files.values())
        assert EMAIL.encode() in everything
        assert held[0].session.id.encode() in files["log"]
        assert b"there is no session" in files["log"]
        for secret in secrets_of(held, tickets, private, master):
            assert len(secret) >= 8
            assert [name for name, content in files.items() if secret in content] == []

    kept = tmp_path / "admit.db-secret"
    assert kept.read_bytes() == master
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
