"""Writers of fixed width, workbooks and delimited text, beside what other libraries read of their files."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.sandbox.writing import delimited, fixed_width, xlsx
from concord.sandbox.writing.delimited import Dialect
from concord.sandbox.writing.fixed_width import Field, Kind, packed, record

VALUES = st.text('ab ,|"\\\n\r;é\t', max_size=8)
ROWS = st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=6)


@given(rows=ROWS, delimiter=st.sampled_from(",|\t;"), escape=st.sampled_from((None, "\\")), always=st.booleans())
def test_the_csv_module_reads_what_is_written(
    rows: list[list[str]], delimiter: str, escape: str | None, always: bool
) -> None:
    out = io.BytesIO()
    dialect = Dialect(delimiter, escape=escape, line_end="\r\n", always=always)
    assert delimited.write(out, dialect, rows) == len(rows)
    text = io.StringIO(out.getvalue().decode(), newline="")
    read = csv.reader(text, delimiter=delimiter, escapechar=escape, doublequote=escape is None, strict=True)
    assert [*read] == rows


@given(rows=ROWS)
def test_an_escape_without_quotes_is_read_by_the_csv_module(rows: list[list[str]]) -> None:
    out = io.BytesIO()
    told = [[value.replace("\n", " ").replace("\r", " ") for value in row] for row in rows]
    delimited.write(out, Dialect("|", quote=None, escape="\\"), told)
    read = csv.reader(io.StringIO(out.getvalue().decode(), newline=""), delimiter="|", quoting=csv.QUOTE_NONE,
                      escapechar="\\")  # fmt: skip
    assert [*read] == told


def test_without_quotes_and_escape_what_would_separate_is_a_blank() -> None:
    assert Dialect("||", quote=None).line(["a||b", "c\nd", 'e"f']) == 'a b||c d||e"f\n'


def test_a_workbook_is_read_by_openpyxl() -> None:
    out = io.BytesIO()
    rows = [("ID", "Born", "Pay", "Ok"), ("0007", date(1980, 3, 14), 12.5, True), ("8", None, -1, False)]
    assert xlsx.write(out, rows, before=("Notes",), from_1904=True) == 3
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["Notes", "Roster"]
    read = [tuple(cell.value for cell in row) for row in book["Roster"].iter_rows()]
    assert read == [rows[0], ("0007", datetime(1980, 3, 14), 12.5, True), ("8", None, -1, False)]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("number", "digits", "signed", "wanted"),
    [(123, 3, True, "123c"), (-123, 3, True, "123d"), (7, 5, False, "00007f"), (0, 1, True, "0c")],
)
def test_packed_decimals_are_those_of_the_manual(number: int, digits: int, signed: bool, wanted: str) -> None:
    assert packed(number, digits, signed=signed).hex() == wanted


def test_what_does_not_fit_is_not_written() -> None:
    with pytest.raises(ValueError, match="positions"):
        record((Field("A", 2),), ["abc"], "ascii")
    with pytest.raises(ValueError, match="digits"):
        packed(1000, 3)


def test_zoned_numbers_carry_their_sign_in_the_last_position() -> None:
    layout = (Field("A", 4, Kind.ZONED), Field("B", 3, Kind.ZONED, signed=False), Field("C", 3, Kind.NUMBER))
    assert record(layout, ["-123", "45", "6"], "ascii") == b"012L045006"
    assert record(layout, ["120", "45", ""], "cp037").decode("cp037") == "012{045   "


def test_a_trailer_is_made_of_the_number_of_rows() -> None:
    out = io.BytesIO()
    rows = [["a"], ["b"]]
    fixed_width.write(out, (Field("A", 1),), rows, header=b"H", trailer=lambda count: b"T%d" % count)
    assert out.getvalue() == b"H\na\nb\nT2\n"
