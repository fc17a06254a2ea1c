"""Who is in the EHR: the employer's members, some written otherwise, and people who are no members.

Nobody exists; names and streets carry the canaries of :mod:`concord.sandbox.people`. The
strangers are families of the same seed with numbers that no employer reaches, so that
their names and numbers are nobody else's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from concord.sandbox.people import Family, Person, canary, families, family
from concord.sandbox.roster import Employer

STRANGERS_FROM = 900_000
"""Family numbers from here on belong to nobody of an employer."""
LATE_DAY, MERGE_DAY, REMOVAL_DAY = 2, 2, 3


class Case(StrEnum):
    """What is special about a record, and who it is."""

    MEMBER = "member"
    TWIN = "twin"
    """No SSN; the other twin has the same family name, birth date and address."""
    SHARED_SSN = "shared_ssn"
    """A whole family carries the employee's SSN by mistake."""
    MAIDEN_NAME = "maiden_name"
    NO_SSN = "no_ssn"
    MOVED = "moved"
    """Another street and phone than the employer knows."""
    PLAIN_LETTERS = "plain_letters"
    """Capitals without accents."""
    MISTYPED_SSN = "mistyped_ssn"
    SECOND_RECORD = "second_record"
    """Of somebody who has another one, as somebody in a hurry made it: no phone, no card."""
    STRANGER = "stranger"
    """No member."""
    NAMESAKE = "namesake"
    """No member, but with the name and sex of one; born on another day."""
    FOREIGN_SSN = "foreign_ssn"
    """No member, but somebody typed a member's SSN into the record."""


NO_MEMBERS = frozenset({Case.STRANGER, Case.NAMESAKE, Case.FOREIGN_SSN})


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """One patient record. ``person`` is what it says, ``member`` who it is at the employer, None for strangers.

    ``card`` is the insurer's member number as registered. A record with ``merged_into``
    (a subject's number) is a second one of the same person, and replaced from ``merge_day`` on.
    """

    number: int
    person: Person
    member: Person | None
    case: Case
    card: str = ""
    since_day: int = 1
    merged_into: int | None = None
    merge_day: int = 1
    removal_day: int | None = None


def subjects(seed: int, employer: Employer, members: int, strangers: int) -> tuple[Subject, ...]:
    """Records of at least ``members`` of the employer's members (whole families; all of few), then of strangers."""
    chosen = list(_chosen(seed, employer, members))
    made = _members(employer.seed, chosen)
    made += [_stranger(employer.seed, len(made) + turn, turn, made) for turn in range(strangers)]
    made[-1] = replace(made[-1], removal_day=REMOVAL_DAY)
    return tuple(made)


def _chosen(seed: int, employer: Employer, members: int) -> Iterator[tuple[Family, Case | None]]:
    """Families and what is planted in them: up to three with twins, two that share an SSN, then by chance."""
    everybody = list(families(employer.seed, employer.members, employer.file_date(1)).values())
    Random(f"{seed}|who").shuffle(everybody)
    twins = [each for each in everybody if any(person.birth_sequence for person in each)][:3]
    sharing = [each for each in everybody if len(each) >= 3 and each[0].ssn and each not in twins][:2]
    planted: list[tuple[Family, Case | None]] = [(each, Case.TWIN) for each in twins]
    planted += [(each, Case.SHARED_SSN) for each in sharing]
    others = [(each, None) for each in everybody if each not in twins and each not in sharing]
    left = members
    for household, case in (*planted, *others):
        if left <= 0:
            return
        left -= len(household)
        yield household, case


def _members(seed: int, chosen: list[tuple[Family, Case | None]]) -> list[Subject]:
    made: list[Subject] = []
    for household, planted in chosen:
        for person in household:
            made.extend(_records(seed, len(made), person, household, planted))
    late = next((n for n in range(len(made) - 1, -1, -1) if made[n].case is Case.MEMBER and _single(made, n)), None)
    if late is not None:
        made[late] = replace(made[late], since_day=LATE_DAY)
    return made


def _single(made: list[Subject], number: int) -> bool:
    return all(each.merged_into != number for each in made) and made[number].merged_into is None


def _records(seed: int, number: int, person: Person, household: Family, planted: Case | None) -> list[Subject]:
    """One record of a person; two for every 23rd, the later of which is replaced by the first."""
    case = _case(number, person, planted)
    written = WRITTEN.get(case, _as_known)(person, household, seed)
    first = Subject(number, written, person, case, _card(number, person))
    if number % 23 != 11 or planted:
        return [first]
    day = 1 if number % 46 == 11 else MERGE_DAY
    again = replace(_as_known(person, household, seed), phone="", email="", middle="")
    return [first, Subject(number + 1, again, person, Case.SECOND_RECORD, "", merged_into=number, merge_day=day)]


def _case(number: int, person: Person, planted: Case | None) -> Case:
    if planted is Case.TWIN and person.birth_sequence:
        return Case.TWIN
    if planted is Case.SHARED_SSN:
        return planted
    case = TURNS.get(number % 12, Case.MEMBER)
    fits = {
        Case.MAIDEN_NAME: person.sex == "F" and person.relation != "CH",
        Case.MISTYPED_SSN: bool(person.ssn),
        Case.NO_SSN: bool(person.ssn),
    }
    return case if fits.get(case, True) else Case.MEMBER


TURNS = {
    1: Case.MAIDEN_NAME,
    3: Case.MAIDEN_NAME,
    4: Case.NO_SSN,
    6: Case.MOVED,
    8: Case.PLAIN_LETTERS,
    10: Case.MISTYPED_SSN,
}


def _card(number: int, person: Person) -> str:
    """The employee's number, which the family shares; a seventh type the person code after it, a quarter have none."""
    if number % 4 == 1:
        return ""
    return f"{person.employee_id}-{person.code}" if number % 7 == 2 else person.employee_id


Writing = Callable[[Person, Family, int], Person]


def _as_known(person: Person, _household: Family, _seed: int) -> Person:
    return person


def _shared(person: Person, household: Family, _seed: int) -> Person:
    return replace(person, ssn=household[0].ssn)


def _maiden(person: Person, _household: Family, seed: int) -> Person:
    return replace(person, last=f"Kowalskaqz{canary(seed, _own(person) + 8)}")


def _no_ssn(person: Person, _household: Family, _seed: int) -> Person:
    return replace(person, ssn="")


def _moved(person: Person, _household: Family, seed: int) -> Person:
    street = f"{_own(person) % 9_000 + 1} Qz{canary(seed, _own(person) + 7)} Avenue"
    return replace(person, street=street, phone=f"555{_own(person) % 10**7:07d}", email="")


def _plain(person: Person, _household: Family, _seed: int) -> Person:
    return replace(person, last=without_accents(person.last).upper(), first=without_accents(person.first).upper())


def _mistyped(person: Person, _household: Family, _seed: int) -> Person:
    """The last two digits changed places, or the last one changed where they are equal."""
    rest, last_but_one, last = person.ssn[:-2], person.ssn[-2], person.ssn[-1]
    wrong = last + last_but_one if last != last_but_one else last_but_one + str((int(last) + 1) % 10)
    return replace(person, ssn=rest + wrong)


def without_accents(text: str) -> str:
    """``Muñoz`` as ``Munoz``."""
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))


def _own(person: Person) -> int:
    return int(person.employee_id[1:]) * 10


WRITTEN: dict[Case, Writing] = {
    Case.SHARED_SSN: _shared,
    Case.MAIDEN_NAME: _maiden,
    Case.NO_SSN: _no_ssn,
    Case.MOVED: _moved,
    Case.PLAIN_LETTERS: _plain,
    Case.MISTYPED_SSN: _mistyped,
}


def _stranger(seed: int, number: int, turn: int, made: list[Subject]) -> Subject:
    """Every third is a namesake of a member, every third carries the SSN of one; the last are plain."""
    [person] = family(seed, STRANGERS_FROM + turn, 1, date(2026, 1, 5))
    case = (Case.NAMESAKE, Case.FOREIGN_SSN, Case.STRANGER)[turn % 3]
    model = _model(made, turn)
    if case is Case.NAMESAKE and model:
        born = model.born - timedelta(days=400 + turn)
        person = replace(person, first=model.first, last=model.last, sex=model.sex, born=born)
    elif case is Case.FOREIGN_SSN and model:
        person = replace(person, ssn=model.ssn)
    return Subject(number, person, None, case)


def _model(made: list[Subject], turn: int) -> Person | None:
    known = [each.member for each in made if each.member and each.member.ssn and each.case is Case.MEMBER]
    return known[turn * 7 % len(known)] if known else None
