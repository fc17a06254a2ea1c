"""Looks at the XML of a workbook before openpyxl does: its limits, its order, and what openpyxl does not tell.

openpyxl keeps the tree of what it reads, fills up rows that are missing, drops rows and cells that come out of order,
and resolves what a document type declares if nobody forbids it. Here all parts are read once by expat, which keeps
nothing; what would make openpyxl take too much, or lose something, rejects the delivery.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat
from zipfile import ZipFile

from concord.contract import Xlsx
from concord.contract.sheet import LAST_COLUMN
from concord.errors import DeliveryRejected
from concord.parse.xlsx.archive import unbroken

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
ROW, CELL, MERGE, STRINGS, STRING = (f"{MAIN}{name}" for name in ("row", "c", "mergeCell", "sst", "si"))
DEEPEST = 64
MOST_ELEMENTS = 200_000
"""Of a part that is kept as a whole, and of a sheet outside of its rows."""
MOST_STRINGS = 2_000_000
ELEMENTS_A_CELL = 8
"""More than a cell, its value or rich text, on average of a row."""
XML_NAMES = (".xml", ".rels")
REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
AREA = re.compile(r"\$?[A-Z]{1,3}\$?([1-9][0-9]{0,6})(?::\$?[A-Z]{1,3}\$?([1-9][0-9]{0,6}))?")


@dataclass
class Facts:
    """What a sheet's markup says beside its cells: hidden rows, and merged ones as (first, last)."""

    hidden: set[int] = field(default_factory=set)
    merged: list[tuple[int, int]] = field(default_factory=list)

    def merged_rows(self) -> frozenset[int]:
        """The rows in which a merged cell stands."""
        rows: set[int] = set()
        after = 0
        for first, last in sorted(self.merged):
            rows.update(range(max(first, after), last + 1))
            after = max(after, last + 1)
        return frozenset(rows)


def facts(archive: ZipFile, form: Xlsx) -> dict[str, Facts]:
    """Facts by part, of all of them.

    Raises :class:`DeliveryRejected`: ``structure.entities`` for a document type, ``.too_large``, ``.too_many_rows``,
    ``.macros``, ``.workbook``.
    """
    return {name: _scanned(archive, name, form) for name in archive.namelist()}


def _scanned(archive: ZipFile, name: str, form: Xlsx) -> Facts:
    part = Part(form)
    if name.lower().endswith(XML_NAMES):
        unbroken(lambda: part.read(archive, name))
    else:  # a picture, or what only openpyxl would take for XML
        try:
            unbroken(lambda: part.read(archive, name))
        except DeliveryRejected as rejected:
            if rejected.code != "structure.workbook":
                raise
    return part.facts


class Part:
    """One part, read by expat; raises :class:`DeliveryRejected` as soon as it goes too far."""

    def __init__(self, form: Xlsx) -> None:
        self._form = form
        self.facts = Facts()
        self._depth = self._elements = self._strings = self._within = self._row = self._column = 0
        self._inside = False

    def read(self, archive: ZipFile, name: str) -> None:
        """Reads it to its end, and with it checks its CRC."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        with archive.open(name) as stream:
            parser.ParseFile(stream)

    def _doctype(self, *_: object) -> None:
        raise DeliveryRejected("structure.entities", "the workbook's XML declares a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if name in (ROW, STRING):
            self._inside, self._within = True, 0
            self._strings += name == STRING
        self._count()
        if name == ROW:
            self._start_row(attributes)
        elif name == CELL:
            self._start_cell(attributes)
        elif name == MERGE:
            self._merge(attributes.get("ref", ""))
        elif "macroEnabled" in attributes.get("ContentType", ""):
            raise DeliveryRejected("structure.macros", "the workbook has macros (.xlsm)")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name in (ROW, STRING):
            self._inside = False

    def _count(self) -> None:
        self._within += 1
        self._elements += not self._inside
        limits = (
            (self._depth, DEEPEST), (self._elements, MOST_ELEMENTS), (self._strings, MOST_STRINGS),
            (self._within * self._inside, ELEMENTS_A_CELL * self._form.max_columns),
        )  # fmt: skip
        if any(count > limit for count, limit in limits):
            raise DeliveryRejected("structure.too_large", "the workbook's XML has far too many elements")

    def _start_row(self, attributes: dict[str, str]) -> None:
        number = _number(attributes.get("r"), self._row + 1)
        if number <= self._row:
            raise DeliveryRejected("structure.workbook", "the sheet's rows are out of order")
        if number > self._form.max_rows:
            raise DeliveryRejected("structure.too_many_rows", f"a row is numbered above {self._form.max_rows}")
        self._row, self._column = number, 0
        if attributes.get("hidden") in ("1", "true"):
            self.facts.hidden.add(number)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        column = self._column + 1
        if (reference := attributes.get("r")) is not None:
            found = REFERENCE.fullmatch(reference)
            column = _column(found[1]) if found and int(found[2]) == self._row else 0
        if not self._column < column <= LAST_COLUMN:
            raise DeliveryRejected("structure.workbook", "a cell stands out of order, or in another row")
        self._column = column

    def _merge(self, area: str) -> None:
        found = AREA.fullmatch(area)
        if found is None or len(self.facts.merged) >= self._form.max_rows:
            raise DeliveryRejected("structure.workbook", "merged cells are no area of the sheet")
        self.facts.merged.append((int(found[1]), int(found[2] or found[1])))


def _number(text: str | None, default: int) -> int:
    """A row's number, 0 for what is none."""
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
