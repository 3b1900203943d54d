"""The reference page of the Python names: what a user may import, with its signature and what its docstring promises."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

MODULES = (
    "admit", "admit.accounts", "admit.sessions", "admit.tokens", "admit.subjects", "admit.api_keys", "admit.audit", "admit.errors", "admit.web", "admit.stores", "admit.figures", "admit.unsafe", "admit.testing",
    "admit.guards.fastapi", "admit.guards.starlette", "admit.guards.asgi", "admit.guards.django", "admit.guards.flask",
    "admit.guards.wsgi", "admit.guards.litestar", "admit.guards.grpc",
)  # fmt: skip

_WIDTH = 100
_SHORT = 40  # characters of a default that are worth showing
_ELSEWHERE = {"admit.errors": "They stand, as a tree, on [a page of their own](errors.md)."}


def python_page() -> str:
    """Every module that is meant to be imported, and what is in it."""
    parts = [
        "# Python",
        "What a program imports. Every name that is not here, or begins with `_`, may change without a word.",
    ]
    for name in MODULES:
        module = importlib.import_module(name)
        parts += [f"## `{name}`", _told(module)]
        if name in _ELSEWHERE:
            parts.append(_ELSEWHERE[name])
            continue
        for public in sorted(_names(module), key=lambda name: (not name.isupper(), name.lower())):
            parts += _of(public, getattr(module, public))
    return "\n\n".join(parts) + "\n"


def _names(module: ModuleType) -> list[str]:
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or isinstance(thing, FunctionType))
        and thing.__module__ == module.__name__
    ]


def _of(name: str, thing: Any) -> Iterator[str]:
    yield f"### `{name}`"
    if not callable(thing):
        yield f"```py\n{name} = {thing!r}\n```"
        return
    yield f"```py\n{_signature(name, thing)}\n```"
    yield _told(thing)
    if inspect.isclass(thing):
        for own, method in _methods(thing):
            yield f"```py\n{own}\n```"
            yield _told(method)


def _methods(kind: type) -> Iterator[tuple[str, object]]:
    """The public methods and properties that a class, or one of ours that it inherits, says something of."""
    for name in sorted(dir(kind)):
        thing = inspect.getattr_static(kind, name)
        plain = thing.__func__ if isinstance(thing, (classmethod, staticmethod)) else thing
        if name.startswith("_") or not plain.__doc__ or not isinstance(plain, (FunctionType, property)):
            continue
        function = plain.fget if isinstance(plain, property) else plain
        if function is None or not function.__module__.startswith("admit"):
            continue
        yield (name if isinstance(plain, property) else _signature(name, function)), plain


def _signature(name: str, thing: object) -> str:
    """As in the code; on lines of their own where they would not fit on one."""
    try:
        signature = inspect.signature(thing)  # type: ignore[arg-type]  # whatever it refuses has none to show
    except (TypeError, ValueError):
        return name
    given = [_parameter(each) for each in signature.parameters.values() if each.name not in {"self", "cls"}]
    starred = next((n for n, each in enumerate(signature.parameters.values()) if each.kind is each.KEYWORD_ONLY), None)
    if starred is not None and not any(part.startswith("*") for part in given):
        given.insert(starred - (len(signature.parameters) - len(given)), "*")
    before = "async " if inspect.iscoroutinefunction(thing) else ""
    back = signature.return_annotation
    after = "" if inspect.isclass(thing) or back is inspect.Signature.empty else f" -> {_annotated(back)}"
    line = f"{before}{name}({', '.join(given)}){after}"
    return line if len(line) <= _WIDTH else f"{before}{name}(\n    " + ",\n    ".join(given) + f",\n){after}"


def _parameter(each: inspect.Parameter) -> str:
    stars = "*" if each.kind is each.VAR_POSITIONAL else "**" if each.kind is each.VAR_KEYWORD else ""
    typed = "" if each.annotation is each.empty else f": {_annotated(each.annotation)}"
    default = repr(each.default)
    shown = "…" if len(default) > _SHORT or default.startswith("<") else default
    return f"{stars}{each.name}{typed}" + ("" if each.default is each.empty else f" = {shown}")


def _annotated(annotation: object) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b[a-z_]\w*\.(?=[a-zA-Z_])", "", text)


def _told(thing: object) -> str:
    """A docstring as Markdown, each paragraph on one line, lists as they are."""
    text = re.sub(r":\w+:`[~.]*([^`]+)`", r"`\1`", inspect.getdoc(thing) or "").replace("``", "`")
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        f"```text\n{part}\n```" if part.startswith("    ") else " ".join(part.split()) for part in paragraphs
    )
