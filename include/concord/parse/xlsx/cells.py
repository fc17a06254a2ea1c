"""Makes text of a cell: what was typed stays, what a spreadsheet made of it is named.

What is no plain value becomes a text that begins with an equals sign, as a formula does (``=TRUE``,
``=1.234567E+17``, ``=DATE(2026-01-05)``, ``=#N/A``): no reader of a contract accepts it, and a row is kept with it, so
that a replay comes to the same. Of a day and of TRUE the value itself is read where the contract's reader takes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from concord.parse.xlsx.formats import shown

FIRST_TOO_LONG = 10**15
"""Of a number of more than 15 digits a spreadsheet keeps 15, and makes the others zero."""
LARGEST = 1e308
ENDLESS = "=1E+999"
"""Of a number beyond what a spreadsheet can hold."""
EXPONENT = re.compile(r"[0#?]E[+-]", re.IGNORECASE)
QUOTED = re.compile(r'"[^"]*"|\\.')

BOOLEAN, DAY, ERROR = "boolean", "day_month", "cell_error"
NO_VALUE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"=(TRUE|FALSE)"), BOOLEAN),
    (re.compile(r"=DATE\(([0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9:]{8})?)\)"), DAY),
    (re.compile(r"=-?[0-9](?:\.[0-9]+)?E[+-][0-9]+"), "scientific"),
    (re.compile(r"=TIME\(.*\)"), "time"),
    (re.compile(r"=ZEROS\(.*\)"), "leading_zeros"),
    (re.compile(r"(?s)=#.*"), ERROR),
    (re.compile(r"(?s)=.*"), "formula"),
)
"""What a text that begins with an equals sign stands for, and the rule that it breaks; the first that fits. A group is
the value that a column of such values reads."""


def text(value: Any, kind: str, number_format: str | None) -> str:
    """The text of a cell of openpyxl: its value, its ``data_type`` and its ``number_format``."""
    if kind in SPECIAL:
        return SPECIAL[kind](value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"={str(value).upper()}"
    if isinstance(value, int | float):
        return _number(value, number_format or "")
    if isinstance(value, datetime | date | time | timedelta):
        return _moment(value)
    return _typed(str(value))


def broken_rule(kept: str) -> str | None:
    """The rule that the text ``kept`` of a cell breaks, since it is no plain value; None where it is one."""
    return _no_value(kept)[1] if kept.startswith("=") else None


def plain(kept: str) -> str:
    """The text ``kept`` of a cell as it is read: a day as ISO text, TRUE and FALSE as words."""
    if not kept.startswith("="):
        return kept
    found, _ = _no_value(kept)
    return found[found.re.groups]


def _no_value(kept: str) -> tuple[re.Match[str], str]:
    return next((found, rule) for pattern, rule in NO_VALUE if (found := pattern.fullmatch(kept)) is not None)


def _typed(written: str) -> str:
    """A text as it was typed; one that begins with an equals sign is told by a second from what stands for no value."""
    return f"={written}" if written.startswith("=") else written


def _formula(value: Any) -> str:
    """A formula as it was written; of an array or a data table what there is."""
    written = value if isinstance(value, str) else getattr(value, "text", None) or ""
    return _typed(f"={written.lstrip('=')}")


def _error(value: Any) -> str:
    """An error as it is shown, whichever it is: every year brings new ones."""
    return f"=#{str(value or '').lstrip('#')}"


SPECIAL: dict[str, Callable[[Any], str]] = {"e": _error, "f": _formula}
"""By kind of cell what is no value, with or without content."""


def _number(value: float, number_format: str) -> str:
    """The digits of a number, at most 15, no zeros behind the point; in front those that its format shows."""
    if not abs(value) < FIRST_TOO_LONG or EXPONENT.search(QUOTED.sub("", number_format)):
        return f"={value:E}" if abs(value) < LARGEST else ENDLESS
    digits = str(int(value)) if value == int(value) else f"{Decimal(f'{value:.15g}'):f}"
    seen = shown(value, digits, number_format)
    return f"=ZEROS({digits})" if seen is None else _typed(seen)


def _moment(value: date | time | timedelta) -> str:
    """A day as ISO text, with its time of day where it has one."""
    if isinstance(value, datetime):
        at_midnight = value.time() == time()
        return f"=DATE({value.date().isoformat() if at_midnight else value.isoformat(' ', 'seconds')})"
    return f"=DATE({value.isoformat()})" if isinstance(value, date) else f"=TIME({value})"
