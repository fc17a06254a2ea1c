"""Reads a stream in blocks of whole physical lines, keeping memory flat.

A physical line ends in LF, or another single byte of an encoding that has none; a carriage return inside it is part
of the line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class Block:
    """Whole physical lines that begin at ``offset`` in the stream, and what follows them.

    ``tail`` is the part of the next line that is known. ``dropped`` bytes of the
    first line are not in ``data``: it was far too long.
    """

    data: bytes
    tail_bytes: int
    offset: int
    dropped: int
    at_end: bool


class BlockReader:
    """Blocks of ``stream``; ``final_newline`` false lets the last line end without LF,
    unless it is ``end_mark``.

    Of a line longer than ``max_line_bytes`` only the first ``max_line_bytes + 2``
    bytes are kept: enough to see that it is too long, a carriage return at its end included.
    ``line_end`` may be set to another byte before the first block is read.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        max_line_bytes: int,
        block_bytes: int = BLOCK_BYTES,
        offset: int = 0,
        final_newline: bool = True,
        end_mark: bytes = b"",
    ) -> None:
        self.line_end = b"\n"
        self._stream, self._block_bytes, self._keep = stream, block_bytes, max_line_bytes + 2
        self._final_newline, self._end_mark = final_newline, end_mark
        self._carry = b""
        self._dropped, self._skipping = 0, False
        self.offset = offset
        self.at_end = False

    def peek(self, enough: Callable[[bytes], bool]) -> bytes:
        """What comes next, without taking it: reads on until ``enough`` says so, or the stream ends."""
        while not self.at_end and not enough(self._carry):
            self._fill()
        return self._carry

    def take(self, count: int) -> None:
        """Takes ``count`` bytes that were peeked at."""
        self._carry = self._carry[count:]
        self.offset += count

    def next(self) -> Block:
        """The next block; lines that it cannot use yet are given back by :meth:`give_back`."""
        self._fill()
        cut = self._carry.rfind(self.line_end) + 1
        data, tail = self._carry[:cut], self._carry[cut:]
        block = Block(data, len(tail), self.offset, self._dropped if data else 0, self.at_end)
        if data:
            self.offset += len(data) + self._dropped
            self._dropped = 0
        self._carry = tail
        self._shorten()
        return block

    def give_back(self, lines: bytes) -> None:
        """Puts whole lines at the end of the last block before what comes next."""
        self._carry = lines + self._carry
        self.offset -= len(lines)

    @property
    def unfinished(self) -> bool:
        """Whether the stream ended inside a line."""
        return self.at_end and bool(self._carry)

    @property
    def is_shortened(self) -> bool:
        """Whether of what comes next not all was kept."""
        return bool(self._dropped)

    def _fill(self) -> None:
        fresh = self._read()
        if self._skipping:
            fresh = self._skip(fresh)
        last = (self._carry + fresh).rpartition(self.line_end)[2] if self.at_end else b""
        if not self._final_newline and last not in (b"", self._end_mark):
            fresh += self.line_end
        self._carry += fresh

    def _read(self) -> bytes:
        parts, wanted = [], max(self._block_bytes - len(self._carry), self._block_bytes // 16, 1)
        while wanted and (part := self._stream.read(wanted)):
            parts.append(part)
            wanted -= len(part)
        self.at_end = wanted > 0
        return b"".join(parts)

    def _skip(self, fresh: bytes) -> bytes:
        """Drops what belongs to a line that is already known to be too long."""
        end = fresh.find(self.line_end)
        kept = b"" if end < 0 else fresh[end:]
        self._dropped += len(fresh) - len(kept)
        self._skipping = end < 0
        return kept

    def _shorten(self) -> None:
        if len(self._carry) > self._keep and self.line_end not in self._carry:
            self._dropped += len(self._carry) - self._keep
            self._carry, self._skipping = self._carry[: self._keep], True
