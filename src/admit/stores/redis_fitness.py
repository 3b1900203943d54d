"""Whether a Redis can keep the promises of a store: looked at when it is opened, and all of it by ``admit doctor``."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from admit.errors import ConfigError, StoreUnavailable
from admit.stores.examined import Finding, judged
from admit.stores.redis_lines import Lines
from admit.stores.redis_place import Place
from admit.stores.redis_records import ALL, home_key

OLDEST = 7
"""The oldest Redis that runs it: scripts say there what they are."""

FORM = 1
"""The version of what is kept, and under which names."""

CLOCKS_AGREE = 1.0
"""Seconds by which the clocks of this machine and of Redis may differ."""

CLOCKS_USABLE = 60.0
"""Seconds beyond which counters would end before their windows do."""

LATE_BY = 2.0
"""Seconds by which a primary may miss its replicas too late: it counts whole ones, and looks once in each."""

_USUAL_LAG = 10.0
"""What ``min-replicas-max-lag`` is where nobody sets it."""

_SETTINGS = ("maxmemory-policy", "appendonly", "appendfsync", "min-replicas-to-write", "min-replicas-max-lag")

_log = logging.getLogger("admit.stores.redis")


@dataclass(frozen=True, slots=True)
class State:
    """What a server says of itself; ``apart`` is by how many seconds its clock differs from ours.

    ``settings`` is empty where it does not tell how it is configured.
    """

    info: dict[str, str]
    settings: dict[str, str]
    apart: float

    @property
    def is_fenced(self) -> bool:
        """Whether it refuses to answer once it is cut off from its replicas."""
        if not self.settings:
            return "min_slaves_good_slaves" in self.info
        return "0" not in {self.settings["min-replicas-to-write"], self.settings["min-replicas-max-lag"]}

    def lag(self, timeout: float) -> float:
        """Seconds for which those who wait up to ``timeout`` for answers may be given some that are out of date.

        A primary that is cut off goes on answering until it misses its replicas; and one that stood still, while
        another took its place, begins with whatever was asked of it meanwhile.
        """
        return (
            float(self.settings.get("min-replicas-max-lag", _USUAL_LAG)) + LATE_BY + timeout if self.is_fenced else 0.0
        )


async def judge(lines: Lines, homes: str) -> float:
    """How far behind an answer may be, in seconds, if what lies behind ``lines`` may be opened.

    What it may lose is told to the log. Raises ConfigError, StoreUnavailable.
    """
    faults: list[str] = []
    states = await _states(lines, homes)
    for state in states:
        if state.info["role"] != "master":
            raise StoreUnavailable("this Redis is a replica: what it says may be old")
        faults += (found.said for found in _needed(state) if found.state != "good")
        for found in _durable(state, lines.place):
            if found.state != "good":
                _log.warning("Redis, %s: %s", found.what, found.said)
    if faults:
        raise ConfigError(faults)
    if await version_of(lines) == 0:
        await lines.say(ALL, "SET", _form(lines), FORM, "NX")
    version = await version_of(lines)
    if version != FORM:
        raise ConfigError([f"What is in this Redis has version {version}, which this Admit ({FORM}) does not know."])
    return max(state.lag(lines.place.timeout) for state in states)


async def examined(lines: Lines, homes: str) -> list[Finding]:
    """What there is to say of each server that keeps one of ``homes``."""
    found: list[Finding] = []
    for state in await _states(lines, homes):
        version = f"{state.info.get('valkey_version') or state.info['redis_version']}, {_role(state)}"
        old = None if state.info["role"] == "master" else "What it says may be old. Write the host of the primary."
        found += (judged("Redis", version, old), *_needed(state), *_durable(state, lines.place))
        clock = None if state.apart <= CLOCKS_AGREE else "limits go by both. Set them by NTP."
        found.append(judged("clock", f"{state.apart:.3f} s from that of Redis", clock, "weak"))
    encrypted = lines.place.tls or all(host in {"127.0.0.1", "::1", "localhost"} for host, _ in lines.place.servers)
    open_wire = None if encrypted else "whoever is in between can read and change all. Write rediss://."
    found.append(judged("connection", "TLS" if lines.place.tls else "no TLS", open_wire, "weak"))
    return found


async def version_of(lines: Lines) -> int:
    """The version of what is kept; 0 where nothing is."""
    return int(await lines.say(ALL, "GET", _form(lines)) or 0)


def fault(error: BaseException | None) -> str | None:
    """What is wrong with the URL or the server, if ``error`` tells that trying again would not help."""
    if isinstance(error, AuthenticationError | NoPermissionError):
        return f"Redis lets nobody in by the store's URL: {error}."
    return None


def _form(lines: Lines) -> bytes:
    return home_key(lines.place.prefix, ALL, "version")


def _needed(state: State) -> Iterator[Finding]:
    """What a store cannot do without."""
    version = state.info["redis_version"]
    old = int(version.partition(".")[0]) < OLDEST
    yield judged("version", f"Redis {version}", f"{OLDEST} or newer is needed, or a Valkey." if old else None)
    policy = state.settings.get("maxmemory-policy") or state.info.get("maxmemory_policy", "noeviction")
    lossy = "what was revoked would be forgotten. Set it to noeviction." if policy != "noeviction" else None
    yield judged("memory", f"maxmemory-policy {policy}", lossy)
    wrong = "counters would end too early. Set both by NTP." if state.apart > CLOCKS_USABLE else None
    yield judged(
        "time", f"Redis has it within {CLOCKS_USABLE:g} s" if wrong is None else f"{state.apart:.0f} s apart", wrong
    )


def _durable(state: State, place: Place) -> Iterator[Finding]:
    """What may be lost though it was acknowledged."""
    settings = state.settings
    if not settings:
        unknown = "CONFIG GET is refused. Look yourself: appendfsync always, min-replicas-to-write."
        yield judged("durability", "unknown", unknown, "weak")
        return
    files = f"appendonly {settings['appendonly']}, appendfsync {settings['appendfsync']}"
    lost = None
    if settings["appendonly"] != "yes":
        lost = "whatever ends Redis undoes what was acknowledged. Set appendonly yes and appendfsync always."
    elif settings["appendfsync"] != "always":
        lost = "a power failure undoes what was acknowledged in the second before. Set appendfsync always."
    yield judged("durability", files, lost, "weak")
    replicas = int(state.info.get("connected_slaves", "0"))
    least, lag = settings["min-replicas-to-write"], settings["min-replicas-max-lag"]
    if not replicas and place.shape == "one" and not state.is_fenced:
        yield judged("failover", "no replica", None)
        return
    said = f"{replicas} replicas, min-replicas-to-write {least}, min-replicas-max-lag {lag} s"
    if not state.is_fenced:
        yield judged(
            "failover", said,
            "a primary that is cut off goes on admitting whom another one has signed out. Set min-replicas-to-write 1.",
            "weak",
        )  # fmt: skip
        return
    said += f"; receipts count with {state.lag(place.timeout):g} s more"
    yield judged("failover", said, _undone(replicas, int(least), place.replicas), "weak")


def _undone(replicas: int, least: int, waited_for: int) -> str | None:
    """What is wrong with so many ``replicas``, where ``least`` are needed and commits wait for some of them."""
    if replicas < least:
        return f"nothing is read or committed until {least} follow it."
    if not waited_for:
        return "a failover undoes the last that was acknowledged. Write ?replicas=1."
    if waited_for < replicas:
        # Redis prefers the replica that has most, by what it said last, and does not promise it.
        return (
            f"a failover to one of those that had it later undoes the last that was acknowledged. Write "
            f"?replicas={replicas}, by which nothing is committed while one of them is gone, or know that it may happen."
        )
    return None


def _role(state: State) -> str:
    return "the primary" if state.info["role"] == "master" else "a replica"


async def _states(lines: Lines, homes: str) -> list[State]:
    """What each server says that keeps one of ``homes``. Raises StoreUnavailable."""
    return [await _state(lines, home) for home in (await lines.primaries(homes)).values()]


async def _state(lines: Lines, home: str) -> State:
    text: bytes = await lines.say(home, "INFO")
    info = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
    before = time.time()
    seconds, micros = await lines.say(home, "TIME")
    theirs = int(seconds) + int(micros) / 1e6
    # Somewhere between question and answer it looked at its clock.
    apart = max(before - theirs, theirs - time.time(), 0.0)
    return State(info, await _settings(lines, home), apart)


async def _settings(lines: Lines, home: str) -> dict[str, str]:
    try:
        found: list[Any] = await lines.say(home, "CONFIG", "GET", *_SETTINGS)
    except StoreUnavailable as error:
        # A hosted Redis keeps its configuration to itself.
        if not isinstance(error.__cause__, ResponseError):
            raise
        return {}
    return {name.decode(): value.decode() for name, value in zip(found[::2], found[1::2], strict=True)}
