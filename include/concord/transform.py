"""Accepted rows to canonical types. Pure: text in, a typed frame out.

Types: text ``str`` with missing values for blanks; dates Arrow ``date32`` (single
values are ``datetime.date``), since nanosecond timestamps end in 2262; whole numbers
Arrow ``int32``; moments and decimal numbers stay text, as Postgres reads them without
loss. The SSN stays nine digits here and is sealed before it is stored.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas import DataFrame

from concord.contract import EXTRA_COLUMNS, Feed, ToDate
from concord.entities import Kind

ARROW = {
    Kind.TEXT: pa.large_string(), Kind.DATE: pa.date32(), Kind.INTEGER: pa.int32(), Kind.BOOLEAN: pa.bool_(),
    Kind.TIMESTAMP: pa.large_string(), Kind.NUMERIC: pa.large_string(),
}  # fmt: skip
PANDAS = {pa.date32(): pd.ArrowDtype(pa.date32()), pa.int32(): pd.ArrowDtype(pa.int32()), pa.bool_(): pd.BooleanDtype()}


def transform(feed: Feed, accepted: DataFrame) -> DataFrame:
    """Every canonical column of ``feed`` and ``maintenance_action``, typed; index 0..n-1.

    ``accepted`` is what :func:`concord.validate.validate` accepted: canonical columns of
    text, dates in ISO form. A blank, and a column that is not there, is missing. The end
    of a span becomes the first day no longer covered.
    """
    kinds = canonical_kinds(feed)
    columns = {name: _typed(accepted, name, ARROW[kind]) for name, kind in kinds.items()}
    if feed.policy.to_date is ToDate.LAST_COVERED_DAY:
        for name in {entity.end for entity in feed.entities if entity.end}:
            columns[name] = next_day(columns[name])
    frame: DataFrame = pa.table(columns).to_pandas(types_mapper=PANDAS.get)
    return frame


def canonical_kinds(feed: Feed) -> dict[str, Kind]:
    """Canonical columns of the feed with their types, in entity order, then the steering columns."""
    kinds = {column.name: column.kind for entity in reversed(feed.entities) for column in entity.columns}
    return {name: kinds[name] for name in feed.canonical} | EXTRA_COLUMNS


def _typed(frame: DataFrame, name: str, kind: pa.DataType) -> pa.Array:
    if name not in frame.columns:
        return pa.nulls(len(frame), kind)
    text = pa.array(frame[name].array, pa.large_string())
    if kind == pa.large_string():
        return pc.if_else(pc.equal(text, ""), None, text)
    encoded = text.dictionary_encode()
    values = pc.if_else(pc.equal(encoded.dictionary, ""), None, encoded.dictionary)
    try:
        typed = values.cast(kind)
    except pa.ArrowInvalid:
        typed = None  # Arrow's message quotes the value
    if typed is None:
        raise ValueError(f"column {name}: an accepted value is no {kind}; validate() should have refused it")
    return typed.take(encoded.indices)


def next_day(days: pa.Array) -> pa.Array:
    """The day after each of ``days`` (date32)."""
    return pc.add(days.cast(pa.int32()), pa.scalar(1, pa.int32())).cast(pa.date32())
