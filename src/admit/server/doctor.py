"""`admit doctor`: what is on, what is weak and why, and what must be mended before anybody else comes."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from admit.authority import Authority
from admit.core import origin
from admit.core.policy import EVERYTHING, Policy
from admit.errors import AdmitError, ConfigError
from admit.server.command import Row
from admit.server.demo import PASSWORDS
from admit.server.settings import Settings
from admit.stores import examine
from admit.stores.examined import Finding
from admit.stores.sqlite_examined import files

SLOW_HASH = 1.0
"""Seconds that one password hash should not take; less than OWASP asks for is no setting at all."""

_UNSAFE = re.compile(
    r"^[ \t]{0,80}(?:from admit\.unsafe import|import admit\.unsafe|from admit import [^\n]{0,400}\bunsafe\b)",
    re.MULTILINE,
)


async def examined(settings: Settings, source: Path | None = None) -> list[Row]:
    """What was looked at, its state and what is to be said of it."""
    found = [*_front(settings), *_process(settings)]
    begun = True
    for whose, url in zip(("", "accounts: "), settings.stores, strict=False):
        try:
            store = await examine(url)
        except AdmitError as error:
            found.append(Finding(f"{whose}store", "mend", str(error)))
            begun = False
        else:
            found += (finding._replace(what=whose + finding.what) for finding in store.findings)
            begun = begun and store.begun
    found += _secrets(settings)
    found += await _opened(settings, begun=begun)
    if source is not None:
        found += _weakened(source)
    return [finding._asdict() for finding in found]


def _front(settings: Settings) -> Iterator[Finding]:
    if settings.issuer.startswith("http:"):
        yield Finding(
            "issuer", "weak", f"{settings.issuer} is plain http: for this machine only. Write an https issuer."
        )
        return
    yield Finding("issuer", "good", settings.issuer)
    if settings.trusted_proxies:
        yield Finding(
            "proxies", "good", f"{' '.join(settings.trusted_proxies)} say who connects, in {settings.proxy_header}"
        )
        return
    # This server speaks plain HTTP: of an https issuer somebody in front has the certificate.
    here = origin.is_loopback(urlsplit(f"//{settings.listens_on[0]}"))
    write = 'trusted_proxies = ["127.0.0.1"]' if here else "trusted_proxies with the address your proxy connects from"
    yield Finding("proxies", "weak", "The issuer is https, so a proxy has the certificate, and all requests seem to come from it: the log "
               f"names no client, and one who guesses passwords slows down everybody. Write {write}.")  # fmt: skip


def _process(settings: Settings) -> Iterator[Finding]:
    if settings.workers == 1:
        yield Finding("workers", "good", "1: a restart is a moment without answers")
    else:
        yield Finding("workers", "good", f"{settings.workers}, replaced one by one at SIGHUP")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    enough = most == resource.RLIM_INFINITY or most > settings.max_connections + 100
    said = f"{most} open files for {settings.max_connections} connections"
    yield Finding(
        "files", "good" if enough else "mend", said if enough else f"{said}: raise LimitNOFILE, or write less"
    )
    if settings.forward is not None:
        yield _forward(settings.forward)
    if settings.tracing:
        yield _tracing()
    if settings.audit_days == 0:
        yield Finding(
            "audit", "weak", "Nobody will know who did what. Write audit_days = 90, or how long you may keep it."
        )
    else:
        yield Finding("audit", "good", f"kept for {settings.audit_days:g} days")
    if settings.on_lost_history == "accept":
        yield Finding("on_lost_history", "weak", "A database put back goes on as if nothing had been revoked since.")


def _forward(policy: Policy) -> Finding:
    """What gateways ask here, and whether there is a host where nobody is asked for anything."""
    open_hosts = [rule.host for rule in policy.rules if (rule.allow, rule.path) == ("anyone", EVERYTHING)]
    if open_hosts:
        said = f'at {", ".join(open_hosts)} anyone comes to all that no rule before names; write allow = "signed-in"'
        return Finding("forward-auth", "weak", said)
    networks = ", ".join(map(str, policy.networks.networks))
    return Finding("forward-auth", "good", f"{len(policy.rules)} rules; {policy.gateway} asks from {networks}")


def _tracing() -> Finding:
    from admit.server import spans

    try:
        made = len(spans.exporters())
    except ConfigError as error:
        return Finding("tracing", "mend", error.faults[0])
    if not made:
        return Finding("tracing", "weak", "OTEL_TRACES_EXPORTER is none: no span goes out.")
    return Finding("tracing", "good", "spans go out as the variables OTEL_* say")


def _secrets(settings: Settings) -> Iterator[Finding]:
    yield from files(*settings.secret_file)
    _, embedded, path = settings.store.partition("sqlite:///")
    if not embedded:
        return
    database = Path(path)
    if not settings.secret_file:
        said = f"beside the database, in {database.name}-secret: whoever copies both can open the keys"
        yield Finding("secret", "good", said)
    if (database.parent / PASSWORDS).exists():
        said = f"{database.parent} is that of `admit demo`: its passwords lie beside it. Use another."
        yield Finding("demo", "mend", said)


async def _opened(settings: Settings, *, begun: bool) -> list[Finding]:
    found: list[Finding] = []
    auth = settings.authority()
    if begun:
        try:
            async with auth:
                await auth.check()
        except AdmitError as error:
            found.append(Finding("store", "mend", str(error)))
        else:
            found.append(Finding("store", "good", "answers, and all that has ended is known"))
    found.append(await _hashing(settings, auth))
    return found


async def _hashing(settings: Settings, auth: Authority) -> Finding:
    try:
        taken = await auth.hash_time()
    finally:
        await auth.close()
    said = f"one hash takes {taken * 1e3:.0f} ms, {settings.hash_memory // 1024} MiB, {settings.hash_passes} passes"
    if taken > SLOW_HASH:
        return Finding("passwords", "weak", f"{said}: people wait. Write less memory or fewer passes.")
    return Finding("passwords", "good", said)


def _weakened(source: Path) -> Iterator[Finding]:
    """Where an application takes checks back."""
    found = [path for path in sorted(source.rglob("*.py")) if _UNSAFE.search(path.read_text(errors="replace"))]
    for path in found:
        yield Finding("unsafe", "weak", f"{path} imports admit.unsafe")
    if not found:
        yield Finding("unsafe", "good", f"nothing under {source} imports admit.unsafe")
