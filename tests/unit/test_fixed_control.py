"""Header and trailer of fixed width: the same promises as in delimited text, told by position."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import Any

import pytest

from concord.contract import Coding, Feed, FixedColumn, FixedControl, Framing, From, Mode, Omission, Place, Policy, Text
from concord.errors import DeliveryRejected
from concord.parse import Chunk
from concord.parse.fixed_width import FixedWidthFile
from concord.parse.fixed_width.promises import FixedTotals
from tests.unit.fixed_rows import (
    COLUMNS,
    CONTROL,
    LENGTH,
    MAPPING,
    controlled,
    file,
    fixed,
    header,
    packed,
    people,
    record,
    row,
    trailer,
    zoned,
)

TOLD: dict[str, Any] = {"file_date": date(2026, 11, 20), "sequence": 42}


def promising(**changes: Any) -> Feed:
    return fixed(control=replace(CONTROL, **changes))


def parse(data: bytes, feed: Feed | None = None, **options: Any) -> list[Chunk]:
    return list(FixedWidthFile(BytesIO(data), feed or promising(), **options))


def rejection(data: bytes, feed: Feed | None = None, **options: Any) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        parse(data, feed, **options)
    return caught.value.code


@pytest.mark.parametrize("block", [1, 90, 4 << 20])
def test_a_file_that_keeps_its_promises_is_read(block: int) -> None:
    chunks = parse(controlled(*people(3)), block_bytes=block, **TOLD)
    assert sorted(line for chunk in chunks for line in chunk.control) == [1, 5]
    assert sum(len(chunk.frame) for chunk in chunks) == 3


def lines(*parts: str) -> bytes:
    return "".join(part + "\n" for part in parts).encode()


SOUND = record(row())
TRAILER = trailer(1, 101)
BROKEN = {
    "one record too few": (controlled(row(), count=2), "control.record_count"),
    "one record too many": (controlled(row(), row(), count=1), "control.record_count"),
    "no trailer": (lines(header(), SOUND), "control.trailer"),
    "a record after the trailer": (lines(header(), SOUND, TRAILER, SOUND), "control.trailer"),
    "two trailers": (lines(header(), SOUND, TRAILER, TRAILER), "control.trailer"),
    "a count that is no number": (lines(header(), SOUND, TRAILER.replace("00000001", "one     ")), "control.trailer"),
    "a trailer that was cut": (lines(header(), SOUND, "T"), "control.trailer"),
    "another hash total": (controlled(row(), total=7), "control.hash_total"),
    "no header": (lines(SOUND, TRAILER), "control.header"),
    "two headers": (lines(header(), header(), SOUND, TRAILER), "control.header"),
    "a header among the records": (lines(header(), SOUND, header(), TRAILER), "control.header"),
    "another sender": (lines(header("OTHER"), SOUND, TRAILER), "control.sender"),
    "another day": (lines(header(day="20261121"), SOUND, TRAILER), "control.date"),
    "no day": (lines(header(day="20261301"), SOUND, TRAILER), "control.date"),
    "nothing but blanks": (b"\n \n", "control.header"),
    "no record": (lines(header(), trailer(0, 0)), "structure.no_rows"),
}


@pytest.mark.parametrize("block", [1, 90, 4 << 20])
@pytest.mark.parametrize(("data", "code"), BROKEN.values(), ids=BROKEN)
def test_a_broken_promise_rejects_the_delivery(data: bytes, code: str, block: int) -> None:
    assert rejection(data, block_bytes=block, **TOLD) == code


@pytest.mark.parametrize("name", ["one record too few", "no trailer", "another hash total", "another sender"])
def test_without_the_promise_the_same_file_would_pass(name: str) -> None:
    """Negative control: nothing else notices."""
    none = FixedControl(header="H", detail="D")
    chunks = parse(BROKEN[name][0].split(b"\nT")[0] + b"\n", fixed(control=none))
    assert sum(len(chunk.frame) for chunk in chunks) >= 1


def test_a_count_may_include_the_control_records() -> None:
    feed = promising(count_includes_control=True)
    assert parse(controlled(row(), count=3), feed, **TOLD)
    assert rejection(controlled(row()), feed, **TOLD) == "control.record_count"


def test_a_record_of_a_type_that_was_not_promised_is_refused_and_counted() -> None:
    data = lines(header(), SOUND, SOUND.replace("D", "X", 1), trailer(2, 101))
    (chunk,) = parse(data, **TOLD)
    assert [(each.line, each.reasons) for each in chunk.refused] == [(3, ("record.type",))]
    assert len(chunk.frame) == 1
    (chunk,) = parse(data, promising(detail=None, total_at=None, total_column=None), **TOLD)
    assert len(chunk.frame) == 2, "negative control: without the mark it is a record like another"


def test_a_hash_total_is_not_judged_where_a_record_could_not_be_read() -> None:
    data = lines(header(), SOUND, SOUND[:-1], trailer(2, 999))
    (chunk,) = parse(data, **TOLD)
    assert [each.reasons for each in chunk.refused] == [("record.length",)]


def summed(coding: Coding, length: int) -> Feed:
    """A mainframe's file whose hash total is of a number behind the other columns."""
    columns = (*COLUMNS, FixedColumn("EMP", LENGTH + 1, length, coding=coding))
    control = replace(CONTROL, total_column="EMP")
    feed = fixed(encoding="cp037", framing=Framing.LENGTH, columns=columns)
    mapping = {**MAPPING, "division_code": From("EMP", Text(r"\A[0-9]+\Z"))}
    return replace(feed, columns=mapping, format=replace(feed.format, control=control))  # type: ignore[type-var]


def mainframe(total: int, *cells: bytes) -> bytes:
    ends = [text.ljust(LENGTH + len(cells[0])).encode("cp037") for text in (header(), trailer(len(cells), total))]
    return ends[0] + b"".join(record(row()).encode("cp037") + cell for cell in cells) + ends[1]


UNREADABLE = {
    Coding.PACKED: [packed(120, 9), packed(7, 9), bytes.fromhex("100A00003C")],
    Coding.ZONED: [zoned(120, 5).encode("cp037"), b"\xf0" * 5, "  12A".encode("cp037")],
}


@pytest.mark.parametrize(("coding", "cells"), UNREADABLE.items())
def test_a_hash_total_is_not_judged_where_one_of_its_numbers_could_not_be_read(
    coding: Coding, cells: list[bytes]
) -> None:
    """It is not known what the partner added; the row itself is refused by its column's rule."""
    feed = summed(coding, len(cells[0]))
    (chunk,) = parse(mainframe(999, *cells), feed, **TOLD)
    assert chunk.frame["EMP"].str.startswith("=X'").tolist() == [False, False, True]
    assert rejection(mainframe(999, *cells[:2]), feed, **TOLD) == "control.hash_total", "negative control"


def test_a_number_that_is_blank_adds_nothing_to_a_hash_total_and_spares_it_nothing() -> None:
    feed = summed(Coding.PACKED, 5)
    cells = packed(120, 9), packed(7, 9), b"\x40" * 5
    assert parse(mainframe(127, *cells), feed, **TOLD)
    assert rejection(mainframe(128, *cells), feed, **TOLD) == "control.hash_total"


def test_a_mark_may_stand_anywhere_and_have_any_length() -> None:
    """Maryland's records end in their kind; here it is the filler before the group."""
    at = 49
    feed = fixed(control=FixedControl(trailer="99", detail="  ", mark_at=at, count_at=Place(1, 4)))
    end = "0002".ljust(at - 1) + "99"
    (chunk,) = parse(file(*people(2)) + lines(end), feed)
    assert chunk.control == (3,)
    assert rejection(file(*people(1)) + lines(end), feed) == "control.record_count"


def test_control_records_of_a_mainframe_have_no_line_ends() -> None:
    feed = fixed(encoding="cp037", framing=Framing.LENGTH, control=CONTROL)
    data = controlled(*people(3)).decode().splitlines()
    whole = "".join(line.ljust(81) for line in data).encode("cp037")
    (chunk,) = parse(whole, feed, **TOLD)
    assert chunk.control == (1, 5)
    assert rejection(whole[:81] + whole[162:], feed, **TOLD) == "control.record_count"


def test_a_sequence_is_compared_with_the_name() -> None:
    feed = fixed(control=replace(CONTROL, sequence_at=None))
    source = replace(feed.drop, pattern="ELIG_{date:%Y%m%d}_{sequence}.txt")
    feed = replace(feed, source=source)
    feed = replace(feed, format=replace(feed.format, control=replace(CONTROL, sequence_at=Place(20, 4))))  # type: ignore[type-var]
    data = lines(header() + "0042", SOUND, TRAILER)
    assert parse(data, feed, **TOLD)
    assert rejection(data, feed, **TOLD | {"sequence": 43}) == "control.sequence"
    assert rejection(lines(header() + "four", SOUND, TRAILER), feed, **TOLD) == "control.sequence"


# ── a day without anything to say ──────────────────────────────────────────────


def changes() -> Feed:
    """Acme as a feed of changes, which may have an empty day."""
    form = fixed(control=replace(CONTROL)).format
    control = replace(CONTROL, empty_is_legal=True)
    return replace(
        fixed(), mode=Mode.DELTA, policy=Policy(omission=Omission.KEEP), format=replace(form, control=control)  # type: ignore[type-var]
    )  # fmt: skip


def test_an_empty_day_is_legal_by_contract_if_the_trailer_says_so() -> None:
    (chunk,) = parse(lines(header(), trailer(0, 0)), changes(), **TOLD)
    assert (len(chunk.frame), chunk.control) == (0, (1, 2))
    assert rejection(lines(header(), trailer(1, 0)), changes(), **TOLD) == "control.record_count"
    assert rejection(lines(header()), changes(), **TOLD) == "control.trailer"


def test_no_message_quotes_a_control_record() -> None:
    for data, _ in BROKEN.values():
        with pytest.raises(DeliveryRejected) as caught:
            parse(data, **TOLD)
        assert not any(word in str(caught.value) for word in ("OTHER", "ACMEMFG", "2026", "Testman", "E0000101"))


def test_totals_without_control_records_promise_nothing() -> None:
    totals = FixedTotals(fixed().format)  # type: ignore[arg-type]
    assert totals.check_header(b"H") is False
