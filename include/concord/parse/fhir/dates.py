"""FHIR dates to ISO text and how much of it was said (FHIR R4, datatypes: date, dateTime, instant).

A part that was not said is its first, and what has no time begins at midnight UTC. A time
has its offset; nobody knows which hour a time without one is. A leap second is the first
second of the next minute, as Postgres has it. Fractions are cut to microseconds.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

_SHAPE = re.compile(
    r"(?P<day>([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?)"
    r"(?:T(?P<minute>[0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2})?(?:\.(?P<fraction>[0-9]+))?(?P<zone>Z|[+-][0-9]{2}:[0-5][0-9])?)?"
)
PRECISIONS = {4: "year", 7: "month", 10: "day"}
FURTHEST_OFFSET = timedelta(hours=14)


class NotADate(ValueError):
    """A text is no date; ``rule`` is ``format`` or ``zone``, and the text is not in it."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@lru_cache(maxsize=1 << 14)
def read_moment(text: str) -> tuple[str, str]:
    """(ISO timestamp with offset, precision) of a date, dateTime or instant; raises :class:`NotADate`."""
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise NotADate("format")
    if shape["minute"] is None:
        day, precision = read_date(text)
        return f"{day}T00:00:00+00:00", precision
    if shape["zone"] is None:
        raise NotADate("zone")
    if len(shape["day"]) != 10 or (shape["fraction"] and not shape["second"]):
        raise NotADate("format")
    return _time(shape).isoformat(), "time"


def _time(shape: re.Match[str]) -> datetime:
    leap = shape["second"] == ":60"
    second = ":59" if leap else shape["second"] or ":00"
    fraction = "" if leap else f".{(shape['fraction'] or '')[:6]:0<6}"
    moment = None
    try:
        moment = datetime.fromisoformat(f"{shape['day']}T{shape['minute']}{second}{fraction}{shape['zone']}")
        moment += timedelta(seconds=leap)
    except (ValueError, OverflowError):
        moment = None  # the library's error quotes the text
    if moment is None or abs(moment.utcoffset() or timedelta()) > FURTHEST_OFFSET:
        raise NotADate("format")
    return moment


@lru_cache(maxsize=1 << 14)
def read_date(text: str) -> tuple[str, str]:
    """(ISO date, precision) of a date; raises :class:`NotADate`."""
    shape = _SHAPE.fullmatch(text)
    if shape is None or shape["minute"] is not None:
        raise NotADate("format")
    year, month, day = (int(part or 1) for part in shape.group(2, 3, 4))
    try:
        return date(year, month, day).isoformat(), PRECISIONS[len(text)]
    except ValueError:
        raise NotADate("format") from None
