"""The settings of the server and the command line: a TOML file, ADMIT_* over it, every fault at once."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from pydantic import BeforeValidator, Field, FiniteFloat, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from admit import blocklist
from admit.accounts import SignUp
from admit.authority import Authority
from admit.blocklist import Breached
from admit.core import origin
from admit.core.address import NO_PROXIES, ProxyHeader, TrustedProxies
from admit.core.password import LEAST_MEMORY, MOST_MEMORY, OWASP_2024, SINGLE_FACTOR, HashParameters, PasswordPolicy
from admit.core.scope import RoleScopes
from admit.core.secret import Master
from admit.core.throttle import MODERATE, Limit, ThrottlePolicy
from admit.errors import ConfigError
from admit.history import OnLostHistory
from admit.server import seed
from admit.server.judged import contents, each, judged, limits, table, words
from admit.server.log import LogFormat
from admit.sessions import BALANCED, SessionPolicy
from admit.stores import open_store
from admit.tokens import TokenPolicy
from admit.web.pages.brand import PLAIN, Brand
from admit.web.pages.look import CONFIRM_WITHIN

T = TypeVar("T")

PREFIX = "ADMIT_"
CONFIG = f"{PREFIX}CONFIG"
DEFAULT_CONFIG = Path("admit.toml")
DEFAULT_PORT = 8000

# Names with our prefix that are the test suite's.
_NOT_SETTINGS = ("ADMIT_CONFIG", "ADMIT_VECTORS", "ADMIT_TEST_")


def _local_issuer(given: Mapping[str, Any]) -> str:
    port = given.get("port")
    return f"http://{_bracketed(given.get('host', '127.0.0.1'))}:{DEFAULT_PORT if port is None else port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class Settings(BaseSettings):
    """What is configured. Each description completes “Write …”; every lifetime is in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True)

    host: str = Field("127.0.0.1", description="the address to listen on")
    port: int | None = Field(None, ge=0, le=65_535, description=f"the port; {DEFAULT_PORT}, or that of an http issuer")
    issuer: str = Field(default_factory=_local_issuer, description="the URL the server is reached under")
    audience: str | None = Field(None, description="whom access tokens are for; the issuer if left out")
    store: str = Field("sqlite:///admit.db", description="the URL of the store, such as sqlite:///var/admit.db")
    secret_file: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(words)] = Field(
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
        "ES256", description="ES256, Ed25519, EdDSA, RS256 or PS256"
    )
    password_min_length: int = Field(SINGLE_FACTOR.min_length, description="8 to 64 characters")
    password_max_bytes: int = Field(SINGLE_FACTOR.max_bytes, description="256 to 4096 bytes")
    password_words: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        (), description="words that make no password here, such as the name of the product; those of the issuer do not"
    )
    breached_passwords: Path | None = Field(
        None, description="a file of SHA-1 digests of breached passwords, in hexadecimal digits, sorted"
    )
    pepper_file: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(words)] = Field(
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
    trusted_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        (), description="other origins whose pages may change state here, such as https://app.example.com"
    )
    workers: int = Field(1, ge=1, le=64, description="how many processes serve: 1 to 64")
    drain_limit: FiniteFloat = Field(15.0, ge=0, le=3_600, description="seconds to finish requests in when stopped")
    metrics_port: int | None = Field(None, ge=0, le=65_535, description="the port on 127.0.0.1 that tells Prometheus")
    max_connections: int = Field(1_000, ge=10, le=100_000, description="connections of a worker: 10 to 100000")
    log_format: LogFormat = Field("text", description="“text” for people, “json” for programs")
    seed_file: Path | None = Field(None, description="a file of accounts that are made at start where there are none")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        (), description="the networks of proxies in front, such as 127.0.0.1 or 10.0.0.0/8"
    )
    proxy_header: ProxyHeader = Field(
        NO_PROXIES.header,
        description="where they say who connected to them: “x-forwarded-for”, “forwarded” or “x-real-ip”",
    )
    throttle_account: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        limits(MODERATE.account), description="failures at an account, such as 5/60 20/3600: tries/seconds, growing"
    )
    throttle_device: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        limits(MODERATE.device), description="failures at an account from a device that signed in there before"
    )
    throttle_source: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        limits(MODERATE.source), description="failures from one address, at all accounts"
    )
    throttle_sign_up: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        limits(MODERATE.sign_up), description="accounts asked for from one address"
    )
    brand_name: str = Field(PLAIN.name, description="the name in the head of every page")
    brand_logo: Path | None = Field(None, description="the logo in the head: a local file, .svg, .png, .webp or .jpg")
    brand_colour: str = Field(PLAIN.colour, description="the colour of buttons and links, as #rrggbb")
    brand_templates: Path | None = Field(None, description="a folder of templates that replace those of the pages")
    confirm_within: FiniteFloat = Field(
        CONFIRM_WITHIN, ge=60, description="seconds after which other devices are ended by password only, at least 60"
    )
    on_lost_history: OnLostHistory = Field("stop", description="“stop”, “end everything” or “accept”")

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

    @field_validator("audience")
    @classmethod
    def _audience(cls, text: str | None) -> str | None:
        return None if text is None else origin.audience(text)

    @field_validator("trusted_origins")
    @classmethod
    def _origins(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return judged(texts, lambda: each(origin.configured_origin, texts))

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return judged(texts, lambda: TrustedProxies.of(texts))

    @field_validator("throttle_account", "throttle_device", "throttle_source", "throttle_sign_up")
    @classmethod
    def _throttle(cls, texts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        name = cast("str", info.field_name).removeprefix("throttle_")
        return judged(texts, lambda: msgspec.structs.replace(MODERATE, **{name: tuple(each(Limit.read, texts))}))

    @field_validator("seed_file")
    @classmethod
    def _seed(cls, path: Path | None) -> Path | None:
        return judged(path, lambda: path and seed.read(path))

    @field_validator("store")
    @classmethod
    def _store(cls, url: str) -> str:
        return judged(url, lambda: open_store(url))

    @field_validator("secret_file", "pepper_file")
    @classmethod
    def _secrets(cls, paths: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        called = "Pepper" if info.field_name == "pepper_file" else "Master secret"
        return judged(paths, lambda: paths and Master(contents(paths), called))

    @field_validator("breached_passwords")
    @classmethod
    def _breached(cls, path: Path | None) -> Path | None:
        return judged(path, lambda: path and Breached(path))

    @field_validator("scopes")
    @classmethod
    def _scopes(cls, scopes: dict[str, str]) -> dict[str, str]:
        return judged(scopes, lambda: RoleScopes(scopes))

    # Each is judged by itself, so that one that is wrong hides no other; of two that belong together the later is
    # judged with the earlier, if that was right.

    @field_validator("session_idle")
    @classmethod
    def _idle(cls, idle: float) -> float:
        return judged(idle, lambda: SessionPolicy(idle=idle, absolute=idle))

    @field_validator("session_absolute")
    @classmethod
    def _absolute(cls, absolute: float, info: ValidationInfo) -> float:
        return judged(absolute, lambda: SessionPolicy(idle=info.data.get("session_idle", 1), absolute=absolute))

    @field_validator("token_life")
    @classmethod
    def _life(cls, life: float) -> float:
        return judged(life, lambda: TokenPolicy(access=life))

    @field_validator("token_grace")
    @classmethod
    def _grace(cls, grace: float) -> float:
        return judged(grace, lambda: TokenPolicy(grace=grace))

    @field_validator("token_leeway")
    @classmethod
    def _leeway(cls, leeway: float) -> float:
        return judged(leeway, lambda: TokenPolicy(leeway=leeway))

    @field_validator("session_limit")
    @classmethod
    def _session_limit(cls, limit: int) -> int:
        return judged(limit, lambda: msgspec.structs.replace(BALANCED, max_sessions=limit))

    @field_validator("password_min_length")
    @classmethod
    def _min_length(cls, length: int) -> int:
        return judged(length, lambda: PasswordPolicy(min_length=length))

    @field_validator("password_max_bytes")
    @classmethod
    def _max_bytes(cls, size: int) -> int:
        return judged(size, lambda: PasswordPolicy(max_bytes=size))

    @field_validator("hash_passes")
    @classmethod
    def _passes(cls, passes: int, info: ValidationInfo) -> int:
        memory = info.data.get("hash_memory", OWASP_2024.memory)
        return judged(passes, lambda: HashParameters(memory=memory, passes=passes), "hash_memory, hash_passes")

    @field_validator("hash_lanes")
    @classmethod
    def _lanes(cls, lanes: int) -> int:
        return judged(lanes, lambda: replace(OWASP_2024, lanes=lanes))

    @field_validator("brand_name", "brand_logo", "brand_colour", "brand_templates")
    @classmethod
    def _brand(cls, value: T, info: ValidationInfo) -> T:
        assert info.field_name is not None
        own: dict[str, Any] = {info.field_name.removeprefix("brand_"): value}
        return judged(value, lambda: Brand(**own))

    @property
    def brand(self) -> Brand:
        """How the pages look."""
        return Brand(
            name=self.brand_name, logo=self.brand_logo, colour=self.brand_colour, templates=self.brand_templates
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

    def authority(self, *, on_lost_history: OnLostHistory | None = None) -> Authority:
        """The authority that is configured, not yet open."""
        return Authority(
            self.store,
            issuer=self.issuer,
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
            proxies=TrustedProxies.of(self.trusted_proxies, self.proxy_header),
            throttle=self._throttle_policy(),
            sign_up=self.sign_up,
            on_lost_history=on_lost_history or self.on_lost_history,
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


def load(config: Path | None = None, **given: object) -> Settings:
    """The settings ``given``, those of the environment, of the file ``config``, and the defaults, in this order.

    Without ``config`` a file ``admit.toml`` in the working directory is read, if there is one. What is given as
    None was not given. Raises ConfigError with every fault.
    """
    faults = [_unknown(name, f"The environment has {name}, which", _names(PREFIX)) for name in _strangers()]
    if config is None and DEFAULT_CONFIG.is_file():
        config = DEFAULT_CONFIG
    written = {} if config is None else _read(config, faults)

    class Here(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - never read: it is somebody else's file
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, written)

    try:
        settings = Here(**cast("Any", {name: value for name, value in given.items() if value is not None}))
    except ValidationError as error:
        raise ConfigError([*faults, *(fault for found in error.errors() for fault in _told(found))]) from None
    if faults:
        raise ConfigError(faults)
    return settings


def _read(config: Path, faults: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text())
    except OSError as error:
        faults.append(f"The configuration {config} cannot be read: {error.strerror}.")
    except ValueError as error:
        faults.append(f"The configuration {config} is not TOML: {error}.")
    return {}


def _strangers() -> list[str]:
    known = _names(PREFIX)
    ours = (name for name in os.environ if name.startswith(PREFIX) and not name.startswith(_NOT_SETTINGS))
    return sorted(name for name in ours if name not in known)


def _names(prefix: str = "") -> list[str]:
    return [(prefix + name).upper() if prefix else name for name in Settings.model_fields]


def _unknown(name: str, said: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"{said} is no setting. " + (f"Write {near[0]}, or remove it." if near else "Remove it.")


def _told(fault: ErrorDetails) -> list[str]:
    """What is wrong, in words that say what to write; never a value, which may be somebody's secret."""
    name = str(fault["loc"][0])
    context: Mapping[str, Any] = fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            return [_unknown(name, f"The configuration has {name}, which", _names())]
        case "config":
            return [f"{context.get('names', name)}: {said}" for said in context["faults"]]
        case "value_error" if not isinstance(context["error"], json.JSONDecodeError):
            return [f"{name}: {context['error']}"]
        case "value_error":
            return [f"{name}: {PREFIX}{name.upper()} is not JSON. Write {Settings.model_fields[name].description}."]
        case _:
            return [f"{name}: {fault['msg']}. Write {Settings.model_fields[name].description}."]
