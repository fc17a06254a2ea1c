"""What is wrong with some rows of an employer's file: one named defect each, with the reason it must get.

The generator thinks in Acme's columns; another employer's rows are written from them.
"""

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


def put(column: str, value: str, columns: tuple[str, ...] = COLUMNS) -> Callable[[Record], Record]:
    """Puts ``value`` into ``column`` of a record of ``columns``."""
    index = columns.index(column)
    return lambda record: (*record[:index], value, *record[index + 1 :])


def _reversed_dates(record: Record) -> Record:
    return (*record[:-2], "06/30/2024", "01/31/2024")


DEFECTS = (
    Defect("birth_date.date", put("DOB", "02/30/1991")),
    Defect("relationship_code.code", put("RELATION", "ZZ")),
    Defect("last_name.required", put("LASTNAME", "")),
    Defect("postal_code.pattern", put("ZIP", "9021")),
    Defect("ssn.format", put("SSN", "12-345")),
    Defect("dates.reversed", _reversed_dates),
    Defect("birth_date.in_future", put("DOB", "01/01/2099")),
    Defect("postal_code.pattern", put("ZIP", "٦٢٧٠١")),
)
"""Defects that a file may have any number of."""

RARE = (
    Defect("record.field_count", lambda record: record[:9], beside=True),
    Defect("subscriber_id.pattern", put("EMPID", "1.00E+06"), beside=True),
)
"""At most one each per file: their keys cannot be read, and few of those are believable."""


@dataclass(frozen=True)
class Dirt:
    """The defects of one employer's files."""

    defects: tuple[Defect, ...] = DEFECTS
    rare: tuple[Defect, ...] = RARE


@dataclass(frozen=True)
class Spoiled:
    """Records after spoiling; ``keys`` are readable keys whose rows are refused; ``reasons`` counts bad rows.

    ``bad`` are the places of the bad ones among ``records``.
    """

    records: list[Record]
    keys: frozenset[Key]
    reasons: dict[str, int]
    duplicates: int
    bad: frozenset[int]


def spoil(
    records: list[Record],
    candidates: list[int],
    rng: Random,
    *,
    share: float,
    dirt: Dirt = Dirt(),
    write: Callable[[Record], Record] = lambda record: record,
) -> Spoiled:
    """Writes ``records``, spoils a ``share`` of them (one of each defect where 1.2 % allow it) and repeats a few.

    ``candidates`` are positions of records that may become bad; a defect spoils what was written.
    """
    most = int(len(records) * 0.012)
    count = min(len(candidates), most, max(len(dirt.defects) + len(dirt.rare), int(len(records) * share)))
    kinds = [*dirt.rare, *dirt.defects] if count >= len(dirt.rare) + 1 else [*dirt.defects]
    chosen = rng.sample(candidates, count)
    plan = {at: kinds[turn] if turn < len(kinds) else rng.choice(dirt.defects) for turn, at in enumerate(chosen)}
    untouched = [position for position in candidates if position not in plan]
    repeated = set(rng.sample(untouched, min(len(untouched), 3 if len(records) > 500 else 1)))
    return _carried_out(records, plan, repeated, write)


def _carried_out(
    records: list[Record], plan: dict[int, Defect], repeated: set[int], write: Callable[[Record], Record]
) -> Spoiled:
    written: list[Record] = []
    bad: set[int] = set()
    keys, reasons = set(), dict.fromkeys((defect.reason for defect in plan.values()), 0)
    for position, record in enumerate(records):
        defect = plan.get(position)
        if defect is None or defect.beside:
            written.append(write(record))
        else:
            keys.add(key(record))
        if defect is not None:
            bad.add(len(written))
            written.append(defect.spoil(write(record)))
            reasons[defect.reason] += 1
        if position in repeated:
            written.append(write(record))
    return Spoiled(written, frozenset(keys), reasons, len(repeated), frozenset(bad))
