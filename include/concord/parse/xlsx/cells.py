"""Cells as text: what was typed, and what a cell's format shows of a number."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from concord.errors import DeliveryRejected

ZEROS = re.compile(r"0{2,20}")
"""A number format that shows leading zeros, and nothing else (a ZIP code, a social security number)."""
EXACT = 10**15
"""A spreadsheet keeps fifteen digits: of a greater number some are gone."""
FORMULA = "f"


def is_formula(cell: Any) -> bool:
    """Whether a cell computes its value: what it shows is not what anybody typed."""
    return bool(getattr(cell, "data_type", "") == FORMULA)


def text(cell: Any) -> str:
    """A cell as text, blank for an empty one; raises ``DeliveryRejected`` for a format that is not there."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return number(value, _format(cell))
    return moment(value)


def _format(cell: Any) -> str:
    """The number format of a cell, blank where it has none; raises ``DeliveryRejected`` for one that is not there."""
    try:
        return str(getattr(cell, "number_format", "") or "")
    except IndexError:
        pass
    raise DeliveryRejected("structure.workbook", "a cell has a format that the workbook has not")


def number(value: float, form: str = "") -> str:
    """A number's digits; one that lost some is written so that it is seen (``1.23E+18``)."""
    if value != value or abs(value) >= EXACT:  # noqa: PLR0124 - not a number
        return f"{value:.14E}"
    if value == int(value):
        digits = str(int(value))
        return digits.zfill(len(form)) if ZEROS.fullmatch(form) else digits
    return f"{value:.15g}"


def moment(value: object) -> str:
    """A date as ISO text; with a time only where it has one."""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else ""
