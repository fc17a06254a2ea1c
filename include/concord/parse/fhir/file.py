"""A stream of resources, one a line, to chunks of rows, and an account of every line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from concord.entities.clinical import CLINICAL, RESOURCE_TYPES
from concord.landing import Checkpoint
from concord.parse import BLANK_LINE, Ignored, Reason, Refused
from concord.parse.blocks import BLOCK_BYTES, Block, BlockReader
from concord.parse.fhir.bundle import BUNDLE, read_deletes
from concord.parse.fhir.chunk import Merge, ResourceChunk
from concord.parse.fhir.flatten import Flat, flatten
from concord.parse.fhir.frames import Placed, frame
from concord.parse.fhir.json_lines import NotJson, read_json

RESOURCE_LIMIT_BYTES = 10 << 20
"""Of one resource. A greater one holds an attachment, which no column wants."""
KEPT_OF_TOO_LONG_BYTES = 64 << 10
CHUNK_LINES = 5_000

TYPE_MISSING, TYPE_UNKNOWN, TYPE_UNEXPECTED = (
    "resource.type_missing",
    "resource.type_unknown",
    "resource.type_unexpected",
)
NOTHING_KEPT = "nothing_kept"
"""A delete bundle without an entry of a type that is kept."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Declared = Callable[[int], str | None]
"""Physical line to the FHIR type that its file was declared to hold, None where nothing was."""


class FhirFile:
    """The lines of ``stream``; iterate it once for its :class:`ResourceChunk` values.

    A physical line ends in LF (CR before it is no part of it; the last may lack it) and is
    exactly one of record, refused and ignored. ``expected`` tells what a line's file was
    declared to hold; ``Bundle`` for a file of deletes. Memory is that of one block and one
    chunk, however long the stream is. ``line_count`` and ``checkpoints`` (one for each chunk)
    are complete after the last chunk. Nothing is raised for what a line holds.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        expected: Declared | None = None,
        resource_limit_bytes: int = RESOURCE_LIMIT_BYTES,
        chunk_lines: int = CHUNK_LINES,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._reader = BlockReader(
            stream, max_line_bytes=resource_limit_bytes, block_bytes=block_bytes, final_newline=False
        )
        self._expected, self._limit, self._chunk_lines = expected, resource_limit_bytes, chunk_lines
        self.line_count = 0
        self.checkpoints: list[Checkpoint] = []

    def __iter__(self) -> Iterator[ResourceChunk]:
        while True:
            block = self._reader.next()
            if block.data:
                yield from self._chunks(block)
            if block.at_end:
                return

    def _chunks(self, block: Block) -> Iterator[ResourceChunk]:
        stops = np.flatnonzero(np.frombuffer(block.data, dtype=np.uint8) == ord("\n")) + 1
        starts = np.concatenate(([0], stops[:-1]))
        for first in range(0, len(stops), self._chunk_lines):
            part = slice(first, first + self._chunk_lines)
            dropped = block.dropped if first else 0  # of the block's first line
            self._add_checkpoint(block.offset + int(starts[first]) + dropped)
            yield self._chunk(block.data[int(starts[part][0]) : int(stops[part][-1])])

    def _add_checkpoint(self, offset: int) -> None:
        self.checkpoints.append(Checkpoint(offset, self.line_count + 1, self.line_count))

    def _chunk(self, data: bytes) -> ResourceChunk:
        """Reads whole lines."""
        found, first, start = _Found(), self.line_count + 1, 0
        span = []
        for content in data.split(b"\n")[:-1]:
            self.line_count += 1
            end = start + len(content) - content.endswith(b"\r")
            span.append((start, end))
            self._read_line(found, data[start:end])
            start += len(content) + 1
        return found.chunk(first, data, np.array(span, dtype=np.int64).reshape(-1, 2))

    def _read_line(self, found: _Found, raw: bytes) -> None:
        line = self.line_count
        if len(raw) > self._limit:
            found.refused.append(Refused(line, 1, (Reason.TOO_LONG,), raw[:KEPT_OF_TOO_LONG_BYTES]))
            return
        content = raw.removeprefix(BYTE_ORDER_MARK)
        if not content.strip():
            found.ignored.append(Ignored(line, 1, BLANK_LINE))
            return
        flat, kind = self._flatten(content)
        if flat.problems:
            found.refused.append(Refused(line, 1, flat.problems, raw))
        elif not flat.rows:
            found.ignored.append(Ignored(line, 1, NOTHING_KEPT))
        else:
            found.add(line, kind, flat)

    def _flatten(self, content: bytes) -> tuple[Flat, str]:
        try:
            resource = read_json(content)
        except NotJson as flaw:
            return Flat(problems=(flaw.code,)), ""
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(resource, dict) or type(kind) is not str or not kind:
            return Flat(problems=(TYPE_MISSING,)), ""
        if kind != BUNDLE and kind not in RESOURCE_TYPES:
            return Flat(problems=(TYPE_UNKNOWN,)), kind
        declared = self._expected(self.line_count) if self._expected else None
        if declared is not None and declared != kind:
            return Flat(problems=(TYPE_UNEXPECTED,)), kind
        return read_deletes(resource) if kind == BUNDLE else flatten(resource), kind


@dataclass
class _Found:
    """What a chunk's lines gave so far."""

    rows: dict[str, list[Placed]] = field(default_factory=dict, repr=False)
    refused: list[Refused] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    unresolved: Counter[str] = field(default_factory=Counter)
    resources: Counter[str] = field(default_factory=Counter)
    merges: list[Merge] = field(default_factory=list, repr=False)

    def add(self, line: int, kind: str, flat: Flat) -> None:
        """Takes the rows of a record: its first row accounts for the line."""
        for place, (entity, row) in enumerate(flat.rows):
            self.rows.setdefault(entity, []).append((line, int(place == 0), flat.deleted, row))
        self.resources[kind] += 1
        self.unresolved.update(flat.unresolved)
        self.merges += [(line, gone, by) for gone, by in flat.merges]

    def chunk(self, first_line: int, data: bytes, span: np.typing.NDArray[np.int64]) -> ResourceChunk:
        """The chunk of these lines."""
        return ResourceChunk(
            first_line=first_line,
            line_count=len(span),
            frames={e.name: frame(e, self.rows[e.name]) for e in CLINICAL if e.name in self.rows},
            refused=tuple(self.refused),
            ignored=tuple(self.ignored),
            unresolved=dict(self.unresolved),
            resources=dict(self.resources),
            merges=tuple(self.merges),
            data=data,
            span=span,
        )
