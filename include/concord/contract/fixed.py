"""Fixed-width text, as mainframes write it: what stands where in a record, and how records are told apart.

A layout says every position from the first column to the last: what is not used is :func:`filler`, so that a column
that was forgotten or counted wrong is a contradiction and not a name with somebody else's first letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from concord.contract.columnar import Columnar

BETWEEN_VALUES = "\0"
"""Stands between the values of a refused record where they are looked at: no text column holds it."""


class Coding(StrEnum):
    """How a column's value is written."""

    TEXT = "text"
    ZONED = "zoned"
    """COBOL ``PIC S9(n) DISPLAY``: one digit a position, the sign in the zone of the last (``{``, ``A``-``I`` plus;
    ``}``, ``J``-``R`` minus; also Micro Focus' ``p``-``y`` minus), or no sign at all."""
    PACKED = "packed"
    """COBOL ``COMP-3``: two digits a byte, the last half byte is the sign (B and D minus, A, C, E and F plus)."""
    FILLER = "filler"
    """Not read, and not looked at."""


class Side(StrEnum):
    """On which side of a value padding stands."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


STRIPPED = {Side.LEFT: str.lstrip, Side.RIGHT: str.rstrip, Side.BOTH: str.strip}
OVERPUNCHED = str.maketrans("{ABCDEFGHI}JKLMNOPQRpqrstuvwxy", "0123456789" * 3)
"""The last character of a signed zoned number, and its digit."""
NEGATIVE = "}JKLMNOPQRpqrstuvwxy"
"""Those of them that say minus."""


class Positions(StrEnum):
    """What a position counts."""

    BYTES = "bytes"
    CHARACTERS = "characters"


class Framing(StrEnum):
    """How one record is told from the next."""

    LINES = "lines"
    """By a line end: LF or CRLF; in EBCDIC NEL (X'15') or LF (X'25'), whichever comes first, with or without CR."""
    LENGTH = "length"
    """By nothing: all have ``record_length`` bytes (RECFM=F)."""
    DESCRIPTOR = "descriptor"
    """By a record descriptor word of four bytes before each (RECFM=V or VB, transferred with RDW and without BDW)."""


@dataclass(frozen=True)
class Place:
    """Where something stands: from position ``start`` (1 is the first of a record), for ``length`` or to ``end``."""

    start: int
    length: int | None = None
    end: int | None = None

    @property
    def first(self) -> int:
        """The first position, counted from 0."""
        return self.start - 1

    @property
    def stop(self) -> int:
        """The position after the last, counted from 0."""
        return self.end if self.end is not None else self.first + (self.length or 0)


@dataclass(frozen=True)
class FixedColumn:
    """One column: ``name``, where it stands (as a :class:`Place` says it) and how it is written.

    ``padding`` is taken away from ``side``; a text of nothing but padding or blanks is blank. Numbers keep the zeros
    that their positions have, since an identifier may be one; with ``padding="0"`` all but one are taken away before
    the decimal point, which is set ``decimals`` digits before the end.
    """

    name: str
    start: int
    length: int | None = None
    end: int | None = None
    coding: Coding = Coding.TEXT
    decimals: int = 0
    padding: str = " "
    side: Side = Side.RIGHT

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.start, self.length, self.end)

    @property
    def is_number(self) -> bool:
        """Whether its digits are written in a mainframe's way."""
        return self.coding in (Coding.ZONED, Coding.PACKED)

    @property
    def digits(self) -> int:
        """How many digits a number has."""
        size = self.place.stop - self.place.first
        return 2 * size - 1 if self.coding is Coding.PACKED else size

    def as_read(self, text: str) -> str:
        """``text`` as the reader gives it from here: the digits of a whole number with the zeros that it has here."""
        if not self.is_number or not text.isdecimal():
            return text
        return str(int(text)).zfill(1 if self.padding == "0" else self.digits)


def filler(start: int, length: int | None = None, end: int | None = None) -> FixedColumn:
    """Positions that are not read: COBOL's FILLER."""
    return FixedColumn("", start, length, end, Coding.FILLER)


@dataclass(frozen=True)
class FixedControl:
    """Header and trailer records, told by the mark at position ``mark_at``, and what they promise.

    In the header: ``sender`` is who must stand at ``sender_at``; ``date_at`` (strptime ``date_format``) and
    ``sequence_at`` must say what the file's name says. In the trailer: ``count_at`` is the record count, and
    ``count_includes_control`` says whether header and trailer are counted; ``total_at`` is a hash total, the sum of the
    digits of source column ``total_column``. ``detail`` is the mark of every other record: one with another mark is
    refused (``record.type``). ``empty_is_legal``: a count of zero and no record say that there is nothing to say
    (OPM 2810 has such a file for an empty day); without, a file without a record is rejected (``structure.no_rows``).
    Numbers are digits in text, without a sign. Where something tells where a record ends, these may be longer or
    shorter than the others.
    The rules and their codes are those of :class:`~concord.contract.Control`.
    """

    header: str | None = None
    trailer: str | None = None
    detail: str | None = None
    mark_at: int = 1
    count_at: Place | None = None
    count_includes_control: bool = False
    sender: str | None = None
    sender_at: Place | None = None
    date_at: Place | None = None
    date_format: str = "%Y%m%d"
    sequence_at: Place | None = None
    total_at: Place | None = None
    total_column: str | None = None
    empty_is_legal: bool = False

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks that are promised."""
        return tuple(mark for mark in (self.header, self.detail, self.trailer) if mark is not None)


@dataclass(frozen=True)
class FixedWidth(Columnar):
    """Records of fixed columns.

    ``record_length`` is how long a record is (line ends and descriptor words left out); without, it ends with its last
    column. What it has beyond the last column is not read. A record of another length is refused (``record.length``);
    ``short_ok`` reads a shorter one as if blanks followed: editors and transfers strip them.
    ``positions`` count bytes or characters; where a character may take several bytes (UTF-8) it has to be said.
    ``final_newline`` demands that a file of lines ends in a line end, as :class:`~concord.contract.Delimited` does.
    Bytes of end-of-file (X'1A', in EBCDIC also X'3F') after the last record are control, and no record, also where
    they fill a block up.
    """

    columns: tuple[FixedColumn, ...] = ()
    record_length: int | None = None
    encoding: str = "utf-8"
    framing: Framing = Framing.LINES
    positions: Positions | None = None
    short_ok: bool = False
    final_newline: bool = True
    control: FixedControl | None = None
    max_record_bytes: int = 65_536

    @property
    def charset(self) -> str:
        """The encoding in which the bytes of a refused row can be looked at."""
        return self.encoding

    @property
    def stated(self) -> tuple[str, ...]:
        """The columns that have a name, in the order of their positions."""
        return tuple(column.name for column in self.columns if column.coding is not Coding.FILLER)

    @property
    def length(self) -> int:
        """How many positions a record has."""
        return self.record_length or max((column.place.stop for column in self.columns), default=0)

    @property
    def is_multibyte(self) -> bool:
        """Whether a character may take several bytes: UTF-8, the only such encoding that is read."""
        return is_utf8(self.encoding)

    @property
    def by_characters(self) -> bool:
        """Whether positions and bytes may differ."""
        return self.is_multibyte and self.positions is Positions.CHARACTERS

    def as_read(self, column: str, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Digits as those of a number, where one stands in ``column``."""
        return tuple(each.as_read(text) for each in self.columns if each.name == column for text in texts)

    def spread(self, raw: bytes) -> str:
        """The record's values, apart from each other, and once more counted from its end where its length is wrong.

        Where a byte was lost or slipped in, columns before it stand where they should, and those behind it as far
        from the end as they should.
        """
        units: bytes | str = raw.decode(self.encoding, errors="replace") if self.by_characters else raw
        shifts = dict.fromkeys((0, len(units) - self.length))
        found = [self._value(units, column, shift) for shift in shifts for column in self.columns]
        return BETWEEN_VALUES.join(value for value in found if value)

    def _value(self, units: bytes | str, column: FixedColumn, shift: int) -> str:
        """What stands in ``column``, ``shift`` positions further on; a packed number's digits."""
        part = units[max(column.place.first + shift, 0) : max(column.place.stop + shift, 0)]
        if column.coding is Coding.FILLER:
            return ""
        if isinstance(part, bytes) and column.coding is Coding.PACKED:
            return part.hex()[:-1].lstrip("0" if column.padding == "0" else "")
        text = part if isinstance(part, str) else part.decode(self.encoding, errors="replace")
        if column.coding is Coding.ZONED:
            text = text[:-1] + text[-1:].translate(OVERPUNCHED)
        return STRIPPED[column.side](text, column.padding).strip()

    @property
    def phrase(self) -> str:
        """Columns, encoding, what separates records, and what control records promise, in a few words."""
        control = self.control
        promised = {
            "count": control is not None and control.count_at is not None,
            "hash total": control is not None and control.total_at is not None,
            "sender": control is not None and control.sender_at is not None,
            "date": control is not None and control.date_at is not None,
            "sequence": control is not None and control.sequence_at is not None,
        }
        kinds = ", ".join(coding for coding in ("zoned", "packed") if any(c.coding == coding for c in self.columns))
        parts = [
            f"fixed width, {len(self.stated)} columns in {self.length} {self.positions or Positions.BYTES}",
            self.encoding,
            FRAMED[self.framing],
            f"{kinds} decimals" if kinds else "",
            f"control records with {', '.join(name for name, is_in in promised.items() if is_in)}" if control else "",
        ]
        return "; ".join(filter(None, parts))


FRAMED = {
    Framing.LINES: "one record a line",
    Framing.LENGTH: "no line ends",
    Framing.DESCRIPTOR: "record descriptor words",
}


def is_utf8(encoding: str) -> bool:
    """Whether ``encoding`` is a name of UTF-8."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "u8")


def is_single_byte(encoding: str) -> bool:
    """Whether each byte is a character by itself, whatever stands beside it (so in EBCDIC, not in UTF-16 or GBK)."""
    every = bytes(range(256))
    try:
        texts = [every.decode(encoding, "replace"), every[::-1].decode(encoding, "replace")]
    except (LookupError, UnicodeError):
        return False
    return len(texts[0]) == 256 and texts[0] == texts[1][::-1]
