"""Rows of member loops, each with the bytes it can be read again from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from concord.parse import Chunk
from concord.parse.x12_834.segments import Positions, SegmentBlock


def _nothing() -> Positions:
    return np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class LoopChunk(Chunk):
    """A chunk whose rows are pieces of member loops.

    ``member`` are the bounds (n × 2, segments of ``block``) of what each row's member says before its first coverage,
    ``coverage`` those of its one coverage, ``heads`` what stands before each member: ISA, GS, ST and the header.
    """

    block: SegmentBlock | None = None
    member: Positions = field(default_factory=_nothing)
    coverage: Positions = field(default_factory=_nothing)
    heads: tuple[bytes, ...] = ()

    def raw(self, position: int) -> bytes:
        """Row ``position`` as a small 834 of its own, without trailers. PHI."""
        if self.block is None:
            return b""
        pieces = (
            self.block.raw(int(first), int(last)) for first, last in (self.member[position], self.coverage[position])
        )
        return self.heads[position] + b"".join(pieces)
