"""Control records: what header and trailer promise, and what happens when they are wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from concord import catalogue
from concord.contract import Control, Delimited, Feed
from concord.errors import DeliveryRejected
from concord.parse import Chunk
from concord.parse.delimited import DelimitedFile
from tests.unit.acme_rows import ACME, ROW, acme, file, row

HEADER = ",".join(ROW).encode() + b"\n"


def parse(data: bytes, feed: Feed = ACME, **options: Any) -> list[Chunk]:
    return list(DelimitedFile(BytesIO(data), feed, **options))


def rejection(data: bytes, feed: Feed) -> DeliveryRejected:
    with pytest.raises(DeliveryRejected) as caught:
        parse(data, feed)
    return caught.value


def controlled(**values: object) -> Feed:
    return acme(format=Delimited(control=Control(**values)))  # type: ignore[arg-type]


def with_trailer(count: int | str, *rows: dict[str, str]) -> bytes:
    return file(*(rows or (row(), row()))) + f"TRL,{count}\n".encode()


def test_a_trailer_that_agrees_is_control_and_no_row() -> None:
    (chunk,) = parse(with_trailer(2), controlled(trailer="TRL"))
    assert len(chunk.frame) == 2
    assert chunk.control == (1, 4)
    assert not chunk.refused


def test_a_control_header_stands_before_the_column_names() -> None:
    feed = controlled(header="HDR", trailer="TRL", count_includes_control=True)
    (chunk,) = parse(b"HDR,20261120,FULL\n" + with_trailer(4), feed)
    assert chunk.control == (1, 2, 5)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (with_trailer(3), "control.record_count"),
        (with_trailer(1), "control.record_count"),
        (with_trailer("two"), "control.trailer"),
        (with_trailer("٢"), "control.trailer"),
        (file(row(), row()), "control.trailer"),
        (with_trailer(2) + file(row()).removeprefix(HEADER), "control.trailer"),
        (with_trailer(2) + b"TRL,2\n", "control.trailer"),
    ],
)
def test_a_trailer_that_disagrees_rejects_the_delivery(data: bytes, code: str) -> None:
    assert rejection(data, controlled(trailer="TRL")).code == code
    with pytest.raises(DeliveryRejected, match=code):
        parse(data, controlled(trailer="TRL"), block_bytes=100)


def test_without_control_totals_the_same_shortfall_would_pass() -> None:
    """Negative control: nothing else notices a missing row."""
    (chunk,) = parse(with_trailer(3))
    assert len(chunk.frame) == 2


def test_a_missing_control_header_rejects_the_delivery() -> None:
    assert rejection(with_trailer(2), controlled(header="HDR", trailer="TRL")).code == "control.header"


def test_refused_rows_count_for_the_trailer() -> None:
    parse(file(row()) + b"short,row\nTRL,2\n", controlled(trailer="TRL"))


@pytest.mark.parametrize(("count", "fits"), [(1, False), (2, True), (3, True), (4, False)])
def test_lines_of_one_broken_record_count_as_one_record_or_as_several(count: int, fits: bool) -> None:
    data = file(row()) + f'E1,"broken\nrecord"x\nTRL,{count}\n'.encode()
    if fits:
        parse(data, controlled(trailer="TRL"))
    else:
        assert rejection(data, controlled(trailer="TRL")).code == "control.record_count"


# ── what a header and a hash total promise ─────────────────────────────────────

BOREALIS = catalogue.feed("borealis_changes")
GOOD = (Path(__file__).parents[1] / "feeds" / "borealis_changes" / "good.txt").read_bytes()
TOLD: dict[str, Any] = {"file_date": date(2026, 11, 20), "sequence": 42}


def promising(**changes: object) -> Feed:
    """Borealis with other promises."""
    control = replace(BOREALIS.format.control, **changes)  # type: ignore[type-var]
    return replace(BOREALIS, format=replace(BOREALIS.format, control=control))


@pytest.mark.parametrize(
    ("told", "code"),
    [({"file_date": date(2026, 11, 21)}, "control.date"), ({"sequence": 43}, "control.sequence")],
)
def test_the_header_must_say_what_the_name_says(told: dict[str, Any], code: str) -> None:
    with pytest.raises(DeliveryRejected) as caught:
        parse(GOOD, BOREALIS, **TOLD | told)
    assert caught.value.code == code


def test_without_the_promise_a_file_under_another_name_would_pass() -> None:
    """Negative control."""
    unpromised = promising(date_field=None, sequence_field=None)
    assert parse(GOOD, unpromised, file_date=date(2026, 11, 21), sequence=43)


def test_without_the_promise_another_employers_file_would_pass() -> None:
    """Negative control."""
    other = GOOD.replace(b"BOREALIS", b"AURORA")
    assert rejection(other, BOREALIS).code == "control.sender"
    assert parse(other, promising(sender=None, sender_field=None))


@pytest.mark.parametrize("block_bytes", [64, 300, 1 << 20])
def test_a_hash_total_is_of_all_records_wherever_blocks_end(block_bytes: int) -> None:
    parse(GOOD, BOREALIS, **TOLD, block_bytes=block_bytes, chunk_rows=2)
    swapped = GOOD.replace(b"W-000104", b"W-000140", 1)
    with pytest.raises(DeliveryRejected, match=r"control\.hash_total"):
        parse(swapped, BOREALIS, **TOLD, block_bytes=block_bytes, chunk_rows=2)


def test_without_the_hash_total_a_changed_id_would_pass() -> None:
    """Negative control: count, types and quoting are as they should be."""
    swapped = GOOD.replace(b"W-000104", b"W-000140", 1)
    assert parse(swapped, promising(total_field=None, total_column=None))


def test_a_hash_total_is_not_judged_where_a_record_could_not_be_read() -> None:
    short = GOOD.replace(b"|20260101|\r\n", b"\r\n", 1)
    (chunk,) = parse(short, BOREALIS)
    assert [refused.reasons for refused in chunk.refused] == [("record.field_count",)]


def test_no_message_about_control_records_quotes_the_file() -> None:
    for data in (GOOD.replace(b"BOREALIS", b"qxsecret"), GOOD.replace(b"|000042|", b"|qxsecret|")):
        assert "qxsecret" not in str(rejection(data, BOREALIS))
