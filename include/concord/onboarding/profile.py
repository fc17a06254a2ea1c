"""What the values of a column are like: a reader for them, and what can be said of them without telling any."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y%m%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
)
SENTINELS = frozenset(
    {
        "9999-12-31",
        "99991231",
        "12/31/9999",
        "2999-12-31",
        "12/31/2999",
        "29991231",
        "00000000",
        "0000-00-00",
        "00/00/0000",
    }
)
SSN = re.compile(r"[0-9]{3}-?[0-9]{2}-?[0-9]{4}")
MOST_CODES = 25
TIMES_EACH = 4
"""A code repeats; an identifier does not."""


@dataclass(frozen=True)
class Profile:
    """A column. ``reader`` is source code for a contract; ``codes`` only where few values repeat often; ``shape`` says
    what values look like (``A9999999``) instead of what they are."""

    name: str
    reader: str
    kind: str
    shape: str
    filled: float
    distinct: int
    codes: tuple[str, ...] = ()
    unsure: str = ""


def profile(name: str, values: Sequence[str]) -> Profile:
    """Judges one column."""
    given = [value.strip() for value in values if value.strip()]
    filled, distinct = len(given) / max(len(values), 1), len(set(given))
    dates = date_formats(given)
    if dates:
        return _dated(name, dates, filled, distinct)
    if given and sum(bool(SSN.fullmatch(value)) for value in given) > len(given) * 0.8 and distinct > TIMES_EACH:
        return Profile(name, "Ssn()", "ssn", "999-99-9999", filled, distinct)
    codes = code_table(given)
    if codes:
        return Profile(name, "", "codes", shape_of(given), filled, distinct, codes)
    return Profile(name, text_reader(given), "text", shape_of(given), filled, distinct)


def date_formats(values: Iterable[str]) -> list[str]:
    """Every format in which all values (but sentinels) are dates; several where nobody can tell day from month."""
    given = [value for value in set(values) if value not in SENTINELS]
    return [form for form in DATE_FORMATS if given and all(_reads(value, form) for value in given)]


def _reads(value: str, form: str) -> bool:
    try:
        day = datetime.strptime(value, form)  # noqa: DTZ007 - a calendar date
    except ValueError:
        return False
    return 1900 <= day.year <= 2100


def _dated(name: str, dates: list[str], filled: float, distinct: int) -> Profile:
    unsure = f"reads as {' and as '.join(dates)}: which is it?" if len(dates) > 1 else ""
    pivot = ", pivot=29" if "%y" in dates[0] else ""
    unsure = unsure or ("in which century are two-digit years?" if pivot else "")
    return Profile(name, f'date_in("{dates[0]}"{pivot})', "date", dates[0], filled, distinct, unsure=unsure)


def code_table(values: Sequence[str]) -> tuple[str, ...]:
    """The values of a column of codes: few, short, each of them often; none for what may tell who somebody is."""
    counts = Counter(value.upper() for value in values)
    is_coded = 0 < len(counts) <= MOST_CODES and len(values) >= TIMES_EACH * len(counts)
    if not is_coded or min(counts.values()) < 2 or any(len(value) > 24 for value in counts):
        return ()
    return tuple(sorted(counts))


def shape_of(values: Sequence[str]) -> str:
    """The commonest look: letters as A, digits as 9."""
    shapes = Counter(re.sub(r"[0-9]", "9", re.sub(r"[A-Za-z]", "A", value)) for value in values)
    return shapes.most_common(1)[0][0][:40] if shapes else ""


def text_reader(values: Sequence[str]) -> str:
    """A reader of text: by pattern where all values look the same and are short, else by length."""
    pattern = common_pattern(values)
    longest = max(map(len, values), default=0)
    if pattern:
        return f'Text(r"\\A{pattern}\\Z")'
    return f"Text(max_length={max(20, (longest // 10 + 2) * 10)})"


def common_pattern(values: Sequence[str]) -> str:
    """A regular expression that fits every value of one length; letters that never differ stand for themselves."""
    if not values or len({len(value) for value in values}) != 1 or len(values[0]) > 20 or len(set(values)) < 3:
        return ""
    parts = [_class(set(column)) for column in zip(*values, strict=True)]
    if "" in parts:
        return ""
    return re.sub(r"(\[[^\]]+\])\1+", lambda run: f"{run[1]}{{{len(run[0]) // len(run[1])}}}", "".join(parts))


def _class(seen: set[str]) -> str:
    if len(seen) == 1 and (only := next(iter(seen))).isalpha() and only.isascii():
        return only
    if all(each.isascii() and each.isdigit() for each in seen):
        return "[0-9]"
    if all(each.isascii() and each.isupper() for each in seen):
        return "[A-Z]"
    if all(each.isascii() and (each.isupper() or each.isdigit()) for each in seen):
        return "[A-Z0-9]"
    return "[-]" if seen == {"-"} else ""
