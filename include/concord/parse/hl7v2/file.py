"""One delivery of ADT messages: chunks of rows, and an account of every line."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from concord.errors import DeliveryRejected
from concord.landing import Checkpoint
from concord.parse import Ignored, Refused
from concord.parse.hl7v2.batches import BatchCounts
from concord.parse.hl7v2.chunk import AdtChunk, Merge, Repeated
from concord.parse.hl7v2.context import Options
from concord.parse.hl7v2.events import Shape
from concord.parse.hl7v2.frames import ENTITIES, Placed, frame
from concord.parse.hl7v2.framing import Found, What, found
from concord.parse.hl7v2.interpret import Reading, interpret
from concord.parse.hl7v2.lines import BLOCK_BYTES, LineReader
from concord.parse.hl7v2.message import read
from concord.parse.hl7v2.refusal import Code, MessageRefused
from concord.parse.hl7v2.repeats import Repeats

NO_PATIENT = "event.no_patient"
"""Why a message is ignored that is about a bed and nobody in it (A20)."""
CHECKPOINT_MESSAGES = 1 << 10


@dataclass
class _Chunk:
    """A chunk in the making."""

    first_line: int
    line_count: int = 0
    size: int = 0
    things: int = 0
    rows: dict[str, list[Placed]] = field(default_factory=lambda: {name: [] for name in ENTITIES})
    merges: list[Merge] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    control: list[int] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    unkeyed: int = 0
    data: dict[int, bytes] = field(default_factory=dict)

    def keep(self, thing: Found, reading: Reading) -> None:
        """What a message says; its lines are counted with its first row."""
        for place, row in enumerate(reading.rows):
            self.rows[row.entity].append((thing.line, 0 if place else thing.lines, row))
        self.merges += reading.merges
        self.events[reading.context.trigger] += 1
        self.unkeyed += reading.unkeyed
        self.data[thing.line] = thing.raw

    def refuse(self, thing: Found, code: str) -> None:
        """A message, or lines without one, that is not read."""
        self.refused.append(Refused(thing.line, thing.lines, (str(code),), thing.raw))

    def finished(self) -> AdtChunk:
        """The chunk."""
        return AdtChunk(
            self.first_line,
            self.line_count,
            frames={name: frame(ENTITIES[name], rows) for name, rows in self.rows.items() if rows},
            merges=tuple(self.merges),
            refused=tuple(self.refused),
            repeated=tuple(self.repeated),
            ignored=tuple(self.ignored),
            control=tuple(self.control),
            events=dict(self.events),
            unkeyed=self.unkeyed,
            data=self.data,
        )


class AdtFile:
    """One delivery of ADT messages; iterate it once for its :class:`AdtChunk` values.

    ``line_count`` and ``checkpoints`` (one for each 1,024 messages, refused ones too) are
    complete after the last chunk. Raises :class:`DeliveryRejected` while iterating:
    ``structure.empty``, ``structure.no_rows`` (no message, and no trailer that says so),
    ``structure.no_final_terminator`` (``final_terminator`` only), ``batch.count``,
    ``batch.trailer``, ``batch.order`` — so nothing counts before iteration has finished.
    Memory holds one chunk (``chunk_messages`` messages or ``chunk_bytes``), and 200 bytes for
    each message seen. Raises ``LookupError`` for a charset that Python does not know.
    """

    def __init__(
        self,
        stream: BinaryIO,
        options: Options,
        *,
        trailers_required: bool = True,
        final_terminator: bool = False,
        max_message_bytes: int = 4 << 20,
        chunk_messages: int = 10_000,
        chunk_bytes: int = 32 << 20,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        codecs.lookup(options.charset)
        self._lines = LineReader(stream, max_line_bytes=max_message_bytes, block_bytes=block_bytes)
        self._options, self._max_message_bytes = options, max_message_bytes
        self._chunk_messages, self._chunk_bytes = chunk_messages, chunk_bytes
        self._final_terminator = final_terminator
        self._counts = BatchCounts(trailers_required=trailers_required)
        self._repeats = Repeats()
        self.line_count = 0
        self.checkpoints: list[Checkpoint] = []

    def __iter__(self) -> Iterator[AdtChunk]:
        chunk = _Chunk(1)
        for thing in found(self._lines, max_message_bytes=self._max_message_bytes):
            self._take(thing, chunk)
            self.line_count += thing.lines
            chunk.line_count += thing.lines
            chunk.things += 1
            chunk.size += min(thing.size, self._max_message_bytes)
            if chunk.things >= self._chunk_messages or chunk.size >= self._chunk_bytes:
                yield chunk.finished()
                chunk = _Chunk(self.line_count + 1)
        if chunk.things:
            yield chunk.finished()
        self._finish()

    def _finish(self) -> None:
        if not self.line_count:
            raise DeliveryRejected("structure.empty", "the file has no bytes")
        if self._final_terminator and self._lines.unfinished:
            raise DeliveryRejected("structure.no_final_terminator", "the last line has no end: the file was cut off")
        self._counts.finish()

    def _take(self, thing: Found, chunk: _Chunk) -> None:
        if thing.what is What.IGNORED:
            chunk.ignored.append(Ignored(thing.line, thing.lines, thing.reason))
        elif thing.what is What.CONTROL:
            chunk.control.append(thing.line)
            self._counts.control(thing.segments[0] if thing.segments else b"")
        elif thing.what is What.STRAY:
            self._counts.stray()
            chunk.refuse(thing, Code.NO_MSH)
        else:
            self._take_message(thing, chunk)

    def _take_message(self, thing: Found, chunk: _Chunk) -> None:
        if not self._counts.messages % CHECKPOINT_MESSAGES:
            self.checkpoints.append(Checkpoint(thing.offset, thing.line, self._counts.messages))
        self._counts.message()
        try:
            self._read(thing, chunk)
        except MessageRefused as refusal:
            chunk.refuse(thing, refusal.code)

    def _read(self, thing: Found, chunk: _Chunk) -> None:
        """Raises :class:`MessageRefused`."""
        if thing.too_long:
            raise MessageRefused(Code.TOO_LONG)
        message = read(thing.segments, self._options.charset)
        reading = interpret(message, thing.line, self._options)
        first_line = self._repeats.first_line(message, thing.segments, thing.line)
        if first_line is not None:
            chunk.repeated.append(Repeated(thing.line, thing.lines, first_line))
        elif reading.context.event.shape is Shape.NOBODY:
            chunk.ignored.append(Ignored(thing.line, thing.lines, NO_PATIENT))
        else:
            chunk.keep(thing, reading)
