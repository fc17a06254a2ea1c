"""The pandera schema of a feed: its readers' promises as named checks over canonical text.

Checks run on Arrow kernels and see text only: pandera would coerce dates to
nanoseconds, in which 9999-12-31 does not exist. A check's name is its reason code.
A schema is built once per contract and never changed: pandera shares it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from concord.contract import (
    Codes,
    DateText,
    Feed,
    From,
    Moment,
    Number,
    Reader,
    Reference,
    Ssn,
    Text,
    Whole,
    YesNo,
)
from concord.validate.damage import DAMAGED
from concord.validate.dates import UNREADABLE
from concord.validate.reading import is_re2

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

Judge = Callable[[pa.Array], pa.Array]

FORMULA = r"\A[=+\-@\t\r]"
"""What makes a spreadsheet run a cell (OWASP CSV injection)."""
PHONE_FORMULA = r"\A[=@\t\r]"
"""The same without signs, for columns of digits with separators: +1 555 ..."""

MARKED: dict[type[Reader], str] = {
    DateText: "date",
    Codes: "code",
    Ssn: "format",
    Moment: "moment",
    YesNo: "code",
    Reference: "reference",
}
"""Readers that mark what they could not read, and the rule it broke."""

_SCHEMAS: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Any] = {}


def schema_for(feed: Feed, columns: tuple[str, ...], codes: tuple[str, ...]) -> DataFrameSchema:
    """The schema over canonical ``columns`` and the boolean verdict columns ``codes`` of the rules."""
    key = (feed.fingerprint, columns, codes)
    if key not in _SCHEMAS:
        _SCHEMAS[key] = build(feed, columns, codes)
    return _SCHEMAS[key]  # type: ignore[no-any-return]


def build(feed: Feed, columns: tuple[str, ...], codes: tuple[str, ...]) -> DataFrameSchema:
    """A new schema; :func:`schema_for` remembers it."""
    import pandera.pandas as pa_schema  # three seconds of import: only where rows are judged

    lenient = _spares_damage if feed.columnar.is_spreadsheet or feed.columnar.brings_members_alone else _as_it_is
    judged = {
        name: pa_schema.Column(
            checks=[_check(f"{name}.{rule}", lenient(judge)) for rule, judge in judges(feed.columns[name])]
        )
        for name in columns
    }
    kept = {
        verdict_column(code): pa_schema.Column(bool, checks=pa_schema.Check(lambda held: held, name=code))
        for code in codes
    }
    return pa_schema.DataFrameSchema({**judged, **kept}, name=feed.name)


def verdict_column(code: str) -> str:
    """The name of the boolean column that says which rows keep the rule ``code``; no canonical column has a space."""
    return f"keeps {code}"


def _spares_damage(judge: Judge) -> Judge:
    """A damaged value has its own verdict, and one that was never promised needs none: no other check speaks of it."""
    return lambda text: pc.or_(judge(text), pc.equal(text, DAMAGED))


def _as_it_is(judge: Judge) -> Judge:
    return judge


def _check(code: str, judge: Judge) -> Any:
    import pandera.pandas as pa_schema

    def run(series: pd.Series[str]) -> pd.Series[bool]:
        verdict = judge(pa.array(series.array))
        return pd.Series(verdict.to_numpy(zero_copy_only=False), index=series.index)

    return pa_schema.Check(run, name=code)


def judges(mapping: From) -> Iterator[tuple[str, Judge]]:
    """Rule name → judge, for one column; every judge but ``required`` accepts a blank."""
    read = mapping.read
    if mapping.required:
        yield "required", lambda text: pc.not_equal(text, "")
    if type(read) in MARKED:
        yield MARKED[type(read)], lambda text: pc.not_equal(text, UNREADABLE)
    if isinstance(read, Text):
        yield from _text_judges(read)
    if isinstance(read, Whole):
        yield "number", lambda text: _is_whole(text, read)
    if isinstance(read, Number):
        yield "number", lambda text: _is_number(text, read)


def _text_judges(read: Text) -> Iterator[tuple[str, Judge]]:
    formula = PHONE_FORMULA if read.digits_only else FORMULA
    yield "formula", lambda text: pc.invert(pc.match_substring_regex(text, formula))
    yield "length", lambda text: pc.less_equal(pc.utf8_length(text), read.max_length)
    if read.pattern is not None:
        yield "pattern", matcher(read.pattern)


def matcher(pattern: str) -> Judge:
    """Judges that a whole text matches ``pattern`` (Python syntax) or is blank."""
    absolute_end = re.sub(r"(?<!\\)((?:\\\\)*)\\Z", r"\1\\z", pattern)
    whole = rf"\A(?:{absolute_end})?\z"
    if is_re2(whole):
        return lambda text: pc.match_substring_regex(text, whole)
    compiled = re.compile(rf"(?:{pattern})?")
    return lambda text: pa.array([compiled.fullmatch(value) is not None for value in text.to_pylist()], pa.bool_())


def _is_whole(text: pa.Array, read: Whole) -> pa.Array:
    shaped = pc.match_substring_regex(text, r"\A[0-9]{1,18}\z")
    number = pc.if_else(shaped, text, None).cast(pa.int64())
    inside = pc.and_(pc.greater_equal(number, read.low), pc.less_equal(number, read.high))
    return pc.or_(pc.fill_null(inside, False), pc.equal(text, ""))


NUMBER = r"\A-?[0-9]{1,18}(?:\.[0-9]{1,15})?\z"


def _is_number(text: pa.Array, read: Number) -> pa.Array:
    """Compared as decimals: in binary 0.1 is more than 0.1."""
    shaped = pc.match_substring_regex(text, NUMBER)
    inside = pc.if_else(shaped, text, None).cast(pa.string()).cast(pa.decimal128(38, 15))
    for bound, compare in ((read.low, pc.greater_equal), (read.high, pc.less_equal)):
        if bound is not None:
            shaped = pc.and_(shaped, compare(inside, pa.scalar(Decimal(str(bound))).cast(pa.decimal128(38, 15))))
    return pc.or_(pc.fill_null(shaped, False), pc.equal(text, ""))
