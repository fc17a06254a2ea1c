"""The first pass: what the envelopes say, whether it is true, and what is rejected with which of them.

Control totals reject the set, group or interchange they belong to, and not more (X12.5; TR3 005010X220A1, appendix C):
SE01 and SE02 the set, GE01 and GE02 the group, IEA01 and IEA02 the interchange, QTY in the header the set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from concord.contract import X12834
from concord.interchange import Fault, FunctionalGroup, Interchange, TransactionSet
from concord.parse.x12_834.segments import GARBAGE, GE, GS, IEA, INS, ISA, SE, ST, SegmentBlock, code

HD = code("HD")
YES = code("Y")
ENVELOPE = np.array([ISA, GS, ST, SE, GE, IEA])
MOST_HEADER = 200
"""Segments before the first member of a set that are looked at."""


@dataclass
class SetSurvey:
    """A set while it is read. ``header`` are its segments from ST to the first INS, split into elements."""

    control_number: str
    set_id: str
    implementation: str
    first_line: int
    last_line: int = 0
    header: list[list[str]] = field(default_factory=list)
    raw_header: bytes = b""
    members: int = 0
    subscribers: int = 0
    coverages: int = 0
    segments: int = 0
    faults: list[Fault] = field(default_factory=list)
    is_torn: bool = False
    """Whether a tag was torn by a line end: who begins where is not known."""
    rejected_by: str = ""
    """Why nothing of it counts, where that is so."""

    def said(self, tag: str, element: int) -> str:
        """An element of the first header segment ``tag``, or nothing."""
        return next((said[element] for said in self.header if said[0] == tag and len(said) > element), "")

    @property
    def value(self) -> TransactionSet:
        """The set as the ledger keeps it."""
        return TransactionSet(
            control_number=self.control_number, implementation=self.implementation, purpose=self.said("BGN", 1),
            reference=self.said("BGN", 2), action=self.said("BGN", 8), first_line=self.first_line,
            line_count=max(self.last_line - self.first_line + 1, 0), members=self.members, coverages=self.coverages,
            is_rejected=bool(self.rejected_by), faults=tuple(self.faults),
        )  # fmt: skip


@dataclass
class GroupSurvey:
    """A group while it is read."""

    head: list[str]
    raw: bytes
    sets: list[SetSurvey] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)
    declared: int | None = None
    faults: list[Fault] = field(default_factory=list)
    is_closed: bool = False


@dataclass
class InterchangeSurvey:
    """An interchange while it is read."""

    head: list[str]
    raw: bytes
    separators: str
    groups: list[GroupSurvey] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    is_closed: bool = False


class Survey:
    """Reads all blocks of a file once; afterwards ``interchanges`` and ``sets`` are complete."""

    def __init__(self, blocks: Iterable[SegmentBlock], form: X12834) -> None:
        self._form = form
        self.interchanges: list[InterchangeSurvey] = []
        self.sets: list[SetSurvey] = []
        self.line_count = 0
        self.garbage = 0
        self._set: SetSurvey | None = None
        self._group: GroupSurvey | None = None
        for block in blocks:
            self._read(block)
            self.line_count += len(block)
        self._close_interchange()
        self._pass_on()

    @property
    def values(self) -> tuple[Interchange, ...]:
        """The envelopes as the ledger keeps them."""
        return tuple(map(_interchange, self.interchanges))

    def _read(self, block: SegmentBlock) -> None:
        tags = block.tags
        if block.separators is None:
            self.garbage += int((tags == GARBAGE).sum())
            return
        places = np.flatnonzero(np.isin(tags, ENVELOPE)).tolist()
        at = 0
        for place in [*places, len(block)]:
            self._inside(block, at, place)
            if place < len(block):
                self._envelope(block, place)
            at = place + 1

    def _inside(self, block: SegmentBlock, first: int, last: int) -> None:
        """Segments between two of an envelope: those of the set that is open."""
        if self._set is None or first >= last:
            return
        tags = block.tags[first:last]
        members = np.flatnonzero(tags == INS)
        if not self._set.members:
            self._header(block, first, first + int(members[0]) if len(members) else last)
        broken, in_tag = block.line_breaks
        if (in_tag & (broken >= first) & (broken < last)).any() and not self._set.is_torn:
            self._set.is_torn = True
            self._set.faults.append(Fault("x12.broken_tag", "5"))
        self._set.segments += last - first
        self._set.members += len(members)
        self._set.coverages += int((tags == HD).sum())
        self._set.subscribers += int((block.codes(members + first, 1) == YES).sum())

    def _header(self, block: SegmentBlock, first: int, last: int) -> None:
        assert self._set is not None
        last = min(last, first + max(MOST_HEADER - len(self._set.header), 0))
        self._set.header += [block.fields(at) for at in range(first, last)]
        self._set.raw_header += block.raw(first, last)

    def _envelope(self, block: SegmentBlock, place: int) -> None:
        tag, line = int(block.tags[place]), block.first_line + place
        said = block.fields(place)
        said += [""] * (17 - len(said))
        if tag == ISA:
            self._begin_interchange(block, place, said)
        elif tag == GS:
            self._begin_group(block, place, said)
        elif tag == ST:
            self._begin_set(block, place, said, line)
        elif tag == SE:
            self._end_set(said, line)
        elif tag == GE:
            self._end_group(said, line)
        else:
            self._end_interchange(said, line)

    # ── beginnings ──

    def _begin_interchange(self, block: SegmentBlock, place: int, said: list[str]) -> None:
        self._close_interchange()
        separators = block.separators.text if block.separators else ""
        found = InterchangeSurvey(said, block.raw(place, place + 1), separators)
        self.interchanges.append(found)
        for name, allowed, value, number in (
            ("sender", self._form.senders, said[6], "006"),
            ("receiver", self._form.receivers, said[8], "008"),
        ):
            if allowed and value not in allowed:
                found.faults.append(Fault(f"x12.{name}", number, "ISA"))

    def _begin_group(self, block: SegmentBlock, place: int, said: list[str]) -> None:
        self._close_group()
        if not self.interchanges:
            return
        self._group = GroupSurvey(said, block.raw(place, place + 1))
        self.interchanges[-1].groups.append(self._group)
        if said[1] != "BE":
            self._group.faults.append(Fault("x12.not_834", "1", "GS", element=1))
        if self._form.versions and said[8] not in self._form.versions:
            self._group.faults.append(Fault("x12.version", "2", "GS", element=8))

    def _begin_set(self, block: SegmentBlock, place: int, said: list[str], line: int) -> None:
        self._close_set()
        if self._group is None:
            self._begin_group(block, place, ["GS"] + [""] * 16)
        self._set = SetSurvey(said[2], said[1], said[3], line, raw_header=block.raw(place, place + 1))
        self.sets.append(self._set)
        if self._group is not None:
            if said[2] in self._group.numbers:
                self._set.faults.append(Fault("x12.repeated_set", "23", "ST", position=1, line=line, element=2))
            self._group.numbers.add(said[2])
            self._group.sets.append(self._set)
        if said[1] != "834":
            self._set.faults.append(Fault("x12.not_834", "1", "ST", position=1, line=line, element=1))

    # ── ends ──

    def _end_set(self, said: list[str], line: int) -> None:
        if self._set is None:
            return
        own, counted = self._set, self._set.segments + 2
        own.last_line = line
        if _number(said[1]) != counted:
            own.faults.append(Fault("x12.segment_count", "4", "SE", position=counted, line=line, element=1))
        if said[2] != own.control_number:
            own.faults.append(Fault("x12.set_number", "3", "SE", position=counted, line=line, element=2))
        self._judge_totals(own)
        self._set = None

    def _judge_totals(self, own: SetSurvey) -> None:
        """QTY of the header: members, subscribers, dependents (TR3 834, QTY)."""
        counted = {"TO": own.members, "ET": own.subscribers, "DT": own.members - own.subscribers}
        for position, said in enumerate(own.header, start=2):
            if said[0] == "QTY" and len(said) > 2 and said[1] in counted and _number(said[2]) != counted[said[1]]:
                own.faults.append(
                    Fault("x12.member_total", "5", "QTY", position, own.first_line + position - 1, element=2)
                )

    def _close_set(self) -> None:
        """A set that nothing ended was cut off."""
        if self._set is not None:
            self._set.last_line = self._set.first_line + self._set.segments
            self._set.faults.append(Fault("x12.no_set_trailer", "2", "SE"))
            self._set = None

    def _end_group(self, said: list[str], line: int) -> None:
        self._close_set()
        if self._group is None:
            return
        group, self._group = self._group, None
        group.is_closed, group.declared = True, _number(said[1])
        if group.declared != len(group.sets):
            group.faults.append(Fault("x12.set_count", "5", "GE", line=line, element=1))
        if said[2] != group.head[6]:
            group.faults.append(Fault("x12.group_number", "4", "GE", line=line, element=2))

    def _close_group(self) -> None:
        self._close_set()
        if self._group is not None:
            self._group.faults.append(Fault("x12.no_group_trailer", "3", "GE"))
            self._group = None

    def _end_interchange(self, said: list[str], line: int) -> None:
        self._close_group()
        if not self.interchanges or self.interchanges[-1].is_closed:
            return
        found = self.interchanges[-1]
        found.is_closed = True
        if _number(said[1]) != len(found.groups):
            found.faults.append(Fault("x12.group_count", "021", "IEA", line=line, element=1))
        if said[2] != found.head[13]:
            found.faults.append(Fault("x12.interchange_number", "001", "IEA", line=line, element=2))

    def _close_interchange(self) -> None:
        self._close_group()
        if self.interchanges and not self.interchanges[-1].is_closed:
            self.interchanges[-1].is_closed = True
            self.interchanges[-1].faults.append(Fault("x12.no_interchange_trailer", "023", "IEA"))

    # ── what follows from it ──

    def _pass_on(self) -> None:
        """What is wrong with an interchange or a group is wrong with all sets in it."""
        for interchange in self.interchanges:
            for group in interchange.groups:
                for each in group.sets:
                    if interchange.faults:
                        each.rejected_by = "x12.interchange_rejected"
                    elif group.faults:
                        each.rejected_by = "x12.group_rejected"
                    elif each.faults:
                        each.rejected_by = "x12.set_rejected"

    @property
    def first_fault(self) -> str:
        """The code of the first thing that is wrong, outermost first."""
        for interchange in self.interchanges:
            of_groups = (fault for group in interchange.groups for fault in group.faults)
            of_sets = (fault for group in interchange.groups for each in group.sets for fault in each.faults)
            for fault in (*interchange.faults, *of_groups, *of_sets):
                return fault.code
        return "x12.no_set"


def _interchange(found: InterchangeSurvey) -> Interchange:
    said = found.head
    return Interchange(
        control_number=said[13], sender_qualifier=said[5], sender=said[6], receiver_qualifier=said[7], receiver=said[8],
        date=said[9], time=said[10], version=said[12], usage=said[15], acknowledge=said[14] == "1",
        separators=found.separators, groups=tuple(_group(each) for each in found.groups),
        is_rejected=bool(found.faults), faults=tuple(found.faults),
    )  # fmt: skip


def _group(found: GroupSurvey) -> FunctionalGroup:
    said = found.head
    return FunctionalGroup(
        control_number=said[6], functional_id=said[1], sender=said[2], receiver=said[3], version=said[8],
        declared=found.declared, sets=tuple(each.value for each in found.sets), is_rejected=bool(found.faults),
        faults=tuple(found.faults),
    )  # fmt: skip


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
