"""Promises of the whole project: budgets, rings, prose, and that what is pointed at exists."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import admit
from admit import errors
from counts import COUNTS

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 40
EXCUSED = {
    "src/admit/authority.py __init__": "one line for each argument and each service that is wired",
}

# What the core may know: values, text and arithmetic. Nothing here reads a clock, a socket, a file or chance
# (email_validator and idna look at text only as they are used, and are imported where they are).
CORE_MAY_IMPORT = {
    "__future__", "abc", "base64", "bisect", "collections", "dataclasses", "difflib", "enum", "functools", "hashlib", "hmac", "ipaddress", "itertools",
    "json", "math", "operator", "re", "string", "struct", "threading", "types", "typing", "unicodedata", "zlib",
    "urllib.parse", "admit", "email_validator", "idna", "cryptography", "msgspec", "pybase64",
}  # fmt: skip

# Patterns, so that this file does not hold the words it looks for.
UNWANTED = {
    "an address of a package registry": r"pypi[.]org|pythonhosted[.]org|npmjs[.]org|crates[.]io|golang[.]org|deb[.]debian",
    "a path of one machine": r"(?<![\w.~])/(?:work|home|root|tmp)/",
    "work that was put off": r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b",
}  # fmt: skip


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [path for line in listed.split("\0") if line and (path := ROOT / line).is_file()]


def test_files_and_functions_stay_within_the_budget() -> None:
    over = set[str]()
    for path in SOURCES:
        text = path.read_text()
        over |= {name(path)} if len(text.splitlines()) > LINES_OF_A_FILE else set()
        over |= {
            f"{name(path)} {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if (node.end_lineno or 0) - node.lineno >= LINES_OF_A_FUNCTION
        }
    assert over == set(EXCUSED)


def modules() -> list[str]:
    return ["admit", *(found.name for found in pkgutil.walk_packages(admit.__path__, "admit."))]


@pytest.mark.parametrize("module", modules())
def test_every_module_says_in_one_sentence_what_it_is_for(module: str) -> None:
    first = (inspect.getdoc(importlib.import_module(module)) or "").partition("\n\n")[0]
    assert first.endswith("."), f"{module}: {first!r}"


@pytest.mark.parametrize("path", [path for path in SOURCES if "core" in path.parts], ids=name)
def test_the_core_knows_no_world(path: Path) -> None:
    imported = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    assert {name for name in imported if not {name, name.partition(".")[0]} & CORE_MAY_IMPORT} == set()


@pytest.mark.parametrize(
    "module, heavy",
    [
        ("admit", "argon2 email_validator fastapi flask pydantic rich starlette typer uvicorn"),
        ("admit.server.cli", "argon2 asyncpg email_validator fastapi jinja2 redis starlette uvicorn"),
    ],
    ids=["the library", "a command"],
)
def test_nothing_is_loaded_that_only_who_serves_needs(module: str, heavy: str) -> None:
    code = f"import sys, {module}; print([name for name in {heavy.split()} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert loaded.strip() == "[]"


def test_the_drawn_tree_of_errors_is_the_tree() -> None:
    drawn, path = dict[str, str](), list[str]()
    for bars, kind in re.findall(r"^ {4}([│├└─ ]*)([A-Z]\w+) ", inspect.getdoc(errors) or "", re.MULTILINE):
        path[len(bars) // 4 :] = [kind]
        drawn[kind] = path[-2] if len(path) > 1 else "Exception"
    classes = [found for found in vars(errors).values() if inspect.isclass(found) and issubclass(found, Exception)]
    assert drawn == {found.__name__: found.__base__.__name__ for found in classes if found.__base__}


def test_every_repeat_count_is_asked_for() -> None:
    asked = {
        word
        for path in (ROOT / "tests").rglob("*.py")
        for word in re.findall(r"""times\(["']([^"']+)["']\)""", path.read_text())
    }
    assert asked == set(COUNTS)


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_holds(what: str) -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if re.search(UNWANTED[what], line)
    ]
    assert found == []


def test_changes_are_named_by_topic_and_sort() -> None:
    fragments = [path for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    assert fragments
    for path in fragments:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.(added|changed|fixed|security)\.md", path.name), path.name
        assert path.read_text().strip(), path.name


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=name)
def test_a_decision_says_what_would_change_our_mind(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# ")
    assert text.partition("\n## What would change our mind\n")[2].strip()
