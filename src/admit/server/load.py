"""How settings are read: a TOML file, ADMIT_* over it, and every fault at once, in words that say what to write."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from admit.core.faults import nearest
from admit.errors import ConfigError
from admit.server.judged import toml
from admit.server.settings import CONFIG, DEFAULT_CONFIG, PREFIX, Settings

# Names with our prefix that are the test suite's.
_NOT_SETTINGS = (CONFIG, "ADMIT_VECTORS", "ADMIT_TEST_")


def load(config: Path | None = None, **given: object) -> Settings:
    """The settings ``given``, those of the environment, of the file ``config``, and the defaults, in this order.

    Without ``config`` a file ``admit.toml`` in the working directory is read, if there is one. What is given as
    None was not given. Raises ConfigError with every fault.
    """
    faults = [_unknown(name, f"The environment has {name}, which", _names(PREFIX)) for name in _strangers()]
    if config is None and DEFAULT_CONFIG.is_file():
        config = DEFAULT_CONFIG
    written = {}
    if config is not None:
        try:
            written = toml(config, f"The configuration {config}")
        except ConfigError as error:
            faults += error.faults

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


def _strangers() -> list[str]:
    known = _names(PREFIX)
    ours = (name for name in os.environ if name.startswith(PREFIX) and not name.startswith(_NOT_SETTINGS))
    return sorted(name for name in ours if name not in known)


def _names(prefix: str = "") -> list[str]:
    return [(prefix + name).upper() if prefix else name for name in Settings.model_fields]


def _unknown(name: str, said: str, known: list[str]) -> str:
    near = nearest(name, known)
    return f"{said} is no setting. " + (f"Write {near}, or remove it." if near else "Remove it.")


def _told(fault: ErrorDetails) -> list[str]:
    """What is wrong, in words that say what to write; never a value, which may be somebody's secret."""
    name = str(fault["loc"][0])
    context: Mapping[str, Any] = fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            return [_unknown(name, f"The configuration has {name}, which", _names())]
        case "config":
            return [f"{context.get('names', name)}: {said}" for said in context["faults"]]
        case "default_factory_not_called":
            # The issuer follows from host and port; where one of these is wrong, that is what is told.
            return []
        case "value_error" if not isinstance(context["error"], json.JSONDecodeError):
            return [f"{name}: {context['error']}"]
        case "value_error":
            return [f"{name}: {PREFIX}{name.upper()} is not JSON. Write {Settings.model_fields[name].description}."]
        case _:
            return [f"{name}: {fault['msg']}. Write {Settings.model_fields[name].description}."]
