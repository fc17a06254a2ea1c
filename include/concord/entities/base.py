"""What a canonical table is: columns, key, type and PHI class.

Light on purpose (no pandas, no database): contracts import it while Airflow
parses a DAG file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Canonical type of a column; the value is its Postgres type."""

    TEXT = "text"
    DATE = "date"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamptz"
    NUMERIC = "numeric"


class Phi(StrEnum):
    """How a column may be shown (45 CFR 164.514(b)(2) lists the identifiers)."""

    NONE = "none"
    """Not an identifier: shown everywhere."""
    INDIRECT = "indirect"
    """An identifier that analysts need (member ids, dates): never in a log, masked in marts by rule."""
    DIRECT = "direct"
    """Names, addresses, dates of birth, contact data: masked in every mart."""
    SECRET = "secret"
    """Stored only as token, ciphertext and last four (SSN)."""


@dataclass(frozen=True)
class Column:
    """One canonical column.

    ``tracked`` columns make up the content: a difference in one is a change.
    """

    name: str
    kind: Kind = Kind.TEXT
    phi: Phi = Phi.NONE
    required: bool = False
    tracked: bool = True
    about: str = ""


@dataclass(frozen=True)
class Entity:
    """A canonical table and what identifies one row of it.

    ``key`` names the key columns (the partner is always part of the key and not
    listed). ``start`` and ``end`` name the columns of the half-open coverage span
    ``[start, end)`` of entities that have spans. ``scope`` names the columns that
    absence is judged against.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    about: str
    start: str | None = None
    end: str | None = None
    scope: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column called ``name``; raises ``KeyError``."""
        return self._by_name()[name]

    @property
    def is_record(self) -> bool:
        """Whether a row is a clinical resource, or a part of one, as its source last told it."""
        return self.key[:1] == ("resource_id",)

    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, in table order."""
        return tuple(column.name for column in self.columns)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The tracked columns that are neither key nor span: what ``change`` compares."""
        fixed = {*self.key, self.start, self.end}
        return tuple(c.name for c in self.columns if c.tracked and c.name not in fixed)

    @property
    def untracked(self) -> tuple[str, ...]:
        """Columns that are kept with a version and make none: a difference in one is no change."""
        return tuple(column.name for column in self.columns if not column.tracked)
