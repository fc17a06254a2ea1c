"""Reads elements of one resource into the columns of its row.

Whatever stands in an element, nothing here raises: a value of the wrong kind is a problem
of its column, ``<column>.<rule>``, and the whole resource is refused with all its problems.
Rules: ``kind`` (an object where a text belongs), ``format``, ``zone``, ``code`` (not in the
value set), ``number``, ``size``, ``missing``, ``many``. Null is absent (in FHIR it only pads
lists), and so is a text of nothing but blanks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from decimal import Decimal

from concord.parse.fhir.code_sets import CODE_SETS
from concord.parse.fhir.dates import NotADate, read_date, read_moment
from concord.parse.fhir.json_lines import Number, Tree

RESOURCE_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""FHIR R4, datatypes: id."""
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
GREATEST_INTEGER = 2**31 - 1
MOST_DIGITS = 64
GREATEST_EXPONENT = 32

Row = dict[str, str | bool | None]
"""Columns that hold something; numbers, dates and timestamps as text."""


class Reading:
    """One row in the making; readings of a resource's components share its problems.

    ``problems`` are ``<column>.<rule>``; ``unresolved`` names the column of each reference
    without a logical id.
    """

    __slots__ = ("contained", "entity", "problems", "resource", "row", "unresolved")

    def __init__(self, resource: Tree, entity: str) -> None:
        self.resource, self.entity = resource, entity
        self.row: Row = {}
        self.problems: list[str] = []
        self.unresolved: list[str] = []
        self.contained: dict[str, Tree] | None = None

    def component(self, row: Row) -> Reading:
        """A further row of the same resource that begins as ``row``."""
        part = Reading(self.resource, self.entity)
        part.row, part.problems, part.unresolved, part.contained = row, self.problems, self.unresolved, self.contained
        return part

    def __repr__(self) -> str:
        return f"Reading(entity={self.entity}, problems={self.problems})"

    # ── ways into the tree ──

    def problem(self, column: str, rule: str) -> None:
        """Remembers that ``column`` cannot be read; each problem once."""
        name = f"{column}.{rule}"
        if name not in self.problems:
            self.problems.append(name)

    def tree(self, column: str, value: object) -> Tree:
        """``value`` where it is an object, and an empty one where it is absent or wrong; of a list the first."""
        if type(value) is dict:
            return value
        return next(self.objects(column, value), {})

    def objects(self, column: str, value: object) -> Iterator[Tree]:
        """The objects of a list; one that stands alone is a list of one (FHIR versions differ in that)."""
        if value is None:
            return
        for item in value if type(value) is list else [value]:
            if type(item) is dict:
                yield item
            elif item is not None:
                self.problem(column, "kind")

    def string(self, column: str, value: object) -> str | None:
        """``value`` where it is a text, without blanks around it."""
        if type(value) is str:
            return value.strip() or None
        if value is not None:
            self.problem(column, "kind")
        return None

    def strings(self, column: str, value: object) -> list[str]:
        """The texts of a list; one that stands alone is a list of one."""
        items = value if type(value) is list else [value]
        return [text for item in items if (text := self.string(column, item)) is not None]

    # ── columns ──

    def text(self, column: str, value: object) -> None:
        """A text."""
        text = self.string(column, value)
        if text is not None:
            self.row[column] = text

    def code(self, column: str, value: object) -> None:
        """A code; one with a value set has to be in it (of any FHIR version)."""
        text = self.string(column, value)
        if text is None:
            return
        known = CODE_SETS.get((self.entity, column)) or CODE_SETS.get(("", column))
        if known is not None and text not in known:
            self.problem(column, "code")
            return
        self.row[column] = text

    def boolean(self, column: str, value: object) -> None:
        """True or false."""
        if type(value) is bool:
            self.row[column] = value
        elif value is not None:
            self.problem(column, "kind")

    def number(self, column: str, value: object) -> None:
        """A decimal number; its text stays as it was written."""
        if value is None:
            return
        if type(value) is not Number:
            self.problem(column, "kind")
        elif len(value) > MOST_DIGITS or not _is_believable(value):
            self.problem(column, "size")
        else:
            self.row[column] = str(value)

    def integer(self, column: str, value: object) -> None:
        """A whole number of 32 bits (FHIR R4, datatypes: integer)."""
        if value is None:
            return
        if type(value) is not Number:
            self.problem(column, "kind")
        elif not INTEGER.fullmatch(value):
            self.problem(column, "number")
        elif len(value) > 11 or abs(int(value)) > GREATEST_INTEGER:
            self.problem(column, "size")
        else:
            self.row[column] = str(int(value))

    def moment(self, name: str, value: object) -> None:
        """``name_at`` and ``name_precision``."""
        self._dated(f"{name}_at", f"{name}_precision", value, read_moment)

    def timestamp(self, column: str, value: object) -> None:
        """A timestamp whose precision nobody asks for."""
        self._dated(column, None, value, read_moment)

    def date(self, column: str, precision: str, value: object) -> None:
        """A date without a time, and its precision."""
        self._dated(column, precision, value, read_date)

    def _dated(self, column: str, precision: str | None, value: object, read: Callable[[str], tuple[str, str]]) -> None:
        text = self.string(column, value)
        if text is None:
            return
        try:
            self.row[column], said = read(text)
        except NotADate as flaw:
            self.problem(column, flaw.rule)
            return
        if precision is not None:
            self.row[precision] = said

    def period(self, start: str, end: str, value: object) -> None:
        """A Period as two moments."""
        period = self.tree(f"{start}_at", value)
        self.moment(start, period.get("start"))
        self.moment(end, period.get("end"))

    def require(self, column: str, *given: object) -> None:
        """``column.missing`` where none of the elements is there, or says why it is not (``_status``)."""
        if all(value is None for value in given):
            self.problem(column, "missing")


def _is_believable(text: str) -> bool:
    try:
        number = Decimal(text)
    except ArithmeticError:  # an exponent of twenty digits
        return False
    return abs(number.adjusted()) <= GREATEST_EXPONENT


def is_one_of(value: object, known: Container[str]) -> bool:
    """Whether ``value`` is a text and one of ``known``; an object or a list is in no set."""
    return type(value) is str and value in known


def choice(tree: Tree, stem: str) -> tuple[str, object] | None:
    """The type and value of a choice element ``stem[x]``: (``DateTime``, ...); None where there is none."""
    for name, value in tree.items():
        if name.startswith(stem) and value is not None and name[len(stem) : len(stem) + 1].isupper():
            return name[len(stem) :], value
    return None
