"""`admit config`: the settings in effect, and where each of them came from."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from admit.server.command import Row
from admit.server.log import without_password
from admit.server.settings import DEFAULT_CONFIG, PREFIX, Settings


def effective(settings: Settings, config: Path | None, given: Mapping[str, object]) -> list[Row]:
    """Every setting with its value, a secret in it left out, and its source."""
    if config is None and DEFAULT_CONFIG.is_file():
        config = DEFAULT_CONFIG
    written = {} if config is None else tomllib.loads(config.read_text())
    variables = {name.upper() for name in os.environ}

    def source(name: str) -> str:
        if given.get(name) is not None:
            return "the command line"
        variable = f"{PREFIX}{name}".upper()
        if variable in variables:
            return variable
        return str(config) if name in written else "default"

    told = settings.model_dump(mode="json")
    return [{"setting": name, "value": _shown(told[name]), "from": source(name)} for name in Settings.model_fields]


def example() -> str:
    """Every setting as TOML, commented out, with what to write and its default."""
    lines = ["# Settings of Admit. What is commented out has the value that is shown, or none."]
    for name, field in Settings.model_fields.items():
        default = None if field.default_factory is not None else field.get_default()
        shown = "…" if default is None else _toml(default)
        lines += ["", f"# {_sentence(field.description or '')}", f"# {name} = {shown}"]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _toml(value: object) -> str:
    match value:
        case dict():
            return "{}"
        case tuple():
            return json.dumps([str(one) for one in cast("tuple[object, ...]", value)])
        case Path():
            return json.dumps(str(value))
        case _:
            return json.dumps(value, ensure_ascii=False)


def _shown(value: object) -> object:
    return without_password(value) if isinstance(value, str) else value
