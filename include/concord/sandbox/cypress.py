"""Cypress Foods: the same invented families, as a people office writes them in a spreadsheet.

Nothing is said wrongly; much is written as a spreadsheet leaves it, and ``manifest.flags``
counts by column how often that must be noticed. It counts what stands in the rows, and
shares no code with the readers of the feed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from concord.sandbox.dirt import Defect, Dirt, Record, Spoiled, put
from concord.sandbox.roster import OPEN, Employer, Layout, Manifest, Roster, with_dirt, written

COLUMNS = (
    "Worker No", "Dep", "Relationship", "Last Name", "First Name", "Birth Date", "Gender", "Twin No", "SSN", "Address",
    "City", "State", "Zip", "E-mail", "Phone", "Hire Date", "Company", "Plant", "Benefit", "Plan", "Covers",
    "Start Date", "End Date", "Notes",
)  # fmt: skip
RELATIONS = {"EE": "Self", "SP": "Spouse", "CH": "Child", "DP": "Partner"}
GENDERS = {"F": "Female", "M": "Male"}
COMPANIES = {"ACME01": "CYP-OR", "ACME02": "CYP-WA"}
TIERS = {"EE": "Employee", "EE+SP": "Employee + Spouse", "EE+CH": "Employee + Child(ren)", "FAM": "Family"}
SALEM = "PLANT1"
"""The plant whose sheet lost leading zeros, and keeps day numbers for dates."""

DAMAGE = Dirt(
    defects=(
        Defect("birth_date.hashes", put("Birth Date", "########", COLUMNS)),
        Defect("ssn.scientific", put("SSN", "7.73E+08", COLUMNS)),
        Defect("plan_code.day_month", put("Plan", "5-Jan", COLUMNS)),
        Defect("last_name.mojibake", put("Last Name", "MuÃ±oz", COLUMNS)),
        Defect("coverage_tier.cell_error", put("Covers", "#N/A", COLUMNS)),
        Defect("postal_code.thousands", put("Zip", "62,701", COLUMNS)),
        Defect("birth_date.date", put("Birth Date", "25/12/1980", COLUMNS)),
        Defect("effective_from.date", put("Start Date", "2/30/2026", COLUMNS)),
    ),
    rare=(Defect("subscriber_id.scientific", put("Worker No", "1.00E+06", COLUMNS), beside=True),),
)


def name(manifest: Manifest) -> str:
    """``Cypress roster 2026-11-18.txt``."""
    return f"Cypress roster {manifest.file_date:%Y-%m-%d}.txt"


def content(roster: Roster) -> bytes:
    """Tab-delimited Windows-1252 with two empty columns and two empty rows at the end, as the sheet has them."""
    empty = ("",) * (len(COLUMNS) + 2)
    rows = [(*record, "", "") for record in (COLUMNS, *roster.records)]
    return written([*rows, empty, empty], delimiter="\t", encoding="cp1252")


LAYOUT = Layout(name, content, COLUMNS)


class Cypress(Employer):
    """Cypress Foods: a file a week, from ``start`` on; somebody who is missing twice has left."""

    absences = 2
    dirt = DAMAGE

    def file_date(self, number: int) -> date:
        """The same weekday, a week later each time."""
        return self.start + timedelta(weeks=number - 1)

    def write(self, record: Record) -> Record:
        """The record as a row of the sheet."""
        (worker, code, relation, last, first, _middle, born, sex, twin, ssn, street, city, state, postal_code, email,
         phone, hired, group, plant, coverage, plan, tier, start, end) = record  # fmt: skip
        style, salem = sum(map(ord, worker + code)) % 3, plant == SALEM
        return (
            _number(worker[1:].zfill(7), salem), _number(code, salem), RELATIONS[relation], _typed(last), _typed(first),
            _day(born, style), GENDERS.get(sex, sex), twin, ssn, _typed(street), city, state,
            _number(postal_code, salem), email, phone, _serial(hired) if salem else _day(hired, style),
            COMPANIES[group], plant, coverage.capitalize(), plan, TIERS[tier],
            _serial(start) if salem else _day(start, style), end if end == OPEN else _day(end, 0), "",
        )  # fmt: skip

    def made(self, spoiled: Spoiled, manifest: Manifest) -> Roster:
        """The roster, with what must be noticed in its accepted rows."""
        good = (record for at, record in enumerate(spoiled.records) if at not in spoiled.bad)
        flags = Counter(flag for record in good for flag in noticed(record))
        return Roster(spoiled.records, replace(with_dirt(manifest, spoiled), flags=dict(flags)), LAYOUT)


SIGNS = (
    ("subscriber_id.padded", "Worker No", "[0-9]{1,6}"),
    ("person_code.padded", "Dep", "[0-9]"),
    ("postal_code.padded", "Zip", "[0-9]{1,4}"),
    ("birth_date.two_digit_year", "Birth Date", ".+/[0-9]{2}"),
    ("hire_date.two_digit_year", "Hire Date", ".+/[0-9]{2}"),
    ("effective_from.two_digit_year", "Start Date", ".+/[0-9]{2}"),
    ("hire_date.excel_serial", "Hire Date", "[0-9]{5}"),
    ("effective_from.excel_serial", "Start Date", "[0-9]{5}"),
    ("last_name.look_alike", "Last Name", ".*[’\u00a0].*"),
    ("first_name.look_alike", "First Name", ".*[’\u00a0].*"),
    ("address_line_1.look_alike", "Address", "(?s).*[“”].*"),
)  # fmt: skip
"""Flag, column, and what its value then looks like."""


def noticed(record: Record) -> list[str]:
    """The flags that a good row must get."""
    return [flag for flag, column, look in SIGNS if re.fullmatch(look, record[COLUMNS.index(column)])]


def _number(text: str, loses_zeros: bool) -> str:
    return text.lstrip("0") if loses_zeros else text


def _typed(text: str) -> str:
    """As a word processor corrects it: curly quotes, and a no-break space after ``van``."""
    opened = re.sub(r'"([^"]*)"', "“\\1”", text)
    return opened.replace("'", "’").replace("van ", "van\u00a0")


@lru_cache(maxsize=65_536)
def _read(day: str) -> date:
    return datetime.strptime(day, "%m/%d/%Y").date()  # noqa: DTZ007 - a calendar date


def _day(day: str, style: int) -> str:
    if not day:
        return ""
    read = _read(day)
    return (f"{read.month}/{read.day}/{read.year}", f"{read:%m/%d/%y}", f"{read:%d-%b-%Y}")[style]


def _serial(day: str) -> str:
    """The spreadsheet's own number of a day: 1 January 1900 is 1, and 1900 has a 29 February."""
    return str((_read(day) - date(1900, 1, 1)).days + 2) if day else ""
