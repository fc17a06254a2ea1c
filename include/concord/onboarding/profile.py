"""What the values of a column are like: a reader for them, and what can be said of them without telling any."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

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
    "%d.%m.%Y",
    "%m%d%Y",
    "%d%m%Y",
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
LOOKS = str.maketrans(string.ascii_letters + string.digits, "A" * 52 + "9" * 10)
LOOKED_AT = 200
"""So many different values show which formats are worth trying on all."""
SHORT = re.compile(r"(?<![0-9])[0-9](?![0-9])")
SSN = re.compile(r"[0-9]{3}-?[0-9]{2}-?[0-9]{4}")
MOST_CODES = 25
TIMES_EACH = 4
"""A code repeats; an identifier does not."""
LONGEST_CODE = 24
IDENTIFIER = re.compile(r"[0-9]{4}|[0-9]{3}-[0-9]{2}-|@")
"""What no code looks like: numbers of contracts and families repeat as often as codes do."""
NEARLY_ALL = 0.97
"""Samples have bad rows as well."""


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
    formats: tuple[str, ...] = ()
    """Of dates: those in which they read; several where day and month cannot be told."""
    unsure: str = ""


def profile(name: str, values: Sequence[str]) -> Profile:
    """Judges one column."""
    given = [value.strip() for value in values if value.strip()]
    filled, distinct = len(given) / max(len(values), 1), len(set(given))
    dates = date_formats(given)
    if dates:
        return _dated(name, dates, filled, distinct, is_short=any(map(_is_short, given)))
    if given and sum(bool(SSN.fullmatch(value)) for value in given) > len(given) * 0.8 and distinct > TIMES_EACH:
        return Profile(name, "Ssn()", "ssn", "999-99-9999", filled, distinct)
    codes = code_table(given)
    if codes:
        return Profile(name, "", "codes", shape_of(given), filled, distinct, codes)
    return Profile(name, text_reader(given), "text", shape_of(given), filled, distinct)


def date_formats(values: Iterable[str]) -> list[str]:
    """The formats in which nearly all values (but sentinels) are dates; several where day and month cannot be told."""
    counts = Counter(value for value in values if value not in SENTINELS)
    total = sum(counts.values())
    some = list(islice(counts, LOOKED_AT))
    likely = [form for form in DATE_FORMATS if any(_reads(value, form) for value in some)]
    read = {form: sum(n for value, n in counts.items() if _reads(value, form)) for form in likely}
    most = max(read.values(), default=0)
    return [form for form, n in read.items() if total and n == most and n >= total * NEARLY_ALL]


def _reads(value: str, form: str) -> bool:
    try:
        day = datetime.strptime(value, form)  # noqa: DTZ007 - a calendar date
    except ValueError:
        return False
    return 1900 <= day.year <= 2100


def _is_short(value: str) -> bool:
    """Whether a date has a day or a month of one digit (``3/4/2026``)."""
    return SHORT.search(value) is not None


def _dated(name: str, dates: Sequence[str], filled: float, distinct: int, *, is_short: bool) -> Profile:
    unsure = f"reads as {' and as '.join(dates)}: which is it?" if len(dates) > 1 else ""
    pivot = ", pivot=29" if "%y" in dates[0] else ""
    unsure = unsure or ("in which century are two-digit years?" if pivot else "")
    form = re.sub("%([md])", r"%-\1", dates[0]) if is_short else dates[0]
    reader = f'date_in("{form}"{pivot})'
    return Profile(name, reader, "date", dates[0], filled, distinct, formats=tuple(dates), unsure=unsure)


def settled(profiles: Sequence[Profile]) -> list[Profile]:
    """Dates of which day and month cannot be told read as the others of the file do; it is still asked."""
    told = {each.formats[0] for each in profiles if len(each.formats) == 1}
    return [_as_others(each, told) for each in profiles]


def _as_others(each: Profile, told: set[str]) -> Profile:
    likely = [form for form in each.formats if form in told]
    if len(each.formats) < 2 or len(likely) != 1:
        return each
    alike = _dated(each.name, likely, each.filled, each.distinct, is_short="%-" in each.reader)
    return replace(alike, formats=each.formats, unsure=each.unsure)


def code_table(values: Sequence[str]) -> tuple[str, ...]:
    """The values of a column of codes: few, short, each of them often; none for what may tell who somebody is."""
    counts = Counter(value.upper() for value in values)
    often = {value: n for value, n in counts.items() if n >= TIMES_EACH}
    is_coded = 0 < len(often) <= MOST_CODES and sum(often.values()) >= len(values) * NEARLY_ALL
    return tuple(sorted(often)) if is_coded and all(map(is_code, often)) else ()


def is_code(value: str) -> bool:
    """Whether a value that repeats may be shown: it is short, and nothing that somebody is known by."""
    return len(value) <= LONGEST_CODE and IDENTIFIER.search(value) is None


def shape_of(values: Sequence[str]) -> str:
    """The commonest look: letters as A, digits as 9."""
    shapes = Counter(value.translate(LOOKS) for value in values)
    return shapes.most_common(1)[0][0][:40] if shapes else ""


def text_reader(values: Sequence[str]) -> str:
    """A reader of text: by pattern where all values look the same and are short, else by length."""
    pattern = common_pattern(values)
    longest = max(map(len, values), default=0)
    if pattern:
        return f'Text(r"\\A{pattern}\\Z")'
    return f"Text(max_length={max(20, (longest // 10 + 2) * 10)})"


def common_pattern(values: Sequence[str]) -> str:
    """A regular expression that fits nearly every value, of one length; letters that never differ are themselves."""
    shapes = Counter(value.translate(LOOKS) for value in values)
    shape, count = shapes.most_common(1)[0] if shapes else ("", 0)
    alike = [value for value in values if value.translate(LOOKS) == shape]
    if count < len(values) * NEARLY_ALL or len(shape) > 20 or len(set(alike)) < 3:
        return ""
    parts = [_class(set(column)) for column in zip(*alike, strict=True)]
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
