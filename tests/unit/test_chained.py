"""Files of one delivery, read as one: lines run on, and what was promised is counted."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from concord.errors import DeliveryRejected
from concord.landing.window import window
from concord.parse import Chunk, Drift, Said, line_accounting
from concord.parse.chained import ChainedRows, Part
from concord.parse.delimited import DelimitedFile
from tests.unit.acme_rows import ACME, file, row

HEADER = tuple(row())


def part(*rows: dict[str, str], more: bytes = b"", header: Sequence[str] = HEADER, records: int | None = None) -> Part:
    text = file(*rows, header=header) + more
    return Part(lambda: DelimitedFile(io.BytesIO(text), ACME, chunk_rows=2), records)


def read(rows: ChainedRows) -> list[Chunk]:
    return list(rows)


def test_lines_run_on_through_all_parts() -> None:
    rows = ChainedRows([part(row(), row(), row(), more=b"\r\n"), part(row(), more=b"one,two\r\n"), part(row())])
    chunks = read(rows)
    assert [line for chunk in chunks for line in chunk.line.tolist()] == [2, 3, 4, 7, 10]
    assert [line for chunk in chunks for line in chunk.control] == [1, 6, 9]
    assert [(each.line, each.reason) for chunk in chunks for each in chunk.ignored] == [(5, "blank_line")]
    assert [(each.line, each.raw) for chunk in chunks for each in chunk.refused] == [(8, b"one,two")]
    assert rows.line_count == 10 == sum(sum(line_accounting(chunk).values()) for chunk in chunks)
    assert rows.columns == HEADER
    assert rows.said == Said()


def test_parts_are_opened_when_it_is_their_turn() -> None:
    opened: list[int] = []

    def noted(number: int) -> Part:
        whole = part(row(), row())
        return Part(lambda: opened.append(number) or whole.open())  # type: ignore[func-returns-value]

    rows: Iterator[Chunk] = iter(ChainedRows([noted(1), noted(2)]))
    assert opened == [1]
    next(rows)
    assert opened == [1]
    list(rows)
    assert opened == [1, 2]


def test_every_part_breaks_the_contract_for_all() -> None:
    rows = ChainedRows([part(row()), part(row(), header=HEADER[1:])])
    with pytest.raises(DeliveryRejected, match=r"structure\."):
        read(rows)


def test_a_part_with_its_columns_in_another_order_is_refused() -> None:
    rows = ChainedRows([part(row()), part(row(), header=(*HEADER[1:], HEADER[0]))])
    with pytest.raises(DeliveryRejected, match=r"parts\.columns: part 2"):
        read(rows)


@pytest.mark.parametrize(
    ("first", "second", "whole", "told"),
    [
        (2, 2, 4, ""), (None, None, None, ""), (None, None, 4, ""), (2, None, None, ""),
        (1, 2, None, "part 1 has 2 records"), (2, 3, None, "part 2 has 2 records"), (2, 2, 5, "the delivery has 4"),
    ],
)  # fmt: skip
def test_records_are_those_that_were_promised_refused_ones_among_them(
    first: int | None, second: int | None, whole: int | None, told: str
) -> None:
    parts = [part(row(), row(), records=first), part(row(), more=b"one,two\r\n", records=second)]
    if not told:
        assert read(ChainedRows(parts, whole))
        return
    with pytest.raises(DeliveryRejected, match=rf"control\.record_count: {told}"):
        read(ChainedRows(parts, whole))


def test_drift_is_that_of_all_parts() -> None:
    shod = {**row(), "SHOE": "9"}
    rows = ChainedRows([part(shod, header=tuple(shod)), part(shod, header=tuple(shod))])
    read(rows)
    assert rows.drift == replace(Drift(), extra=("SHOE",))


# ── a piece of a stream ──


@pytest.mark.parametrize(("start", "length"), [(0, 10), (3, 4), (10, 0), (9, 1)])
def test_a_window_is_a_stream_of_its_own(start: int, length: int) -> None:
    content = b"0123456789"
    with window(io.BytesIO(content), start, length) as piece:
        assert piece.read() == content[start : start + length]
        assert piece.read(1) == b""
        assert piece.seek(-min(1, length), io.SEEK_END) == max(0, length - 1)
        assert piece.read() == content[start : start + length][-1:]
        assert piece.seek(0) == 0
        assert piece.read(2) == content[start : start + length][:2]
        with pytest.raises(ValueError, match="negative"):
            piece.raw.seek(-1)  # type: ignore[attr-defined]


def test_a_window_closes_what_it_looks_at() -> None:
    source = io.BytesIO(b"0123")
    window(source, 1, 2).close()
    assert source.closed
