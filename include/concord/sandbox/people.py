"""Synthetic families: who works for the sandbox's employer, and who is covered with them.

Nobody here exists. Every name, e-mail and street carries a *canary*, a run of letters
that occurs nowhere else, so that a search of logs, tables and pages for :data:`CANARY`
finds every leak; social security numbers come from areas that were never issued before
numbers were randomised (773 to 899), are syntactically valid, and are unique.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

CANARY = re.compile(r"[Qq][xz][bcdfghjklmnpqrstvwxz]{6}")
"""Matches the canary of every synthetic person: ``qx`` in first names, ``qz`` in family names, streets, e-mail."""

LETTERS = "bcdfghjklmnpqrstvwxz"
LETTER_SPACE = len(LETTERS) ** 6
SSN_SPACE = 127 * 99 * 9_999

FIRST = (
    "Anna",
    "James",
    "María",
    "Wei",
    "Fatima",
    "John",
    "Zoë",
    "Noah",
    "Aisha",
    "Luca",
    "Jean-Luc",
    "D'Arcy",
    "Mary Ann",
    "Ivan",
)
LAST = (
    "Smith",
    "Muñoz",
    "O'Brien",
    "Nguyen",
    "Müller",
    "Garcia",
    "van der Berg",
    "Okafor",
    "Kim",
    "Patel",
    "Smith-Jones",
    "St. Clair",
)
NO_NAMES = ("Na", "Null", "None", "True")
"""Family names that careless readers take for missing values."""
CITIES = (
    ("Springfield", "IL", "62701"),
    ("Dover", "DE", "19901"),
    ("Salem", "MA", "01970"),
    ("Augusta", "ME", "04330"),
    ("Macon", "GA", "31201"),
)
GROUPS = ("ACME01", "ACME01", "ACME02")
DIVISIONS = ("HQ", "PLANT1", "PLANT2", "SALES")
MEDICAL_PLANS = ("PPO-500", "PPO-1000", "HMO-A", "HDHP-1")
DENTAL_PLANS = ("DEN-BASE", "DEN-PLUS")


@dataclass(frozen=True, slots=True)
class Line:
    """One coverage line of a person; ``end`` is the last covered day, None while it goes on."""

    coverage: str
    plan: str
    tier: str
    start: date
    end: date | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """One covered person as the employer knows them (the partner's codes)."""

    employee_id: str
    code: str
    relation: str
    last: str
    first: str
    middle: str
    born: date
    sex: str
    birth_sequence: str
    ssn: str
    street: str
    city: tuple[str, str, str]
    email: str
    phone: str
    hired: date
    group: str
    division: str
    lines: tuple[Line, ...]


Family = tuple[Person, ...]
"""The employee first, then spouse and children."""


def canary(seed: int, number: int) -> str:
    """Six letters, different for every ``number`` below 64 million of one ``seed``."""
    value = (number * 7_654_321 + seed * 1_299_709 + 31_337_011) % LETTER_SPACE
    letters = []
    for _ in range(6):
        value, index = divmod(value, len(LETTERS))
        letters.append(LETTERS[index])
    return "".join(letters)


def ssn(seed: int, number: int) -> str:
    """A nine-digit number, different for every ``number`` below 125 million of one ``seed``."""
    value = (number * 15_485_863 + seed * 32_452_843) % SSN_SPACE
    value, serial = divmod(value, 9_999)
    area, pair = divmod(value, 99)
    return f"{773 + area}{pair + 1:02d}{serial + 1:04d}"


def family(seed: int, number: int, size: int, as_of: date, *, joins: date | None = None) -> Family:
    """Family ``number``, the same for the same arguments: ``size`` persons (at most 9) covered on ``as_of``.

    ``joins`` is the first covered day of a new hire.
    """
    rng = Random(f"{seed}|{number}")
    household = _Household(seed, number, rng, as_of, joins)
    people = [household.person(position, size) for position in range(size)]
    return tuple(people)


def families(seed: int, members: int, as_of: date) -> dict[int, Family]:
    """Families of exactly ``members`` persons together, by number from 1."""
    rng, made, left, number = Random(f"{seed}|sizes"), {}, members, 0
    while left:
        number += 1
        size = min(left, rng.choice((1, 1, 1, 2, 2, 3, 4, 4, 5)))
        made[number] = family(seed, number, size, as_of)
        left -= size
    return made


class _Household:
    """What the persons of one family have in common."""

    def __init__(self, seed: int, number: int, rng: Random, as_of: date, joins: date | None) -> None:
        self.seed, self.number, self.rng, self.as_of = seed, number, rng, as_of
        self.canary = canary(seed, number * 10)
        self.last = rng.choice(NO_NAMES) if rng.random() < 0.003 else rng.choice(LAST) + "qz" + self.canary
        self.street = street(self.canary, rng)
        self.city, self.phone = rng.choice(CITIES), f"555{rng.randrange(10**7):07d}"
        self.group, self.division = rng.choice(GROUPS), rng.choice(DIVISIONS)
        self.start = joins or _past_start(rng, as_of)
        self.hired = joins or self.start - timedelta(days=rng.randrange(0, 31))
        self.dental = rng.random() < 0.62
        self.plans = (rng.choice(MEDICAL_PLANS), rng.choice(DENTAL_PLANS))
        self.twins = rng.random() < 0.15
        self.born = as_of - timedelta(days=rng.randrange(30 * 365, 62 * 365))
        self.twins_born = as_of - timedelta(days=rng.randrange(200, 15 * 365))
        self.dashes = rng.random() < 0.5
        ended = as_of - timedelta(days=rng.randrange(5, 30))
        self.ended = ended if not joins and rng.random() < 0.01 and self.start + timedelta(days=60) < ended else None
        self.rehired = not joins and rng.random() < 0.02

    def person(self, position: int, size: int) -> Person:
        relation = ("EE", "SP", *("CH",) * 8)[position]
        own = canary(self.seed, self.number * 10 + position)
        twin = self.twins and size >= 4 and position in (2, 3)
        first = self.rng.choice(FIRST) + "qx" + own
        number = ssn(self.seed, self.number * 10 + position)
        return Person(
            employee_id=f"E{self.number:07d}",
            code=f"{position + 1:02d}",
            relation=relation,
            last=self.last,
            first=first,
            middle=self.rng.choice(("", "", "A", "B")),
            born=self._born(position, twin),
            sex=self.rng.choice("FM") if self.rng.random() < 0.98 else "X",
            birth_sequence=str(position - 1) if twin else "",
            ssn="" if twin or self.rng.random() < 0.04 else self._written(number),
            street=self.street,
            city=self.city,
            email=f"qx{own}@example.com" if relation == "EE" else "",
            phone=self.phone,
            hired=self.hired,
            group=self.group,
            division=self.division,
            lines=self._lines(size, relation),
        )

    def _born(self, position: int, twin: bool) -> date:
        if twin:
            return self.twins_born
        spread = timedelta(days=self.rng.randrange(1, 4_000))
        return self.born + spread if position < 2 else self.as_of - timedelta(days=self.rng.randrange(200, 18 * 365))

    def _written(self, number: str) -> str:
        return f"{number[:3]}-{number[3:5]}-{number[5:]}" if self.dashes else number

    def _lines(self, size: int, relation: str) -> tuple[Line, ...]:
        tier = {1: "EE", 2: "EE+SP"}.get(size, "FAM")
        lines = [Line("MEDICAL", self.plans[0], tier, self.start, self.ended)]
        if self.dental:
            lines.append(Line("DENTAL", self.plans[1], tier, self.start, self.ended))
        if self.rehired and relation == "EE":
            left = self.start - timedelta(days=40)
            lines.insert(0, Line("MEDICAL", "PPO-500", "EE", left - timedelta(days=400), left))
        return tuple(lines)


def street(own: str, rng: Random) -> str:
    """A street address with the canary; one in six has a line break, one in ten a comma and quotes."""
    text = f"{rng.randrange(1, 9999)} Qz{own} Street"
    chance = rng.random()
    if chance < 0.16:
        return f"{text}\nApt {rng.randrange(1, 99)}"
    return f'{text}, "Rear" Unit {rng.randrange(1, 9)}' if chance < 0.26 else text


def _past_start(rng: Random, as_of: date) -> date:
    """A first day of a month; one family in twelve began within the last two months."""
    days = rng.randrange(1, 45) if rng.random() < 0.08 else rng.randrange(120, 560)
    return (as_of - timedelta(days=days)).replace(day=1)
