"""The settings of the server and the command line, each judged by what it is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from pydantic import BeforeValidator, Field, FiniteFloat, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from admit import blocklist
from admit.accounts import SignUp
from admit.authority import Authority
from admit.blocklist import Breached
from admit.core import origin
from admit.core.address import NO_PROXIES, ProxyHeader, TrustedProxies
from admit.core.audit import DAYS, days_kept
from admit.core.password import LEAST_MEMORY, MOST_MEMORY, OWASP_2024, SINGLE_FACTOR, HashParameters, PasswordPolicy
from admit.core.policy import Policy
from admit.core.requirement import CONFIRM_WITHIN
from admit.core.scope import RoleScopes
from admit.core.secret import Master
from admit.core.session_policy import BALANCED, SessionPolicy
from admit.core.throttle import MODERATE, Limit, ThrottlePolicy
from admit.history import OnLostHistory
from admit.server import forwarding, seed
from admit.server.judged import contents, each, installed, judged, limits, table, words
from admit.server.log import LogFormat
from admit.stores import beside, open_store
from admit.stores.observed import Around
from admit.tokens import TokenPolicy
from admit.web.pages.brand import PLAIN, Brand

T = TypeVar("T")

PREFIX = "ADMIT_"
CONFIG = f"{PREFIX}CONFIG"
DEFAULT_CONFIG = Path("admit.toml")
DEFAULT_PORT = 8000

Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)]
Files = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(words)]

# What uses a setting judges it, where it needs no other setting for that.
_ALONE: dict[str, Callable[[Any], object]] = {
    "audience": lambda audience: audience is None or origin.audience(audience),
    "store": open_store,
    "accounts_store": lambda url: url is None or beside.named(url, url, ()),
    "session_idle": lambda idle: SessionPolicy(idle=idle, absolute=idle),
    "session_limit": lambda limit: msgspec.structs.replace(BALANCED, max_sessions=limit),
    "audit_days": days_kept,
    "token_life": lambda life: TokenPolicy(access=life),
    "token_grace": lambda grace: TokenPolicy(grace=grace),
    "token_leeway": lambda leeway: TokenPolicy(leeway=leeway),
    "password_min_length": lambda length: PasswordPolicy(min_length=length),
    "password_max_bytes": lambda size: PasswordPolicy(max_bytes=size),
    "breached_passwords": lambda path: path and Breached(path),
    "hash_lanes": lambda lanes: replace(OWASP_2024, lanes=lanes),
    "scopes": RoleScopes,
    "trusted_origins": lambda texts: each(origin.configured_origin, texts),
    "seed_file": lambda path: path and seed.read(path),
    "forward_policy": lambda path: path and forwarding.read(path),
    "trusted_proxies": TrustedProxies.of,
    "tracing": lambda on: on and installed("opentelemetry.trace", by="pip install 'admit[otel]'"),
}


def _local_issuer(given: Mapping[str, Any]) -> str:
    port = given.get("port")
    return f"http://{_bracketed(given.get('host', '127.0.0.1'))}:{DEFAULT_PORT if port is None else port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class Settings(BaseSettings):
    """What is configured. Each description completes “Write …”; every lifetime is in seconds, unless its name says days."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True)

    host: str = Field("127.0.0.1", description="the address to listen on")
    port: int | None = Field(None, ge=0, le=65_535, description=f"the port; {DEFAULT_PORT}, or that of an http issuer")
    issuer: str = Field(default_factory=_local_issuer, description="the URL the server is reached under")
    audience: str | None = Field(None, description="whom access tokens are for; the issuer if left out")
    store: str = Field("sqlite:///admit.db", description="the URL of the store, such as sqlite:///var/admit.db")
    accounts_store: str | None = Field(
        None, description="the URL of a store for accounts alone; that of all else if left out"
    )
    secret_file: Files = Field(
        (), description="files of at least 32 random bytes: the first encrypts, all decrypt; else the store makes one"
    )
    session_idle: FiniteFloat = Field(BALANCED.idle, description="seconds without activity until a session ends")
    session_absolute: FiniteFloat = Field(BALANCED.absolute, description="seconds until a session ends in any case")
    session_limit: int = Field(
        BALANCED.max_sessions, description="how many sessions somebody may have at once: 1 to 1000"
    )
    token_life: FiniteFloat = Field(600.0, description="seconds an access token lives, at most 3600")
    token_grace: FiniteFloat = Field(
        10.0, description="seconds a spent refresh token gets its successor again; 0: none"
    )
    token_leeway: FiniteFloat = Field(5.0, description="seconds that clocks may differ by, at most 60")
    token_algorithm: Literal["ES256", "Ed25519", "EdDSA", "RS256", "PS256"] = Field(
        "ES256", description="what access tokens are signed with: ES256, Ed25519, EdDSA, RS256 or PS256"
    )
    password_min_length: int = Field(
        SINGLE_FACTOR.min_length, description="how many characters a password has at least: 8 to 64"
    )
    password_max_bytes: int = Field(
        SINGLE_FACTOR.max_bytes, description="how many bytes a password has at most: 256 to 4096"
    )
    password_words: Words = Field(
        (), description="words that make no password here, such as the name of the product; those of the issuer do not"
    )
    breached_passwords: Path | None = Field(
        None, description="a file of SHA-1 digests of breached passwords, in hexadecimal digits, sorted"
    )
    pepper_file: Files = Field(
        (), description="files of at least 32 random bytes, kept apart from the store: the first is used, all verify"
    )
    sign_up: SignUp = Field("open", description="“open”, or “closed”: accounts are made with admit accounts create")
    hash_memory: int = Field(
        OWASP_2024.memory, ge=LEAST_MEMORY, le=MOST_MEMORY, description="the memory of one password hash in KiB"
    )
    hash_passes: int = Field(OWASP_2024.passes, description="the passes of one password hash")
    hash_lanes: int = Field(OWASP_2024.lanes, description="the lanes of one password hash")
    scopes: Annotated[dict[str, str], NoDecode, BeforeValidator(table)] = Field(
        {}, description='what each role allows, such as {"user": "links:read links:write"}'
    )
    trusted_origins: Words = Field(
        (), description="other origins whose pages may change state here, such as https://app.example.com"
    )
    workers: int = Field(1, ge=1, le=64, description="how many processes serve: 1 to 64")
    drain_limit: FiniteFloat = Field(15.0, ge=0, le=3_600, description="seconds to finish requests in when stopped")
    metrics_port: int | None = Field(None, ge=0, le=65_535, description="the port on 127.0.0.1 that tells Prometheus")
    tracing: bool = Field(False, description="true to send spans with OpenTelemetry, as the variables OTEL_* say")
    max_connections: int = Field(1_000, ge=10, le=100_000, description="connections of a worker: 10 to 100000")
    log_format: LogFormat = Field("text", description="“text” for people, “json” for programs")
    seed_file: Path | None = Field(None, description="a file of accounts that are made at start where there are none")
    trusted_proxies: Words = Field((), description="the networks of proxies in front, such as 127.0.0.1 or 10.0.0.0/8")
    proxy_header: ProxyHeader = Field(
        NO_PROXIES.header,
        description="where they say who connected to them: “x-forwarded-for”, “forwarded” or “x-real-ip”",
    )
    forward_policy: Path | None = Field(
        None, description="a file of rules for what a gateway in front of other programs asks at /forward-auth"
    )
    throttle_account: Words = Field(
        limits(MODERATE.account), description="failures at an account, such as 5/60 20/3600: tries/seconds, growing"
    )
    throttle_device: Words = Field(
        limits(MODERATE.device), description="failures at an account from a device that signed in there before"
    )
    throttle_source: Words = Field(limits(MODERATE.source), description="failures from one address, at all accounts")
    throttle_sign_up: Words = Field(limits(MODERATE.sign_up), description="accounts asked for from one address")
    brand_name: str = Field(PLAIN.name, description="the name in the head of every page")
    brand_logo: Path | None = Field(None, description="the logo in the head: a local file, .svg, .png, .webp or .jpg")
    brand_colour: str = Field(PLAIN.colour, description="the colour of buttons and links, as #rrggbb")
    brand_templates: Path | None = Field(None, description="a folder of templates that replace those of the pages")
    brand_home: str | None = Field(
        None, description="where the name in the head leads: a path such as /, or an https URL; the account if left out"
    )
    confirm_within: FiniteFloat = Field(
        CONFIRM_WITHIN, ge=1, description="seconds after which other devices are ended by password only, at least 1"
    )
    audit_days: FiniteFloat = Field(
        DAYS, description="days for which the audit log is kept, at most 3650; 0: none is kept"
    )
    max_staleness: FiniteFloat | None = Field(
        None,
        ge=0.05,
        le=60,
        description="seconds after an end in which a verifier may still accept; kept in the store, 2 at first",
    )
    on_lost_history: OnLostHistory = Field(
        "stop",
        description="what to do with a store older than what it acknowledged: “stop”, “end everything” or “accept”",
    )

    # Each is judged by itself, so that one that is wrong hides no other; of two that belong together the later is
    # judged with the earlier, if that was right.

    @field_validator(*_ALONE)
    @classmethod
    def _alone(cls, value: T, info: ValidationInfo) -> T:
        return judged(value, lambda: _ALONE[cast("str", info.field_name)](value))

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, text: str, info: ValidationInfo) -> str:
        host = info.data.get("host")
        if text.startswith("http:") and host is not None and not origin.is_loopback(urlsplit(f"//{_bracketed(host)}")):
            # What came over plain http from afar could be read by everybody between.
            raise ValueError(
                f"The issuer is plain http, but others reach host {host!r}; write an https issuer, or no host."
            )
        return origin.issuer(text)

    @field_validator("throttle_account", "throttle_device", "throttle_source", "throttle_sign_up")
    @classmethod
    def _throttle(cls, texts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        name = cast("str", info.field_name).removeprefix("throttle_")
        return judged(texts, lambda: msgspec.structs.replace(MODERATE, **{name: tuple(each(Limit.read, texts))}))

    @field_validator("secret_file", "pepper_file")
    @classmethod
    def _secrets(cls, paths: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        called = "Pepper" if info.field_name == "pepper_file" else "Master secret"
        return judged(paths, lambda: paths and Master(contents(paths), called))

    @field_validator("session_absolute")
    @classmethod
    def _absolute(cls, absolute: float, info: ValidationInfo) -> float:
        return judged(absolute, lambda: SessionPolicy(idle=info.data.get("session_idle", 1), absolute=absolute))

    @field_validator("hash_passes")
    @classmethod
    def _passes(cls, passes: int, info: ValidationInfo) -> int:
        memory = info.data.get("hash_memory", OWASP_2024.memory)
        return judged(passes, lambda: HashParameters(memory=memory, passes=passes), "hash_memory, hash_passes")

    @field_validator("brand_name", "brand_logo", "brand_colour", "brand_templates", "brand_home")
    @classmethod
    def _brand(cls, value: T, info: ValidationInfo) -> T:
        assert info.field_name is not None
        own: dict[str, Any] = {info.field_name.removeprefix("brand_"): value}
        return judged(value, lambda: Brand(**own))

    @property
    def brand(self) -> Brand:
        """How the pages look."""
        return Brand(
            name=self.brand_name,
            logo=self.brand_logo,
            colour=self.brand_colour,
            templates=self.brand_templates,
            home=self.brand_home,
        )

    @property
    def listens_on(self) -> tuple[str, int]:
        """The address and the port to listen on."""
        if self.port is not None:
            return self.host, self.port
        parts = urlsplit(self.issuer)
        return self.host, (parts.port or 80) if parts.scheme == "http" else DEFAULT_PORT

    @property
    def path(self) -> str:
        """The path of the issuer, under which everything is."""
        return urlsplit(self.issuer).path

    @property
    def proxies(self) -> TrustedProxies:
        """Whose word about a client's address counts."""
        return TrustedProxies.of(self.trusted_proxies, self.proxy_header)

    @property
    def forward(self) -> Policy | None:
        """By which rules a gateway is answered."""
        path = self.forward_policy
        return None if path is None else forwarding.read(path, urlsplit(self.issuer).scheme)

    @property
    def stores(self) -> tuple[str, ...]:
        """The URL of the store, and that of the accounts where they have one of their own."""
        return (self.store,) if self.accounts_store is None else (self.store, self.accounts_store)

    @property
    def store_kind(self) -> str:
        """The kind of store, such as “sqlite”."""
        return self.store.partition(":")[0]

    def authority(
        self, *, on_lost_history: OnLostHistory | None = None, around_commits: Sequence[Around] = ()
    ) -> Authority:
        """The authority that is configured, not yet open."""
        return Authority(
            self.store,
            issuer=self.issuer,
            accounts_store=self.accounts_store,
            audience=self.audience,
            secret=contents(self.secret_file) or None,
            sessions=SessionPolicy(
                idle=self.session_idle, absolute=self.session_absolute, max_sessions=self.session_limit
            ),
            tokens=TokenPolicy(
                algorithm=self.token_algorithm,
                access=self.token_life,
                grace=self.token_grace,
                leeway=self.token_leeway,
            ),
            passwords=self._password_policy(),
            peppers=contents(self.pepper_file),
            hashing=HashParameters(memory=self.hash_memory, passes=self.hash_passes, lanes=self.hash_lanes),
            scopes=self.scopes,
            trusted_origins=self.trusted_origins,
            proxies=self.proxies,
            throttle=self._throttle_policy(),
            sign_up=self.sign_up,
            audit_days=self.audit_days,
            max_staleness=self.max_staleness,
            on_lost_history=on_lost_history or self.on_lost_history,
            around_commits=around_commits,
        )

    def _password_policy(self) -> PasswordPolicy:
        breached = Breached(self.breached_passwords) if self.breached_passwords else None
        return PasswordPolicy(
            min_length=self.password_min_length,
            max_bytes=self.password_max_bytes,
            known=breached and blocklist.either(blocklist.common, breached),
            words=self.password_words,
        )

    def _throttle_policy(self) -> ThrottlePolicy:
        return ThrottlePolicy(
            account=tuple(map(Limit.read, self.throttle_account)),
            device=tuple(map(Limit.read, self.throttle_device)),
            source=tuple(map(Limit.read, self.throttle_source)),
            sign_up=tuple(map(Limit.read, self.throttle_sign_up)),
        )
