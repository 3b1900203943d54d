"""Writes docs/reference/ from the code, or with --check says which of its pages are out of date."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sqlite3
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import typer
from lab_page import lab_page
from python_page import python_page

import admit
from admit import errors
from admit.core import log
from admit.core.codec import Codec
from admit.core.principal import Ends
from admit.stores.sqlite_file import adopt

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "reference"
Row = tuple[str, ...]
CAPITALS = re.compile(r"\b(?:api|ascii|hmac|http|https|id|json|pem|rfc|url)\b")
MARK = re.compile(r"\b[A-Z]{3}-[0-9]{2}\b")


def table(head: Row, rows: Iterable[Row]) -> str:
    """A table in Markdown."""
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def first(thing: object) -> str:
    """The first paragraph of a docstring, on one line, in Markdown."""
    return markdown(inspect.cleandoc(thing.__doc__ or "").partition("\n\n")[0])


def markdown(text: str) -> str:
    """Text of a docstring as Markdown, each paragraph on one line."""
    text = re.sub(r":\w+:`[~.]*([^`]+)`", r"`\1`", text).replace("``", "`")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def errors_page() -> str:
    """Every error: what a caller reads, and how the classes descend."""
    tree = inspect.getdoc(errors) or ""
    drawn = "\n".join(line[4:] for line in tree.splitlines() if line.startswith("    "))
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.AdmitError)]
    why = markdown(tree.rpartition("\n\n")[2])
    rows = [(f"`{kind.__name__}`", f"`{kind.code}`", kind.public, first(kind)) for kind in kinds]
    return f"""# Errors

```text
{drawn}
```

{why}
`BadInput` brings a code and a text of its own, for the value that is not acceptable.

{table(("error", "code", "what the caller reads", "what it means"), rows)}
"""


def store_page() -> str:
    """What the store keeps: kinds of record and entries of the revocation log."""
    for found in pkgutil.walk_packages(admit.__path__, "admit."):
        importlib.import_module(found.name)
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("admit.")]
    codecs = {
        value.kind: value for module in modules for value in vars(module).values() if issubclass(type(value), Codec)
    }
    kinds = [(f"`{kind}`", str(codec.version), first(codec.type)) for kind, codec in sorted(codecs.items())]
    entries = [
        (f"`{entry.__name__}`", f"`{log.encode(sample(entry)).decode()}`", first(entry))
        for entry in get_args(log.Entry)
    ]
    return f"""# What the store keeps

Bodies are JSON with their version in `v`; an older one is brought up to date when it is read.

{table(("kind", "version", "what it is"), kinds)}

## Views for people

A store in SQL has these views; nothing in Admit reads them. An SQLite file is opened read-only, `sqlite3 "file:admit.db?mode=ro"`, and has times in UTC. In PostgreSQL they lie in the schema `admit`, their times are `timestamptz`, `roles` is `jsonb` (`roles ? 'admin'`), `admit.accounts` has `active` and `roles` too, and indexes answer for accounts by `id`, `email`, `created` and `roles`, subjects by `subject`, sessions by `id`, `subject` and `seen`, the audit log by `at` and `subject`.

{table(("view", "columns"), views())}

## Entries of the revocation log

One line of JSON each. Nothing is ever taken back: what returns, returns under a higher generation.

{table(("entry", "as it is written", "what it says"), entries)}
"""


def views() -> list[Row]:
    """The views of an SQLite store and their columns, as SQLite knows them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        adopt(connection, Path())
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]
        columns = {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
    return [(f"`{name}`", ", ".join(f"`{column[1]}`" for column in columns[name])) for name in names]


def sample(entry: type) -> Any:
    """An entry to show, with its field names in place of ids."""
    values = {"kind": Ends.SESSION, "gen": 1, "seconds": 2, "at": 1_800_000_000, "before": 60}
    return entry(**{name: values.get(name, f"<{name}>") for name in inspect.signature(entry).parameters})


def threats_page() -> str:
    """The attacks that a test goes through, from the docstrings of the tests."""
    parts: list[str] = []
    tried = [*(ROOT / "tests" / "threats").glob("test_*.py"), *(ROOT / "tests" / "browser").glob("test_*.py")]
    for path in sorted(tried, key=lambda path: path.name):
        tree = ast.parse(path.read_text())
        if not MARK.search(ast.get_docstring(tree) or ""):  # what is tried in a browser is not always an attack
            continue
        title = in_words(path.stem)
        claims = [
            f"- {in_words(node.name)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        ]
        parts.append(f"## {title}\n\n{markdown(ast.get_docstring(tree) or '')}\n\n" + "\n".join(claims))
    attacks = "\n\n".join(parts)
    return f"""# Threats

Each of these attacks is tried by a test in `tests/threats/`, or by one in `tests/browser/` where a real Chromium is the
judge, and the test was seen to fail without its defence.
The marks in brackets name requirements of the project's checklist, which follows OWASP ASVS 5.0, RFC 9700 and RFC 8725.

{attacks}
"""


def in_words(name: str) -> str:
    """The name of a test as the sentence that it is."""
    said = name.removeprefix("test_").replace("_", " ").replace(" s ", "’s ").removesuffix(" s")
    said += "’s" if name.endswith("_s") else ""
    said = CAPITALS.sub(lambda found: found[0].upper(), said)
    return said[:1].upper() + said[1:]


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with what to type."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from commands(inner, f"{path} {name}")
    elif not command.hidden:
        yield path, command


def cli_page() -> str:
    """Every command with its arguments and options; options that most of them share are explained once."""
    from admit.server.cli import app

    found = list(commands(typer.main.get_command(app), "admit"))
    counts = Counter(row for _, command in found for row in options(command))
    shared = [row for row, count in counts.items() if count > len(found) / 2]
    parts = ["# The command line", "What most commands take:", table(("option", "meaning", "default"), shared)]
    for path, command in found:
        arguments = [f"<{given.name}>" for given in command.params if given.param_type_name == "argument"]
        parts += [f"## {' '.join([path, *arguments])}", helped(command.help or "")]
        if own := [row for row in options(command) if row not in shared]:
            parts.append(table(("option", "meaning", "default"), own))
        if also := [row[0] for row in options(command) if row in shared]:
            parts.append(f"{'Also' if own else 'Takes'} {', '.join(also)}.")
    return "\n\n".join(parts) + "\n"


def options(command: Any) -> list[Row]:
    """The options of a command, as rows."""
    return [
        (f"`{', '.join(given.opts)}`", markdown(given.help or ""), shown(given.default))
        for given in command.params
        if given.param_type_name == "option" and not given.hidden
    ]


def helped(text: str) -> str:
    """The help of a command, its examples as code."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(f"```sh\n{part}\n```" if part.startswith("admit ") else markdown(part) for part in paragraphs)


def shown(default: object) -> str:
    """A default as the pages show it; nothing where there is none."""
    if isinstance(default, list | tuple):
        default = " ".join(map(str, default))
    return "" if default in (None, False, "", {}) or callable(default) else f"`{default}`"


def settings_page() -> str:
    """Every setting of the server, with its variable and default."""
    from admit.server.settings import PREFIX, Settings

    rows = [
        (f"`{name}`", f"`{PREFIX}{name.upper()}`", shown(default), markdown(field.description or ""))
        for name, field in Settings.model_fields.items()
        for default in [field.get_default(call_default_factory=True, validated_data={})]
    ]
    return f"""# Settings of the server

A TOML file, and the environment over it, and over both what a command is given. In the environment a list is words with spaces between, and a table JSON. Lifetimes are in seconds. An unknown name is an error, and all errors are told at once.

{table(("in TOML", "in the environment", "default", "write"), rows)}
"""


def figures_page() -> str:
    """Every figure for Prometheus, with its kind and labels."""
    from admit.figures import VerifierFigures
    from admit.server.metrics import FIGURES

    rows: list[Row] = []
    for figure in FIGURES:
        [told] = figure.describe()
        name = f"{told.name}_total" if told.type == "counter" else told.name
        labels: tuple[str, ...] = vars(figure)["_labelnames"]
        rows.append((f"`{name}`", told.type, ", ".join(f"`{label}`" for label in labels), told.documentation))
    afar = [
        (
            f"`{one.name}_total`" if one.type == "counter" else f"`{one.name}`",
            one.type,
            ", ".join(f"`{label}`" for label in vars(one)["_labelnames"]),
            one.documentation,
        )
        for one in VerifierFigures(admit.Verifier("https://a.example", audience="a", key="adm_v_")).describe()
    ]
    return f"""# Figures for Prometheus

Served at `/metrics` of `metrics_port` on 127.0.0.1, added up over all workers; what a worker has counted stays when it dies. A route is the template of a path, `none` where there is nothing. A histogram comes as `…_bucket`, `…_sum` and `…_count`; times are in seconds.

{table(("name", "kind", "labels", "what it tells"), rows)}

## Of an application of your own

By `REGISTRY.register(AuthorityFigures(auth))`, from `admit.figures`: `admit_verifications_total`, as above, of this process.

By `VerifierFigures(verifier)`, from the same place, in a service with a verifier:

{table(("name", "kind", "labels", "what it tells"), afar)}

How to watch a server: [Watch it run](../how-to/watch-it-run.md).
"""


def matrix_page() -> str:
    """What each event does to each credential, from the matrix that a test measures."""
    matrix: dict[str, Any] = tomllib.loads((ROOT / "docs" / "matrix.toml").read_text())
    credentials: dict[str, str] = matrix["credentials"]
    rows = [(event, *(cells[name] for name in credentials)) for event, cells in matrix["events"].items()]
    guards = [f"[{title}](../how-to/guard-{name}.md)" for name, title in matrix["guards"].items()]
    return f"""# What ends what

Each cell is measured by a test. *Ends*: never accepted again. *Suspends*: not accepted until the account is enabled, or the key confirmed after a restore. *Shrinks*: goes on, and allows less. *Stays*: goes on as before. In the process where it happens, and in every process on the same embedded store, it has happened when the call returns; at a verifier elsewhere at most `max_staleness` later. Whoever signs out everywhere else, changes the password or confirms goes on with another cookie.

{table(("event", *credentials.values()), rows)}

What is said of a cookie, an access token and an API key was measured behind each guard too ({", ".join(guards)}), at a [verifier](../how-to/put-a-verifier-into-your-service.md), and behind a [gateway](../how-to/protect-anything-behind-nginx.md), and they agree.
"""


HTTP = """# HTTP

Paths begin where the application is mounted. Bodies are JSON in both directions; fields in brackets may be left out.
A refusal is a problem body (RFC 9457) with a stable `code`: those of [errors](errors.md), and some of a field's own.
Any request may also be refused before it reaches a route, or answered with 503 while the store gives no answer.
`admit openapi` prints the description for programs.
"""


def http_page() -> str:
    """Every request that the application answers, from its own OpenAPI description."""
    from admit.authority import Authority
    from admit.core.policy import NO_POLICY
    from admit.web import application

    auth = Authority("memory://", issuer="https://app.example.com/auth")
    api: dict[str, Any] = application(auth, forward=NO_POLICY).openapi()
    parts = [HTTP.strip()]
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            told = "\n".join(f"- {fact}" for fact in facts(api, operation))
            parts.append(f"## {method.upper()} {path}\n\n{markdown(operation['description'])}\n\n{told}")
    return "\n\n".join(parts) + "\n"


def facts(api: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    """What a request needs, takes, answers and refuses with."""
    ways = operation.get("security", ())
    if names := [name for way in ways for name in way]:
        yield f"{'may bring' if {} in ways else 'needs'} {' or '.join(names)}"
    if takes := fields(api, operation.get("requestBody", {})):
        yield f"takes {takes}"
    refusals: list[str] = []
    for status, answer in sorted(operation["responses"].items()):
        if status < "400":
            gives = fields(api, answer)
            yield f"answers {status}: {gives}" if gives else f"answers {status}"
        elif status.isdigit():
            refusals.append(status)
    if refusals:
        yield f"refuses with {', '.join(refusals)}"


def fields(api: dict[str, Any], body: dict[str, Any]) -> str:
    """What a body holds: its fields by name, in brackets those that may be left out."""
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", ())
    return ", ".join(f"`{name}`" if name in required else f"[`{name}`]" for name in schema.get("properties", ()))


def decisions_page() -> str:
    """The decision records, with what each says first."""
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    told = []
    for page in pages:
        title, first_of, *_ = page.read_text().split("\n\n")
        told.append(f"* **[{title.removeprefix('# ')}](decisions/{page.name})** {' '.join(first_of.split())}")
    return (
        "# Decisions\n\nWhat could have been done otherwise, and what would change our mind.\n\n"
        + "\n".join(told)
        + "\n"
    )


PAGE: dict[str, Callable[[], str]] = {
    "../decisions.md": decisions_page,
    "../sessions-or-tokens.md": lab_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
    "figures.md": figures_page,
    "http.md": http_page,
    "matrix.md": matrix_page,
    "python.md": python_page,
    "settings.md": settings_page,
    "store.md": store_page,
    "threats.md": threats_page,
}


def main(check: bool) -> int:
    """Write the pages, or compare them. Returns the exit code."""
    stale: list[str] = []
    for name, page in PAGE.items():
        path = PAGES / name
        written = f"<!-- Generated by `make docs`. -->\n\n{page()}"
        if not path.exists() or path.read_text() != written:
            stale.append(name)
            if not check:
                path.write_text(written)
    if stale:
        print(f"docs/reference: {', '.join(stale)} {'out of date: run `make docs`' if check else 'written'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
