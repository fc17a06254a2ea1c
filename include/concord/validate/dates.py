"""Reads dates strictly: what is no date of the calendar is marked, never silently dropped."""

from __future__ import annotations

import re
from datetime import date
from functools import cache

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from concord.contract import DateText
from concord.validate.damage import DAMAGED

UNREADABLE = "\ufffd"
"""Stands in a canonical column for a value that could not be read; such a row is always rejected."""

SHAPES = {
    "Y": "[0-9]{4}", "y": "[0-9]{2}", "m": "[0-9]{2}", "d": "[0-9]{2}", "-m": "[0-9]{1,2}", "-d": "[0-9]{1,2}",
    "b": "[A-Za-z]{3}", "H": "[0-9]{2}", "M": "[0-9]{2}", "S": "[0-9]{2}",
}  # fmt: skip
"""The format codes a contract may use. strptime alone would take ``1/2/26`` and other scripts' digits."""

DAY_LENGTH = len("2026-11-01")
SENTINEL_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%m/%d/%Y")
LAST_DAY = date(9999, 12, 30)
"""The last day that still has a next one: an end date is kept as the first day no longer covered."""


SERIAL = r"\A[0-9]{5}\z"
"""A spreadsheet's day number that is believed: 1927 to 2173."""
DAY_0 = (date(1899, 12, 30) - date(1970, 1, 1)).days
"""Day 0 of a spreadsheet, after its 29 February 1900 that never was, in days of Unix time."""


def read_dates(values: pa.Array, read: DateText, sentinels: tuple[str, ...]) -> tuple[pa.Array, dict[str, pa.Array]]:
    """``values`` as ISO text, and flags ``two_digit_year`` and ``excel_serial``.

    Blank and sentinel become ``""``, what is no date :data:`UNREADABLE`. A sentinel is
    meant as text and as the day it denotes, so 31.12.9999 is one too. Raises
    ``ValueError`` for a format code that is not in :data:`SHAPES`.
    """
    encoded = values.dictionary_encode()
    text = pc.utf8_trim_whitespace(encoded.dictionary)
    days = parse(text, tuple(form for form in read.formats if "%y" not in form))
    short = _in_century(parse(text, tuple(form for form in read.formats if "%y" in form)), read)
    flags = {"two_digit_year": pc.and_(pc.is_null(days), pc.is_valid(short))}
    days = pc.coalesce(days, short)
    if read.excel_serial:
        serial = read_serials(text)
        flags["excel_serial"] = pc.and_(pc.is_null(days), pc.is_valid(serial))
        days = pc.coalesce(days, serial)
    open_ended = pc.or_(
        pc.is_in(text, pa.array(["", *sentinels], text.type)),
        pc.fill_null(pc.is_in(days, parse(pa.array(sentinels, text.type), SENTINEL_FORMATS).drop_null()), False),
    )
    days = pc.if_else(pc.greater(days, pa.scalar(LAST_DAY)), None, days)
    iso = pc.fill_null(days.cast(text.type), UNREADABLE)
    found = pc.if_else(open_ended, "", iso).take(encoded.indices)
    return found, {flag: mask.take(encoded.indices) for flag, mask in flags.items() if pc.any(mask).as_py()}


def _in_century(days: pa.Array, read: DateText) -> pa.Array:
    return pa.array([None if day is None else read.in_century(day) for day in days.to_pylist()], pa.date32())


def read_serials(text: pa.Array) -> pa.Array:
    """``text`` as date32 where it is a spreadsheet's day number, else null."""
    number = pc.if_else(pc.match_substring_regex(text, SERIAL), text, None).cast(pa.int32())
    return pc.add(number, pa.scalar(DAY_0, pa.int32())).cast(pa.date32())


def parse(text: pa.Array, formats: tuple[str, ...]) -> pa.Array:
    """``text`` as date32 by the first of ``formats`` that fits, null where none does."""
    days = pa.nulls(len(text), pa.date32())
    for form in formats:
        shaped = pc.if_else(pc.match_substring_regex(text, shape(form)), text, None)
        days = pc.coalesce(days, (_parse_padded if set(codes(form)) == {"Y", "m", "d"} else _parse_any)(shaped, form))
    return days


def _parse_padded(shaped: pa.Array, form: str) -> pa.Array:
    """Ten times faster than pandas, but Arrow lets 30 February roll over to 2 March: the day shows it."""
    parsed = pc.strptime(shaped, format=form, unit="s", error_is_null=True).cast(pa.date32())
    before = form[: form.index("%d")]
    at = len(before.replace("%Y", "9999").replace("%m", "99"))
    day = pc.utf8_slice_codeunits(shaped, at, at + 2).cast(pa.int64())
    real = pc.and_(pc.equal(pc.day(parsed), day), pc.greater_equal(parsed, pa.scalar(date.min)))
    return pc.if_else(real, parsed, None)


def _parse_any(shaped: pa.Array, form: str) -> pa.Array:
    parsed = pd.to_datetime(shaped.to_pandas(), format=form.replace("%-", "%"), errors="coerce")
    return pa.array(parsed, pa.timestamp("us"), from_pandas=True).cast(pa.date32(), safe=False)


def codes(form: str) -> list[str]:
    """The format codes of a strptime format, in order."""
    return re.split(r"%(-?[A-Za-z])", form)[1::2]


@cache
def shape(form: str) -> str:
    """The regular expression of a strptime format, in ASCII digits and full width (``%-m`` for one or two digits)."""
    parts = re.split(r"%(-?[A-Za-z])", form)
    unknown = sorted(set(codes(form)) - set(SHAPES))
    if unknown:
        raise ValueError(f"date format codes {', '.join(unknown)} are not supported")
    pieces = (SHAPES[part] if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return rf"\A{''.join(pieces)}\z"


def as_days(iso: pa.Array) -> pa.Array:
    """Canonical date text as date32, of a moment its day in UTC; blank and unreadable become null."""
    encoded = iso.dictionary_encode()
    nothing = pa.array(["", UNREADABLE, DAMAGED], iso.type)
    given = pc.if_else(pc.is_in(encoded.dictionary, nothing), None, encoded.dictionary)
    return pc.utf8_slice_codeunits(given, 0, DAY_LENGTH).cast(pa.date32()).take(encoded.indices)
