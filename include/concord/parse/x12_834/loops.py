"""Which loop each segment stands in (TR3 005010X220A1): the same REF means another thing in another loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from concord.parse.x12_834.segments import INS, Positions, SegmentBlock, code
from concord.parse.x12_834.survey import ENVELOPE, HD

NM1, LX, COB, LS, LE, DSB, N1 = (code(tag) for tag in ("NM1", "LX", "COB", "LS", "LE", "DSB", "N1"))
OPENERS = np.array([INS, HD, LX, COB, LS, LE, DSB])

OTHER, MEMBER, NAME, COVERAGE, BENEFITS = 0, 2000, 2100, 2300, 2320
"""Loops whose segments are read; 2200, 2310, 2330 and 2700 are ``OTHER``, as is what stands outside of members."""


@dataclass(frozen=True, eq=False)
class Loops:
    """The loops of a block. A member is an INS and what follows; ``-1`` where a segment is of none."""

    block: SegmentBlock

    @cached_property
    def tags(self) -> Positions:
        """The tags of the block."""
        return self.block.tags

    @cached_property
    def ins(self) -> Positions:
        """Segments that begin a member."""
        return np.flatnonzero(self.tags == INS)

    @cached_property
    def _envelope(self) -> NDArray[np.bool_]:
        return np.isin(self.tags, ENVELOPE)

    @cached_property
    def member(self) -> Positions:
        """For each segment, the number of its member in the block."""
        last_ins, last_envelope = self._last(self.tags == INS), self._last(self._envelope)
        number = np.cumsum(self.tags == INS) - 1
        return np.where(last_ins > last_envelope, number, -1)

    @cached_property
    def stop(self) -> Positions:
        """For each member, the segment after its last."""
        ends = np.flatnonzero((self.tags == INS) | self._envelope)
        after = np.searchsorted(ends, self.ins, side="right")
        return np.append(ends, len(self.tags))[after]

    @cached_property
    def _opener(self) -> Positions:
        return self._last(np.isin(self.tags, OPENERS) | self._envelope)

    @cached_property
    def _in_reporting(self) -> NDArray[np.bool_]:
        """2700 and 2750, between LS and LE: LX, N1, REF and DTP there are no providers, sponsors or coverages."""
        ended = self._last(np.isin(self.tags, np.array([LE, INS])) | self._envelope)
        return (self._last(self.tags == LS) > ended) & self._is_to_end

    @cached_property
    def _is_to_end(self) -> NDArray[np.bool_]:
        """Where an LE follows in the member: an LS that nothing ends takes no coverage along."""
        ends = np.isin(self.tags, np.array([LE, INS])) | self._envelope
        places = np.where(ends, np.arange(len(ends)), len(ends))
        following = np.minimum.accumulate(places[::-1])[::-1]
        is_ended: NDArray[np.bool_] = np.append(self.tags, [0])[following] == LE
        return is_ended

    @cached_property
    def last_name(self) -> Positions:
        """The last NM1 at or before each segment."""
        return self._last(self.tags == NM1)

    @cached_property
    def loop(self) -> Positions:
        """The loop of each segment."""
        opener = self._opener
        tag = np.where(opener >= 0, self.tags[np.maximum(opener, 0)], 0)
        named = self.last_name > opener
        found = np.select(
            [tag == INS, tag == HD, tag == COB],
            [np.where(named, NAME, MEMBER), np.where(named, OTHER, COVERAGE), np.where(named, OTHER, BENEFITS)],
            OTHER,
        )
        return np.where(self._in_reporting | (self.member < 0), OTHER, found)

    @cached_property
    def hd(self) -> Positions:
        """Segments that begin a coverage."""
        return np.flatnonzero((self.tags == HD) & (self.loop == COVERAGE))

    @cached_property
    def coverage(self) -> Positions:
        """For each segment, the number of its coverage in the block; only where ``loop`` is one of a coverage."""
        return np.cumsum((self.tags == HD) & (self.loop == COVERAGE)) - 1

    @cached_property
    def name_code(self) -> Positions:
        """For each segment of 2100, NM101 of its loop."""
        codes = np.full(len(self.tags), -1, dtype=np.int64)
        names = np.flatnonzero(self.tags == NM1)
        codes[names] = self.block.codes(names, 1)
        return np.where(self.last_name >= 0, codes[np.maximum(self.last_name, 0)], -1)

    def _last(self, mask: NDArray[np.bool_]) -> Positions:
        """For each segment, the last at or before it that ``mask`` marks; -1 where there is none."""
        return np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1)) if len(mask) else np.zeros(0, np.int64)
