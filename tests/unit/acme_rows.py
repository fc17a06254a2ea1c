"""Tiny builders of Acme's files for tests; all persons are invented."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pandas as pd

from concord import catalogue
from concord.contract import Feed

ACME = catalogue.feed("acme_eligibility")

ROW = {
    "EMPID": "E0000101", "PERSON": "01", "RELATION": "EE", "LASTNAME": "Testman", "FIRSTNAME": "Tessa", "MIDDLE": "",
    "DOB": "03/14/1980", "SEX": "F", "BIRTHSEQ": "", "SSN": "400-55-0101", "STREET": "1 Sample Way",
    "CITY": "Exampleton", "STATE": "OH", "ZIP": "01234", "EMAIL": "tessa@example.com", "PHONE": "555-010-0101",
    "HIRED": "06/01/2010", "GROUP": "ACME01", "DIVISION": "D1", "COVERAGE": "MEDICAL", "PLAN": "PPO-1", "TIER": "FAM",
    "COVEFF": "01/01/2026", "COVEND": "",
}  # fmt: skip


def row(**values: str) -> dict[str, str]:
    """One source row of Acme, sound but for ``values``."""
    return ROW | values


def frame(*rows: dict[str, str]) -> pd.DataFrame:
    """A chunk's frame of source rows."""
    return pd.DataFrame(list(rows or (row(),)), dtype="str")


def file(*rows: dict[str, str], header: tuple[str, ...] = tuple(ROW), delimiter: str = ",", end: str = "\n") -> bytes:
    """A file of source rows in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerows([header, *([values[name] for name in header] for values in rows)])
    return text.getvalue().encode()


def acme(**changes: object) -> Feed:
    """Acme's contract with parts replaced; ``columns`` are merged into its own."""
    if isinstance(columns := changes.get("columns"), dict):
        changes["columns"] = {**ACME.columns, **columns}
    return replace(ACME, **changes)  # type: ignore[arg-type]
