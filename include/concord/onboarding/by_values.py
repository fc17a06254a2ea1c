"""What columns that have no names likely are, by their values and by what stands beside them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from concord.onboarding.meanings import meaning
from concord.onboarding.profile import NEARLY_ALL, SENTINELS, Profile, profile

UNNAMED = "COL"
FITS, MAY_BE, HARDLY_TOLD = 0.7, 0.5, 0.3
"""How sure values make it: a column of sexes is hardly another one, the first number of many may be."""
STATES = frozenset(
    re.findall(
        "..",
        "ALAKAZARCACOCTDEDCFLGAHIIDILINIAKSKYLAMEMDMAMIMNMSMOMTNENVNHNJNMNYNCNDOHOKORPAPRRISCSDTNTXUTVTVAVIWAWVWIWYGUASMP",
    )
)
OF_A_FAMILY = ("SUBSCRIBER_ID", "GROUP_ID")
"""What a dependent's record takes from its subscriber's where it has none."""
WORD = re.compile(r"[^\W\d_]([^\W\d_]|[ .'-])*")
PERSON = re.compile(r"0{0,2}([0-9]|1[0-9])")
PHONE = re.compile(r"[(]?[2-9][0-9]{2}[) .-]{0,2}[0-9]{3}[ .-]?[0-9]{4}")
EMAIL = re.compile(r"[^@ ]+@[^@ ]+[.][^@ ]+")
POSTAL = re.compile(r"[0-9]{5}(-?[0-9]{4})?")
YEARS_OF_LIVES = 15
"""Births lie over more years than the beginnings of coverages."""
FIRST_DEPENDENT = 2
FEWEST_WORDS = 5
"""Fewer different words are codes and no names."""


@dataclass(frozen=True)
class Column:
    """One column without a name."""

    looks: Profile
    values: tuple[str, ...]

    @cached_property
    def given(self) -> tuple[str, ...]:
        """The values that are there."""
        return tuple(value.strip() for value in self.values if value.strip())

    def all_fit(self, pattern: re.Pattern[str]) -> bool:
        """Whether nearly every value fits."""
        return bool(self.given) and sum(map(bool, map(pattern.fullmatch, self.given))) >= len(self.given) * NEARLY_ALL

    @cached_property
    def years(self) -> Counter[int]:
        """How many of its dates are of which year; those that mean no date are none."""
        years: Counter[int] = Counter()
        for value, count in Counter(self.given).items() if self.looks.kind == "date" else ():
            with suppress(ValueError):
                if value not in SENTINELS:
                    years[datetime.strptime(value, self.looks.shape).year] += count  # noqa: DTZ007 - a calendar date
        return years

    @property
    def is_never(self) -> bool:
        """Whether nothing stands in it but dates that mean no date."""
        return bool(self.given) and set(self.given) <= SENTINELS


def names(columns: Sequence[Sequence[str]], has_mark: bool) -> tuple[str, ...]:
    """A name for each column: the canonical one that it likely is, else its place (``COL07``).

    With ``has_mark`` the first one is the mark of its kind of records.
    """
    told = likely([tuple(values) for values in columns], has_mark)
    return tuple(told[at].upper() if at in told else f"{UNNAMED}{at + 1:02d}" for at in range(len(columns)))


def likely(columns: Sequence[tuple[str, ...]], has_mark: bool) -> dict[int, str]:
    """Place → the canonical column that it likely is; each at most once (:data:`CONFIDENCE` says how sure it is)."""
    all_of = [Column(profile("", values), values) for values in columns]
    found: dict[int, str] = {}
    for canonical, fits, _ in RULES:
        if canonical in found.values():
            continue
        free = (at for at in range(1 if has_mark else 0, len(all_of)) if at not in found)
        first = next((at for at in free if fits(all_of, at)), None)
        if first is not None:
            found[first] = canonical
    return found


Test = Callable[[Sequence[Column], int], bool]
"""Whether the column at a place fits."""


def _codes(canonical: str) -> Test:
    """A column of codes of which most have a meaning there."""

    def test(columns: Sequence[Column], at: int) -> bool:
        known, unknown = meaning(canonical, columns[at].looks.codes)
        return len(known) > max(len(unknown), 1)

    return test


def _pattern(pattern: re.Pattern[str]) -> Test:
    return lambda columns, at: columns[at].all_fit(pattern)


def _beside(other: Test, step: int, test: Test) -> Test:
    """A column that stands in front of (``step`` 1) or behind (-1) one that ``other`` fits."""
    return lambda columns, at: 0 <= at + step < len(columns) and test(columns, at) and other(columns, at + step)


def _state(columns: Sequence[Column], at: int) -> bool:
    given = columns[at].given
    return bool(given) and sum(value.upper() in STATES for value in given) >= len(given) * NEARLY_ALL


def _sex(columns: Sequence[Column], at: int) -> bool:
    codes = set(columns[at].looks.codes)
    return {"M", "F"} <= codes <= {"M", "F", "U", "X"}


def _ssn(columns: Sequence[Column], at: int) -> bool:
    return columns[at].looks.kind == "ssn"


def _born(columns: Sequence[Column], at: int) -> bool:
    """The dates that lie over the most years."""
    spans = [max(column.years, default=0) - min(column.years, default=0) for column in columns]
    return spans[at] == max(spans) > YEARS_OF_LIVES


def _begins(columns: Sequence[Column], at: int) -> bool:
    """Dates that nearly every row has."""
    return columns[at].years.total() > len(columns[at].values) * 0.9


def _ends(columns: Sequence[Column], at: int) -> bool:
    """Dates behind others, that few have or that mean none."""
    column = columns[at]
    return at > 0 and columns[at - 1].looks.kind == "date" and (column.looks.kind == "date" or column.is_never)


def _identifier(columns: Sequence[Column], at: int) -> bool:
    """Digits, with letters or without, different for every family."""
    looks, values = columns[at].looks, columns[at].values
    is_id = looks.kind == "text" and "9" in looks.shape and not {"@", " "} & set(looks.shape)
    return is_id and len(set(columns[at].given)) > len(values) * 0.2 and not columns[at].all_fit(PHONE)


def _name(columns: Sequence[Column], at: int) -> bool:
    """Words, many different ones of different lengths."""
    column = columns[at]
    is_many = len(set(column.given)) >= FEWEST_WORDS and len(set(map(len, column.given))) > 1
    return is_many and column.all_fit(WORD) and len(column.given) > len(column.values) * 0.9


def _person(columns: Sequence[Column], at: int) -> bool:
    """Small numbers that begin with the subscriber's, or with his first dependent's."""
    numbers = {int(value) for value in columns[at].given if PERSON.fullmatch(value)}
    return len(numbers) > 1 and columns[at].all_fit(PERSON) and min(numbers) <= FIRST_DEPENDENT


RULES: tuple[tuple[str, Test, float], ...] = (
    ("gender_code", _sex, FITS),
    ("ssn", _ssn, FITS),
    ("email", _pattern(EMAIL), FITS),
    ("relationship_code", _codes("relationship_code"), FITS),
    ("coverage_line", _codes("coverage_line"), FITS),
    ("coverage_tier", _codes("coverage_tier"), FITS),
    ("state_code", _state, FITS),
    ("postal_code", _beside(_state, -1, _pattern(POSTAL)), FITS),
    ("city", _beside(_state, 1, _name), FITS),
    ("phone", _pattern(PHONE), MAY_BE),
    ("birth_date", _born, FITS),
    ("effective_from", _beside(_ends, 1, _begins), MAY_BE),
    ("effective_from", _begins, MAY_BE),
    ("effective_to", _ends, HARDLY_TOLD),
    ("person_code", _person, MAY_BE),
    ("subscriber_id", _identifier, MAY_BE),
    ("last_name", _name, MAY_BE),
    ("first_name", _name, MAY_BE),
)
"""The surest first; names in the order in which they usually stand; a beginning with an end behind it before others."""
CONFIDENCE = {canonical: confidence for canonical, _, confidence in RULES}
