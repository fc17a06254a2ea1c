"""An 834 as rows: member × coverage, in flat memory, every segment accounted for.

The file is read twice. The first pass looks at envelopes (``survey.py``): what is rejected has to be known before the
first row goes out. The second gives rows, whole members at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from concord.contract import X12834, Feed, Mode
from concord.contract.x12 import MADE, TREAT_AS_REPLACE
from concord.errors import DeliveryRejected
from concord.parse import Chunk, Drift, Reason, Refused, Said
from concord.parse.x12_834.actions import NO_COVERAGE, actions, contradicts
from concord.parse.x12_834.chunk import LoopChunk
from concord.parse.x12_834.columns import Columns, element, of_header
from concord.parse.x12_834.loops import Loops
from concord.parse.x12_834.persons import made_codes
from concord.parse.x12_834.segments import BLOCK_BYTES, INS_BREAKS, Positions, SegmentBlock, SegmentReader
from concord.parse.x12_834.survey import SetSurvey, Survey

OUTSIDE = "x12.outside_interchange"
REPEATED, DISAGREE, NO_LINE = "x12.repeated_reference", "x12.actions_disagree", "x12.no_coverage_line"
LINE_BREAK = "x12.line_break"
MODES = {"RX": Mode.FULL, "2": Mode.DELTA, "4": Mode.COMPARE}
"""BGN08."""
INFORMATION_COPY = "22"
"""BGN01: others have the original."""
NOBODY = np.zeros(0, dtype=np.int64)


class X12834File:
    """One delivery of ``feed`` in 834; a :class:`~concord.parse.RowFile`.

    ``stream`` is seekable. Raises :class:`DeliveryRejected` on construction: ``structure.empty``,
    ``x12.no_interchange``, ``x12.mixed_purpose``, and the first fault where no set is left that counts;
    ``structure.no_rows`` where there is no member. ``said`` is known by then, also on the error.
    """

    def __init__(
        self, stream: BinaryIO, feed: Feed, *, chunk_rows: int = 100_000, block_bytes: int = BLOCK_BYTES
    ) -> None:
        form = feed.format
        assert isinstance(form, X12834)
        self._stream, self._feed, self._form, self._block_bytes = stream, feed, form, block_bytes
        self._chunk_rows = chunk_rows
        self.columns = tuple(dict.fromkeys(mapping.source for mapping in feed.columns.values()))
        self.drift = Drift()
        self.line_count = 0
        self._survey = Survey(self._reader(), form)
        self.said = Said(interchanges=self._survey.values)
        try:
            self._judge()
        except DeliveryRejected as error:
            error.interchanges = self.said.interchanges
            raise
        self._sets = self._survey.sets
        self._heads = [
            interchange.raw + group.raw + each.raw_header
            for interchange in self._survey.interchanges
            for group in interchange.groups
            for each in group.sets
        ]
        self._first_lines = np.array([each.first_line for each in self._sets], dtype=np.int64)
        self._last_lines = np.array([each.last_line for each in self._sets] or [0], dtype=np.int64)

    def _reader(self) -> SegmentReader:
        self._stream.seek(0)
        return SegmentReader(self._stream, most=self._form.max_segment_bytes, block_bytes=self._block_bytes)

    def _judge(self) -> None:
        survey = self._survey
        if not survey.line_count:
            raise DeliveryRejected("structure.empty", "the file has nothing in it")
        if not survey.interchanges:
            raise DeliveryRejected("x12.no_interchange", "there is no ISA segment whose separators can be told")
        sound = [each for each in survey.sets if not each.rejected_by]
        if not sound:
            raise DeliveryRejected(survey.first_fault, "no transaction set is left that counts")
        modes = {self._mode(each.said("BGN", 1), each.said("BGN", 8)) for each in sound}
        if len(modes) > 1:
            raise DeliveryRejected(
                "x12.mixed_purpose", "its sets are not of one kind by BGN08: change, verify, replace"
            )
        if not sum(each.members for each in sound):
            raise DeliveryRejected("structure.no_rows", "no set has a member")
        is_test = any(each.head[15] == "T" for each in survey.interchanges)
        self.said = Said(modes.pop(), is_test, survey.values)

    def _mode(self, purpose: str, action: str) -> Mode:
        """By BGN01 and BGN08; what nobody knows, and an information copy, must not change anything."""
        if purpose == INFORMATION_COPY:
            return Mode.COMPARE
        if action == "4" and self._form.verify_file_policy == TREAT_AS_REPLACE:
            return Mode.FULL
        if action:
            return MODES.get(action.upper(), Mode.COMPARE)
        return self._form.mode_when_unsaid or self._feed.mode

    # ── the second pass ──

    def __iter__(self) -> Iterator[Chunk]:
        reader = self._reader()
        while (block := reader.read()) is not None:
            block = self._whole_members(reader, block)
            if block is not None:
                self.line_count += len(block)
                yield self._chunk(block)

    def _whole_members(self, reader: SegmentReader, block: SegmentBlock) -> SegmentBlock | None:
        """Gives the last member back unless it is sure to end here; None where it is all there is."""
        if block.at_end:
            return block
        breaks = np.flatnonzero(np.isin(block.tags, INS_BREAKS))
        if not len(breaks) or int(block.tags[breaks[-1]]) != INS_BREAKS[0]:
            return block
        last = int(breaks[-1])
        if int(block.end[-1] - block.start[last]) > self._form.max_member_bytes:
            return block
        reader.give_back(block, last)
        return block.part(last) if last else None

    def _chunk(self, block: SegmentBlock) -> Chunk:
        if block.separators is None:
            return self._outside(block)
        loops = Loops(block)
        rows = Rows(self, loops)
        control = block.first_line + np.flatnonzero(loops.member < 0)
        refused = [*rows.refused()]
        frame, kept = rows.read
        line, lines = rows.lines()
        return LoopChunk(
            frame=frame, line=line[kept], lines=lines[kept], refused=tuple(refused), ignored=(),
            control=tuple(control.tolist()), data=b"", span=np.zeros((len(kept), 2), dtype=np.int64), block=block,
            member=rows.head_bounds()[kept], coverage=rows.coverage_bounds()[kept],
            heads=tuple(self.head(each) for each in rows.sets[rows.member[kept]].tolist()),
        )  # fmt: skip

    def _outside(self, block: SegmentBlock) -> Chunk:
        """What stands outside of any interchange might be members: it is kept."""
        raw = block.data[: self._form.max_member_bytes]
        refused = (Refused(block.first_line, 1, (OUTSIDE,), raw),)
        empty = pd.DataFrame({name: pd.Series([], dtype="str") for name in self.columns})
        return Chunk(empty, NOBODY, NOBODY, refused, (), (), b"", np.zeros((0, 2), dtype=np.int64))

    def set_of(self, lines: Positions) -> Positions:
        """The number of the set in which each of ``lines`` stands; -1 for what stands behind an SE and before an ST."""
        found = np.searchsorted(self._first_lines, lines, side="right") - 1
        return np.where(lines <= self._last_lines[np.maximum(found, 0)], found, -1)

    def survey_of(self, number: int) -> SetSurvey:
        """What the first pass found of a set."""
        return self._sets[number]

    def head(self, number: int) -> bytes:
        """ISA, GS, ST and header segments of a set: what a row needs to be read by itself."""
        return self._heads[number] if number >= 0 else b""

    @property
    def feed(self) -> Feed:
        """Whose delivery it is."""
        return self._feed

    @property
    def form(self) -> X12834:
        """What is agreed on."""
        return self._form

    @property
    def mode(self) -> Mode:
        """What the delivery is."""
        return self.said.mode or self._feed.mode


class Rows:
    """The rows of one block: a member's coverages, or the member alone."""

    def __init__(self, file: X12834File, loops: Loops) -> None:
        self._file, self._loops, self._block = file, loops, loops.block
        self._columns = Columns(loops, file.form)
        self.sets = file.set_of(self._block.first_line + loops.ins)
        self._rejected = np.array([self._reason(each) for each in self.sets.tolist()], dtype=object)
        members, own = np.arange(len(loops.ins)), loops.member[loops.hd]
        alone = np.setdiff1d(members, own)
        order = np.argsort(np.concatenate([loops.hd, loops.ins[alone]]), kind="stable")
        self.member = np.concatenate([own, alone])[order]
        self.coverage = np.concatenate([np.arange(len(loops.hd)), np.full(len(alone), -1, dtype=np.int64)])[order]
        self._flaws: dict[int, list[str]] = {}
        self._texts: dict[str, pa.Array] = {}

    def _reason(self, number: int) -> str:
        return self._file.survey_of(number).rejected_by if number >= 0 else "x12.no_set"

    # ── places ──

    def lines(self) -> tuple[Positions, Positions]:
        """First segment of each row, counted through the file, and how many it owns."""
        first, stop = self._own()
        return self._block.first_line + first, stop - first

    def _own(self) -> tuple[Positions, Positions]:
        loops = self._loops
        begin = self._coverage_begin()
        first = np.where(self._is_first, loops.ins[self.member], begin)
        is_last = np.append(self.member[1:] != self.member[:-1], [True])[: len(self.member)]
        next_begin = np.append(begin[1:], [0])[: len(self.member)]
        return first, np.where(is_last, loops.stop[self.member], next_begin)

    def _coverage_begin(self) -> Positions:
        hd = self._loops.hd
        found = hd[np.maximum(self.coverage, 0)] if len(hd) else np.zeros(len(self.coverage), dtype=np.int64)
        return np.where(self.coverage >= 0, found, self._loops.stop[self.member])

    def head_bounds(self) -> Positions:
        """What each row's member says before its first coverage."""
        first_row = np.maximum.accumulate(np.where(self._is_first, np.arange(len(self.member)), 0))
        return np.column_stack((self._loops.ins[self.member], self._coverage_begin()[first_row]))

    @property
    def _is_first(self) -> NDArray[np.bool_]:
        """Rows that are the first of their member."""
        return np.append([True], self.member[1:] != self.member[:-1])[: len(self.member)]

    def coverage_bounds(self) -> Positions:
        """The segments of each row's own coverage; none of a member alone."""
        begin, (_, stop) = self._coverage_begin(), self._own()
        return np.column_stack((begin, np.where(self.coverage >= 0, stop, begin)))

    # ── values ──

    @cached_property
    def read(self) -> tuple[pd.DataFrame, Positions]:
        """The source columns of the rows that can be read, and which those are."""
        table = pa.table({name: self.value(name) for name in self._file.columns})
        self._note_contradictions()
        bad = np.isin(self.member, np.array(list(self.broken), dtype=np.int64))
        bad[list(self._flaws)] = True
        kept = np.flatnonzero(~bad)
        frame: pd.DataFrame = table.take(pa.array(kept)).to_pandas()
        return frame.astype("str"), kept

    def value(self, source: str) -> pa.Array:
        """One value for each row."""
        if source not in self._texts:
            self._texts[source] = self._made(source) if source in MADE else self._read(source)
        return self._texts[source]

    def _read(self, source: str) -> pa.Array:
        wanted = element(source)
        if wanted.is_of_header:
            numbers, which = np.unique(self.sets, return_inverse=True)
            values = pa.array([self._of_header(source, each) for each in numbers.tolist()], pa.large_string())
            return values.take(pa.array(which[self.member]))
        if not wanted.is_of_coverage:
            values, torn = self._columns.of_members(source)
            self._note(np.isin(self.member, torn), REPEATED)
            return values.take(pa.array(self.member))
        values, torn = self._columns.of_coverages(source)
        self._note(np.isin(self.coverage, torn) & (self.coverage >= 0), REPEATED)
        found = values.take(pa.array(self.coverage, mask=self.coverage < 0))
        return pc.fill_null(pc.if_else(self._means_none(), "", found), "")

    def _means_none(self) -> pa.Array:
        """Rows whose HD means no coverage (HD01 = 032): like those of a member without any."""
        if "HD01" not in self._texts:
            values, _ = self._columns.of_coverages("HD01")
            self._texts["HD01"] = pc.fill_null(values.take(pa.array(self.coverage, mask=self.coverage < 0)), "")
        return pc.equal(self._texts["HD01"], NO_COVERAGE)

    def _of_header(self, source: str, number: int) -> str:
        return of_header(source, self._file.survey_of(number).header) if number >= 0 else ""

    def _made(self, source: str) -> pa.Array:
        made = {
            "action": lambda: actions(self.value("INS03"), self._asked(), self._file.mode),
            "person": self._person,
            "ssn": lambda: _either(_where(self.value("NM109"), self.value("NM108"), "34"), self.value("REF*SY")),
            "group": lambda: _either(self.value("REF*1L"), self.value("HD/REF*1L"), self.value("HEADER/REF*38")),
            "line": lambda: self.value("HD03"),
            "effective": self._effective,
            "end": self._end,
        }
        return made[source]()

    def _asked(self) -> pa.Array:
        """HD01, blank where no coverage is meant."""
        return pc.if_else(self._means_none(), "", self.value("HD01"))

    def _person(self) -> pa.Array:
        if self._file.form.person_code is not None:
            return self.value(self._file.form.person_code)
        is_subscriber = pc.or_(pc.equal(self.value("INS01"), "Y"), pc.equal(self.value("INS02"), "18"))
        told = (self.value(name) for name in ("REF*0F", "DMG02", "NM104", "INS17"))
        return made_codes(is_subscriber, *told)

    def _effective(self) -> pa.Array:
        """A member alone begins nothing; one who comes back says from when.

        An end or a reinstatement of a coverage that names no beginning is about the span that is held: the member's
        eligibility (DTP*356) is older than that, and would move its beginning.
        """
        begins = pc.list_element(pc.split_pattern(self.value("HD/DTP*348"), "-"), 0)
        alone = pc.equal(self._asked(), "")
        is_of_held = pc.is_in(self.value("action"), pa.array(["end", "reinstate"], pa.large_string()))
        own = pc.if_else(alone, pc.equal(self.value("INS03"), "025"), pc.invert(is_of_held))
        return _either(begins, pc.if_else(own, self.value("DTP*356"), ""))

    def _end(self) -> pa.Array:
        """RD8 in DTP*348 is a range (X12 data element 1250); no coverage outlives the member's eligibility, DTP*357."""
        span = self.value("HD/DTP*348")
        within = pc.if_else(pc.match_substring(span, "-"), pc.replace_substring_regex(span, "^[^-]*-", ""), "")
        ends = pc.or_(pc.equal(self.value("INS03"), "024"), pc.equal(self._asked(), "024"))
        if self._file.mode is Mode.FULL:
            ends = pc.or_(ends, pc.not_equal(self._asked(), ""))
        return _either(self.value("HD/DTP*349"), within, pc.if_else(ends, self.value("DTP*357"), ""))

    # ── what is wrong ──

    def _note(self, which: NDArray[np.bool_], reason: str) -> None:
        for at in np.flatnonzero(which).tolist():
            self._flaws.setdefault(at, []).append(reason)

    def _note_contradictions(self) -> None:
        torn = contradicts(self.value("INS03"), self._asked(), self._file.mode)
        self._note(torn.to_numpy(zero_copy_only=False), DISAGREE)
        nameless = pc.and_(pc.not_equal(self._asked(), ""), pc.equal(self.value("HD03"), ""))
        self._note(nameless.to_numpy(zero_copy_only=False), NO_LINE)

    @cached_property
    def broken(self) -> dict[int, tuple[str, ...]]:
        """Members of which nothing counts, and why: their set is rejected, or their bytes cannot be read."""
        found: dict[int, list[str]] = {}
        for member in np.flatnonzero(self._rejected != "").tolist():
            found.setdefault(member, []).append(str(self._rejected[member]))
        for reason, segments in self._unreadable():
            for member in np.unique(self._loops.member[segments]).tolist():
                if member >= 0:
                    found.setdefault(member, []).append(reason)
        return {member: tuple(reasons) for member, reasons in found.items()}

    def _unreadable(self) -> Iterator[tuple[str, Positions]]:
        block, form = self._block, self._file.form
        places = np.flatnonzero(block.buffer == 0)
        owner = np.searchsorted(block.start, places, side="right") - 1
        yield Reason.NUL.value, owner[(owner >= 0) & (places < block.end[owner])]
        yield LINE_BREAK, block.line_breaks[0]
        yield Reason.TOO_LONG.value, np.flatnonzero(block.end - block.start > form.max_segment_bytes)
        size = block.end[np.maximum(self._loops.stop - 1, 0)] - block.start[self._loops.ins]
        yield Reason.TOO_LONG.value, self._loops.ins[size > form.max_member_bytes]
        high = np.unique(np.searchsorted(block.start, np.flatnonzero(block.buffer >= 128), side="right") - 1)
        bad = [at for at in high.tolist() if not _decodes(block, at, form.encoding)]
        yield Reason.ENCODING.value, np.array(bad, dtype=np.int64)

    def refused(self) -> Iterator[Refused]:
        """Members and rows that cannot be read, with what they can be read again from."""
        _ = self.read  # which notices what contradicts itself
        yield from map(self._refused_member, sorted(self.broken))
        line, lines = self.lines()
        heads, own = self.head_bounds(), self.coverage_bounds()
        for at in sorted(self._flaws):
            member = int(self.member[at])
            if member not in self.broken:
                raw = b"".join(self._block.raw(int(first), int(last)) for first, last in (heads[at], own[at]))
                reasons = tuple(dict.fromkeys(self._flaws[at]))
                yield Refused(int(line[at]), int(lines[at]), reasons, self._head(member) + raw)

    def _refused_member(self, member: int) -> Refused:
        first, stop = int(self._loops.ins[member]), int(self._loops.stop[member])
        raw = self._block.raw(first, stop)[: self._file.form.max_member_bytes]
        reasons = tuple(dict.fromkeys(self.broken[member]))
        return Refused(self._block.first_line + first, stop - first, reasons, self._head(member) + raw)

    def _head(self, member: int) -> bytes:
        return self._file.head(int(self.sets[member]))


def _either(*values: pa.Array) -> pa.Array:
    """The first of ``values`` that is not blank."""
    found = values[0]
    for other in values[1:]:
        found = pc.if_else(pc.equal(found, ""), other, found)
    return found


def _where(values: pa.Array, codes: pa.Array, wanted: str) -> pa.Array:
    return pc.if_else(pc.equal(codes, wanted), values, "")


def _decodes(block: SegmentBlock, segment: int, encoding: str) -> bool:
    try:
        block.data[int(block.start[segment]) : int(block.end[segment])].decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
