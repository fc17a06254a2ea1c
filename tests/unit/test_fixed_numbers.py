"""Packed and zoned decimals of mainframes, against a writer that sets one digit at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.contract import Coding, Feed, FixedColumn, Framing, From, Reader, Text, Whole, date_in
from concord.parse.fixed_width import FixedWidthFile
from concord.parse.fixed_width.values import Alphabet, text
from concord.validate import validate
from tests.unit.fixed_rows import COLUMNS, LENGTH, MAPPING, fixed, packed, record, row, zoned


def read(cells: list[bytes], column: FixedColumn, encoding: str = "cp037") -> list[str]:
    units = np.frombuffer(b"".join(cells), np.uint8).reshape(len(cells), -1)
    found: pa.Array = text(units, column, Alphabet(encoding))
    return list(found.to_pylist())


def column(size: int, coding: Coding, decimals: int = 0, padding: str = " ") -> FixedColumn:
    return FixedColumn("PAY", 1, size, coding=coding, decimals=decimals, padding=padding)


numbers = st.integers(-(10**9) + 1, 10**9 - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=20), st.integers(0, 8))
def test_packed_and_zoned_numbers_are_read_as_they_were_written(values: list[int], decimals: int) -> None:
    wanted = [Decimal(value).scaleb(-decimals) for value in values]
    as_packed = read([packed(value, 9) for value in values], column(5, Coding.PACKED, decimals))
    assert list(map(Decimal, as_packed)) == wanted
    for encoding in ("cp037", "ascii"):
        cells = [zoned(value, 9).encode(encoding) for value in values]
        assert read(cells, column(9, Coding.ZONED, decimals), encoding) == as_packed


@pytest.mark.parametrize(
    ("cell", "decimals", "padding", "value"),
    [
        ("000012345C", 2, " ", "0000123.45"),
        ("000012345C", 2, "0", "123.45"),
        ("000000005D", 2, "0", "-0.05"),
        ("000000000D", 0, "0", "0"),
        ("000000000C", 0, " ", "000000000"),
        ("123456789F", 0, " ", "123456789"),
        ("123456789A", 0, " ", "123456789"),
        ("123456789B", 0, " ", "-123456789"),
        ("123456789E", 0, " ", "123456789"),
        ("4040404040", 0, " ", ""),
        ("0000000000", 0, " ", "=X'0000000000'"),
        ("00A0123450", 0, " ", "=X'00A0123450'"),
        ("0000123450", 0, " ", "=X'0000123450'"),
        ("00001F345C", 2, "0", "=X'00001F345C'"),
    ],
)
def test_signs_zeros_and_what_is_no_packed_number(cell: str, decimals: int, padding: str, value: str) -> None:
    form = column(5, Coding.PACKED, decimals, padding)
    assert read([bytes.fromhex(cell), packed(1, 9)], form)[0] == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("00123", "00123"), ("0012{", "00120"), ("0012C", "00123"), ("0012}", "-00120"), ("0012L", "-00123"),
        ("0012s", "-00123"), ("0000}", "00000"), ("     ", ""), ("  123", "=X'2020313233'"),
        ("0A123", "=X'3041313233'"),
        ("0012Z", "=X'303031325A'"),
    ],
)  # fmt: skip
def test_signs_and_what_is_no_zoned_number(cell: str, value: str) -> None:
    assert read([cell.encode(), b"00001"], column(5, Coding.ZONED), "ascii")[0] == value


def paid(reader: Reader) -> Feed:
    """A feed with a packed number behind its other columns."""
    columns = (*COLUMNS, FixedColumn("PAY", LENGTH + 1, 3, coding=Coding.PACKED))
    feed = fixed(encoding="cp037", framing=Framing.LENGTH, columns=columns)
    name = "birth_sequence" if isinstance(reader, Whole) else "division_code"
    return replace(feed, columns={**MAPPING, name: From("PAY", reader)}, rules=())


@pytest.mark.parametrize("reader", [Whole(0, 99_999), Text(), Text(digits_only=True), Text(r"\A[0-9]{5}\Z")])
def test_a_number_that_is_none_refuses_its_row_by_the_columns_own_rule(reader: Reader) -> None:
    """Whatever reads it; and its neighbours stay."""
    feed = paid(reader)
    cells = [packed(7, 5), b"\x00\xa7\x7f", packed(12345, 5)]
    data = b"".join(record(row()).encode("cp037") + cell for cell in cells)
    (chunk,) = FixedWidthFile(BytesIO(data), feed)
    assert chunk.frame["PAY"].tolist() == ["00007", "=X'00A77F'", "12345"]
    judged = validate(feed, chunk.frame, as_of=date(2026, 11, 20), missing=frozenset())
    name = feed.columns.keys() & {"birth_sequence", "division_code"}
    assert judged.rejected.position.tolist() == [1]
    assert {code.split(".")[0] for code in judged.rejected.reasons[0]} == name
    assert judged.positions.tolist() == [0, 2]


# ── a mainframe's "no date" ────────────────────────────────────────────────────


def ending(coding: Coding, length: int, padding: str, form: str) -> Feed:
    """A feed whose end of coverage is a number behind its other columns."""
    columns = (*COLUMNS, FixedColumn("END", LENGTH + 1, length, coding=coding, padding=padding))
    feed = fixed(encoding="cp037", framing=Framing.LENGTH, columns=columns)
    return replace(feed, columns={**MAPPING, "effective_to": From("END", date_in(form))})


def judged_end(feed: Feed, cell: bytes) -> str:
    """The end that is read, or why the row is refused."""
    (chunk,) = FixedWidthFile(BytesIO(record(row()).encode("cp037") + cell), feed)
    judged = validate(feed, chunk.frame, as_of=date(2026, 11, 20), missing=frozenset())
    if len(judged.rejected):
        return ",".join(judged.rejected.reasons[0])
    return str(judged.accepted["effective_to"].tolist()[0])


WRITTEN = [
    (Coding.PACKED, "0", "%Y%m%d"),
    (Coding.PACKED, " ", "0%Y%m%d"),
    (Coding.ZONED, "0", "%Y%m%d"),
    (Coding.ZONED, " ", "0%Y%m%d"),
]


@pytest.mark.parametrize(("coding", "padding", "form"), WRITTEN)
def test_a_sentinel_is_a_number_where_the_date_is_written_as_one(coding: Coding, padding: str, form: str) -> None:
    def cell(number: int) -> bytes:
        return packed(number, 9) if coding is Coding.PACKED else zoned(number, 9).encode("cp037")

    feed = ending(coding, len(cell(0)), padding, form)
    none = judged_end(feed, cell(99991231))
    assert judged_end(feed, cell(0)) == none
    assert judged_end(feed, cell(20261231)) not in (none, "effective_to.date")
    assert judged_end(feed, cell(20261301)) == "effective_to.date"


def test_a_sentinel_is_also_the_day_that_it_denotes_as_it_is_in_text() -> None:
    feed = ending(Coding.PACKED, 5, " ", "0%m%d%Y")
    feed = replace(feed, policy=replace(feed.policy, sentinels=("29991231",)))
    assert judged_end(feed, packed(12312999, 9)) == judged_end(feed, b"\x40" * 5)


def test_zero_is_no_date_only_where_the_contract_says_so() -> None:
    feed = ending(Coding.PACKED, 5, "0", "%Y%m%d")
    strict = replace(feed, policy=replace(feed.policy, sentinels=("99991231",)))
    assert judged_end(strict, packed(0, 9)) == "effective_to.date"
    assert judged_end(feed, packed(1, 9)) == "effective_to.date"


def test_a_sentinel_of_a_text_is_that_text() -> None:
    """A lone zero in a column of text may be a value that was cut."""
    feed = ending(Coding.TEXT, 8, " ", "%Y%m%d")
    none = judged_end(feed, " ".encode("cp037") * 8)
    assert judged_end(feed, "00000000".encode("cp037")) == none
    assert judged_end(feed, "0       ".encode("cp037")) == "effective_to.date"
