"""A report of which every figure is made up, so that what is made of reports can be judged without measuring."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal

from admit.lab.report import (
    Attack,
    Fault,
    Lane,
    Machine,
    Moment,
    Outage,
    Path,
    Report,
    Revocation,
    Storage,
    Throughput,
    Value,
)
from admit.lab.strategy import ENDINGS, About, Store

Family = Literal["session", "jwt", "hybrid", "api key", "admit"]

READ: dict[Store, float] = {"memory": 3.1, "sqlite": 38, "postgresql": 190, "redis": 120, "none": 0}
BYTES: dict[Store, float] = {"memory": 610, "sqlite": 402, "postgresql": 655, "redis": 348, "none": 0}
EVERYWHERE: tuple[Store, ...] = ("memory", "sqlite", "postgresql", "redis")
FAULTS: tuple[Fault, ...] = ("slow", "gone", "cut")


def about(
    id: str,
    family: Family,
    title: str,
    stores: tuple[Store, ...],
    carrier: Literal["cookie", "bearer"],
    *,
    outsiders: bool = False,
) -> About:
    return About(id, family, title, f"{title}, as somebody would build it.", stores, carrier, outsiders=outsiders)


STRATEGIES: tuple[tuple[About, float], ...] = (
    (about("session", "session", "Session", EVERYWHERE, "cookie"), 6),
    (about("jwt-hs256", "jwt", "JWT HS256, PyJWT", ("none",), "bearer"), 31),
    (about("jwt-rs256", "jwt", "JWT RS256, PyJWT", ("none",), "bearer", outsiders=True), 58),
    (about("jwt-es256", "jwt", "JWT ES256, PyJWT", ("none",), "bearer", outsiders=True), 122),
    (about("jwt-ed25519", "jwt", "JWT Ed25519, PyJWT", ("none",), "bearer", outsiders=True), 140),
    (about("jwt-es256-admit", "jwt", "JWT ES256, Admit", ("none",), "bearer", outsiders=True), 96),
    (about("hybrid", "hybrid", "Hybrid", ("sqlite", "postgresql"), "bearer", outsiders=True), 125),
    (about("hybrid-blocklist", "hybrid", "Hybrid with blocklist", ("redis",), "bearer"), 128),
    (about("api-key", "api key", "API key", EVERYWHERE, "bearer"), 7),
    (about("admit-cookie", "admit", "Admit cookie", EVERYWHERE, "cookie"), 0.9),
    (about("admit-token", "admit", "Admit token", EVERYWHERE, "bearer", outsiders=True), 0.8),
    (about("admit-key", "admit", "Admit API key", EVERYWHERE, "bearer"), 0.9),
)  # fmt: skip


def value(chance: random.Random, median: float, apart: float = 0.08) -> Value:
    return Value(median, median * (1 - chance.random() * apart), median * (1 + chance.random() * apart), 9)


def asks(about: About, store: Store) -> bool:
    return about.family in {"session", "api key"} or about.id == "hybrid-blocklist"


def lane(chance: random.Random, about: About, store: Store, own: float) -> Lane:
    """All that could be measured of a strategy on a store."""
    read = READ[store] if asks(about, store) else 0.0
    p50 = own + read
    remote = asks(about, store) and store in {"postgresql", "redis"}
    servers = 1 if store == "memory" else 4
    throughput = {n: value(chance, 1e6 / p50 * min(n, 2) * 0.9) for n in (1, 2, 4) if n <= servers}
    each = {n: BYTES[store] * (1 + 200 / n) for n in (1_000, 10_000, 100_000)}
    token = about.carrier == "bearer" and "key" not in about.id
    return Lane(
        about,
        store,
        "",
        Storage(each, 620 if token else 96, 640 if token else 110, f"bytes of each at 100,000: {each[100_000]:.0f}", each[100_000]),
        Path(value(chance, p50), value(chance, p50 * 2.6, 0.4), value(chance, p50 * 0.8), float(asks(about, store)), float(remote)),
        Throughput(throughput, 1e6 / p50 * 9 if store != "sqlite" else None, "the processors of this machine"),
        tuple(revocations(chance, about, store)),
        tuple(outages(chance, about, store)),
    )  # fmt: skip


def revocations(chance: random.Random, about: About, store: Store) -> Iterator[Revocation]:
    lifetime = 3.0 if about.family == "jwt" or about.id == "hybrid" else None
    for how in ENDINGS:
        if lifetime:
            lags = tuple(chance.uniform(1_500, 3_000) for _ in range(20))
            note = "Nothing notices it before the token expires; measured with tokens that live 3 s."
            yield Revocation(how, lags, 3, note, lifetime)
        elif about.family == "admit" and store in {"postgresql", "redis"}:
            yield Revocation(how, tuple(chance.lognormvariate(1.1, 0.5) for _ in range(20)), 3, "")
        else:
            yield Revocation(how, tuple(0.0 if chance.random() < 0.7 else 0.4 for _ in range(20)), 3, "")


def outages(chance: random.Random, about: About, store: Store) -> Iterator[Outage]:
    if store in {"memory", "none"}:
        return
    for fault in FAULTS:
        moments = list[Moment]()
        for step in range(-4, 40):
            at = step * 0.25
            down = 0 <= at < 6 and (fault != "slow" or not asks(about, store))
            busy = 20 + chance.randrange(5)
            if down and about.id == "hybrid":
                moments.append(Moment(at, busy, 6, 0, 0, 0, 0.4))
            elif down and about.family == "admit" and at < 2:
                moments.append(Moment(at, busy, 2 if fault != "slow" else 0, 4, 0, 0, 0.1))
            elif down and (about.family == "admit" or asks(about, store)) and fault != "slow":
                thrown = 4 if about.family == "session" and chance.random() < 0.2 else 0
                moments.append(Moment(at, 0, 0, 0, thrown, 22, 2_000.0))
            else:
                moments.append(Moment(at, busy, 0, 6, 0, 0, 410.0 if fault == "slow" and 0 <= at < 6 else 0.5))
        yield Outage(fault, 0.0, 6.0, tuple(moments), 0.4)


ATTACKS = (
    Attack("cross-site request forgery", "HttpOnly cookie", "stopped", "Chromium sent no cookie, for SameSite=Lax."),
    Attack("cross-site request forgery", "localStorage", "stopped", "The other site has no credential to send."),
    Attack("script that got in", "localStorage", "worked", "The script read the token and posted it to evil.test."),
    Attack("script that got in", "HttpOnly cookie", "stopped", "document.cookie was empty."),
    Attack("script that got in", "memory", "worked", "The script asked the page's own function for the token."),
)


def report(*, seed: int = 1, stores: tuple[Store, ...] = (*EVERYWHERE, "none")) -> Report:
    """The same report for the same arguments."""
    chance = random.Random(seed)
    lanes = [
        lane(chance, about, store, own) for about, own in STRATEGIES for store in about.stores if store in stores
    ]  # fmt: skip
    machine = Machine(2, "A processor of some name", 8 << 30, "Linux 6.1", {"python": "3.11.7", "admit": "0.1.0"})
    return Report(
        "2026-11-22T14:00:00Z",
        "admit lab --store postgresql://db.example.com/app",
        machine,
        (1_000, 10_000, 100_000),
        9,
        tuple(lanes),
        ATTACKS,
        ("Outages of memory: there is nothing that could be lost.",),
        412.0,
    )
