"""What a partner says stands where in a record: a list of names and positions, as it comes with mainframes' files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from concord.contract import Coding
from concord.errors import ConcordError
from concord.onboarding.recognise import recognise
from concord.onboarding.recognised import Entry, Piece

HEADINGS = {
    "name": ("NAME", "FIELD", "FIELDNAME", "COLUMN", "COLUMNNAME", "ELEMENT", "DATAELEMENT"),
    "start": ("START", "FROM", "BEGIN", "STARTPOS", "STARTPOSITION", "STARTCOLUMN", "POS", "POSITION", "POSITIONS"),
    "length": ("LENGTH", "LEN", "SIZE", "WIDTH", "BYTES"),
    "end": ("END", "TO", "STOP", "THRU", "ENDPOS", "ENDPOSITION", "ENDCOLUMN"),
    "type": ("TYPE", "FORMAT", "USAGE", "PICTURE", "PIC", "DATATYPE"),
    "decimals": ("DECIMALS", "SCALE"),
}
"""What is said → how partners head it, letters only."""
RANGE = re.compile(r"([0-9]+)\s*(?:-|–|TO|THRU|:)\s*([0-9]+)", re.IGNORECASE)
PACKED = re.compile(r"COMP-?3|PACKED|PD\b", re.IGNORECASE)
ZONED = re.compile(r"ZONED|SIGNED|\bS9|ZD\b", re.IGNORECASE)
DECIMALS = re.compile(r"V(?:9\(([0-9]+)\)|(9+))", re.IGNORECASE)
FILLER = re.compile(r"FILLER|RESERVED|UNUSED|BLANKS?|SPACES?|", re.IGNORECASE)


class NotALayout(ConcordError):
    """A list of positions that cannot be read."""


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of a list (delimited text or a workbook), in the order of their positions.

    It has a line of headings: a name, a start (or a range, ``10-49``), a length or an end, and, where numbers are
    packed or zoned, a type (``COMP-3``, ``PACKED``, ``S9(7)V99``). Raises :class:`NotALayout`.
    """
    found = recognise(path.read_bytes())
    places = _places(found.names)
    if "start" not in places or "name" not in places or not found.has_names:
        raise NotALayout(f"{path.name}: needs a line of headings with a name, a start, and a length or an end")
    entries = [_entry(path, number, {said: row[at] for said, at in places.items() if at < len(row)})
               for number, row in enumerate(found.rows, start=1)]  # fmt: skip
    ordered = sorted(entries, key=lambda each: each.piece.start)
    for one, other in pairwise(ordered):
        if other.piece.start < one.piece.stop:
            raise NotALayout(f"{path.name}: {one.name or 'a filler'} and {other.name or 'a filler'} overlap")
    return tuple(_whole(ordered))


def _places(names: tuple[str, ...]) -> dict[str, int]:
    plain = [re.sub(r"[^A-Z]", "", name.upper()) for name in names]
    found = {said: next((at for at, name in enumerate(plain) if name in known), -1) for said, known in HEADINGS.items()}
    return {said: at for said, at in found.items() if at >= 0}


def _entry(path: Path, number: int, said: Mapping[str, str]) -> Entry:
    span = RANGE.fullmatch(said["start"].strip())
    start = span[1] if span else said["start"].strip()
    stop = span[2] if span else said.get("end", "").strip()
    length = said.get("length", "").strip()
    if not start.isdecimal() or int(start) < 1 or not (stop.isdecimal() or length.isdecimal()):
        raise NotALayout(f"{path.name}: entry {number} has no start, or neither length nor end")
    first = int(start) - 1
    last = int(stop) if stop.isdecimal() else first + int(length)
    if last <= first:
        raise NotALayout(f"{path.name}: entry {number} ends before it begins")
    name, kind = said["name"].strip(), said.get("type", "")
    piece = Piece(first, last, _coding(kind), _decimals(kind, said.get("decimals", "").strip()))
    return Entry("" if FILLER.fullmatch(name) else name, piece)


def _coding(kind: str) -> Coding:
    if PACKED.search(kind):
        return Coding.PACKED
    return Coding.ZONED if ZONED.search(kind) else Coding.TEXT


def _decimals(kind: str, said: str) -> int:
    if said.isdecimal():
        return int(said)
    found = DECIMALS.search(kind)
    return (int(found[1]) if found[1] else len(found[2])) if found else 0


def _whole(entries: list[Entry]) -> Iterator[Entry]:
    """With what lies between the entries as fillers."""
    at = 0
    for entry in entries:
        if entry.piece.start > at:
            yield Entry("", Piece(at, entry.piece.start))
        yield entry
        at = entry.piece.stop
