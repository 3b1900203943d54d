"""A report as one page of HTML that needs nothing else: to look at, to answer five questions on, and to print."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import get_args

from jinja2 import Environment, PackageLoader, StrictUndefined

from admit.lab import drawing
from admit.lab.advice import Advice, advise
from admit.lab.charts import charts
from admit.lab.compared import COLUMNS, compared
from admit.lab.methods import methods, noise
from admit.lab.questions import ORDINARY, QUESTIONS, Answers, every_answer
from admit.lab.report import Lane, Place, Report
from admit.lab.verdict import headline, verdict
from admit.lab.words import NOTHING, duration, name, place, size

PLACES: tuple[Place, ...] = get_args(Place)


def page(report: Report) -> str:
    """The whole page; it loads nothing, and its policy lets no script run but its own."""
    environment = Environment(
        loader=PackageLoader("admit.lab"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )  # fmt: skip
    style, script = _asset("report.css"), _asset("report.js")
    advice = {answers.key: advise(report.lanes, answers) for answers in every_answer()}
    return environment.get_template("report.html").render(
        report=report,
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; base-uri 'none'",
        findings=verdict(report),
        headline=headline(report.lanes),
        took=duration(report.seconds * 1e6),
        questions=QUESTIONS,
        ordinary=ORDINARY,
        advised=advice[ORDINARY.key],
        advice=_answers(advice),
        grids=_grids(advice),
        columns=[column.title for column in COLUMNS],
        rows=compared(report.lanes),
        charts=charts(report.lanes),
        families=_families(report.lanes),
        key=drawing.key,
        built=list(dict.fromkeys(lane.about for lane in report.lanes)),
        name=name,
        place=place,
        places=PLACES,
        attacks=_attacks(report),
        methods=methods(report),
        noise=noise(report.lanes),
        memory=size(report.machine.memory),
    )


def _answers(advice: dict[str, Advice]) -> str:
    """The advice for all answers as JSON for the script; each sentence stands in it once."""
    sentences = dict[str, int]()

    def at(words: str) -> int:
        return sentences.setdefault(words, len(sentences))

    answers = {
        key: [at(_title(it)), list(map(at, it.why)), list(map(at, it.others)), it.choice is not None]
        for key, it in advice.items()
    }
    text = json.dumps({"sentences": list(sentences), "answers": answers}, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")  # HTML 4.12.1.3: what could end the element it stands in


def _title(advice: Advice) -> str:
    return name(advice.choice) if advice.choice else "Nothing that was measured"


def _grids(advice: dict[str, Advice]) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """The choices for all answers as tables, for who reads without the script."""
    by = {one.name: one.options for one in QUESTIONS}
    grids = list[tuple[str, list[tuple[str, list[str]]]]]()
    for clients, who in by["clients"].items():
        for outsiders, third in by["outsiders"].items():
            rows = [
                (
                    f"{number} · {ends}",
                    [
                        _short(advice[f"{clients}|{within}|{servers}|{outsiders}|{failure}"])
                        for failure in by["failure"]
                    ],
                )
                for servers, number in by["servers"].items()
                for within, ends in by["within"].items()
            ]
            grids.append((f"{who}. Third parties: {third[0].lower()}{third[1:]}", rows))
    return grids


def _short(advice: Advice) -> str:
    return name(advice.choice) if advice.choice else NOTHING


def _attacks(report: Report) -> list[tuple[str, list[tuple[Place, str, str]]]]:
    """Each attack with what came of it at each place, its sentence included."""
    names = dict.fromkeys(it.name for it in report.attacks)
    found = {(it.name, it.place): it for it in report.attacks}
    rows = list[tuple[str, list[tuple[Place, str, str]]]]()
    for attack in names:
        said = list[tuple[Place, str, str]]()
        for where in PLACES:
            one = found.get((attack, where))
            said.append((where, one.outcome, one.seen) if one else (where, "", ""))
        rows.append((attack, said))
    return rows


def _families(lanes: Sequence[Lane]) -> list[tuple[str, str]]:
    there = {lane.about.family for lane in lanes}
    return [(family, reads) for family, reads in drawing.FAMILIES.items() if family in there]


@cache
def _asset(named: str) -> str:
    return (files("admit.lab") / "templates" / named).read_text("utf-8")


def _hash(content: str) -> str:
    """The name of an inline script or style in a policy (CSP 3, 8.4)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


assert {one.name for one in fields(Answers)} == {one.name for one in QUESTIONS}
