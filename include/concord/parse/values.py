"""Sound records as columns of text: nothing is null, nothing is guessed.

pyarrow reads the dialects it knows. It only sees records that :mod:`concord.parse.records`
found sound, so it cannot stumble, skip a line or glue two together. What it does not know
(delimiters of several characters, quotes in quotes that are not doubled) is cut here.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas import DataFrame
from pyarrow import csv

from concord.contract import Feed
from concord.parse.flaws import Layout
from concord.parse.grammar import Dialect
from concord.parse.header import sources
from concord.parse.marks import CR, LF, Bytes, Positions, marks
from concord.parse.records import Records


def read_text(
    found: Records, good: NDArray[np.bool_], columns: tuple[str, ...], feed: Feed, layout: Layout
) -> DataFrame:
    """The ``good`` records as a frame of the contract's source columns, dtype ``str``, blank = ``""``."""
    kinds = feed.layout.types
    if not kinds:
        return _frame(_table(found, good, columns, feed, layout))
    wanted = [name for name in sources(feed) if name in columns]
    tables = []
    for number, kind in enumerate(kinds):
        table = _table(found, good & (found.kind == number), kind.names, feed, layout)
        blank = pa.repeat(pa.scalar("", pa.large_string()), table.num_rows)
        tables.append(pa.table({name: table[name] if name in kind.names else blank for name in wanted}))
    in_file = np.argsort(np.argsort(found.kind[good], kind="stable"), kind="stable")
    return _frame(pa.concat_tables(tables).take(in_file))


def _frame(table: pa.Table) -> DataFrame:
    frame: DataFrame = table.to_pandas()
    return frame


def _table(found: Records, good: NDArray[np.bool_], columns: tuple[str, ...], feed: Feed, layout: Layout) -> pa.Table:
    wanted = {str(columns.index(name)): name for name in sources(feed) if name in columns}
    table = pa.table({name: pa.array([], pa.large_string()) for name in wanted})
    if good.any():
        several_lines = bool((found.lines[good] > 1).any())
        try:
            data = _sound_bytes(found, good)
            table = _read_table(data, layout, len(columns), list(wanted), several_lines)
        except (pa.ArrowInvalid, UnicodeError):
            table = table.slice(0, 0)  # their messages quote the row
    if table.num_rows != good.sum():  # would shift every line number behind it
        raise RuntimeError(f"feed {feed.name}: {good.sum()} sound records were read as {table.num_rows} rows")
    return table.rename_columns(list(wanted.values()))


def _read_table(
    data: bytes | memoryview, layout: Layout, count: int, wanted: list[str], several_lines: bool
) -> pa.Table:
    """The columns ``wanted`` (numbered from 0, of ``count``) as text; raises ``ArrowInvalid`` quoting values."""
    if codecs.lookup(layout.encoding).name != "utf-8":
        data = str(data, layout.encoding).encode()
    if len(layout.delimiter) > 1 or layout.literal:
        return cut(data, layout.dialect, count, [int(name) for name in wanted])
    if bytes(data[:3]) == codecs.BOM_UTF8:
        data = codecs.BOM_UTF8 + bytes(data)  # Arrow takes one away, as if a file began here
    names = [str(position) for position in range(count)]
    return csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(column_names=names, block_size=len(data) + 1),
        csv.ParseOptions(
            delimiter=layout.delimiter.decode(),
            quote_char=layout.quote.decode() or False,
            escape_char=layout.escape.decode() or False,
            newlines_in_values=several_lines,
            ignore_empty_lines=False,
        ),
        csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            include_columns=wanted,
            null_values=[],
            strings_can_be_null=False,
        ),
    )


def _sound_bytes(found: Records, good: NDArray[np.bool_]) -> bytes | memoryview:
    """The bytes of the good records."""
    if not len(found):
        return b""
    first, stop = int(found.start[0]), int(found.stop[-1])
    if good.all():
        return memoryview(found.data)[first:stop]
    keep = np.repeat(good, found.stop - found.start)
    return np.frombuffer(found.data, dtype=np.uint8)[first:stop][keep].tobytes()


def cut(data: bytes | memoryview, dialect: Dialect, count: int, wanted: Sequence[int]) -> pa.Table:
    """Sound records in UTF-8, each of ``count`` fields and a line end, as columns ``wanted`` (named by position)."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    lines = np.flatnonzero(buffer == LF) + 1
    found = marks(buffer, dialect, lines)
    stop = lines[np.searchsorted(found.quotes, lines) % 2 == 0]
    between = found.delimiters[np.searchsorted(found.quotes, found.delimiters) % 2 == 0].reshape(-1, count - 1)
    last = stop - 1 - (buffer[np.maximum(stop - 2, 0)] == CR)
    start = np.column_stack([np.append(0, stop)[:-1], between + len(dialect.delimiter)])
    end = np.column_stack([between, last])
    columns = {str(at): _column(buffer, start[:, at], end[:, at], dialect) for at in wanted}
    return pa.table(columns)


def _column(buffer: Bytes, start: Positions, end: Positions, dialect: Dialect) -> pa.Array:
    if dialect.quote:
        quoted = (end > start) & (buffer[np.minimum(start, len(buffer) - 1)] == dialect.quote[0])
        start, end = start + quoted, end - quoted
    offsets = np.append(0, np.cumsum(end - start))
    places = np.repeat(start - offsets[:-1], end - start) + np.arange(offsets[-1])
    values = pa.Array.from_buffers(
        pa.large_string(), len(start), [None, pa.py_buffer(offsets), pa.py_buffer(buffer[places].tobytes())]
    )
    return values if dialect.said is None else pc.replace_substring_regex(values, f"(?s){dialect.said}", r"\1\2")
