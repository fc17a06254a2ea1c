"""Samples as partners really send them: lines above the names, several kinds of records, columns that touch."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from concord.contract import Framing
from concord.sandbox.writing import xlsx
from concord.sandbox.writing.fixed_width import packed

LAST = ("ARNOLD", "BAKER", "CHO", "DUARTE", "ELLIS", "FONG", "GRANT", "HUGHES-LEE", "VAN DYKE")
FIRST = ("ANA", "BEN", "CLEO", "DAN", "EVA", "FAY", "GUS", "HAL", "IDA", "JON", "MARY ANN")
PLANS = ("PPO100", "HMO200", "DEN01")


@dataclass(frozen=True)
class Row:
    """One invented person with a coverage."""

    family: int
    number: int
    last: str
    first: str
    born: date
    sex: str
    plan: str
    start: date


def rows(families: int = 60) -> Iterator[Row]:
    """Families of one to three; deterministic."""
    for family in range(1, families + 1):
        for number in range(1, family % 3 + 2):
            key = family * 7 + number * 3
            born = date(1950 + key % 55, key % 12 + 1, key % 28 + 1) + timedelta(days=family)
            yield Row(family, number, LAST[family % 9], FIRST[key % 11], born, "MF"[key % 2], PLANS[key % 3],
                      date(2025, key % 12 + 1, 1))  # fmt: skip


def with_preamble() -> bytes:
    """A report of changes: a title, a blank line, comments, names, rows."""
    lines = [
        "Eligibility changes, weekly",
        "Run: 11/18/2026",
        "",
        "Action,Employee ID,Dep No,Last Name,First Name,DOB,Plan,Eff Date",
    ]
    lines += [
        f"{'ACT'[row.family % 3]},{row.family:06d},{row.number},{row.last},{row.first},{row.born:%-m/%-d/%Y},"
        f"{row.plan},{row.start:%m/%d/%Y}"
        for row in rows()
    ]
    lines.insert(9, "# second part")
    return "".join(f"{line}\n" for line in lines).encode()


def with_open_ends() -> bytes:
    """Records end in a delimiter, the line of names does not."""
    lines = ["Employee ID|Last Name|First Name|DOB|Plan|Eff Date"]
    lines += [
        f"{r.family:06d}{r.number}|{r.last}|{r.first}|{r.born:%m/%d/%Y}|{r.plan}|{r.start:%m/%d/%Y}|" for r in rows()
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def of_types() -> bytes:
    """Employees and their dependents in bars, without names; the trailer counts each kind."""
    lines = ["H|20261118|ACME"]
    people = list(rows())
    for row in people:
        if row.number == 1:
            lines.append(
                f"E|{row.family:06d}|GRP1|{row.last}|{row.first}|{row.born:%m/%d/%Y}|{row.sex}|{row.plan}|{row.start:%m/%d/%Y}|X"
            )
        else:
            code = "01" if row.number == 2 else "19"
            lines.append(
                f"D|{row.number:02d}|{row.last}|{row.first}|{row.born:%m/%d/%Y}|{row.sex}|{code}|{row.plan}|{row.start:%m/%d/%Y}"
            )
    employees = sum(row.number == 1 for row in people)
    lines.append(f"T|{employees}|{len(people) - employees}")
    return "".join(f"{line}\n" for line in lines).encode()


def titled_workbook() -> bytes:
    """A workbook with a title above its names, and an empty sheet in front."""
    out = io.BytesIO()
    names = (
        "Employee ID",
        "Person",
        "Last Name",
        "First Name",
        "DOB",
        "Sex",
        "Plan Code",
        "Coverage Start",
        "Coverage End",
    )
    table = [[f"{r.family:06d}", r.number, r.last, r.first, r.born, r.sex, r.plan, r.start, None] for r in rows()]
    xlsx.write(out, [("Roster of Acme",), (), names, *table], before=("Notes",))
    return out.getvalue()


# fmt: off
FIELDS = (("REC", 1, 1), ("EMP", 2, 7), ("PERSON", 8, 9), ("LAST", 10, 24), ("FIRST", 25, 36), ("BORN", 37, 44),
          ("SEX", 45, 45), ("PLAN", 46, 51), ("START", 52, 59), ("END", 60, 67), ("SSN", 68, 72),
          ("FILLER", 73, 80))
# fmt: on
"""Name, first and last position."""


def mainframe(framing: Framing, encoding: str = "cp037", line_end: str = "\n") -> bytes:
    """Columns that touch, a packed number, header and trailer."""
    people = list(rows())
    body = [
        _record(row, number).encode(encoding) + packed(100_000_000 + number * 7_919, 9)
        for number, row in enumerate(people)
    ]
    head, tail = (text.ljust(80).encode(encoding) for text in ("H20261118ACME", f"T{len(people):09d}"))
    records = (head, *(record.ljust(80, " ".encode(encoding)) for record in body), tail)
    return b"".join(_framed(record, framing, line_end.encode(encoding)) for record in records)


def _record(row: Row, number: int) -> str:
    end = "20261231" if number % 9 == 0 else "00000000"
    return (
        f"D{row.family:06d}{row.number:02d}{row.last:<15}{row.first:<12}{row.born:%Y%m%d}{row.sex}{row.plan:<6}"
        f"{row.start:%Y%m%d}{end}"
    )


def _framed(record: bytes, framing: Framing, end: bytes) -> bytes:
    if framing is Framing.DESCRIPTOR:
        return (len(record) + 4).to_bytes(2, "big") + b"\0\0" + record
    return record + (end if framing is Framing.LINES else b"")


def columns_that_touch() -> bytes:
    """The same as text in lines, without the packed number; letters with marks are in it."""
    people = list(rows())
    body = [_record(row, number).replace("ELLIS   ", "MÜLLER  ").ljust(80) for number, row in enumerate(people)]
    return "".join(f"{line}\n" for line in ("H20261118ACME".ljust(80), *body, f"T{len(people):09d}".ljust(80))).encode()


def layout() -> bytes:
    """What the partner says stands where."""
    kinds = {"SSN": "S9(9) COMP-3"}
    lines = [f"{name},{first}-{last},{kinds.get(name, 'X')}" for name, first, last in FIELDS]
    return "".join(f"{line}\n" for line in ("Field Name,Position,Format", *lines)).encode()
