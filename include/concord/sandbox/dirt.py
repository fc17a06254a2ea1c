"""What is wrong with some rows of an employer's file: one named defect each, with the reason it must get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

COLUMNS = (
    "EMPID", "PERSON", "RELATION", "LASTNAME", "FIRSTNAME", "MIDDLE", "DOB", "SEX", "BIRTHSEQ", "SSN", "STREET", "CITY",
    "STATE", "ZIP", "EMAIL", "PHONE", "HIRED", "GROUP", "DIVISION", "COVERAGE", "PLAN", "TIER", "COVEFF", "COVEND",
)  # fmt: skip
"""The partner's columns, in file order."""

Record = tuple[str, ...]
Key = tuple[str, str, str]


def key(record: Record) -> Key:
    """(employee, person code, coverage line) as written."""
    return record[0], record[1], record[19]


@dataclass(frozen=True)
class Defect:
    """``spoil`` makes the bad record; ``beside`` puts it after the good one instead of in its place.

    Rows whose key cannot be read stand beside the good one: nobody goes missing by them.
    """

    reason: str
    spoil: Callable[[Record], Record]
    beside: bool = False


def _with(column: str, value: str) -> Callable[[Record], Record]:
    index = COLUMNS.index(column)
    return lambda record: (*record[:index], value, *record[index + 1 :])


def _reversed_dates(record: Record) -> Record:
    return (*record[:-2], "06/30/2024", "01/31/2024")


DEFECTS = (
    Defect("birth_date.date", _with("DOB", "02/30/1991")),
    Defect("relationship_code.code", _with("RELATION", "ZZ")),
    Defect("last_name.required", _with("LASTNAME", "")),
    Defect("postal_code.pattern", _with("ZIP", "9021")),
    Defect("ssn.format", _with("SSN", "12-345")),
    Defect("dates.reversed", _reversed_dates),
    Defect("birth_date.in_future", _with("DOB", "01/01/2099")),
    Defect("postal_code.pattern", _with("ZIP", "٦٢٧٠١")),
)
"""Defects that a file may have any number of."""

RARE = (
    Defect("record.field_count", lambda record: record[:9], beside=True),
    Defect("subscriber_id.pattern", _with("EMPID", "1.00E+06"), beside=True),
)
"""At most one each per file: their keys cannot be read, and few of those are believable."""


@dataclass(frozen=True)
class Spoiled:
    """Records after spoiling; ``keys`` are readable keys whose rows are refused; ``reasons`` counts bad rows."""

    records: list[Record]
    keys: frozenset[Key]
    reasons: dict[str, int]
    duplicates: int


def spoil(records: list[Record], candidates: list[int], rng: Random, *, share: float) -> Spoiled:
    """Spoils a ``share`` of ``records`` (at least one of each defect where 1.2 % allow it) and repeats a few.

    ``candidates`` are positions of records that may become bad.
    """
    most = int(len(records) * 0.012)
    count = min(len(candidates), most, max(len(DEFECTS) + len(RARE), int(len(records) * share)))
    kinds = [*RARE, *DEFECTS] if count >= len(RARE) + 1 else [*DEFECTS]
    chosen = rng.sample(candidates, count)
    plan = {position: kinds[turn] if turn < len(kinds) else rng.choice(DEFECTS) for turn, position in enumerate(chosen)}
    untouched = [position for position in candidates if position not in plan]
    repeated = set(rng.sample(untouched, min(len(untouched), 3 if len(records) > 500 else 1)))
    return _carried_out(records, plan, repeated)


def _carried_out(records: list[Record], plan: dict[int, Defect], repeated: set[int]) -> Spoiled:
    written: list[Record] = []
    keys, reasons = set(), dict.fromkeys((defect.reason for defect in plan.values()), 0)
    for position, record in enumerate(records):
        defect = plan.get(position)
        if defect is None or defect.beside:
            written.append(record)
        else:
            keys.add(key(record))
        if defect is not None:
            written.append(defect.spoil(record))
            reasons[defect.reason] += 1
        if position in repeated:
            written.append(record)
    return Spoiled(written, frozenset(keys), reasons, len(repeated))
