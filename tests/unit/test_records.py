"""How bytes become records: which lines belong together, and what one broken line may cost."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.parse import records as module
from concord.parse.blocks import BlockReader
from concord.parse.flaws import Flaw, Layout, reasons
from concord.parse.records import records

Row = tuple[int, int, bytes, tuple[str, ...]]


def layout(fields: int = 3, max_record_bytes: int = 1 << 20) -> Layout:
    return Layout(b",", b'"', fields, "utf-8", max_record_bytes)


def rows(data: bytes, form: Layout | None = None, *, block_bytes: int = 1 << 20) -> list[Row]:
    """(line, lines, content, reasons) of every record of ``data``; blank lines have the reason ``blank``."""
    form = form or layout()
    reader = BlockReader(BytesIO(data), max_line_bytes=form.max_record_bytes, block_bytes=block_bytes)
    found: list[Row] = []
    for block in records(reader, form, first_line=1):
        for at in range(len(block)):
            flaws = int(block.flaws[at])
            why = ("blank",) if flaws == Flaw.BLANK else reasons(flaws)
            found.append((int(block.line[at]), int(block.lines[at]), block.content(at), why))
    return found


def whys(data: bytes, form: Layout | None = None) -> list[tuple[str, ...]]:
    return [row[3] for row in rows(data, form)]


SOUND: tuple[str, ...] = ()
QUOTE, FIELD_COUNT = ("record.quote",), ("record.field_count",)


def test_line_feed_and_carriage_return_line_feed_both_end_a_record() -> None:
    assert rows(b"a,b,c\r\nd,e,f\n") == [(1, 1, b"a,b,c", SOUND), (2, 1, b"d,e,f", SOUND)]


def test_a_quoted_newline_belongs_to_its_record_and_line_numbers_go_on() -> None:
    assert rows(b'a,"b\r\nb",c\nd,e,f\n') == [(1, 2, b'a,"b\r\nb",c', SOUND), (3, 1, b"d,e,f", SOUND)]


def test_a_quoted_delimiter_is_no_field_end() -> None:
    assert whys(b'a,"b,b",c\n"a,a",b,"c,c"\n') == [SOUND, SOUND]


def test_a_doubled_quote_is_part_of_the_value() -> None:
    assert whys(b'a,"b ""x"" b",c\n"""",b,""\n') == [SOUND, SOUND]


def test_a_quote_that_never_closes_costs_its_own_line_and_no_neighbour() -> None:
    assert whys(b'a,b,c\na,"b,c\nd,e,f\ng,h,i\n') == [SOUND, QUOTE, SOUND, SOUND]


def test_a_quote_inside_an_unquoted_field_costs_its_own_line_only() -> None:
    assert whys(b'a,12" pipe,c\nd,e,f\na,"x"y,c\na,x"y"z,c\n') == [QUOTE, SOUND, QUOTE, QUOTE]


def test_a_stray_quote_does_not_swallow_a_later_record_over_two_lines() -> None:
    data = b'a,"b,c\nd,e,f\ng,"h\nh",i\n'
    assert rows(data)[2] == (3, 2, b'g,"h\nh",i', SOUND)
    assert whys(data) == [QUOTE, SOUND, SOUND]


def test_two_stray_quotes_cost_two_lines_though_together_they_are_even() -> None:
    assert whys(b'a,"b,c\nd,e,f\ng,"h,i\n') == [QUOTE, SOUND, QUOTE]


def test_a_record_over_two_lines_with_a_missing_field_is_isolated_to_its_lines() -> None:
    assert whys(b'a,"b\nb"\nd,e,f\n') == [QUOTE, QUOTE, SOUND]


def test_a_record_may_span_fifty_lines_and_not_fifty_one() -> None:
    fifty = b'a,"' + b"x\n" * 49 + b'x",c\n'
    assert rows(fifty) == [(1, 50, fifty[:-1], SOUND)]
    assert whys(b'a,"' + b"x\n" * 50 + b'x",c\n')[0] == QUOTE


def test_a_record_over_several_lines_may_have_64_kib_and_not_more() -> None:
    frame = len(b'a,"\n",c\n')
    assert whys(b'a,"' + b"x" * ((64 << 10) - frame) + b'\n",c\n') == [SOUND]
    assert whys(b'a,"' + b"x" * ((64 << 10) - frame + 1) + b'\n",c\n') == [QUOTE, QUOTE]


def test_a_short_and_a_long_record_are_refused_for_their_field_count() -> None:
    assert whys(b"a,b\na,b,c,d\na,b,c\n") == [FIELD_COUNT, FIELD_COUNT, SOUND]


def test_an_empty_field_too_many_at_the_end_is_a_field_too_many() -> None:
    assert whys(b'a,b,c,\na,"b",c,\na,b,c,,\na,b,\n') == [FIELD_COUNT, FIELD_COUNT, FIELD_COUNT, SOUND]


def test_where_every_record_ends_in_a_delimiter_nothing_stands_behind_it() -> None:
    form = replace(layout(fields=4), ends_open=True)
    assert (
        whys(b'a,b,c,\na,"b",c,\na,b,c,,\na,b,c\na,b,c,d\na,b,c," "\na,b,\n', form) == [SOUND] * 2 + [FIELD_COUNT] * 5
    )
    assert rows(b'a,"b\nb",c,\n', form) == [(1, 2, b'a,"b\nb",c,', SOUND)]
    assert whys(b'a,"b\nb",c,d\n', form) == [QUOTE, QUOTE]


def test_a_nul_byte_refuses_its_record() -> None:
    assert whys(b"a,\0,c\nd,e,f\n") == [("record.nul",), SOUND]


def test_bytes_of_another_encoding_refuse_their_record_and_nothing_is_guessed() -> None:
    assert whys("a,Peña,c\n".encode("cp1252") + "a,Peña,c\n".encode()) == [("record.encoding",), SOUND]


def test_an_encoding_error_on_the_second_line_of_a_record_refuses_both_lines() -> None:
    assert rows(b'a,"b\n\xf1",c\nd,e,f\n')[0] == (1, 2, b'a,"b\n\xf1",c', ("record.encoding",))


def test_a_carriage_return_outside_quotes_is_refused_and_inside_quotes_is_kept() -> None:
    assert whys(b'a,b\rb,c\na,"b\rb",c\na,b,c\r\r\n') == [("record.line_end",), SOUND, ("record.line_end",)]


def test_a_record_has_all_its_reasons() -> None:
    assert whys(b"a,\0\xff\n") == [("record.field_count", "record.encoding", "record.nul")]


def test_a_blank_line_is_no_record() -> None:
    assert whys(b"a,b,c\n\n\r\nd,e,f\n") == [SOUND, ("blank",), ("blank",), SOUND]


def test_a_record_that_is_too_long_is_refused_and_only_its_beginning_kept() -> None:
    long = b"a," + b"x" * 5_000 + b",c\n"
    for block_bytes in (64, 1_000, 1 << 20):
        found = rows(b"a,b,c\n" + long + b"d,e,f\n", layout(max_record_bytes=1_000), block_bytes=block_bytes)
        assert [row[0] for row in found] == [1, 2, 3]
        assert "record.too_long" in found[1][3]
        assert found[0][3] == found[2][3] == SOUND


def test_memory_stays_flat_on_a_line_without_end() -> None:
    reader = BlockReader(BytesIO(b"x" * 1_000_000), max_line_bytes=100, block_bytes=1_000)
    blocks = []
    while not reader.at_end:
        blocks.append(reader.next())
        assert len(reader._carry) <= 102
    assert reader.unfinished
    assert not any(block.data for block in blocks)


def test_checkpoint_offsets_count_the_bytes_that_were_dropped() -> None:
    data = b"a," + b"x" * 5_000 + b",c\nd,e,f\ng,h,i\n"
    form = layout(max_record_bytes=1_000)
    reader = BlockReader(BytesIO(data), max_line_bytes=1_000, block_bytes=300)
    offsets = np.concatenate([block.offset for block in records(reader, form, first_line=1)])
    assert [data[at : at + 1] for at in offsets.tolist()] == [b"a", b"d", b"g"]


def test_without_isolation_a_stray_quote_would_take_its_neighbours_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: joining by parity alone glues sound records to broken ones."""
    monkeypatch.setattr(module, "_joins", lambda *_: True)
    assert rows(b'a,"b,c\nd,e,f\ng,"h,i\n')[0][1] == 3


messy = st.lists(st.sampled_from([b"a", b",", b'"', b"\n", b"\r\n", b"\r", b"\0", "ñ".encode(), b"\xf1"]), max_size=60)


@given(messy.map(b"".join), st.integers(1, 40))
def test_the_size_of_blocks_changes_nothing(data: bytes, block_bytes: int) -> None:
    assert rows(data, block_bytes=block_bytes) == rows(data)


@given(messy.map(b"".join))
def test_every_physical_line_is_in_exactly_one_record(data: bytes) -> None:
    lines = [number for row in rows(data) for number in range(row[0], row[0] + row[1])]
    assert lines == list(range(1, data.count(b"\n") + 1))


@given(st.lists(st.lists(st.text(st.sampled_from('ab",\r\n ñ'), max_size=6), min_size=3, max_size=3), max_size=20))
def test_what_a_csv_writer_wrote_is_sound(table: list[list[str]]) -> None:
    lines = [",".join('"' + value.replace('"', '""') + '"' for value in row) + "\n" for row in table]
    assert len(rows("".join(lines).encode())) == len(table)
    assert set(whys("".join(lines).encode())) <= {SOUND}


@given(st.text(st.sampled_from('a",'), max_size=14))
def test_a_sound_single_line_reads_in_the_csv_module_as_it_was_counted(text: str) -> None:
    """The judge of whole blocks, the judge of single records and Python's csv module agree."""
    count = layout().dialect.grammar.count(text.encode())
    (why,) = whys(text.encode() + b"\n", layout(fields=count or 1)) or [SOUND]
    if count:
        assert why in (SOUND, ("blank",))
        assert not text or len(next(csv.reader([text], strict=True))) == count
    else:
        assert why == QUOTE
