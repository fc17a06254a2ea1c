"""The sandbox's people as members of an 834, with as much around them as partners send.

X12 allows its extended character set only: accents and line breaks are written as other systems write them there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

from concord.sandbox.people import Family, Line, Person, family
from concord.sandbox.writing.loops import Address, Benefits, Coverage, MemberLoop, Name

RELATIONSHIPS = {"EE": "18", "SP": "01", "CH": "19", "DP": "53"}
LINES = {"MEDICAL": "HLT", "DENTAL": "DEN"}
TIERS = {"EE": "EMP", "EE+SP": "ESP", "EE+CH": "ECH", "FAM": "FAM"}
SIZES = (1, 1, 1, 2, 2, 3, 4, 4, 5)
RICH = 0.25
"""How often a member has one of the things that few have."""


def plain(text: str) -> str:
    """``text`` without accents and line breaks."""
    told = unicodedata.normalize("NFKD", text.replace("\n", " ").replace("ß", "ss")).encode("ascii", "ignore")
    return told.decode().strip()


def coverage(line: Line) -> Coverage:
    """A coverage line as an HD loop."""
    return Coverage(LINES[line.coverage], line.start, line.end, plan=line.plan, tier=TIERS[line.tier])


def member(person: Person) -> MemberLoop:
    """A person as a full file tells of them; the member suffix is REF*23."""
    street, _, more = person.street.partition("\n")
    city, state, postal_code = person.city
    contacts = (("TE", person.phone), ("EM", person.email)) if person.email else (("TE", person.phone),)
    return MemberLoop(
        subscriber_id=person.employee_id, name=name(person), born=person.born,
        sex=person.sex if person.sex in "FM" else "U", relationship=RELATIONSHIPS[person.relation],
        employment="FT" if person.relation == "EE" else "", birth_sequence=person.birth_sequence,
        group=person.group, references=(("17", person.division), ("23", person.code)),
        dates=(("336", person.hired),) if person.relation == "EE" else (), contacts=contacts,
        address=Address(plain(street)[:55], city.upper(), state, postal_code, plain(more)[:55]),
        coverages=tuple(coverage(line) for line in person.lines),
    )  # fmt: skip


def name(person: Person) -> Name:
    """NM103 to NM109 of a person."""
    return Name(plain(person.last)[:60], plain(person.first)[:35], person.middle, ssn=person.ssn.replace("-", ""))


def enriched(loop: MemberLoop, rng: Random) -> MemberLoop:
    """A member with some of what few have: other addresses, corrections, other insurance, reporting categories."""
    changes: dict[str, Any] = {field: value for field, value in _extras(loop, rng).items() if rng.random() < RICH}
    return replace(loop, coverages=tuple(_richer(each, rng) for each in loop.coverages), **changes)


def _extras(loop: MemberLoop, rng: Random) -> dict[str, Any]:
    last, first = loop.name.last, loop.name.first
    since = loop.coverages[0].start if loop.coverages and loop.coverages[0].start else loop.born
    return {
        "former": Name(last[::-1].replace(" ", "X").strip("'.-"), first, ssn=loop.name.ssn),
        "mailing": Address("PO BOX 7", "SALEM", "MA", "01970"),
        "references": (*loop.references, ("Q4", f"P{rng.randrange(10**6):06d}")),
        "dates": (*loop.dates, ("303", since), ("356", since)),
        "confidentiality": rng.choice("RU"),
        "medicare": rng.choice("ABCDE"),
        "student": rng.choice("FNP"),
        "handicapped": "N",
        "reason": rng.choice(("AI", "07", "28", "22")),
        "marital": rng.choice("IMS"),
        "amounts": (("P3", f"{rng.randrange(10, 900)}.5"),),
        "language": rng.choice(("SPANISH", "FRENCH")),
        "reporting": (("CLASS", rng.choice("ABC")), ("COST CENTER", f"{rng.randrange(1000)}")),
    }


def _richer(each: Coverage, rng: Random) -> Coverage:
    benefits = (Benefits(policy=f"C{rng.randrange(10**6)}", carrier="OTHER CARRIER", begin=each.start),)
    chance = rng.random()
    return replace(
        each, as_range=each.end is not None and chance < 0.5, premium="412.25" if chance < RICH else "",
        cards=1 if 0.4 < chance < 0.5 else 0, benefits=benefits if 0.6 < chance < 0.7 else (),
    )  # fmt: skip


def stream(seed: int, members: int, as_of: date) -> Iterator[Family]:
    """Families of exactly ``members`` persons, made one after the other: nothing is kept."""
    rng, left, number = Random(f"{seed}|stream"), members, 0
    while left:
        number += 1
        size = min(left, rng.choice(SIZES))
        yield family(seed, number, size, as_of)
        left -= size


def loops(families: Iterable[Family], *, seed: int | None = None) -> Iterator[MemberLoop]:
    """The members of ``families`` in order; with ``seed``, :func:`enriched`."""
    rng = Random(f"{seed}|loops")
    for people in families:
        for person in people:
            yield member(person) if seed is None else enriched(member(person), rng)
