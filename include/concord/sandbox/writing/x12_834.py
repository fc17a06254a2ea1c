"""834 files of any size: interchanges, groups and sets around member loops, written as they come.

    with path.open("wb") as out:
        write(out, Envelope(number=7), [[Batch(members, action="RX", totals=Totals.of(members))]])

Every file it writes is valid by pyx12's map of 005010X220A1 (``tests/unit/test_writing_834.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import IO

from concord.sandbox.writing.loops import MemberLoop, Segment

VERSION = "005010X220A1"
BUFFERED = 512
"""Members that are put together before they are written."""


@dataclass(frozen=True)
class Separators:
    """The characters that separate, and what follows a terminator (``""``, LF or CRLF)."""

    element: str = "*"
    repetition: str = "^"
    component: str = ":"
    terminator: str = "~"
    line_end: str = ""

    @cached_property
    def _blanks(self) -> dict[int, str]:
        marks = self.element + self.repetition + self.component + self.terminator + "\r\n"
        return {ord(mark): " " for mark in marks}

    def line(self, segment: Segment) -> str:
        """One segment with its terminator; separators within values become blanks, empty elements at the end go."""
        texts = [self._text(value) for value in segment]
        while not texts[-1]:
            texts.pop()
        return self.element.join(texts) + self.terminator + self.line_end

    def _text(self, value: str | tuple[str, ...]) -> str:
        if isinstance(value, tuple):
            return self.component.join(self._text(part) for part in value)
        return value.translate(self._blanks).strip()


@dataclass(frozen=True)
class Envelope:
    """What an interchange says of itself: ISA and GS."""

    number: int = 1
    day: date = date(2026, 11, 18)
    time: str = "0900"
    sender: str = "SPONSOR01"
    receiver: str = "CONCORD"
    usage: str = "P"
    acknowledge: bool = True
    version: str = VERSION
    separators: Separators = field(default_factory=Separators)

    def isa(self) -> str:
        """ISA, whose elements have fixed lengths; separators are the 4th byte, ISA11, ISA16 and what follows it."""
        marks = self.separators
        told = (
            "ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{self.sender:<15}", "ZZ", f"{self.receiver:<15}",
            f"{self.day:%y%m%d}", self.time, marks.repetition, "00501", f"{self.number:09d}",
            "1" if self.acknowledge else "0", self.usage, marks.component,
        )  # fmt: skip
        return marks.element.join(told) + marks.terminator + marks.line_end


@dataclass(frozen=True)
class Totals:
    """QTY in the header: members (TO), subscribers (ET), dependents (DT)."""

    members: int
    subscribers: int

    @classmethod
    def of(cls, members: Sequence[MemberLoop]) -> Totals:
        """The totals of ``members``."""
        return cls(len(members), sum(member.is_subscriber for member in members))

    def segments(self) -> Iterator[Segment]:
        """Three QTY."""
        yield "QTY", "TO", str(self.members)
        yield "QTY", "ET", str(self.subscribers)
        yield "QTY", "DT", str(self.members - self.subscribers)


@dataclass(frozen=True)
class Batch:
    """One transaction set. ``action`` is BGN08: ``RX`` replaces, ``2`` changes, ``4`` verifies."""

    members: Iterable[MemberLoop]
    action: str = "RX"
    purpose: str = "00"
    reference: str = "FILE"
    policy: str = ""
    effective: date | None = None
    totals: Totals | None = None
    sponsor: tuple[str, str] = ("SPONSOR", "123456789")
    payer: tuple[str, str] = ("PLAN", "987654321")
    broker: str = ""

    def header(self, day: date, time: str) -> Iterator[Segment]:
        """BGN to the last N1."""
        original = self.reference if self.purpose != "00" else ""
        yield "BGN", self.purpose, self.reference, f"{day:%Y%m%d}", time, "", original, "", self.action
        if self.policy:
            yield "REF", "38", self.policy
        if self.effective:
            yield "DTP", "007", "D8", f"{self.effective:%Y%m%d}"
        if self.totals:
            yield from self.totals.segments()
        yield "N1", "P5", self.sponsor[0], "FI", self.sponsor[1]
        yield "N1", "IN", self.payer[0], "FI", self.payer[1]
        if self.broker:
            yield "N1", "TV", self.broker, "94", "BROKER1"


def write(out: IO[bytes], envelope: Envelope, groups: Iterable[Iterable[Batch]], *, encoding: str = "ascii") -> int:
    """One interchange, written to ``out`` as it is made; returns how many members it has."""
    writer = _Writer(out, envelope, encoding)
    return writer.interchange(groups)


class _Writer:
    def __init__(self, out: IO[bytes], envelope: Envelope, encoding: str) -> None:
        self._out, self._envelope, self._encoding = out, envelope, encoding
        self._line = envelope.separators.line
        self._sets = self._members = 0

    def _put(self, text: str) -> None:
        self._out.write(text.encode(self._encoding))

    def interchange(self, groups: Iterable[Iterable[Batch]]) -> int:
        self._put(self._envelope.isa())
        count = 0
        for count, batches in enumerate(groups, 1):
            self._group(count, batches)
        self._put(self._line(("IEA", str(count), f"{self._envelope.number:09d}")))
        return self._members

    def _group(self, place: int, batches: Iterable[Batch]) -> None:
        of, number, before = self._envelope, str(self._envelope.number * 10 + place), self._sets
        day = f"{of.day:%Y%m%d}"
        self._put(self._line(("GS", "BE", of.sender, of.receiver, day, of.time, number, "X", of.version)))
        for batch in batches:
            self._set(batch)
        self._put(self._line(("GE", str(self._sets - before), number)))

    def _set(self, batch: Batch) -> None:
        self._sets += 1
        number = f"{self._sets:04d}"
        head = [("ST", "834", number, self._envelope.version), *batch.header(self._envelope.day, self._envelope.time)]
        self._put("".join(map(self._line, head)))
        count, waiting = len(head) + 1, []
        for member in batch.members:
            lines = [self._line(segment) for segment in member.segments()]
            count += len(lines)
            self._members += 1
            waiting += lines
            if len(waiting) > BUFFERED * 8:
                self._put("".join(waiting))
                waiting.clear()
        self._put("".join(waiting) + self._line(("SE", str(count), number)))
