"""Workbooks: cells as they were typed, what is refused, and an account of every row."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from random import Random
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.contract import Feed, From, Text, Xlsx
from concord.errors import ContractError, DeliveryRejected
from concord.parse import Chunk
from concord.parse.xlsx import XlsxFile, reread
from tests.unit.acme_rows import ACME

MIDNIGHT, MORNING = datetime(1980, 3, 1), datetime(1980, 3, 1, 8, 30)  # noqa: DTZ001 - a cell has no time zone
NAMES = ("EMPID", "NAME", "BORN")


def feed(**form: Any) -> Feed:
    """Acme as a small employer with a workbook of three columns that matter here."""
    columns = {"division_code": From("EMPID", Text()), "middle_name": From("NAME"), "address_line_2": From("BORN")}
    others = {name: each for name, each in ACME.columns.items() if name not in columns}
    spared = {name: replace(each, optional_column=True, required=False, default="x") for name, each in others.items()}
    return replace(ACME, format=Xlsx(**form), columns={**spared, **columns}, rules=())


def book(*rows: Sequence[Any], names: Sequence[str] = NAMES, change: Callable[[Any], None] = lambda _: None) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for row in [names, *rows]:
        sheet.append(list(row))
    change(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def chunks(data: bytes, contract: Feed | None = None) -> list[Chunk]:
    return list(XlsxFile(io.BytesIO(data), contract or feed()))


def rows(data: bytes, contract: Feed | None = None) -> list[list[str]]:
    return [row for chunk in chunks(data, contract) for row in chunk.frame[list(NAMES)].values.tolist()]


def rejection(data: bytes, contract: Feed | None = None) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        chunks(data, contract)
    return caught.value.code


def shows(form: str) -> Callable[[Any], None]:
    def change(made: Any) -> None:
        made.active["A2"].number_format = form

    return change


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("00123", "00123"), (" typed ", " typed "), (123, "123"), (123.0, "123"), (0.1, "0.1"), (True, "TRUE"),
        (None, ""),
        (date(1980, 3, 1), "1980-03-01"), (MIDNIGHT, "1980-03-01"),
        (MORNING, "1980-03-01T08:30:00"), (time(8, 30), "08:30:00"), ("#N/A", "#N/A"),
        (123456789012345678, "1.23456789012346E+17"), (-7, "-7"),
    ],
)  # fmt: skip
def test_a_cell_is_what_was_typed(value: object, expected: str) -> None:
    assert rows(book((value, "n", "")))[0][0] == expected


def test_leading_zeros_that_a_format_shows_are_there() -> None:
    assert rows(book((2134, "n", ""), change=shows("00000")))[0][0] == "02134"
    assert rows(book((2134, "n", ""), change=shows("0.00")))[0][0] == "2134"


def test_dates_follow_the_workbooks_epoch() -> None:
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    def mac(made: Any) -> None:
        made.epoch = CALENDAR_MAC_1904
        made.active["C2"].number_format = "yyyy-mm-dd"
        made.active["C2"].value = date(1980, 3, 1)

    assert rows(book(("1", "n", ""), change=mac))[0][2] == "1980-03-01"


def test_a_formula_refuses_its_row_and_no_other() -> None:
    (chunk,) = chunks(book(("1", "=A1&B1", ""), ("2", "n", "")))
    assert [(row.line, row.reasons) for row in chunk.refused] == [(2, ("record.formula",))]
    assert chunk.frame["EMPID"].tolist() == ["2"]


def test_a_cell_beyond_the_names_refuses_its_row() -> None:
    (chunk,) = chunks(book(("1", "n", "", "stray"), ("2", "n", "")))
    assert [row.reasons for row in chunk.refused] == [("record.field_count",)]


def test_rows_above_the_names_and_empty_rows_are_accounted_for() -> None:
    data = book(NAMES, ("1", "n", ""), (None, " ", None), ("2", "n", ""), names=("Roster of Small Inc",))
    (chunk,) = chunks(data, feed(header_row=2))
    assert [(row.line, row.reason) for row in chunk.ignored] == [(1, "preamble"), (4, "blank_line")]
    assert (chunk.line.tolist(), chunk.control) == ([3, 5], (2,))


def hidden(made: Any) -> None:
    made.create_sheet("Notes").sheet_state = "hidden"


def second(made: Any) -> None:
    made.create_sheet("Notes")


def test_the_only_visible_sheet_or_the_one_that_was_named() -> None:
    row = ("1", "n", "")
    assert rows(book(row, change=hidden)) == rows(book(row, change=second), feed(sheet="Sheet")) == [["1", "n", ""]]
    assert rejection(book(row, change=second)) == "structure.sheet"
    assert rejection(book(row), feed(sheet="Other")) == "structure.sheet"


def packed(data: bytes, name: str, content: bytes) -> bytes:
    """The workbook with one more part."""
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def with_entity(data: bytes) -> bytes:
    """The workbook whose sheet declares an XML entity."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            content = old.read(part)
            if part.endswith("sheet1.xml"):
                content = b'<!DOCTYPE x [<!ENTITY e "boom">]>' + content
            new.writestr(part, content)
    return out.getvalue()


GOOD = book(("1", "n", ""))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "structure.empty"),
        (b"EMPID,NAME,BORN\n", "structure.workbook"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "structure.encrypted"),
        (packed(GOOD, "xl/vbaProject.bin", b"x"), "structure.macros"),
        (packed(GOOD, "xl/more.xml", b"\0" * 3_000_000), "structure.bomb"),
        (with_entity(GOOD), "structure.workbook"),
        (book(), "structure.no_rows"),
        (book(("1",), names=("A",)), "structure.missing_column"),
        (book(("1",), names=("EMPID", "EMPID", "NAME", "BORN")), "structure.duplicate_column"),
    ],
    ids=["empty", "csv", "ole", "macros", "bomb", "entity", "no rows", "missing", "twice"],
)
def test_what_is_no_workbook_as_agreed_is_rejected(data: bytes, code: str) -> None:
    assert rejection(data) == code


def test_limits_are_held() -> None:
    many = book(*((str(n), "n", "") for n in range(30)))
    assert rejection(many, feed(max_rows=20)) == "structure.too_many_rows"
    assert rejection(GOOD, feed(max_bytes=1_000)) == "structure.bomb"
    assert rejection(GOOD, feed(max_columns=2)) == "structure.too_many_columns"
    assert len(rows(many)) == 30


def test_what_is_kept_of_a_row_is_read_again() -> None:
    (chunk,) = chunks(book(("007", 'say "x", y', "1980-03-01"), ("2", "two\nlines", "")))
    again = list(reread(NAMES, [chunk.raw(0), chunk.raw(1)], [1, 1], feed()))
    assert [row for each in again for row in each.frame[list(NAMES)].values.tolist()] == [
        ["007", 'say "x", y', "1980-03-01"], ["2", "two lines", ""],
    ]  # fmt: skip


PLAIN = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=8)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(*[st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=8)] * 3), max_size=8)
)
def test_text_that_is_written_is_read(table: list[tuple[str, str, str]]) -> None:
    typed = [row for row in table if any(cell.strip() for cell in row) and not any(cell[:1] == "=" for cell in row)]
    if typed:
        assert rows(book(*typed)) == [list(row) for row in typed]


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_damaged_workbooks_are_rejected_or_accounted_for(first: int) -> None:
    good = book(*((f"{n:05d}", f"name {n}", date(1980, 1, 1 + n)) for n in range(6)))
    for seed in range(first, first + 50):
        rng, data = Random(seed), bytearray(good)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            file = XlsxFile(io.BytesIO(bytes(data)), feed())
            found = list(file)
        except DeliveryRejected:
            continue
        lines = [
            line for c in found for line in (*c.line.tolist(), *c.control, *(r.line for r in (*c.refused, *c.ignored)))
        ]
        assert sorted(lines) == list(range(1, file.line_count + 1))


@pytest.mark.parametrize("form", [{"header_row": 0}, {"max_bytes": 0}, {"max_columns": 0}])
def test_a_layout_that_contradicts_itself_cannot_be_agreed(form: dict[str, int]) -> None:
    with pytest.raises(ContractError):
        feed(**form)


def test_csv_agrees_about_what_is_kept() -> None:
    (chunk,) = chunks(book(("a,b", 'c"d', "e")))
    assert list(csv.reader([chunk.raw(0).decode()])) == [["a,b", 'c"d', "e"]]
