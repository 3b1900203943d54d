from __future__ import annotations

import csv
import dataclasses
from io import StringIO

import pytest

from admit.errors import ConfigError
from admit.lab.exports import from_json, in_one, tables, to_csv, to_json
from admit.lab.page import page
from lab.made_up import report

REPORT = report(stores=("sqlite", "postgresql", "none"))


def test_json_holds_the_whole_report() -> None:
    assert from_json(to_json(REPORT)) == REPORT


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"\xff", b'{"taken_at": 1}'])
def test_what_is_no_report_is_refused_with_words(text: bytes) -> None:
    with pytest.raises(ConfigError, match="no report"):
        from_json(text)


def test_every_lag_and_every_moment_has_a_line() -> None:
    found = tables(REPORT)
    lags = [lag for lane in REPORT.lanes for ends in lane.revocations for lag in ends.lags]
    assert [row[4] for row in found["revocation"][1]] == lags
    assert len(found["outage"][1]) == sum(len(it.moments) for lane in REPORT.lanes for it in lane.outages)


def test_every_row_of_a_table_is_as_wide_as_its_head() -> None:
    for head, rows in tables(REPORT).values():
        assert rows
        assert {len(row) for row in rows} == {len(head)}


def test_the_one_table_holds_every_cell_of_the_others() -> None:
    cells = dict[tuple[str, str], dict[str, str]]()
    for line in csv.DictReader(StringIO(in_one(REPORT))):
        row = cells.setdefault((line["table"], line["row"]), {})
        row[line["column"]] = line["value"]
        if line["strategy"]:
            row |= {name: line[name] for name in ("strategy", "store", "at")}
    again = {
        (told, str(number)): row
        for told, table in tables(REPORT).items()
        for number, row in enumerate(csv.DictReader(StringIO(to_csv(table))))
    }
    assert cells == again


def test_what_a_terminal_would_obey_is_refused() -> None:
    told = dataclasses.replace(REPORT, left_out=("\x1b]0;all is well\x07",))
    with pytest.raises(ConfigError, match="cannot be printed"):
        from_json(to_json(told))


def test_markup_in_a_report_is_text_on_its_page() -> None:
    markup = "</script><img src=x onerror=alert(1)>"
    lane = REPORT.lanes[0]
    told = dataclasses.replace(
        REPORT, lanes=(dataclasses.replace(lane, at=markup), *REPORT.lanes[1:]), left_out=(markup,)
    )
    shown = page(told)
    assert "<img" not in shown
    assert shown.count("</script") == shown.count("<script") == 2
