"""From landed bytes to text: one module per format.

``opening.py`` chooses the reader of a feed's format · ``records.py`` finds records in bytes ·
``header.py`` compares a header with the contract · ``control.py`` counts against a trailer · ``delimited.py`` puts them
together · ``rereading.py`` reads refused records by themselves. Nothing is interpreted
here: every value stays text, and every physical line ends up in exactly one of record,
refused, ignored and control (reconcile §10).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from concord.contract import Mode
from concord.interchange import Interchange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame


class Reason(StrEnum):
    """Why a record could not be read; stable codes, shown in quarantine."""

    FIELD_COUNT = "record.field_count"
    """More or fewer fields than the header; where that ends in a delimiter, something behind the last one too."""
    QUOTE = "record.quote"
    """A quote that never closes, or stands inside an unquoted field."""
    ENCODING = "record.encoding"
    """Bytes that are not text in the feed's encoding; nothing is guessed."""
    NUL = "record.nul"
    TOO_LONG = "record.too_long"
    LINE_END = "record.line_end"
    """A carriage return outside quotes that is no line end: two records glued together, or an old Mac's."""
    TYPE = "record.type"
    """The first field, or what stands in its place, is not the promised mark of a detail record."""
    LENGTH = "record.length"
    """Another length than its layout has, or a tab, which stands for nobody knows how many blanks."""
    ESCAPE = "record.escape"
    """An escape with nothing to escape: only the line's end follows."""
    ORPHAN = "record.orphan"
    """It belongs to a record before it that is not there, or could not be read; one that a rule refused was read."""
    HIDDEN = "record.hidden"
    """A row that the sender does not see."""
    MERGED = "record.merged"
    """A row with a cell that is merged with others: its value may be meant for several rows."""


BLANK_LINE = "blank_line"
PREAMBLE = "preamble"
"""Lines that the contract says stand before the content."""
COMMENT = "comment"
END_MARK = "end_mark"
"""A lone 0x1A in place of a last line: the end of a file of CP/M and MS-DOS."""


@dataclass(frozen=True)
class Refused:
    """A record that could not be read: first physical line, how many lines, why, and its bytes.

    ``raw`` has no line end; of a record that is too long it holds the beginning
    (the whole stays in landing). It may hold PHI, so it is not in the ``repr``.
    """

    line: int
    lines: int
    reasons: tuple[str, ...]
    raw: bytes

    def __repr__(self) -> str:
        return f"Refused(line={self.line}, lines={self.lines}, reasons={self.reasons})"


@dataclass(frozen=True)
class Ignored:
    """Lines that are no record, and why (``blank_line``, ``preamble``, ``comment``, ``end_mark``)."""

    line: int
    lines: int
    reason: str


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive records of a delivery, and what stood between them.

    ``frame`` holds the contract's source columns (those the file has), dtype ``str``,
    blank = ``""``, index 0..n-1. ``line`` and ``lines`` (int64, n) give each row's
    first physical line, from 1, and how many it spans. ``control`` are the lines of
    the header and of control records.
    """

    frame: DataFrame
    line: NDArray[np.int64]
    lines: NDArray[np.int64]
    refused: tuple[Refused, ...]
    ignored: tuple[Ignored, ...]
    control: tuple[int, ...]
    data: bytes
    span: NDArray[np.int64]
    parents: Mapping[int, bytes] = field(default_factory=dict)
    """By where a row begins in ``data``: the record from which it took values."""

    def raw(self, position: int) -> bytes:
        """The bytes of row ``position`` as they arrived, without the line end, after its parent's. PHI."""
        start, end = (int(place) for place in self.span[position])
        own = self.data[start:end]
        return b"\n".join((self.parents[start], own)) if start in self.parents else own

    def __repr__(self) -> str:
        return f"Chunk(rows={len(self.frame)}, refused={len(self.refused)}, ignored={len(self.ignored)})"


@dataclass(frozen=True)
class Drift:
    """How a header differs from the contract without breaking it.

    ``extra`` holds names as the partner wrote them: text of the partner, for the
    ledger and the hold, not for a log.
    """

    extra: tuple[str, ...] = ()
    missing_optional: tuple[str, ...] = ()
    reordered: bool = False

    def __bool__(self) -> bool:
        return bool(self.extra or self.missing_optional or self.reordered)


@dataclass(frozen=True)
class Said:
    """What a delivery says of itself beyond its rows. Most formats say nothing.

    ``mode`` and ``is_test`` are known once the file is open, ``interchanges`` after the last chunk.
    """

    mode: Mode | None = None
    is_test: bool = False
    interchanges: tuple[Interchange, ...] = ()


class RowFile(Protocol):
    """A delivery in any columnar format, opened: iterate it once for its chunks.

    Construction reads the header and raises :class:`DeliveryRejected` where it breaks the contract; so does iteration
    at its end, so that nothing counts before it has finished.
    """

    columns: tuple[str, ...]
    """All source columns, in file order."""
    drift: Drift
    line_count: int
    """Physical lines (of 834: segments), complete after the last chunk."""

    @property
    def said(self) -> Said:
        """What it says of itself."""

    def __iter__(self) -> Iterator[Chunk]:
        """Its rows, and what stood between them."""


def line_accounting(chunk: Chunk) -> dict[str, int]:
    """Physical lines of ``chunk`` by disposition: ``record``, ``refused``, ``ignored``, ``control``."""
    return {
        "record": int(chunk.lines.sum()),
        "refused": sum(refused.lines for refused in chunk.refused),
        "ignored": sum(ignored.lines for ignored in chunk.ignored),
        "control": len(chunk.control),
    }
