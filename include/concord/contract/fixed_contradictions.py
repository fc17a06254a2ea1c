"""Where a fixed-width layout contradicts itself or the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import TYPE_CHECKING

from concord.contract.fixed import Coding, FixedColumn, FixedControl, FixedWidth, Framing, Place, is_single_byte

if TYPE_CHECKING:
    from concord.contract.feed import Feed

LONGEST_NUMBER = 31
"""Digits: what COBOL's ARITH(EXTEND) allows."""


def fixed_width(feed: Feed, form: FixedWidth) -> Iterator[tuple[str, str]]:
    """Where the layout contradicts itself or the mapping, as (field, message)."""
    if not form.columns:
        yield "format.columns", "a record has columns"
        return
    for column in form.columns:
        yield from _column(form, column)
    yield from _tiling(form)
    yield from _bytes(form)
    yield from _mapping(feed, form)
    if form.control is not None:
        yield from _marks(form, form.control)
        yield from _places(form, form.control)
        yield from _promises(feed, form.control)


def _column(form: FixedWidth, column: FixedColumn) -> Iterator[tuple[str, str]]:
    place = f"format.columns[{column.name or column.start}]"
    yield from _place(place, column.place)
    if bool(column.name.strip()) == (column.coding is Coding.FILLER):
        yield place, "every column has a name, and filler has none"
    if len(column.padding) != 1 or not column.padding.isascii():
        yield place, "padding is one ASCII character"
    if column.decimals and not column.is_number:
        yield place, "decimals are counted in zoned and packed numbers only"
    if column.is_number and not 0 <= column.decimals < column.digits <= LONGEST_NUMBER:
        yield place, f"a number has at most {LONGEST_NUMBER} digits, and fewer decimals than digits"
    if column.is_number and column.padding not in " 0":
        yield place, "a number is padded with zeros or not at all"
    if column.coding is Coding.PACKED and (form.framing is Framing.LINES or form.is_multibyte):
        yield place, "a packed number may hold any byte, also a line end: it needs another framing, and single bytes"


def _place(label: str, place: Place) -> Iterator[tuple[str, str]]:
    if (place.length is None) == (place.end is None):
        yield label, "says its length or its end, one of them"
    elif place.start < 1 or place.stop <= place.first:
        yield label, "starts at 1 or later and has at least one position"


def _tiling(form: FixedWidth) -> Iterator[tuple[str, str]]:
    """Every position up to the last column's belongs to one column."""
    after = 0
    for column in sorted(form.columns, key=lambda column: column.start):
        label = f"format.columns[{column.name or column.start}]"
        if column.place.first < after:
            yield label, "overlaps the column before it"
        elif column.place.first > after:
            yield label, "leaves a gap before it: say filler"
        after = column.place.stop
    if form.record_length is not None and form.record_length < after:
        yield "format.record_length", "is shorter than the columns"
    if len(set(form.stated)) != len(form.stated):
        yield "format.columns", "a name stands twice"


def _bytes(form: FixedWidth) -> Iterator[tuple[str, str]]:
    if not form.is_multibyte and not is_single_byte(form.encoding):
        yield "format.encoding", "must be UTF-8 or an encoding of single bytes that Python knows"
    if form.is_multibyte and form.positions is None:
        yield "format.positions", "say whether positions count bytes or characters: in UTF-8 they differ"
    if form.by_characters and form.framing is Framing.LENGTH:
        yield "format.framing", "a record of so many characters has no length in bytes"
    if form.short_ok and form.framing is Framing.LENGTH:
        yield "format.short_ok", "without line ends no record can be shorter"
    if form.max_record_bytes < form.length:
        yield "format.max_record_bytes", "is shorter than a record"


def _mapping(feed: Feed, form: FixedWidth) -> Iterator[tuple[str, str]]:
    """No record says what its columns are called: the contract must say all, and none can be missing."""
    for name, mapping in feed.columns.items():
        if mapping.source not in form.stated:
            yield f"columns[{name}]", f"comes from {mapping.source!r}, which format.columns does not have"
        if mapping.optional_column:
            yield f"columns[{name}]", "no column can be missing from records of fixed width"


def _marks(form: FixedWidth, control: FixedControl) -> Iterator[tuple[str, str]]:
    place = "format.control"
    marks = control.marks
    if not all(mark and mark.isascii() and mark.isprintable() for mark in marks):
        yield place, "a mark is one or more printable ASCII characters"
    if any(other.startswith(one) for one, other in permutations(marks, 2)):
        yield place, "header, detail and trailer are told apart by their marks"
    if control.mark_at < 1 or control.mark_at + max(map(len, marks), default=1) - 1 > form.length:
        yield place, "mark_at is a position of the record"
    if form.by_characters and control.mark_at != 1:
        yield place, "where positions count characters, the mark stands first"


IN_HEADER = ("sender_at", "date_at", "sequence_at")
IN_TRAILER = ("count_at", "total_at")


def _places(form: FixedWidth, control: FixedControl) -> Iterator[tuple[str, str]]:
    """Control records may be longer than the others, where something tells where they end."""
    longest = form.length if form.framing is Framing.LENGTH else form.max_record_bytes
    for label in (*IN_HEADER, *IN_TRAILER):
        if (where := getattr(control, label)) is not None:
            yield from _place(f"format.control.{label}", where)
            if where.stop > longest:
                yield f"format.control.{label}", "is a place in the record"


def _promises(feed: Feed, control: FixedControl) -> Iterator[tuple[str, str]]:
    place = "format.control"
    if (control.sender is None) != (control.sender_at is None):
        yield place, "sender and sender_at are given together"
    if (control.total_column is None) != (control.total_at is None):
        yield place, "total_column and total_at are given together"
    if control.header is None and any(getattr(control, label) for label in IN_HEADER):
        yield place, "there is no header in which a sender, date or sequence could stand"
    if (control.trailer is None) != (control.count_at is None):
        yield place, "a trailer has a count: trailer and count_at are given together"
    if control.trailer is None and control.total_at is not None:
        yield place, "there is no trailer in which a total could stand"
    if control.total_column is not None and control.total_column not in {c.source for c in feed.columns.values()}:
        yield place, "total_column is a source column that the contract reads"
    yield from _compared_with_the_name(feed, control)
    if control.empty_is_legal and (control.trailer is None or feed.mode.value == "full"):
        yield place, "empty_is_legal needs a trailer that says so, and a feed in which absence says nothing"


def _compared_with_the_name(feed: Feed, control: FixedControl) -> Iterator[tuple[str, str]]:
    pattern = getattr(feed.source, "pattern", "")
    if control.date_at is not None and "{date:" not in pattern:
        yield "format.control", "the header's date is compared with the name's, and the pattern has no {date:…}"
    if control.sequence_at is not None and "{sequence}" not in pattern:
        yield "format.control", "the header's sequence is compared with the name's, and the pattern has no {sequence}"
