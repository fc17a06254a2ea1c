"""Timestamps (TS, DTM, DT) of any precision: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ] (HL7 §2A.3.22)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

SHAPE = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?)?)?)?)?(?:(?P<sign>[+-])(?P<hours>\d\d)(?P<minutes>\d\d))?",
    re.ASCII,
)
WIDEST_OFFSET = timedelta(hours=14)
"""No place on Earth is further from Greenwich; +0530 and +1245 are places, -2400 is none."""


@dataclass(frozen=True)
class Moment:
    """``at`` in UTC, how much of it was said (``year``, ``month``, ``day``, ``time``), and the day as it was written.

    A part that was not said is its first; what has no time begins at midnight UTC, as in a
    FHIR record. May be PHI, so it is not in the ``repr``.
    """

    at: datetime
    precision: str
    day: date

    def __repr__(self) -> str:
        return f"Moment(precision={self.precision!r})"


def read_moment(text: str, zone: tzinfo) -> Moment | None:
    """``text`` as a moment, in ``zone`` where it has no offset; None where it is no timestamp.

    An hour that comes twice when clocks go back is its first.
    """
    match = SHAPE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        local = datetime(
            int(match["year"]), int(match["month"] or 1), int(match["day"] or 1),
            int(match["hour"] or 0), int(match["minute"] or 0), int(match["second"] or 0),
            int((match["fraction"] or "0")[:6].ljust(6, "0")), _offset(match) or zone,
        )  # fmt: skip
        at = local.replace(tzinfo=UTC) if match["hour"] is None else local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Moment(at, _precision(match), local.date())


def _precision(match: re.Match[str]) -> str:
    named = {"hour": "time", "day": "day", "month": "month"}
    return next((precision for part, precision in named.items() if match[part]), "year")


def _offset(match: re.Match[str]) -> tzinfo | None:
    """Raises ``ValueError`` where there is no such place."""
    if match["sign"] is None:
        return None
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    if offset > WIDEST_OFFSET or int(match["minutes"]) > 59:
        raise ValueError("offset")
    return timezone(offset if match["sign"] == "+" else -offset)
