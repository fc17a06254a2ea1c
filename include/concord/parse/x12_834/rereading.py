"""Refused rows of an 834, each a small 834 of its own without trailers, read again by themselves."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from concord.contract import Feed, Mode
from concord.parse import Chunk, Drift, Refused, Said
from concord.parse.x12_834.file import X12834File

HEADER_LINES = 1
FOREIGN = "x12.unreadable"
"""What was kept is no member loop behind its envelope."""


class AloneFile(X12834File):
    """One kept record. What an envelope promises of others cannot be held against it; its mode is the contract's."""

    def _judge(self) -> None:
        for each in self._survey.sets:
            each.rejected_by = ""

    @property
    def mode(self) -> Mode:
        """What the delivery was."""
        purposes = [(each.said("BGN", 1), each.said("BGN", 8)) for each in self._survey.sets]
        return self._mode(*purposes[0]) if purposes else self._feed.mode


class RereadLoops:
    """The records in order: a :class:`~concord.parse.RowFile`. Line 1 is a header that is not there."""

    def __init__(self, records: Sequence[bytes], line_counts: Sequence[int], feed: Feed) -> None:
        self._records, self._counts, self._feed = records, line_counts, feed
        self.columns = tuple(dict.fromkeys(mapping.source for mapping in feed.columns.values()))
        self.drift = Drift()
        self.line_count = 0
        self.said = Said()

    def __iter__(self) -> Iterator[Chunk]:
        starts = list(accumulate(self._counts, initial=HEADER_LINES + 1))
        for number, (record, first, count) in enumerate(zip(self._records, starts, self._counts, strict=False)):
            for chunk in self._chunks(record, first, count):
                yield replace(chunk, control=(1,)) if number == 0 else chunk
        self.line_count = starts[-1] - 1

    def _chunks(self, record: bytes, first: int, count: int) -> Iterator[Chunk]:
        """One row, or one refusal, whatever the record holds: its lines are those it had."""
        found = [chunk for chunk in AloneFile(io.BytesIO(record), self._feed) if len(chunk.frame) or chunk.refused]
        rows = sum(len(chunk.frame) for chunk in found)
        if rows == 0 or any(chunk.refused for chunk in found):
            reasons = dict.fromkeys(reason for chunk in found for each in chunk.refused for reason in each.reasons)
            yield self._refusal(record, first, count, tuple(reasons) or (FOREIGN,))
            return
        yield from _placed(found, rows, first, count)

    def _refusal(self, record: bytes, first: int, count: int, reasons: tuple[str, ...]) -> Chunk:
        import pandas as pd

        frame = pd.DataFrame({name: pd.Series([], dtype="str") for name in self.columns})
        nothing = np.zeros(0, dtype=np.int64)
        refused = (Refused(first, count, reasons, record),)
        return Chunk(frame, nothing, nothing, refused, (), (), b"", np.zeros((0, 2), dtype=np.int64))


def _placed(found: list[Chunk], rows: int, first: int, count: int) -> Iterator[Chunk]:
    """A member whose whole set was rejected has several rows in one record: they share its lines in order."""
    at = 0
    for chunk in found:
        places = np.arange(at, at + len(chunk.frame), dtype=np.int64)
        at += len(chunk.frame)
        lines = np.where(places == rows - 1, count - places, 1)
        yield replace(chunk, line=first + places, lines=lines, control=(), ignored=())
