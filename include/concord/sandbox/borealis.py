"""Borealis Logistics: the same invented families, told as numbered files of changes.

The first file adds everybody. Each later one has a row for whatever differs from the
day before, with the action that says it, and some rows that must be refused. Control
header and trailer are always right; spoiling those is left to tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

from concord.sandbox import events
from concord.sandbox.dirt import Defect, Key, Record, key, put
from concord.sandbox.expected import END
from concord.sandbox.roster import OPEN, Employer, Layout, Manifest, Roster, record_of, written

COLUMNS = (
    "REC", "ACT", "WORKER", "SUFFIX", "REL", "SURNAME", "GIVEN", "BORN", "SEX", "BIRTHSEQ", "TAXID", "ADDR1", "ADDR2",
    "TOWN", "ST", "POSTAL", "MAIL", "TEL", "JOINED", "CONTRACT", "DEPOT", "BENEFIT", "OPTION", "LEVEL", "STARTDT",
    "STOPDT",
)  # fmt: skip
RELATIONS = {"EE": "S", "SP": "P", "CH": "C", "DP": "L"}
SEXES = {"M": "1", "F": "2"}
CONTRACTS = {"ACME01": "BLX100", "ACME02": "BLX200"}
BENEFITS = {"MEDICAL": "MED", "DENTAL": "DNT"}
LEVELS = {"EE": "1", "EE+SP": "2", "EE+CH": "3", "FAM": "4"}
FIRST_SEQUENCE = 401

DEFECTS = (
    Defect("maintenance_action.code", put("ACT", "Z", COLUMNS)),
    Defect("effective_to.required", lambda row: put("ACT", "T", COLUMNS)(put("STOPDT", "", COLUMNS)(row))),
    Defect("birth_date.date", put("BORN", "19910230", COLUMNS)),
    Defect("unknown_member", put("WORKER", "W-999001", COLUMNS)),
    Defect("record.type", put("REC", "Q", COLUMNS)),
)
"""What is wrong with the rows that must be refused; the last but one is only seen beside the tables."""

Spans = dict[Key, list[Record]]


def name(manifest: Manifest) -> str:
    """``BLX_CHG_20261118_000401.txt``."""
    return f"BLX_CHG_{manifest.file_date:%Y%m%d}_{manifest.sequence:06d}.txt"


def content(roster: Roster) -> bytes:
    """Control header, details, and a trailer with their number and the sum of their worker numbers."""
    header = ("H", "BOREALIS", f"{roster.manifest.file_date:%Y%m%d}", f"{roster.manifest.sequence:06d}", "CHANGES")
    total = sum(int(record[2].removeprefix("W-")) for record in roster.records)
    trailer = ("T", str(len(roster.records)), str(total))
    return written([header, *roster.records, trailer], delimiter="|")


LAYOUT = Layout(name, content, COLUMNS)


class Borealis(Employer):
    """Borealis Logistics; ``records`` of its rosters are change rows."""

    absences = 0

    def __init__(self, seed: int = 1, members: int = 20_000, *, start: date = date(2026, 1, 5)) -> None:
        super().__init__(seed, members, start=start)
        self._before: Spans = {}

    def _roster(self, number: int, as_of: date, done: events.Done, rng: Random) -> Roster:
        now = spans(record_of(person, line) for family in self._families.values() for person in family
                    for line in person.lines)  # fmt: skip
        changes = list(differences(self._before, now, as_of))
        known, self._before = self._before, now
        same = [held[0] for each, held in known.items() if now.get(each) == held]
        bad = rng.sample(same, min(len(same), len(DEFECTS)))
        refused = [defect.spoil(row("C", record)) for defect, record in zip(DEFECTS, bad, strict=False)]
        manifest = replace(
            self.manifest(number, as_of, done),
            rows=len(changes) + len(refused),
            sequence=FIRST_SEQUENCE + number - 1,
            dirty=dict(Counter(defect.reason for defect, _ in zip(DEFECTS, bad, strict=False))),
            actions=dict(Counter(action for action, _ in changes)),
            expected=self._believed.update([record for _, record in changes], frozenset(), as_of),
        )
        rows = [*(row(action, record) for action, record in changes), *refused]
        return Roster(rows, manifest, LAYOUT)


def spans(records: Iterable[Record]) -> Spans:
    """Records by key, in order."""
    found: Spans = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return found


def differences(before: Spans, now: Spans, as_of: date) -> list[tuple[str, Record]]:
    """Action and record of everything that is not as the day before."""
    changes: list[tuple[str, Record]] = []
    for each, records in now.items():
        if each not in before:
            changes += [("A", record) for record in records]
        elif records != before[each]:
            changes += [(action_of(old, new), new) for old, new in zip(before[each], records, strict=True)]
    yesterday = f"{as_of - timedelta(days=1):%m/%d/%Y}"
    for each in before.keys() - now.keys():
        changes += [("T", (*record[:END], yesterday)) for record in before[each]]
    return sorted(changes, key=lambda change: (key(change[1]), change[1][END - 1]))


def action_of(old: Record, new: Record) -> str:
    """A new end terminates, one that is gone reinstates, all else is a change."""
    ended, ends = (bool(record[END]) and record[END] != OPEN for record in (old, new))
    return "C" if ended == ends else "T" if ends else "R"


def row(action: str, record: Record) -> Record:
    """A record as a detail of the change file."""
    (worker, code, relation, last, first, _middle, born, sex, twin, ssn, street, city, state, postal_code, email,
     phone, hired, group, depot, coverage, plan, tier, start, end) = record  # fmt: skip
    street, _, more = street.partition("\n")
    return (
        "D", action, f"W-{int(worker[1:]):06d}", code, RELATIONS[relation], last, first, _day(born),
        SEXES.get(sex, "9"), twin, ssn.replace("-", ""), street, more, city, state, postal_code, email, phone,
        _day(hired), CONTRACTS[group], depot, BENEFITS[coverage], plan, LEVELS[tier], _day(start),
        _day("" if end == OPEN else end, days=1),
    )  # fmt: skip


def _day(day: str, *, days: int = 0) -> str:
    """``YYYYMMDD``; Borealis writes the first day without coverage, one ``days`` after the last with it."""
    if not day:
        return ""
    read = datetime.strptime(day, "%m/%d/%Y").date()  # noqa: DTZ007 - a calendar date
    return f"{read + timedelta(days=days):%Y%m%d}"
