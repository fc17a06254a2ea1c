"""Rules over several columns, and over a column and the as-of date, judged on canonical text.

A rule holds where one of its values is missing or could not be read: that is the
business of the column's own checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from concord.contract import Feed, NotAfter, NotBefore, NotInFuture, RequiredWhen, Rule, ToDate
from concord.validate.dates import as_days

REVERSED = "dates.reversed"


def verdicts(feed: Feed, table: pa.Table, as_of: date) -> dict[str, pa.Array]:
    """Reason code → whether each row keeps the rule; rules on columns that are not in the file are left out."""
    kept: dict[str, pa.Array] = {}
    for code, holds in _judged(feed, table, as_of):
        kept[code] = pc.and_(kept[code], holds) if code in kept else holds
    return kept


def _judged(feed: Feed, table: pa.Table, as_of: date) -> Iterator[tuple[str, pa.Array]]:
    for rule in feed.rules:
        needed, judge = JUDGES[type(rule)]
        if all(getattr(rule, name) in table.column_names for name in needed):
            yield judge(rule, table, as_of)
    for start, end in {(entity.start, entity.end) for entity in feed.entities if entity.start and entity.end}:
        if {start, end} <= set(table.column_names):
            yield REVERSED, _in_order(feed, _days(table, str(start)), _days(table, str(end)))


def _in_order(feed: Feed, start: pa.Array, end: pa.Array) -> pa.Array:
    """Whether the half-open end is not before the start; equality is a void and accepted (reconcile §4)."""
    slack = 1 if feed.policy.to_date is ToDate.LAST_COVERED_DAY else 0
    return _holds(pc.greater_equal(pc.add(end.cast(pa.int32()), slack), start.cast(pa.int32())))


def _not_after(rule: NotAfter, table: pa.Table, _: date) -> tuple[str, pa.Array]:
    return rule.code, _holds(pc.less_equal(_days(table, rule.earlier), _days(table, rule.later)))


def _not_in_future(rule: NotInFuture, table: pa.Table, as_of: date) -> tuple[str, pa.Array]:
    return f"{rule.column}.in_future", _holds(pc.less_equal(_days(table, rule.column), pa.scalar(as_of)))


def _not_before(rule: NotBefore, table: pa.Table, _: date) -> tuple[str, pa.Array]:
    return f"{rule.column}.too_early", _holds(pc.greater_equal(_days(table, rule.column), pa.scalar(rule.bound)))


def _required_when(rule: RequiredWhen, table: pa.Table, _: date) -> tuple[str, pa.Array]:
    when = table.column(rule.when)
    free = pc.invert(pc.is_in(when, pa.array(rule.values, when.type)))
    return f"{rule.column}.required", pc.or_(free, pc.not_equal(table.column(rule.column), ""))


JUDGES: Mapping[type[Rule], tuple[tuple[str, ...], Callable[[Any, pa.Table, date], tuple[str, pa.Array]]]] = {
    NotAfter: (("earlier", "later"), _not_after),
    NotInFuture: (("column",), _not_in_future),
    NotBefore: (("column",), _not_before),
    RequiredWhen: (("column", "when"), _required_when),
}
"""Rule → the columns it needs (by field) and its judge."""


def _days(table: pa.Table, name: str) -> pa.Array:
    return as_days(table.column(name).combine_chunks())


def _holds(verdict: pa.Array) -> pa.Array:
    return pc.fill_null(verdict, True)
