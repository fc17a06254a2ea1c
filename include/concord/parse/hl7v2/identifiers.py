"""Identifiers (CX) and the ids of records made of them: unique for each assigning authority."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from concord.parse.hl7v2.message import Composite, Segment

PLAIN_AUTHORITY = re.compile(r"[A-Za-z0-9.]{1,24}")
PLAIN_NUMBER = re.compile(r"[A-Za-z0-9.\-]{1,39}")
UNSAFE = re.compile(r"[^A-Za-z0-9.]+")
MEDICAL_RECORD, SSN, MEMBER = "MR", "SS", ("MB", "SN")
"""HL7 table 0203: medical record number, Social security number, (insurer's) member and subscriber number."""
SSN_AUTHORITY = "USSSA"
"""Who assigns SSNs, where an identifier has no type."""
NOT_A_PATIENT_NUMBER = frozenset({SSN, *MEMBER, "AN", "VN", "DL", "PPN", "MC", "MA", "MI", "TAX", "NI", "BC", "CC"})
"""Types that tell an account, a visit, an insured or a licence, or that belong to a person everywhere."""


@dataclass(frozen=True)
class Identifier:
    """A number, the HL7 table 0203 type it has, and who assigned it."""

    number: str = field(repr=False)
    type: str
    authority: str = field(repr=False)

    @property
    def record_id(self) -> str:
        """The ``resource_id``: see :func:`record_id`."""
        return record_id(self.authority, self.number)


def record_id(authority: str, number: str) -> str:
    """``<authority>-<number>`` as a FHIR id (``[A-Za-z0-9-.]{1,64}``).

    Where that cannot be written as it is, or would not be unique (a hyphen in the
    authority, other characters, too long), a digest of both makes it so.
    """
    if PLAIN_AUTHORITY.fullmatch(authority) and PLAIN_NUMBER.fullmatch(number):
        return f"{authority}-{number}"
    digest = sha256(f"{len(authority)}:{authority}{number}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{UNSAFE.sub('.', authority)[:20]}-{UNSAFE.sub('.', number)[:24]}--{digest}"


def identifiers(segment: Segment, number: int, fallback: str) -> list[Identifier]:
    """The identifiers in field ``number`` (a list of CX), those without a number left out.

    The authority is CX.4, else CX.6 (assigning facility), else ``fallback``.
    """
    return [one for each in segment.repetitions(number) if (one := _identifier(each, fallback)).number]


def _identifier(composite: Composite, fallback: str) -> Identifier:
    """CX: 1 number, 4 assigning authority (HD), 5 type, 6 assigning facility (HD); check digit left out."""
    authority = domain(composite, 4) or domain(composite, 6) or fallback
    return Identifier(composite.text(1), composite.text(5).upper(), authority)


def domain(composite: Composite, part: int) -> str:
    """An HD: its namespace, else its universal id."""
    return composite.text(part, 1) or composite.text(part, 2)


def patient_identifier(choice: Iterable[Identifier], authority: str) -> Identifier | None:
    """Whose number makes the record: of ``authority`` before others, a medical record number before others.

    So the order of the list makes no difference where a hospital lists its neighbours' numbers too.
    """
    known = [one for one in choice if one.type not in NOT_A_PATIENT_NUMBER and one.authority != SSN_AUTHORITY]
    return min(known, key=lambda one: (one.type != MEDICAL_RECORD, one.authority != authority), default=None)


def of_type(choice: Iterable[Identifier], *types: str) -> Identifier | None:
    """The first identifier of the first of ``types`` that there is."""
    listed = list(choice)
    return next((one for type_ in types for one in listed if one.type == type_), None)
