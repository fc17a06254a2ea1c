"""TA1 and 999 (005010X231A1) for interchanges that came: what their syntax is worth, and nothing of what they do.

A 999 says nothing about members; what became of those is told by the report. Both are made of what the reader found
(:mod:`concord.interchange`), so that we never acknowledge what we did not read. pyx12 is the oracle of their form.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from concord.interchange import Fault, FunctionalGroup, Interchange, TransactionSet

ELEMENT, REPETITION, COMPONENT, TERMINATOR = "*", "^", ":", "~"
VERSION, GUIDE = "00501", "005010X231A1"
MOST_CODES = 5
"""IK502 to IK506, AK905 to AK909."""
ACCEPTED, WITH_ERRORS, PARTLY, REJECTED = "A", "E", "P", "R"


def ta1(interchange: Interchange, number: int, now: datetime) -> bytes:
    """The interchange acknowledgement (X12.5, TA1): alone in an envelope of its own."""
    fault = interchange.faults[0] if interchange.faults else None
    code = fault.x12_code if fault is not None and _is_ta105(fault) else "000" if fault is None else "024"
    verdict = REJECTED if interchange.is_rejected else WITH_ERRORS if fault is not None else ACCEPTED
    segment = _segment("TA1", interchange.control_number, interchange.date, interchange.time, verdict, code)
    return _enveloped(interchange, [segment], groups=0, number=number, now=now)


def is_ta1_wanted(interchange: Interchange) -> bool:
    """Asked for (ISA14), or there is something to say."""
    return interchange.acknowledge or bool(interchange.faults)


def implementation_acknowledgement(interchange: Interchange, number: int, now: datetime) -> bytes:
    """The 999 for all groups of an interchange, a set for each (005010X231A1)."""
    segments: list[str] = []
    for place, group in enumerate(interchange.groups, start=1):
        segments += _set(_group(group), place)
    head = interchange.groups[0] if interchange.groups else None
    gs = _segment(
        "GS", "FA", _code(head.receiver if head else interchange.receiver),
        _code(head.sender if head else interchange.sender), f"{now:%Y%m%d}", f"{now:%H%M}", str(number), "X", GUIDE,
    )  # fmt: skip
    ge = _segment("GE", str(len(interchange.groups)), str(number))
    return _enveloped(interchange, [gs, *segments, ge], groups=1, number=number, now=now)


def _set(body: Sequence[str], place: int) -> list[str]:
    number = f"{place:04d}"
    head, end = _segment("ST", "999", number, GUIDE), _segment("SE", str(len(body) + 2), number)
    return [head, *body, end]


def _group(group: FunctionalGroup) -> list[str]:
    """AK1, the sets, AK9 (X12.20: AK901 by what was accepted, AK902 to AK904 by counts)."""
    accepted = 0 if group.is_rejected else sum(not each.is_rejected for each in group.sets)
    verdict = _verdict(group, accepted)
    segments = [_segment("AK1", group.functional_id or "BE", group.control_number, group.version)]
    for each in group.sets:
        segments += _transaction(each)
    declared = len(group.sets) if group.declared is None else group.declared
    counts = (str(min(declared, 999_999)), str(len(group.sets)), str(accepted))
    return [*segments, _segment("AK9", verdict, *counts, *_codes(group.faults))]


def _verdict(group: FunctionalGroup, accepted: int) -> str:
    if accepted == 0:
        return REJECTED
    if accepted < len(group.sets):
        return PARTLY
    return WITH_ERRORS if any(each.faults for each in group.sets) else ACCEPTED


def _transaction(found: TransactionSet) -> list[str]:
    """AK2, and IK5 with what is wrong with the set as a whole."""
    verdict = REJECTED if found.is_rejected else WITH_ERRORS if found.faults else ACCEPTED
    ak2 = _segment("AK2", "834", found.control_number, found.implementation)
    codes = _codes(found.faults) if verdict != ACCEPTED else ()
    return [ak2, _segment("IK5", verdict, *(codes or (("5",) if verdict != ACCEPTED else ())))]


def _codes(faults: Sequence[Fault]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fault.x12_code for fault in faults))[:MOST_CODES]


def _is_ta105(fault: Fault) -> bool:
    return len(fault.x12_code) == 3 and fault.x12_code.isdigit()


def _enveloped(interchange: Interchange, body: Sequence[str], *, groups: int, number: int, now: datetime) -> bytes:
    """ISA to IEA: from whom the interchange was for, to whom it was from."""
    isa = (
        "ISA", "00", " " * 10, "00", " " * 10, _code(interchange.receiver_qualifier)[:2].rjust(2, "Z"),
        _code(interchange.receiver)[:15].ljust(15), _code(interchange.sender_qualifier)[:2].rjust(2, "Z"),
        _code(interchange.sender)[:15].ljust(15), f"{now:%y%m%d}", f"{now:%H%M}", REPETITION, VERSION, f"{number:09d}",
        "0", interchange.usage if interchange.usage in ("P", "T") else "P", COMPONENT,
    )  # fmt: skip
    segments = (ELEMENT.join(isa), *body, _segment("IEA", str(groups), f"{number:09d}"))
    return "".join(f"{segment}{TERMINATOR}\n" for segment in segments).encode("ascii", "replace")


def _segment(*elements: str) -> str:
    """Elements joined; blank ones at the end are left out."""
    plain = [elements[0], *map(_code, elements[1:])]
    while plain and not plain[-1]:
        plain.pop()
    return ELEMENT.join(plain)


def _code(value: str) -> str:
    """A partner's value, without what would be a separator of ours, or no character of X12's basic set."""
    kept = "".join(each for each in value if each.isascii() and each.isprintable())
    for mark in (ELEMENT, REPETITION, COMPONENT, TERMINATOR):
        kept = kept.replace(mark, " ")
    return kept.strip()
