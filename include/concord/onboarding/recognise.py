"""What kind of file a sample is: format, encoding, dialect, and what the judgement rests on."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from concord.onboarding.meanings import is_known

HEAD_BYTES = 4 << 20
FEWEST_LINES = 10
"""Fewer lines are as long as each other by chance."""
DELIMITERS = ("\t", "|", ";", ",", "~", "^")
EBCDIC_BLANK, EBCDIC_DIGITS = 0x40, range(0xF0, 0xFA)
CONTROL_MARKS = re.compile(r"[A-Z0-9]{1,4}")


class Kind(StrEnum):
    """What a file can be."""

    DELIMITED = "delimited"
    FIXED = "fixed width"
    XLSX = "workbook"
    X12_834 = "X12 834"
    WRAPPED = "wrapped"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Recognised:
    """A sample: its kind and dialect. ``rows`` are its records as text, without names and control records. PHI."""

    kind: Kind
    encoding: str = "utf-8"
    delimiter: str = ","
    names: tuple[str, ...] = ()
    has_names: bool = True
    header_mark: str | None = None
    trailer_mark: str | None = None
    detail_mark: str | None = None
    count_at: int | None = None
    """Where the trailer says how many records there are."""
    is_sheet: bool = False
    """Whether it passed through a spreadsheet: empty columns at the end."""
    record_length: int | None = None
    starts: tuple[int, ...] = ()
    rests_on: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(default=(), repr=False)


def recognise(data: bytes) -> Recognised:
    """Looks at the bytes of a sample."""
    wrapped = _wrapped(data)
    if wrapped:
        return Recognised(Kind.WRAPPED, rests_on=(wrapped,), unsure=(f"unwrap the sample first: it is {wrapped}",))
    if data.lstrip(b"\xef\xbb\xbf \r\n")[:3].upper() == b"ISA":
        return Recognised(Kind.X12_834, rests_on=("it begins with ISA",))
    if data[:4] == b"PK\x03\x04":
        return _workbook(data)
    if is_ebcdic(data):
        return _fixed(data.decode("cp037", "replace"), "cp037", "blanks are X'40' and digits X'F0' to X'F9'")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Recognised(Kind.UNKNOWN, unsure=("can it be sent as UTF-8? it is UTF-16, as spreadsheets save it",))
    encoding, why = encoding_of(data)
    text = data.decode(encoding, "replace").removeprefix("\ufeff")
    found = None if _stands_in_columns(text) else _delimited(text, encoding, why)
    return found or _fixed(text, encoding, why)


def _wrapped(data: bytes) -> str:
    if data[:2] == b"\x1f\x8b":
        return "gzip"
    if data.lstrip().startswith(b"-----BEGIN PGP MESSAGE") or (
        data[:1] in (b"\x84", b"\x85", b"\xc1") and b"\n" not in data[:40]
    ):
        return "a PGP message"
    if data[:4] == b"PK\x03\x04":
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "" if "[Content_Types].xml" in archive.namelist() else "a zip archive"
    return ""


def is_ebcdic(data: bytes) -> bool:
    """Whether the bytes are a mainframe's: its blank and digits are common, and ASCII's blank and line ends are not."""
    counts = Counter(data[:HEAD_BYTES])
    total = max(sum(counts.values()), 1)
    digits = sum(counts[each] for each in EBCDIC_DIGITS)
    return counts[EBCDIC_BLANK] + digits > total * 0.3 and counts[0x20] + counts[0x0A] < total * 0.02


def encoding_of(data: bytes) -> tuple[str, str]:
    """The encoding of text, and what that rests on; never a guess between two that read it differently in ASCII."""
    if data.startswith(b"\xef\xbb\xbf"):
        return "utf-8", "a byte order mark"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252", "it is no UTF-8; most of what is not is Windows-1252: ask"
    return "utf-8", "all of it is ASCII" if data.isascii() else "all of it is valid UTF-8"


# ── delimited ──


def _delimited(text: str, encoding: str, why: str) -> Recognised | None:
    lines = [line for line in text.splitlines() if line.strip()]
    delimiter = _delimiter(lines)
    if delimiter is None:
        return None
    rows = [
        tuple(row) for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)
    ]
    width = Counter(map(len, rows)).most_common(1)[0][0]
    header_mark, trailer_mark, count_at, rows = _control(rows, width)
    has_names = _has_names(rows)
    names = (
        tuple(cell.strip() for cell in rows[0])
        if has_names
        else tuple(f"COL{place:02d}" for place in range(1, width + 1))
    )
    is_sheet = has_names and len(names) > 1 and not names[-1]
    names = names[: max(place for place, name in enumerate(names, 1) if name)] if is_sheet else names
    details = [row for row in (rows[1:] if has_names else rows) if len(row) == width]
    marks = {row[0] for row in details}
    detail = next(iter(marks)) if (header_mark or trailer_mark) and len(marks) == 1 else None
    unsure = [] if has_names else ["there is no line of column names: what is each column?"]
    unsure += ["is the encoding Windows-1252?"] if encoding == "cp1252" else []
    return Recognised(
        Kind.DELIMITED, encoding, delimiter, names, has_names, header_mark, trailer_mark, detail, count_at,
        is_sheet=is_sheet, rests_on=(why, f"{len(details):,} of {len(lines):,} lines have {width} fields"),
        unsure=tuple(unsure),
        rows=tuple(details),
    )  # fmt: skip


def numbered(count: int) -> tuple[str, ...]:
    """Names for columns that have none."""
    return tuple(f"COL{place:02d}" for place in range(1, count + 1))


def _delimiter(lines: Sequence[str]) -> str | None:
    """The one that gives most lines the same number of fields, and more than one."""
    best: tuple[float, int, str] | None = None
    for delimiter in DELIMITERS:
        widths = Counter(line.count(delimiter) for line in lines[:2_000])
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        if width and (best is None or (count / len(lines[:2_000]), width) > best[:2]):
            best = count / len(lines[:2_000]), width, delimiter
    return best[2] if best is not None and best[0] > 0.5 else None


def _stands_in_columns(text: str) -> bool:
    """Lines of one length whose marks stand now here, now there: commas in ``LAST, FIRST`` part no columns."""
    lines = [line for line in text.splitlines()[:2_000] if line.strip()]
    delimiter = _delimiter(lines)
    if delimiter is None or len(lines) < FEWEST_LINES or len({len(line) for line in lines}) > 1:
        return False
    return len({tuple(at for at, char in enumerate(line) if char == delimiter) for line in lines}) > 1


def _control(
    rows: list[tuple[str, ...]], width: int
) -> tuple[str | None, str | None, int | None, list[tuple[str, ...]]]:
    """First and last records of another width are control records; where the last one counts the others."""
    header = rows[0][0] if len(rows) > 2 and len(rows[0]) != width and CONTROL_MARKS.fullmatch(rows[0][0]) else None
    rows = rows[1:] if header is not None else rows
    trailer, count_at = None, None
    if len(rows) > 2 and len(rows[-1]) != width and CONTROL_MARKS.fullmatch(rows[-1][0]):
        trailer = rows[-1][0]
        about = range(len(rows) - 2, len(rows) + 2)
        numbers = ((at, cell.strip()) for at, cell in enumerate(rows[-1]) if at)
        count_at = next((at for at, cell in numbers if cell.isdecimal() and int(cell) in about), None)
        rows = rows[:-1]
    return header, trailer, count_at, rows


def _has_names(rows: Sequence[tuple[str, ...]]) -> bool:
    """Names hold no digits on their own, and stand nowhere else, but where most of them are names that we know."""
    first = rows[0] if rows else ()
    plain = all(cell.strip() and not cell.strip()[:1].isdigit() for cell in first if cell.strip())
    again = any(set(first) & set(row) - {""} for row in rows[1:50])
    named = [cell for cell in first if cell.strip()]
    is_own = not again or sum(map(is_known, named)) * 2 > len(named)
    return bool(named) and plain and is_own and len(set(named)) == len(named)


# ── workbooks and fixed width ──


def _workbook(data: bytes) -> Recognised:
    import openpyxl

    from concord.parse.xlsx.cells import text

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False)
    read = ((text(cell.value, cell.data_type, cell.number_format) for cell in row) for row in book.worksheets[0].rows)
    rows = [tuple(row) for row in read]
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    names = tuple(cell.strip() for cell in rows[0]) if rows else ()
    unsure = ("which sheet?",) if len(book.worksheets) > 1 else ()
    return Recognised(Kind.XLSX, names=names, rests_on=("it is a workbook",), unsure=unsure, rows=tuple(rows[1:]))


def _fixed(text: str, encoding: str, why: str) -> Recognised:
    lines = text.splitlines()
    lengths = Counter(len(line) for line in lines if line.strip())
    if not lengths:
        return Recognised(Kind.UNKNOWN, unsure=("the file is empty",))
    length, count = lengths.most_common(1)[0]
    if len(lines) < 2 or count < sum(lengths.values()) * 0.8:
        unsure = ("how long is a record, and what stands where in it?",)
        return Recognised(Kind.FIXED, encoding, rests_on=(why, "records have no line ends"), unsure=unsure)
    records = [line for line in lines if len(line) == length]
    starts = _starts(records, length)
    rows = tuple(
        tuple(line[a:b].strip() for a, b in zip(starts, [*starts[1:], length], strict=True)) for line in records
    )
    names = numbered(len(starts))
    return Recognised(
        Kind.FIXED, encoding, names=names, has_names=False, record_length=length, starts=tuple(starts),
        rests_on=(why, f"{count:,} of {len(lines):,} lines have {length} characters"),
        unsure=("where does each column begin? what is proposed are positions behind blanks",), rows=rows,
    )  # fmt: skip


def _starts(records: Sequence[str], length: int) -> list[int]:
    """Positions that follow one that is blank in all records."""
    blank = [all(record[at] == " " for record in records[:2_000]) for at in range(length)]
    return [0, *(at for at in range(1, length) if blank[at - 1] and not blank[at])]
