"""Physical lines of a stream, in flat memory: each ends in CR, LF or CRLF, whichever comes.

HL7 §2.5.3 wants a carriage return after each segment; editors, mail and file transfers
turn it into LF or CRLF, sometimes for a part of a file only. The last line may lack its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK_BYTES = 1 << 20
FRAMING = b"\x0b\x1c\x1a"
"""MLLP's start and end of block (HL7 Implementation Guide, Appendix C), and the end of a DOS file."""
END_OF_BLOCK = b"\x1c"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line, from 1; ``offset`` is its first byte in the stream.

    ``raw`` has its line end; of a line longer than allowed it is the beginning, and
    ``size`` tells how long all of it is (bytes). May hold PHI, so it is not in the ``repr``.
    """

    number: int
    offset: int
    raw: bytes
    size: int

    @property
    def content(self) -> bytes:
        """Without line end, framing bytes around it and a byte order mark before it."""
        return self.raw.rstrip(b"\r\n" + FRAMING).lstrip(FRAMING).removeprefix(BYTE_ORDER_MARK).lstrip(FRAMING)

    @property
    def ends_block(self) -> bool:
        """Whether MLLP says that the message is over."""
        return self.raw.rstrip(b"\r\n \t").endswith(END_OF_BLOCK)

    def __repr__(self) -> str:
        return f"Line(number={self.number}, size={self.size})"


class LineReader:
    """Iterate it once for the :class:`Line` values of ``stream``.

    ``unfinished`` is true afterwards where the last line has no end.
    """

    def __init__(self, stream: BinaryIO, *, max_line_bytes: int, block_bytes: int = BLOCK_BYTES) -> None:
        self._stream, self._keep, self._block_bytes = stream, max_line_bytes, block_bytes
        self.unfinished = False

    def __iter__(self) -> Iterator[Line]:
        number = offset = 0
        for raw, dropped in self._pieces():
            number, size = number + 1, len(raw) + dropped
            yield Line(number, offset, raw[: self._keep], size)
            offset += size

    def _pieces(self) -> Iterator[tuple[bytes, int]]:
        """Lines, and how many bytes are missing in each; what a block leaves open waits for the next."""
        carry, dropped = b"", 0
        while block := self._stream.read(self._block_bytes):
            pieces = (carry + block).splitlines(keepends=True)
            carry = b"" if pieces[-1].endswith(b"\n") else pieces.pop()  # after a CR there may come a LF
            for piece in pieces:
                yield piece, dropped
                dropped = 0
            carry, lost = self._shorten(carry)
            dropped += lost
        if carry:
            self.unfinished = not carry.endswith(b"\r")
            yield carry, dropped

    def _shorten(self, carry: bytes) -> tuple[bytes, int]:
        """A line without end must not fill the memory."""
        if len(carry) <= self._keep + 1:
            return carry, 0
        end = b"\r" if carry.endswith(b"\r") else b""
        kept = carry[: self._keep] + end
        return kept, len(carry) - len(kept)
