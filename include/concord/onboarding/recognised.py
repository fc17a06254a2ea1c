"""What a sample was recognised as: its kind, what its records are told apart by, and its rows. PHI."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from concord.contract import Coding, Framing


class Kind(StrEnum):
    """What a file can be."""

    DELIMITED = "delimited"
    FIXED = "fixed width"
    XLSX = "workbook"
    X12_834 = "X12 834"
    WRAPPED = "wrapped"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Marks:
    """The first field, or the first positions, of control records and of all others."""

    header: str | None = None
    detail: str | None = None
    trailer: str | None = None

    @property
    def is_any(self) -> bool:
        """Whether there are control records."""
        return self.header is not None or self.trailer is not None


@dataclass(frozen=True)
class Type:
    """One of several kinds of records: its mark, its columns, and whose dependents its records are."""

    mark: str
    names: tuple[str, ...]
    parent: str | None = None
    carries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dialect:
    """Delimited text. ``counts`` are the fields of the trailer with the number of records: of all (None), of a type;
    ``counts_control`` says whether header and trailer are in it."""

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    comment: str | None = None
    preamble_lines: int = 0
    marks: Marks = Marks()
    counts: tuple[tuple[str | None, int], ...] = ()
    counts_control: bool = False
    types: tuple[Type, ...] = ()
    ends_open: bool = False
    """Whether records end in a delimiter and the line of names does not: the contract says the names then."""
    is_sheet: bool = False
    """Whether it passed through a spreadsheet: empty columns at the end."""

    @property
    def count_at(self) -> int | None:
        """Where the trailer says how many records there are."""
        return dict(self.counts).get(None)


@dataclass(frozen=True)
class Piece:
    """A column of records of fixed width, from position ``start`` (from 0) to before ``stop``."""

    start: int
    stop: int
    coding: Coding = Coding.TEXT
    decimals: int = 0


@dataclass(frozen=True)
class Entry:
    """One column of a layout; one without a name is not used."""

    name: str
    piece: Piece


@dataclass(frozen=True)
class Records:
    """Fixed width. ``count`` are the positions in the trailer where the number of records stands."""

    pieces: tuple[Piece, ...]
    length: int
    framing: Framing = Framing.LINES
    marks: Marks = Marks()
    count: tuple[int, int] | None = None
    counts_control: bool = False


@dataclass(frozen=True)
class Sheet:
    """A workbook: the sheet, where there are several, and the row of the names."""

    name: str | None = None
    header_row: int = 1


@dataclass(frozen=True)
class Recognised:
    """A sample. ``rows`` are its records as text, a value for each of ``names``, without control records."""

    kind: Kind
    encoding: str = "utf-8"
    form: Dialect | Records | Sheet | None = None
    names: tuple[str, ...] = ()
    has_names: bool = True
    rests_on: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(default=(), repr=False)

    @property
    def dialect(self) -> Dialect:
        """What is said of delimited text."""
        return self.form if isinstance(self.form, Dialect) else Dialect()

    @property
    def records(self) -> Records:
        """What is said of fixed width."""
        return self.form if isinstance(self.form, Records) else Records((), 0)

    @property
    def sheet(self) -> Sheet:
        """What is said of a workbook."""
        return self.form if isinstance(self.form, Sheet) else Sheet()
