"""The file of an export: what was written is what is read, and a file that is not whole is no file."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.exported import FORMAT, End, EntryLine, Head, Line, RecordLine, Sum, change_of, line_of, read, written
from admit.core.store import Append, Insert, Record
from admit.errors import BadInput

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
MOMENTS = st.floats(0, 1e12)
BODIES = st.binary(max_size=40) | TEXT.map(str.encode)
RECORDS = st.builds(
    Record, TEXT, TEXT, BODIES, st.integers(0, (1 << 63) - 1), st.none() | MOMENTS, st.frozensets(TEXT, max_size=3)
)
CHANGES = st.builds(Insert, RECORDS) | st.builds(Append, TEXT, BODIES, MOMENTS, TEXT)

HEAD = Head(format=FORMAT, written_at=1.5, by="1.0")
SOME: list[Insert | Append] = [
    Insert(Record("thing", "a1", b'{"v":1}', 1, 2.5, frozenset({"at"}))),
    Append("revocations", b"\xff", 3.5, "a"),
]


def file_of(changes: Iterable[Insert | Append], head: Line = HEAD) -> list[bytes]:
    total, texts = Sum(), []
    for line in (head, *map(line_of, changes)):
        texts.append(written(line))
        total.add(line, texts[-1])
    return [*texts, written(total.end)]


@given(st.lists(CHANGES, max_size=5))
def test_what_was_written_is_what_is_read(changes: list[Insert | Append]) -> None:
    head, *lines, end = read(file_of(changes))
    assert head == HEAD
    assert isinstance(end, End)
    assert [change_of(line) for line in lines if isinstance(line, RecordLine | EntryLine)] == changes


def test_a_file_that_is_cut_anywhere_is_refused() -> None:
    whole = b"".join(file_of(SOME))
    for size in range(len(whole)):
        with pytest.raises(BadInput) as caught:
            list(read(whole[:size].splitlines(keepends=True)))
        assert caught.value.code == "bad_export"


def test_a_file_that_was_changed_anywhere_is_refused() -> None:
    whole = b"".join(file_of(SOME))
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        with pytest.raises(BadInput):
            list(read(changed.splitlines(keepends=True)))


@pytest.mark.parametrize("place", range(3))
def test_a_file_that_lost_a_line_is_refused(place: int) -> None:
    lines = file_of(SOME)
    with pytest.raises(BadInput):
        list(read(lines[:place] + lines[place + 1 :]))


@pytest.mark.parametrize(
    "lines, said",
    [
        ([], "is empty"),
        ([b"{}\n"], "no export"),
        ([b"\xff\n"], "no export"),
        ([written(line_of(SOME[0]))], "no export"),
        ([b'{"line":"end","format":1}\n'], "no export"),
        (file_of(SOME, Head(format=FORMAT + 1, written_at=1, by="9.9")), "'9.9'.*upgrade"),
        ([b'{"line":"admit-export","format":9}\n'], "newer"),
        ([*file_of(SOME), b"\n"], "behind its end"),
        ([*file_of(SOME)[:-1], *file_of(SOME)], "another head"),
        ([*file_of(SOME)[:-1], b'{"line":"entry"}\n'], "line 4"),
        ([*file_of(SOME)[:-1], b'{"line":"something"}\n'], "line 4"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(lines: list[bytes], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        list(read(lines))


def test_base64_that_is_none_is_refused() -> None:
    for spoilt in ("/w=", "/w", "/w==\n", "ö"):
        with pytest.raises(BadInput):
            change_of(EntryLine(topic="revocations", entry=spoilt, expires_at=1, home="a", base64=True))
