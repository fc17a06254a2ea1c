"""Elements of an 834 by their names, as columns of text: one value for each member, or for each coverage."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from concord.contract import X12834
from concord.parse.x12_834.loops import BENEFITS, COVERAGE, MEMBER, NAME, Loops
from concord.parse.x12_834.segments import Positions, code

INSURED = (code("IL"), code("74"))
"""NM101 of 2100A; 74 is a corrected insured, whose former name follows as 70 (2100B)."""
SEGMENT = re.compile(r"\A([A-Z][A-Z0-9]{1,2})([0-9]{2})\Z")
QUALIFIED = re.compile(r"\A([A-Z][A-Z0-9]{1,2})\*([A-Z0-9]{1,3})\Z")
VALUE_AT = {"DTP": 3, "REF": 2, "AMT": 2, "PER": 4}
"""Where the value of a qualified segment stands."""
IN_MEMBER = frozenset({"INS", "REF", "DTP"})
IN_COVERAGE = frozenset({"HD", "IDC", "AMT"})
SPOKEN_TWICE = frozenset({"REF", "DTP"})
"""Segments whose qualifier may stand once in a loop: two values of one are a contradiction."""
PER_PAIRS = (3, 5, 7)
LOOPS = {"": MEMBER, "HD": COVERAGE, "COB": BENEFITS}


@dataclass(frozen=True)
class Element:
    """Where a source column comes from: loop, tag, qualifier (of the first element) and element."""

    loop: str
    tag: str
    qualifier: str
    element: int

    @property
    def is_of_header(self) -> bool:
        """Whether it is said once for all members of a set."""
        return self.loop.startswith(("HEADER", "N1*")) or self.tag in ("BGN", "ST", "QTY")

    @property
    def is_of_coverage(self) -> bool:
        """Whether each coverage has its own."""
        return self.loop in ("HD", "COB")


def element(source: str) -> Element:
    """The element that ``source`` names; raises ``ValueError`` for no name of one (contradictions.py refuses those)."""
    loop, _, rest = source.rpartition("/")
    if found := SEGMENT.match(rest):
        tag, qualifier, number = found[1], "", int(found[2])
    elif found := QUALIFIED.match(rest):
        tag, qualifier, number = found[1], found[2], VALUE_AT.get(found[1], 2)
    else:
        raise ValueError("no element of an 834")
    if not loop:
        loop = "COB" if tag == "COB" else "HD" if tag in IN_COVERAGE else "" if tag in IN_MEMBER else "NM1*IL"
    return Element(loop, tag, qualifier, number)


@dataclass(frozen=True, eq=False)
class Columns:
    """The elements of one block."""

    loops: Loops
    form: X12834

    def of_members(self, source: str) -> tuple[pa.Array, Positions]:
        """One value for each member, and which members say two things of it."""
        return self._values(element(source), len(self.loops.ins), self.loops.member)

    def of_coverages(self, source: str) -> tuple[pa.Array, Positions]:
        """One value for each coverage, and which coverages say two things of it."""
        return self._values(element(source), len(self.loops.hd), self.loops.coverage)

    def _values(self, wanted: Element, count: int, owner: Positions) -> tuple[pa.Array, Positions]:
        segments, at = self._segments(wanted)
        owners = owner[segments]
        first = np.full(count, -1, dtype=np.int64)
        first[owners[::-1]] = np.arange(len(segments))[::-1]
        chosen = first >= 0
        picked = segments[first[chosen]]
        start = np.zeros(count, dtype=np.int64)
        stop = np.zeros(count, dtype=np.int64)
        start[chosen], stop[chosen] = self._bounds(picked, at[first[chosen]])
        values = self.text(start, stop)
        return values, self._contradicted(wanted, segments, at, owners, first)

    def _contradicted(
        self, wanted: Element, segments: Positions, at: Positions, owners: Positions, first: Positions
    ) -> Positions:
        """Owners that have the segment twice, with two values."""
        if wanted.tag not in SPOKEN_TWICE or len(segments) == len(np.unique(owners)):
            return np.zeros(0, dtype=np.int64)
        values = self.text(*self._bounds(segments, at)).to_pylist()
        own = [values[first[owner]] for owner in owners.tolist()]
        return np.unique(owners[[mine != other for mine, other in zip(values, own, strict=True)]])

    def _segments(self, wanted: Element) -> tuple[Positions, Positions]:
        """The segments that say it, and the element in which each does."""
        loops = self.loops
        mask = (loops.tags == code(wanted.tag)) & self._in_loop(wanted)
        segments = np.flatnonzero(mask)
        at = np.full(len(segments), wanted.element, dtype=np.int64)
        if wanted.tag == "PER" and wanted.qualifier:
            return self._contacts(segments, code(wanted.qualifier))
        if wanted.qualifier:
            own = loops.block.codes(segments, 1) == code(wanted.qualifier)
            segments, at = segments[own], at[own]
        return segments, at

    def _contacts(self, segments: Positions, qualifier: int) -> tuple[Positions, Positions]:
        """PER03 to PER08 are pairs of a qualifier and a number."""
        found = [(segments[self.loops.block.codes(segments, pair) == qualifier], pair + 1) for pair in PER_PAIRS]
        places = np.concatenate([each for each, _ in found])
        at = np.concatenate([np.full(len(each), value, dtype=np.int64) for each, value in found])
        order = np.argsort(places, kind="stable")
        return places[order], at[order]

    def _in_loop(self, wanted: Element) -> NDArray[np.bool_]:
        loops, number = self.loops, LOOPS.get(wanted.loop, NAME)
        inside: NDArray[np.bool_] = loops.loop == number
        if number != NAME:
            return inside
        name = wanted.loop.removeprefix("NM1*")
        return inside & np.isin(loops.name_code, INSURED if name == "IL" else (code(name),))

    def _bounds(self, segments: Positions, at: Positions) -> tuple[Positions, Positions]:
        start = np.zeros(len(segments), dtype=np.int64)
        stop = np.zeros(len(segments), dtype=np.int64)
        for place in np.unique(at).tolist():
            own = at == place
            start[own], stop[own] = self.loops.block.bounds(segments[own], place)
        return start, self._first_repeat(start, stop)

    def _first_repeat(self, start: Positions, stop: Positions) -> Positions:
        """Where a repeated element's first value ends (repetition separator, ISA11)."""
        separators = self.loops.block.separators
        if separators is None or separators.repetition is None or not len(self._repeats):
            return stop
        after = np.searchsorted(self._repeats, start)
        repeat = np.append(self._repeats, np.iinfo(np.int64).max)[after]
        return np.where((start < stop) & (repeat < stop), repeat, stop)

    @cached_property
    def _repeats(self) -> Positions:
        separators = self.loops.block.separators
        return np.flatnonzero(self.loops.block.buffer == (separators.repetition if separators else None))

    def text(self, start: Positions, stop: Positions) -> pa.Array:
        """The bytes of each range as text; what is none in the encoding is blank: its member is refused anyway."""
        length = stop - start
        offsets = np.concatenate(([0], np.cumsum(length)))
        places = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - start, length)
        gathered = self.loops.block.buffer[places]
        raw = pa.Array.from_buffers(
            pa.large_binary(), len(length), [None, pa.py_buffer(offsets), pa.py_buffer(gathered.tobytes())]
        )
        if not (gathered >= 128).any():
            return raw.cast(pa.large_string())
        return pa.array([_decoded(value, self.form.encoding) for value in raw.to_pylist()], pa.large_string())


def _decoded(value: bytes, encoding: str) -> str:
    try:
        return value.decode(encoding)
    except UnicodeDecodeError:
        return ""


def of_header(source: str, header: Iterable[list[str]]) -> str:
    """What the header of a set says: ``BGN02``, ``HEADER/REF*38``, ``N1*P5/N104``."""
    wanted, loop = element(source), ""
    for said in header:
        if said[0] == "N1":
            loop = f"N1*{said[1] if len(said) > 1 else ''}"
        in_loop = wanted.loop == loop if wanted.loop.startswith("N1*") else not loop
        fits = said[0] == wanted.tag and (not wanted.qualifier or said[1:2] == [wanted.qualifier])
        if in_loop and fits and len(said) > wanted.element:
            return said[wanted.element]
    return ""
