"""How fast each format is read beside a library that reads the same file in the same run, and in how much memory.

``CONCORD_BENCH_MEMBERS`` sets the size (default 200,000). Each reading is a process of its own. Nothing is asserted
about time; memory must not grow with the file: a quarter of it is measured beside it. pyx12 validates a file of
:data:`SLICE` members: at its rate the whole would take very long. What is measured is the reader alone, from bytes to
columns of text.
"""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import pytest

from concord.catalogue import feed
from concord.contract import Delimited, Xlsx
from concord.parse.opening import open_rows
from concord.sandbox.granite import FIELDS, LENGTH, Granite
from concord.sandbox.meridian import GROUPS
from concord.sandbox.people import Person
from concord.sandbox.roster import COLUMNS, record_of
from concord.sandbox.writing.delimited import Dialect
from concord.sandbox.writing.delimited import write as write_delimited
from concord.sandbox.writing.fixed_width import Field, Kind
from concord.sandbox.writing.fixed_width import write as write_fixed
from concord.sandbox.writing.members import loops, stream
from concord.sandbox.writing.x12_834 import Batch, Envelope
from concord.sandbox.writing.x12_834 import write as write_834
from concord.sandbox.writing.xlsx import write as write_xlsx
from tests.unit.xlsx_rows import sheet

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3_600)]

MEMBERS = int(os.environ.get("CONCORD_BENCH_MEMBERS", "200000"))
SLICE = 1_000
"""Members of the file that pyx12 reads."""
WARM = 20
"""Members of the file that each process reads before."""
AS_OF = date(2026, 11, 18)
FLAT = 1.25
"""So much more memory may four times the members take."""


@dataclass
class Read:
    """One reading in a process of its own: rows, seconds, and the most memory it had, in MB."""

    rows: int
    seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    def told(self, name: str) -> str:
        """The figures in a line."""
        return f"{name:<34} {self.rows:>9,} in {self.seconds:8.2f} s  {self.rate:>11,.0f}/s  {self.peak_mb:7.0f} MB"


def alone(read: Callable[[Path], int], path: Path, warm: Path) -> Read:
    """``read`` in a new process that read the small file ``warm`` before: imports and maps are not what is measured.

    Rows, seconds, and peak memory (VmHWM, imports included).
    """
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(read, path, warm, its))
    process.start()
    its.close()
    found: Read = mine.recv()
    process.join()
    return found


def _measured(read: Callable[[Path], int], path: Path, warm: Path, pipe: Pipe) -> None:
    read(warm)
    begun = time.perf_counter()
    rows = read(path)
    seconds = time.perf_counter() - begun
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    pipe.send(Read(rows, seconds, peak / 1024))


def by_concord(name: str, path: Path) -> int:
    """The rows of a file of feed ``name``."""
    with path.open("rb") as stream_:
        return sum(len(chunk.frame) for chunk in open_rows(stream_, feed(name)))


# ── 834 ──


def enrollment(path: Path, members: int) -> Path:
    """An 834 of Meridian's with so many members, written as it is made."""
    people = (replace(each, group=GROUPS.get(each.group, each.group)) for each in loops(stream(1, members, AS_OF)))
    with path.open("wb") as out:
        write_834(out, Envelope(7_001, AS_OF, sender="MERIDIAN"), [[Batch(people)]])
    return path


def enrollment_by_concord(path: Path) -> int:
    """Members: distinct segments at which the first row of one begins."""
    return by_concord("meridian_834", path)


def enrollment_by_pyx12(path: Path) -> int:
    """The file validated by pyx12 against its map: the least it does with an 834."""
    import pyx12.params
    from pyx12.x12n_document import x12n_document

    with path.open(encoding="ascii", newline="") as file:
        assert x12n_document(pyx12.params.params(), file, None, None)
    return path.read_bytes().count(b"~INS*")


def enrollment_by_pyx12_segments(path: Path) -> int:
    """The file's segments by pyx12's tokenizer alone, nothing validated and nothing kept."""
    import pyx12.x12file

    with path.open(encoding="ascii", newline="") as file:
        return sum(segment.get_seg_id() == "INS" for segment in pyx12.x12file.X12Reader(file))


def test_834_members_beside_pyx12_and_their_memory(tmp_path: Path) -> None:
    whole, quarter = enrollment(tmp_path / "whole", MEMBERS), enrollment(tmp_path / "quarter", MEMBERS // 4)
    part, warm = enrollment(tmp_path / "part", min(SLICE, MEMBERS)), enrollment(tmp_path / "warm", WARM)
    large, small = alone(enrollment_by_concord, whole, warm), alone(enrollment_by_concord, quarter, warm)
    valid, cut = alone(enrollment_by_pyx12, part, warm), alone(enrollment_by_pyx12_segments, quarter, warm)
    members = replace(large, rows=MEMBERS)
    print(f"\n834 with {MEMBERS:,} members, {large.rows:,} rows, {whole.stat().st_size / 1e6:.0f} MB")
    for name, read in (
        ("Concord, members", members), ("Concord, members of a quarter", replace(small, rows=MEMBERS // 4)),
        (f"pyx12 validating ({SLICE:,})", valid), ("pyx12 segments only (a quarter)", cut),
    ):  # fmt: skip
        print(read.told(name))
    print(f"{members.rate / valid.rate:.0f} times pyx12, {members.rate / cut.rate:.1f} times its tokenizer alone; "
          f"memory, four times as much over a quarter: {large.peak_mb / small.peak_mb:.2f}")  # fmt: skip
    assert large.rows > MEMBERS
    assert large.peak_mb / small.peak_mb <= FLAT


# ── fixed width ──

TEXT_FIELDS = tuple(replace(field, kind=Kind.TEXT) if field.kind is Kind.PACKED else field for field in FIELDS)


def mainframe(path: Path, members: int, fields: tuple[Field, ...], encoding: str, end: str | None) -> Path:
    """Granite's file with so many members; ``fields`` without packed ones are for readers who know none."""
    employer, width = Granite(1, 1), sum(field.length for field in fields)

    def control(text: str) -> bytes:
        return text.ljust(width).encode(encoding) if encoding == "cp037" else b""

    rows = (employer.write(record_of(person, line)) for person in people(members) for line in person.lines)
    plain = encoding == "ascii"
    told = ([each.encode("ascii", "replace").decode()[: f.length] for each, f in zip(row, fields, strict=True)]
            for row in rows) if plain else rows  # fmt: skip
    with path.open("wb") as out:
        write_fixed(
            out, fields, told, encoding=encoding, line_end=end, header=control(f"H{'GRANITE':<10}{AS_OF:%Y%m%d}"),
            trailer=None if plain else lambda count: control(f"T{count:09d}"),
        )  # fmt: skip
    return path


def people(members: int) -> list[Person]:
    """So many persons."""
    return [person for family in stream(1, members, AS_OF) for person in family]


def mainframe_by_concord(path: Path) -> int:
    """EBCDIC with packed numbers."""
    return by_concord("granite_fixed", path)


def lines_by_concord(path: Path) -> int:
    """The same columns as lines of ASCII."""
    from concord.contract import Coding, FixedWidth, Framing

    granite = feed("granite_fixed")
    assert isinstance(granite.format, FixedWidth)
    columns = tuple(
        replace(column, coding=Coding.TEXT) if column.coding is Coding.PACKED else column
        for column in granite.format.columns
    )
    form = replace(granite.format, columns=columns, encoding="ascii", framing=Framing.LINES, control=None)
    with path.open("rb") as stream_:
        return sum(len(chunk.frame) for chunk in open_rows(stream_, replace(granite, format=form)))


def lines_by_pandas(path: Path) -> int:
    """``pandas.read_fwf``, all columns as text."""
    import pandas as pd

    widths = [field.length for field in FIELDS]
    frame = pd.read_fwf(path, widths=widths, header=None, dtype=str, keep_default_na=False, encoding="ascii")
    return len(frame)


def test_fixed_width_rows_beside_pandas(tmp_path: Path) -> None:
    host = mainframe(tmp_path / "host", MEMBERS, FIELDS, "cp037", None)
    text = mainframe(tmp_path / "text", MEMBERS, TEXT_FIELDS, "ascii", "\n")
    small_host = mainframe(tmp_path / "small host", WARM, FIELDS, "cp037", None)
    small_text = mainframe(tmp_path / "small text", WARM, TEXT_FIELDS, "ascii", "\n")
    ours, packed = alone(lines_by_concord, text, small_text), alone(mainframe_by_concord, host, small_host)
    theirs = alone(lines_by_pandas, text, small_text)
    print(f"\nfixed width, {LENGTH} bytes a record, {text.stat().st_size / 1e6:.0f} MB")
    for name, read in (("Concord, lines", ours), ("Concord, EBCDIC, packed", packed), ("pandas.read_fwf", theirs)):
        print(read.told(name))
    print(f"{ours.rate / theirs.rate:.1f} times pandas.read_fwf")
    assert ours.rows == packed.rows == theirs.rows


# ── delimited dialects ──

DIALECTS: dict[str, dict[str, Any]] = {
    "RFC 4180": {},
    "bar, no quote": {"delimiter": "|", "quote": None},
    "escaped by backslash": {"escape": "\\"},
    "two characters": {"delimiter": "||"},
}


def test_delimited_dialects_beside_the_csv_module(tmp_path: Path) -> None:
    rows = [record_of(person, line) for person in people(MEMBERS) for line in person.lines]
    print("\ndelimited dialects")
    for name, terms in DIALECTS.items():
        path = tmp_path / name.replace(" ", "_")
        path.write_bytes(delimited(rows, Dialect(**terms)))
        warm = tmp_path / "warm"
        warm.write_bytes(delimited(rows[:WARM], Dialect(**terms)))
        ours, theirs = (
            alone(InDialect(name, is_ours=True), path, warm),
            alone(InDialect(name, is_ours=False), path, warm),
        )
        print(ours.told(f"Concord, {name}"))
        print(theirs.told("csv module" if len(form_delimiter(name)) == 1 else "str.split, lines"))
        assert ours.rows == len(rows)


def form_delimiter(name: str) -> str:
    """The delimiter of a dialect."""
    return Dialect(**DIALECTS[name]).delimiter


def delimited(rows: list[tuple[str, ...]], dialect: Dialect) -> bytes:
    """The rows in a dialect."""
    out = io.BytesIO()
    write_delimited(out, dialect, [COLUMNS, *rows])
    return out.getvalue()


@dataclass(frozen=True)
class InDialect:
    """Reads a file in one of :data:`DIALECTS`, by Concord or by the csv module."""

    name: str
    is_ours: bool

    def __call__(self, path: Path) -> int:
        """The rows without the header."""
        terms = DIALECTS[self.name]
        dialect = Dialect(**terms)
        if self.is_ours:
            with path.open("rb") as stream_:
                chunks = open_rows(stream_, replace(feed("acme_eligibility"), format=Delimited(**terms)))
                return sum(len(chunk.frame) for chunk in chunks)
        with path.open(encoding="utf-8", newline="") as file:
            if len(dialect.delimiter) > 1:  # which the csv module has not
                return sum(len(line.split(dialect.delimiter)) > 1 for line in file) - 1
            quoting = csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL
            reader = csv.reader(file, delimiter=dialect.delimiter, quoting=quoting, escapechar=dialect.escape)
            return sum(1 for _ in reader) - 1


# ── workbooks ──


def test_workbook_rows_beside_openpyxl(tmp_path: Path) -> None:
    """A tenth of the members: workbooks are what small employers have."""
    whole, warm = roster(tmp_path / "whole.xlsx", max(MEMBERS // 10, 1)), roster(tmp_path / "warm.xlsx", WARM)
    ours, theirs = alone(workbook_by_concord, whole, warm), alone(workbook_by_openpyxl, whole, warm)
    print(f"\nworkbook, {whole.stat().st_size / 1e6:.0f} MB packed")
    for name, read in (("Concord", ours), ("openpyxl, read-only", theirs)):
        print(read.told(name))
    print(f"{ours.rate / theirs.rate:.2f} times openpyxl alone")
    assert ours.rows == theirs.rows


def roster(path: Path, members: int) -> Path:
    """Acme's roster as a workbook."""
    with path.open("wb") as out:
        write_xlsx(out, [COLUMNS, *(record_of(person, line) for person in people(members) for line in person.lines)])
    return path


def workbook_by_concord(path: Path) -> int:
    """Rows by Concord's reader."""
    with path.open("rb") as stream_:
        return sum(len(chunk.frame) for chunk in open_rows(stream_, sheet(Xlsx())))


def workbook_by_openpyxl(path: Path) -> int:
    """Rows by openpyxl alone, nothing made of them."""
    import openpyxl

    (sheet,) = openpyxl.load_workbook(path, read_only=True).worksheets
    sheet.reset_dimensions()
    return sum(1 for _ in sheet.iter_rows(values_only=True)) - 1
