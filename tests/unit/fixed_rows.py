"""Tiny writers of fixed-width files for tests, independent of the reader; all persons are invented."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from concord.contract import (
    Codes,
    Feed,
    FixedColumn,
    FixedControl,
    FixedWidth,
    From,
    Place,
    Side,
    Text,
    date_in,
    filler,
)
from tests.unit.acme_rows import ACME

COLUMNS = (
    FixedColumn("TYPE", 1, 1),
    FixedColumn("ID", 2, 8),
    FixedColumn("PERSON", 10, 2),
    FixedColumn("LAST", 12, end=26),
    FixedColumn("FIRST", 27, 12),
    FixedColumn("BORN", 39, 8),
    FixedColumn("REL", 47, 2),
    filler(49, 2),
    FixedColumn("GROUP", 51, 6),
    FixedColumn("LINE", 57, 3),
    FixedColumn("PLAN", 60, 6, padding="0", side=Side.LEFT),
    FixedColumn("FROM", 66, 8),
    FixedColumn("TO", 74, 8),
)
WIDTHS = {column.name: column.place.stop - column.place.first for column in COLUMNS if column.name}
LENGTH = 81

DAY = date_in("%Y%m%d")
MAPPING = {
    "subscriber_id": From("ID", Text(r"\AE[0-9]{7}\Z"), required=True),
    "person_code": From("PERSON", Text(r"\A[0-9]{2}\Z"), required=True),
    "last_name": From("LAST", Text(max_length=60), required=True),
    "first_name": From("FIRST", Text(max_length=60), required=True),
    "birth_date": From("BORN", DAY, required=True),
    "relationship_code": From("REL", Codes({"EE": "18", "SP": "01", "CH": "19"}), required=True),
    "group_id": From("GROUP", Text(r"\AACME[0-9]{2}\Z"), required=True),
    "coverage_line": From("LINE", Codes({"MED": "HLT", "DEN": "DEN"}), required=True),
    "plan_code": From("PLAN", Text(r"\A[A-Z0-9-]{2,6}\Z"), required=True),
    "effective_from": From("FROM", DAY, required=True),
    "effective_to": From("TO", DAY),
}
CONTROL = FixedControl(
    header="H", detail="D", trailer="T", count_at=Place(2, 8), sender="ACMEMFG", sender_at=Place(2, 10),
    date_at=Place(12, 8), total_at=Place(10, 15), total_column="ID",
)  # fmt: skip
ROW = {
    "TYPE": "D", "ID": "E0000101", "PERSON": "01", "LAST": "Testman", "FIRST": "Tessa", "BORN": "19800314",
    "REL": "EE", "GROUP": "ACME01", "LINE": "MED", "PLAN": "PPO1", "FROM": "20260101", "TO": "",
}  # fmt: skip
READ = [mapping.source for mapping in MAPPING.values()]


def row(**values: str) -> dict[str, str]:
    """One record's values, sound but for ``values``."""
    return ROW | values


def people(count: int) -> list[dict[str, str]]:
    """Different employees."""
    return [row(ID=f"E{number:07d}") for number in range(count)]


def record(values: dict[str, str]) -> str:
    """A record of :data:`COLUMNS`: text to the left, plans to the right behind zeros."""
    parts = {name: values[name].ljust(width) for name, width in WIDTHS.items()}
    parts["PLAN"] = values["PLAN"].rjust(WIDTHS["PLAN"], "0")
    text = "".join(parts[name] if name != "GROUP" else f"  {parts[name]}" for name in WIDTHS)
    assert len(text) == LENGTH
    return text


def file(*rows: dict[str, str], end: str = "\n") -> bytes:
    """Records of ``rows``, one a line."""
    return "".join(record(values) + end for values in (rows or (row(),))).encode()


def header(sender: str = "ACMEMFG", day: str = "20261120") -> str:
    return f"H{sender:<10}{day}"


def trailer(count: int, total: int) -> str:
    return f"T{count:08d}{total:015d}"


def controlled(*rows: dict[str, str], end: str = "\n", **promises: int) -> bytes:
    """A whole file with control records that agree, but for ``promises`` (``count``, ``total``)."""
    count = promises.get("count", len(rows))
    total = promises.get("total", sum(int(values["ID"][1:]) for values in rows))
    return "".join(part + end for part in (header(), *map(record, rows), trailer(count, total))).encode()


def fixed(form: FixedWidth | None = None, **changes: Any) -> Feed:
    """Acme's contract in fixed width; ``changes`` are of the format."""
    form = form or FixedWidth(COLUMNS, encoding="ascii")
    return replace(ACME, format=replace(form, **changes), columns=MAPPING)


def packed(number: int, digits: int, sign: str | None = None) -> bytes:
    """COMP-3, digit by digit, as IBM's Principles of Operation has it."""
    return bytes.fromhex(f"{abs(number):0{digits}d}{sign or ('D' if number < 0 else 'C')}")


def zoned(number: int, digits: int) -> str:
    """DISPLAY with the sign in the last zone, in characters."""
    text = f"{abs(number):0{digits}d}"
    last = int(text[-1])
    return text[:-1] + ("}JKLMNOPQR" if number < 0 else "{ABCDEFGHI")[last]
