"""Delimited text: dialect, lines that are no rows, kinds of records; and what contradicts itself in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from concord.contract.columnar import Columnar
from concord.contract.reading import Codes

if TYPE_CHECKING:
    from concord.contract.feed import Feed

LONGEST_DELIMITER = 8
MOST_PREAMBLE_LINES = 1_000
UNPRINTABLE = {"\t": "tab", " ": "space"}


@dataclass(frozen=True)
class RecordType:
    """One kind of record in a file of several, told by its ``mark``.

    ``names`` are its columns in order, the one of the mark included; it has exactly these.
    A record with a ``parent`` belongs to the last record of that mark before it and takes
    the columns ``carries`` from it; where no sound one precedes it, it is refused
    (``record.orphan``): whose dependent it is, is never guessed.
    """

    mark: str
    names: tuple[str, ...]
    parent: str | None = None
    carries: tuple[str, ...] = ()


@dataclass(frozen=True)
class TypeTotals:
    """What a trailer promises of the records of one type: their number, and a hash total of one of their columns.

    ``*_field`` are positions in the trailer (from 0); the total is that of :class:`Control`.
    """

    mark: str
    count_field: int
    total_field: int | None = None
    total_column: str | None = None


@dataclass(frozen=True)
class Control:
    """Header and trailer records of a delimited file, told by their first field.

    ``*_field`` are positions (from 0). In the header: ``sender`` is who must stand at
    ``sender_field``; ``date_field`` (strptime ``date_format``) and ``sequence_field``
    must say what the file's name says. In the trailer: ``count_field`` is the record
    count (None: it has none of all records), and ``count_includes_control`` says whether
    header and trailer are counted; ``total_field`` is a hash total, the sum of the
    digits-only values of source column ``total_column`` (what is no digit is left out of
    each value, and a value that a record took from its parent is not its own);
    ``by_type`` are counts and totals of single record types.
    ``detail`` is the first field of every record that is neither; a record with
    another one is refused (``record.type``).
    """

    header: str | None = None
    trailer: str | None = None
    count_field: int | None = 1
    count_includes_control: bool = False
    detail: str | None = None
    sender: str | None = None
    sender_field: int | None = None
    date_field: int | None = None
    date_format: str = "%Y%m%d"
    sequence_field: int | None = None
    total_field: int | None = None
    total_column: str | None = None
    by_type: tuple[TypeTotals, ...] = ()


@dataclass(frozen=True)
class Delimited(Columnar):
    """Delimited text with a header line of column names (RFC 4180 quoting).

    ``delimiter`` is one ASCII character or several, control characters too. ``quote`` None
    makes a quote a character like others. ``escape`` takes the character after it, in
    quotes or not, as it is; with ``inner_quotes="literal"`` a quote inside quotes is not
    doubled: the first one that a delimiter or the line's end follows closes, one after a
    delimiter that does not close is refused, and such a value has no line end in it.

    ``names`` are the columns, in order, of a file without a line of names; every record
    then has exactly these. A last name may be blank: every record ends in a delimiter, and
    has nothing behind it. ``types`` are the kinds of records of a file with several, told
    by the field at position ``type_field`` (from 0): it has no line of names either, its
    columns are those of all types, blank where a type lacks one. ``header_case="folded"``
    finds names whatever their case and blanks.

    The first ``preamble_lines`` physical lines, and all that begin with ``comment`` outside
    of quotes, are ignored; no trailer counts them. ``final_newline`` demands that the file
    ends in a line end: a file that does not was cut off and is rejected
    (``structure.no_final_terminator``); a lone 0x1A in place of a last line is the end of
    the file, as CP/M and MS-DOS wrote it, and ignored.

    ``spreadsheet`` says that people open and save the file in one: what that does to
    values is named (``<column>.scientific`` and others, see ``validate/damage.py``),
    look-alikes of blanks, quotes and nothing are read as what they look like and
    flagged, and rows and columns of blanks are no content.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    inner_quotes: Literal["doubled", "literal"] = "doubled"
    encoding: str = "utf-8"
    final_newline: bool = True
    control: Control | None = None
    names: tuple[str, ...] = ()
    header_case: Literal["exact", "folded"] = "exact"
    types: tuple[RecordType, ...] = ()
    type_field: int = 0
    preamble_lines: int = 0
    comment: str | None = None
    spreadsheet: bool = False
    max_record_bytes: int = 1_048_576
    max_columns: int = 1_000

    @property
    def charset(self) -> str:
        """The encoding in which the bytes of a refused row can be looked at."""
        return self.encoding

    @property
    def marks(self) -> str:
        """Characters that may stand between two values of a row."""
        return "".join(dict.fromkeys(self.delimiter + (self.quote or "") + (self.escape or "")))

    @property
    def is_spreadsheet(self) -> bool:
        """Whether people open and save it in one."""
        return self.spreadsheet

    @property
    def stated(self) -> tuple[str, ...]:
        """The columns of a file without a line of names; of several types each once, in order."""
        return self.names or tuple(dict.fromkeys(name for kind in self.types for name in kind.names if name))

    @property
    def phrase(self) -> str:
        """Dialect, kinds of records, control records and their promises, in a few words."""
        parts = [
            f"delimiter `{_shown(self.delimiter)}`, {self.encoding}",
            *_quoting(self),
            "without column names" if self.names else "",
            f"records of types {', '.join(f'`{kind.mark}`' for kind in self.types)}" if self.types else "",
            f"{self.preamble_lines} lines before the content" if self.preamble_lines else "",
            f"comments after `{self.comment}`" if self.comment else "",
            "passes through a spreadsheet" if self.spreadsheet else "",
            f"control records with {', '.join(_promised(self.control))}" if self.control else "",
        ]
        return "; ".join(filter(None, parts))


def _shown(mark: str) -> str:
    return "".join(UNPRINTABLE.get(each, each if each.isprintable() else f"0x{ord(each):02X}") for each in mark)


def _quoting(form: Delimited) -> Iterator[str]:
    if form.quote is None:
        yield "no quoting"
    elif form.quote != '"':
        yield f"quote `{form.quote}`"
    if form.escape is not None:
        yield f"escape `{form.escape}`"
    if form.inner_quotes == "literal":
        yield "quotes inside quotes are not doubled"


def _promised(control: Control) -> Iterator[str]:
    promises = {
        "count": control.trailer is not None and control.count_field is not None,
        "counts by type": bool(control.by_type),
        "hash total": control.total_field is not None or any(each.total_field is not None for each in control.by_type),
        "sender": control.sender is not None,
        "date": control.date_field is not None,
        "sequence": control.sequence_field is not None,
    }
    yield from (name for name, is_in in promises.items() if is_in)


def contradictions(feed: Feed, form: Delimited) -> Iterator[tuple[str, str]]:
    """What contradicts itself in a feed of delimited text, as (field, message)."""
    yield from _dialect(form)
    yield from _left_out(form)
    yield from _header(feed, form)
    if form.stated:
        yield from _stated(feed, form)
    for kind in form.types:
        yield from _type(form, kind)
    yield from _types(form)
    if form.control is not None:
        yield from _control(feed, form.control)
        yield from _marks(feed, form, form.control)
        yield from _by_type(feed, form, form.control)


def _dialect(form: Delimited) -> Iterator[tuple[str, str]]:
    """Lines and fields must be told by bytes that mean one thing each."""
    single = [mark for mark in (form.quote, form.escape) if mark is not None]
    marks = "".join([form.delimiter, *single])
    if not 1 <= len(form.delimiter) <= LONGEST_DELIMITER:
        yield "format.delimiter", f"is one character, or up to {LONGEST_DELIMITER}"
    if any(len(mark) != 1 for mark in single):
        yield "format", "quote and escape are one character each, or None"
    if not marks.isascii() or any(mark in marks for mark in "\0\r\n"):
        yield "format", "delimiter, quote and escape are ASCII, and no line end or NUL"
    if len(set(single)) != len(single) or any(mark in form.delimiter for mark in single):
        yield "format", "delimiter, quote and escape differ"
    if form.inner_quotes == "literal" and (form.quote is None or form.escape is not None):
        yield "format.inner_quotes", "quotes that are not doubled need a quote, and no escape"


def _left_out(form: Delimited) -> Iterator[tuple[str, str]]:
    if not 0 <= form.preamble_lines <= MOST_PREAMBLE_LINES:
        yield "format.preamble_lines", f"is a number of lines, up to {MOST_PREAMBLE_LINES}"
    mark = form.comment
    if mark is None:
        return
    if not mark or not mark.isascii() or not mark.isprintable() or mark[0] in form.marks:
        yield "format.comment", "is printable ASCII that no delimiter, quote or escape begins"
        return
    control = form.control or Control()
    kept = [control.header, control.trailer, control.detail, *(kind.mark for kind in form.types)]
    if any(each is not None and each.startswith(mark) for each in kept):
        yield "format.comment", "a promised record would begin as comments do"


def _header(feed: Feed, form: Delimited) -> Iterator[tuple[str, str]]:
    if form.header_case == "exact":
        return
    wanted = {mapping.source for mapping in feed.columns.values()} | set(feed.ignored)
    if form.stated:
        yield "format.header_case", "there is no line of names"
    if len({folded(name) for name in wanted}) != len(wanted):
        yield "format.header_case", "two columns differ by case or blanks alone"


def folded(name: str) -> str:
    """What names of columns have in common that differ by case and blanks alone."""
    return " ".join(name.split()).casefold()


def _stated(feed: Feed, form: Delimited) -> Iterator[tuple[str, str]]:
    """Without a line of names, the contract must say all of them, and none can be missing."""
    where = "format.types" if form.types else "format.names"
    if len(set(form.names)) != len(form.names):
        yield "format.names", "a name stands twice"
    for name, mapping in feed.columns.items():
        if mapping.source not in form.stated:
            yield f"columns[{name}]", f"comes from {mapping.source!r}, which {where} does not have"
        if mapping.optional_column:
            yield f"columns[{name}]", "no column can be missing from a file without column names"


def _types(form: Delimited) -> Iterator[tuple[str, str]]:
    if not form.types:
        if form.type_field:
            yield "format.type_field", "there is no record type to be told"
        return
    marks = [kind.mark for kind in form.types]
    if len(set(marks)) != len(marks) or not all(marks) or any(sign in form.marks for mark in marks for sign in mark):
        yield "format.types", "each is told by a mark of its own, without a delimiter or quote"
    if form.names:
        yield "format.types", "each type has its own names: format.names would be those of all"
    if form.control is not None and form.control.detail is not None:
        yield "format.control", "the marks of records are those of format.types"
    if form.control is not None and {form.control.header, form.control.trailer} & set(marks) and not form.type_field:
        yield "format.control", "a control record has the mark of a record type"
    if not 0 <= form.type_field < min(len(kind.names) for kind in form.types):
        yield "format.type_field", "is a position that every type has"


def _type(form: Delimited, kind: RecordType) -> Iterator[tuple[str, str]]:
    place = f"format.types[{kind.mark}]"
    if len(kind.names) < 2 or len(set(kind.names)) != len(kind.names):
        yield place, "has two columns or more, each once"
    if (kind.parent is None) != (not kind.carries):
        yield place, "parent and carries are given together"
    if kind.parent is None:
        return
    parent = next((each for each in form.types if each.mark == kind.parent and each is not kind), None)
    if parent is None or parent.parent is not None:
        yield place, "its parent is another of the types, with no parent itself"
    elif not set(kind.carries) <= set(parent.names):
        yield place, "carries what its parent has"
    if set(kind.carries) & set(kind.names):
        yield place, "has a column itself that it carries"


def _control(feed: Feed, control: Control) -> Iterator[tuple[str, str]]:
    place = "format.control"
    if (control.sender is None) != (control.sender_field is None):
        yield place, "sender and sender_field are given together"
    if (control.total_column is None) != (control.total_field is None):
        yield place, "total_column and total_field are given together"
    in_header = (control.sender_field, control.date_field, control.sequence_field)
    if control.header is None and any(field is not None for field in in_header):
        yield place, "there is no header in which a sender, date or sequence could stand"
    if control.trailer is None and (control.total_field is not None or control.by_type):
        yield place, "there is no trailer in which a total could stand"
    if control.date_field is not None and "{date:" not in feed.drop.pattern:
        yield place, "the header's date is compared with the name's, and the pattern has no {date:…}"
    if control.sequence_field is not None and "{sequence}" not in feed.drop.pattern:
        yield place, "the header's sequence is compared with the name's, and the pattern has no {sequence}"
    if control.total_column is not None and control.total_column not in _read(feed):
        yield place, "total_column is a source column that the contract reads"
    kinds = [kind for kind in (control.header, control.detail, control.trailer) if kind is not None]
    if len(set(kinds)) != len(kinds):
        yield place, "header, detail and trailer are told apart by their first field"


def _marks(feed: Feed, form: Delimited, control: Control) -> Iterator[tuple[str, str]]:
    """What a first column may say is no mark of a control record; a line of names may put any column first."""
    marks = {mark.upper() for mark in (control.header, control.trailer) if mark is not None}
    firsts = {names[0] for names in (form.names, *(kind.names for kind in form.types)) if names}
    for mapping in feed.columns.values():
        if (
            mapping.source in firsts
            and isinstance(mapping.read, Codes)
            and marks & set(map(str.upper, mapping.read.table))
        ):
            yield "format.control", f"a mark of control records is also a code of the first column, {mapping.source!r}"


def _by_type(feed: Feed, form: Delimited, control: Control) -> Iterator[tuple[str, str]]:
    place, named = "format.control.by_type", {kind.mark: kind.names for kind in form.types}
    if len({totals.mark for totals in control.by_type}) != len(control.by_type):
        yield place, "each record type has its totals once"
    for totals in control.by_type:
        if totals.mark not in named:
            yield place, "speaks of a record type that format.types does not have"
        if (totals.total_column is None) != (totals.total_field is None):
            yield place, "total_column and total_field are given together"
        own = _read(feed) & set(named.get(totals.mark, ()))
        if totals.total_column is not None and totals.total_column not in own:
            yield place, "total_column is a column of the type that the contract reads"


def _read(feed: Feed) -> set[str]:
    return {mapping.source for mapping in feed.columns.values()}
