"""Reads moments strictly, to UTC: what no clock ever showed is marked, never silently moved."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from concord.contract import Moment
from concord.validate.dates import SENTINEL_FORMATS, SHAPES, UNREADABLE, parse

MOMENT_SHAPES = SHAPES | {"f": "[0-9]{1,6}", "z": "(?:Z|[+-][0-9]{2}:?[0-9]{2})", "I": "[0-9]{2}", "p": "(?i:AM|PM)"}
CLOCK = re.compile(r"%[HI]")


class Read(NamedTuple):
    """Canonical text, and whether the local clock showed that hour twice."""

    text: str
    is_repeated: bool = False


NOT_READ = Read(UNREADABLE)


def read_moments(values: pa.Array, read: Moment, sentinels: tuple[str, ...]) -> tuple[pa.Array, dict[str, pa.Array]]:
    """``values`` as ISO text in UTC (``2026-11-01T08:00:00Z``), and the flag ``repeated_hour``.

    Blank and sentinel become ``""``, what is no moment :data:`UNREADABLE`. A sentinel is meant as text and as the
    day it denotes, whatever time stands behind it.
    """
    encoded = values.dictionary_encode()
    days = frozenset(parse(pa.array(sentinels, values.type), SENTINEL_FORMATS).drop_null().to_pylist())
    found = [_read(text.strip(), read, sentinels, days) for text in encoded.dictionary.to_pylist()]
    canonical = pa.array([each.text for each in found], values.type)
    repeated = pa.array([each.is_repeated for each in found], pa.bool_())
    flags = {"repeated_hour": repeated.take(encoded.indices)} if pc.any(repeated).as_py() else {}
    return canonical.take(encoded.indices), flags


def _read(text: str, read: Moment, sentinels: tuple[str, ...], days: frozenset[date]) -> Read:
    if text in ("", *sentinels):
        return Read("")
    for form in read.formats:
        found = _parsed(text, form)
        if found is not None:
            return Read("") if found.date() in days else _in_utc(found, form, read)
    return NOT_READ


def _parsed(text: str, form: str) -> datetime | None:
    """strptime alone would take ``1/2/26`` and other scripts' digits."""
    if not shape(form).fullmatch(text):
        return None
    try:
        return datetime.strptime(text, form.replace("%-", "%"))  # noqa: DTZ007 - the zone is the contract's
    except ValueError:
        return None


def _in_utc(found: datetime, form: str, read: Moment) -> Read:
    if found.tzinfo is None and CLOCK.search(form) is None:
        return Read(_written(found))
    zone = ZoneInfo(read.tz)
    try:
        moment = (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)
        if found.tzinfo is None and moment.astimezone(zone).replace(tzinfo=None, fold=0) != found:
            return NOT_READ  # the clocks skipped it
    except OverflowError:
        return NOT_READ
    again = found.tzinfo is None and found.replace(tzinfo=zone, fold=1).astimezone(UTC) != moment
    return Read(_written(moment.replace(tzinfo=None)), again)


def _written(moment: datetime) -> str:
    return f"{moment.isoformat()}Z"


@cache
def shape(form: str) -> re.Pattern[str]:
    """The regular expression of a strptime format, in ASCII digits and full width (``%-m`` for one or two digits).

    Raises ``ValueError`` for a format code that is not in :data:`MOMENT_SHAPES`.
    """
    parts = re.split(r"%(-?[A-Za-z])", form)
    if unknown := sorted(set(parts[1::2]) - set(MOMENT_SHAPES)):
        raise ValueError(f"format codes {', '.join(unknown)} are not supported")
    return re.compile("".join(MOMENT_SHAPES[part] if at % 2 else re.escape(part) for at, part in enumerate(parts)))
