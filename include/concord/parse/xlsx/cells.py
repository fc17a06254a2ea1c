"""Makes text of a cell: what was typed stays, what a spreadsheet made of it is named.

What is no plain value becomes a text that begins with an equals sign, as a formula does (``=TRUE``,
``=1.234567E+17``, ``=TIME(08:30:00)``): no reader of a contract accepts it, and a refused row is kept with it, so
that a replay comes to the same.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from concord.parse import Reason

FIRST_TOO_LONG = 10**15
"""Of a number of more than 15 digits a spreadsheet keeps 15, and makes the others zero."""
EXPONENT = re.compile(r"[0#?]E[+-]", re.IGNORECASE)
ZEROS = re.compile(r"0+")
"""A format that shows so many digits: how a spreadsheet keeps the leading zeros of an id."""
QUOTED = re.compile(r'"[^"]*"|\\.')

NO_VALUE: tuple[tuple[str, Reason], ...] = (
    (r"=(?:TRUE|FALSE)", Reason.BOOLEAN),
    (r"=-?[0-9]\.[0-9]+E[+-][0-9]+", Reason.SCIENTIFIC),
    (r"=TIME\(.*\)", Reason.TIME),
    (r"(?s)=.*", Reason.FORMULA),
)
"""What a text that begins with an equals sign stands for; the first that fits."""


def text(value: Any, kind: str, number_format: str | None) -> str:
    """The text of a cell of openpyxl: its value, its ``data_type`` and its ``number_format``."""
    if value is None:
        return ""
    if kind == "f":
        return _formula(value)
    if isinstance(value, bool):
        return f"={str(value).upper()}"
    if isinstance(value, int | float):
        return _number(value, number_format or "")
    if isinstance(value, datetime | date | time | timedelta):
        return _moment(value)
    return str(value)


def no_value(shown: str) -> Reason | None:
    """Why ``shown`` is no plain value; None where it is one."""
    if not shown.startswith("="):
        return None
    return next(reason for pattern, reason in NO_VALUE if re.fullmatch(pattern, shown))


def _formula(value: Any) -> str:
    """A formula as it was written; of an array or a data table what there is."""
    written = value if isinstance(value, str) else getattr(value, "text", None) or ""
    return f"={written.lstrip('=')}"


def _number(value: float, number_format: str) -> str:
    """As a spreadsheet shows it at most: 15 digits, no zeros behind the point, those in front that it shows."""
    if not abs(value) < FIRST_TOO_LONG or EXPONENT.search(QUOTED.sub("", number_format)):
        return f"={value:E}" if abs(value) < float("inf") else "=1E+999"
    if isinstance(value, int) or value.is_integer():
        return f"{int(value):0{len(number_format)}}" if ZEROS.fullmatch(number_format) else str(int(value))
    return f"{Decimal(f'{value:.15g}'):f}"


def _moment(value: date | time | timedelta) -> str:
    """A day as ISO text; one with a time of day too, which no reader of days accepts."""
    if isinstance(value, datetime):
        at_midnight = value.time() == time()
        return value.date().isoformat() if at_midnight else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return f"=TIME({value})"
