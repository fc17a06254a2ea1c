"""Control records: what header and trailer promise, and what happens when they are wrong."""

from __future__ import annotations

from io import BytesIO

import pytest

from concord.contract import Control, Delimited, Feed
from concord.errors import DeliveryRejected
from concord.parse import Chunk
from concord.parse.delimited import DelimitedFile
from tests.unit.acme_rows import ACME, ROW, acme, file, row

HEADER = ",".join(ROW).encode() + b"\n"


def parse(data: bytes, feed: Feed = ACME, **options: int) -> list[Chunk]:
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
