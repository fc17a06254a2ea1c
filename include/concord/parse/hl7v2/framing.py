"""Which lines belong together: messages, batch headers and trailers, blank lines, and what is none of these.

A message goes from its MSH to the line before the next MSH, FHS, BHS, BTS or FTS, or to
MLLP's end of block. Blank lines in a message are part of it, after it they are ignored.
So every physical line is in exactly one :class:`Found`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from concord.parse import BLANK_LINE
from concord.parse.hl7v2.lines import Line

MLLP_FRAMING = "mllp_framing"
"""Why a line of nothing but framing bytes is ignored."""
CONTROL = (b"FHS", b"BHS", b"BTS", b"FTS")
MOST_BLANK_LINES = 100
"""No message goes on after so many."""
MOST_STRAY_LINES = 1_000
"""Lines without a message are refused in runs of at most so many, to keep memory flat."""


class What(Enum):
    """What consecutive lines are."""

    MESSAGE = "message"
    STRAY = "stray"
    CONTROL = "control"
    IGNORED = "ignored"


@dataclass(slots=True)
class Found:
    """Consecutive lines that are one thing, ``line`` the first; grows until the next thing begins.

    ``pieces`` are the lines as they arrived, ``segments`` their contents (blank lines have
    none). Of what is longer than allowed (``too_long``) only the beginning is kept.
    """

    what: What
    line: int
    offset: int
    lines: int = 0
    size: int = 0
    reason: str = ""
    too_long: bool = False
    pieces: list[bytes] = field(default_factory=list, repr=False)
    segments: list[bytes] = field(default_factory=list, repr=False)

    @property
    def raw(self) -> bytes:
        """The bytes as they arrived, without the last line's end. PHI."""
        whole = b"".join(self.pieces)
        return whole if self.too_long else whole.removesuffix(b"\n").removesuffix(b"\r")

    def add(self, line: Line, content: bytes, most: int) -> None:
        """Takes ``line`` up; ``most`` bytes are kept."""
        self.lines += 1
        self.size += line.size
        if self.size > most and not self.too_long:
            self.too_long = True
            self.pieces.append(line.raw[: max(most - (self.size - line.size), 0)])
        if self.too_long:
            return
        self.pieces.append(line.raw)
        if content:
            self.segments.append(content)


def found(lines: Iterable[Line], *, max_message_bytes: int) -> Iterator[Found]:
    """Everything that ``lines`` are, in their order."""
    grouping = _Grouping(max_message_bytes)
    for line in lines:
        content = line.content
        yield from grouping.take(line, content) if content.strip() else grouping.take_blank(line)
    yield from grouping.close()


class _Grouping:
    """What is open, and the blank lines behind it, of which nobody knows yet whether they are in it."""

    def __init__(self, max_message_bytes: int) -> None:
        self._most = max_message_bytes
        self._open: Found | None = None
        self._blank: list[Line] = []

    def take(self, line: Line, content: bytes) -> Iterator[Found]:
        """A line that holds something; gives what it closes."""
        what = _kind(content)
        if self._open is None or not _goes_on(self._open, what):
            yield from self.close()
            self._open = Found(what, line.number, line.offset)
        for between in self._blank:
            self._open.add(between, b"", self._most)
        self._blank = []
        self._open.add(line, content, line.size if what is What.CONTROL else self._most)
        if line.ends_block or what is What.CONTROL:
            yield from self.close()

    def take_blank(self, line: Line) -> Iterator[Found]:
        """A line that holds nothing; gives what it closes."""
        self._blank.append(line)
        if self._open is None or line.ends_block or len(self._blank) >= MOST_BLANK_LINES:
            yield from self.close()

    def close(self) -> Iterator[Found]:
        """What was open, and the blank lines behind it, each by itself."""
        open_, blank = self._open, self._blank
        self._open, self._blank = None, []
        if open_ is not None:
            yield open_
        yield from map(_ignored, blank)


def _kind(content: bytes) -> What:
    """What a line begins; STRAY for one that only goes on."""
    name = content[:3]
    if content[3:4].isalnum():
        return What.STRAY
    return What.MESSAGE if name == b"MSH" else What.CONTROL if name in CONTROL else What.STRAY


def _goes_on(open_: Found, what: What) -> bool:
    if what is not What.STRAY:
        return False
    return open_.what is What.MESSAGE or (open_.lines < MOST_STRAY_LINES and not open_.too_long)


def _ignored(line: Line) -> Found:
    reason = MLLP_FRAMING if line.raw.strip(b" \t\r\n") else BLANK_LINE
    ignored = Found(What.IGNORED, line.number, line.offset, reason=reason)
    ignored.add(line, b"", line.size)
    return ignored
