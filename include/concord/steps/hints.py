"""Whom a record that could not be read might still be about.

A bad row of a known member must never end that member. So what looks like a
subscriber's id or a date of birth in its bytes counts as presence of everybody it fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime

from concord.contract import DateText, Feed, Text


def hints(feed: Feed, raw: bytes) -> list[str]:
    """Subscriber ids and ISO dates in the bytes of a record, sorted. PHI: for the stage table only."""
    text = feed.columnar.spread(raw)
    return sorted({*_ids(feed, text), *_dates(feed, text)})


def array_of(values: list[str]) -> str | None:
    """``values`` as a Postgres array literal; None for none. They hold no character that needs quoting."""
    return "{" + ",".join(values) + "}" if values else None


def _ids(feed: Feed, text: str) -> Iterator[str]:
    mapping = feed.columns.get("subscriber_id")
    if mapping is None or not isinstance(mapping.read, Text) or mapping.read.pattern is None:
        return
    width = mapping.read.pad_left or 0
    for found in re.split(r"[^A-Za-z0-9-]+", text.upper() if mapping.read.upper else text):
        token = found.zfill(width) if found.isdigit() else found
        if re.search(mapping.read.pattern, token):
            yield token


def _dates(feed: Feed, text: str) -> Iterator[str]:
    mapping = feed.columns.get("birth_date")
    if mapping is None or not isinstance(mapping.read, DateText):
        return
    marks = re.escape(feed.columnar.marks)
    for token in re.split(rf"[{marks}\r\n\0]+", text):
        days = (_day(token.strip(), form, mapping.read) for form in mapping.read.formats)
        yield from (day.isoformat() for day in days if day is not None)


def _day(token: str, form: str, read: DateText) -> date | None:
    try:
        day = datetime.strptime(token, form.replace("%-", "%")).date()  # noqa: DTZ007 — a day has no zone
    except ValueError:
        return None
    return read.in_century(day) if "%y" in form else day
