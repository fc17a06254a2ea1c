"""How a value is read: the readers of a column, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Blank(StrEnum):
    """What an empty value of an optional column means."""

    KEEP = "keep"
    CLEAR = "clear"


@dataclass(frozen=True)
class Text:
    """Text, stripped; ``pattern`` must match the whole value (ASCII classes, never ``\\d``)."""

    pattern: str | None = None
    max_length: int = 200
    upper: bool = False
    digits_only: bool = False
    """Separators (space, ``-``, ``.``, ``(``, ``)``) are dropped before the pattern is judged."""


@dataclass(frozen=True)
class DateText:
    """A calendar date in one of ``formats`` (strptime, tried in order); sentinels mean 'no date'."""

    formats: tuple[str, ...] = ("%Y-%m-%d",)


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
    read as blank and flagged ``ssn.placeholder``: an SSN is nullable.
    """


Reader = Text | DateText | Codes | Whole | Ssn


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


def date_in(*formats: str) -> DateText:
    """Shorthand for :class:`DateText` with ``formats`` (strptime)."""
    return DateText(formats)
