"""How a value is read: the readers of a column, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Blank(StrEnum):
    """What an empty value of an optional column means."""

    KEEP = "keep"
    CLEAR = "clear"


@dataclass(frozen=True)
class Text:
    """Text, stripped; ``pattern`` must match the whole value (ASCII classes, never ``\\d``).

    ``pad_left`` gives a value of fewer digits, and of nothing else, the leading zeros
    back that a spreadsheet took, up to that many digits; flagged ``<column>.padded``.
    """

    pattern: str | None = None
    max_length: int = 200
    upper: bool = False
    digits_only: bool = False
    """Separators (space, ``-``, ``.``, ``(``, ``)``) are dropped before the pattern is judged."""
    pad_left: int | None = None


@dataclass(frozen=True)
class DateText:
    """A calendar date in one of ``formats`` (strptime, tried in order); sentinels mean 'no date'.

    No text may fit two formats that put day, month and year in another order: an
    ambiguous date is never guessed. ``pivot`` is the last two-digit year (``%y``) that
    lies in this century, flagged ``<column>.two_digit_year``. ``excel_serial`` reads
    five digits as a spreadsheet's day number (1 is 1900-01-01, with the 29 February
    1900 that never was), flagged ``<column>.excel_serial``.
    """

    formats: tuple[str, ...] = ("%Y-%m-%d",)
    pivot: int | None = None
    excel_serial: bool = False

    def in_century(self, day: date) -> date | None:
        """``day`` of a two-digit year in the century that ``pivot`` says; None where it has no such day."""
        if self.pivot is None:
            return day
        year = day.year % 100
        try:
            return day.replace(year=(2000 if year <= self.pivot else 1900) + year)
        except ValueError:  # 29 February 1900
            return None


@dataclass(frozen=True)
class Codes:
    """A code table from the partner's values (compared upper-case) to canonical codes."""

    table: Mapping[str, str]


@dataclass(frozen=True)
class Whole:
    """A whole number between ``low`` and ``high``, ASCII digits only."""

    low: int = 0
    high: int = 2_147_483_647


@dataclass(frozen=True)
class Ssn:
    """A social security number: nine digits with or without dashes.

    Never-assigned numbers (SSA POMS RM 10201.035) and known placeholders are
    read as blank and flagged ``ssn.placeholder``: an SSN is nullable. ``pad_left``
    gives seven or eight digits their leading zeros back, flagged ``ssn.padded``.
    """

    pad_left: bool = False


@dataclass(frozen=True)
class Moment:
    """A moment in one of ``formats`` (strptime, tried in order), kept in UTC; sentinels mean 'no moment'.

    Without an offset (``%z``) it is local time in ``tz``. An hour that the clocks skipped cannot be read; one that they
    repeated is the first of the two, flagged ``<column>.repeated_hour``. A format without a time is a day, kept as its
    beginning in UTC, as partial dates of FHIR are: say so in the column's precision.
    """

    formats: tuple[str, ...] = ("%Y-%m-%dT%H:%M:%S%z",)
    tz: str = "UTC"


@dataclass(frozen=True)
class Number:
    """A decimal number between ``low`` and ``high``: ASCII digits and a point, never an exponent or thousands.

    Kept as it is written: the zeros at its end say how exactly it was measured.
    """

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class YesNo:
    """Yes or no, in the partner's words (compared upper-case)."""

    yes: tuple[str, ...] = ("Y", "YES", "T", "TRUE", "1")
    no: tuple[str, ...] = ("N", "NO", "F", "FALSE", "0")


@dataclass(frozen=True)
class Reference:
    """The logical id of a record of ``type``, kept as ``Type/id``, as references are."""

    type: str


Reader = Text | DateText | Codes | Whole | Ssn | Moment | Number | YesNo | Reference


@dataclass(frozen=True)
class From:
    """Where a canonical column comes from and how it is read.

    ``source`` is the partner's column name. ``required`` is about the *value*;
    ``optional_column`` lets the column itself be missing from the file (then every
    value means ``keep`` and the delivery reports drift). ``blank`` defaults by mode:
    full ``clear``, delta ``keep``. ``default`` replaces a blank value.
    """

    source: str
    read: Reader = field(default_factory=Text)
    required: bool = False
    optional_column: bool = False
    blank: Blank | None = None
    default: str | None = None


def date_in(*formats: str, pivot: int | None = None, excel_serial: bool = False) -> DateText:
    """Shorthand for :class:`DateText` with ``formats`` (strptime)."""
    return DateText(formats, pivot, excel_serial)
