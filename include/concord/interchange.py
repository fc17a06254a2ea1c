"""X12 envelopes as plain values: what a file's interchanges, groups and sets said, and what is wrong with them.

The reader of 834 makes them, the ledger keeps them, the acknowledgements are written from them. They hold control
numbers, codes, places and counts: no value of a member loop, and no PHI. Names of the trading partners (ISA06,
GS02, ...) are ids of organisations.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """Something wrong, and where: enough for a line of a 999 and for a sentence to a person.

    ``code`` is ours (``x12.segment_count``); ``x12_code`` is what the acknowledgement says at this level (TA105,
    AK905, IK502, IK304 or IK403, by where it stands). ``segment`` is the segment's id where it is a known one,
    ``position`` its ordinal in the set (ST is 1), ``line`` its ordinal in the file; ``element`` and ``component``
    count from 1.
    """

    code: str
    x12_code: str
    segment: str | None = None
    position: int | None = None
    line: int | None = None
    element: int | None = None
    component: int | None = None
    loop: str | None = None


@dataclass(frozen=True)
class TransactionSet:
    """ST to SE. ``action`` is BGN08, ``purpose`` BGN01, ``reference`` BGN02. ``faults`` of level IK5, IK3 and IK4."""

    control_number: str
    implementation: str
    purpose: str
    reference: str
    action: str
    first_line: int
    line_count: int
    members: int
    coverages: int
    is_rejected: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class FunctionalGroup:
    """GS to GE. ``declared`` is GE01; ``faults`` of level AK9."""

    control_number: str
    functional_id: str
    sender: str
    receiver: str
    version: str
    declared: int | None
    sets: tuple[TransactionSet, ...] = ()
    is_rejected: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Interchange:
    """ISA to IEA. ``usage`` is ISA15 (P or T), ``acknowledge`` ISA14 = 1; ``faults`` of level TA1."""

    control_number: str
    sender_qualifier: str
    sender: str
    receiver_qualifier: str
    receiver: str
    date: str
    time: str
    version: str
    usage: str
    acknowledge: bool
    separators: str = field(repr=False, default="*^:~")
    """Element, repetition and component separator, and segment terminator, in this order."""
    groups: tuple[FunctionalGroup, ...] = ()
    is_rejected: bool = False
    faults: tuple[Fault, ...] = ()
