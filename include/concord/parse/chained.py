"""A delivery in several files, read as one: each part has its header and control records, and lines run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from concord.errors import DeliveryRejected
from concord.parse import Chunk, Drift, RowFile, Said


@dataclass(frozen=True)
class Part:
    """How one file is opened, and how many records it was promised to have (None: nobody said)."""

    open: Callable[[], RowFile]
    records: int | None = None


class ChainedRows:
    """The rows of ``parts``, in order; ``records`` is how many all of them were promised to have.

    The first is opened at once, the others when it is their turn. Raises :class:`DeliveryRejected` as each of them
    does, ``parts.columns`` where one has other columns than the first, or in another order (its refused rows are
    read again under the first one's header), and ``control.record_count`` where a control file counted otherwise.
    """

    def __init__(self, parts: Sequence[Part], records: int | None = None) -> None:
        self._parts, self._records = parts, records
        self._first = parts[0].open()
        self.columns, self.drift, self.line_count = self._first.columns, self._first.drift, 0

    @property
    def said(self) -> Said:
        """What it says of itself; a format that says anything (834) comes in one file."""
        return self._first.said

    def __iter__(self) -> Iterator[Chunk]:
        counted = 0
        for number, part in enumerate(self._parts, start=1):
            file = self._first if number == 1 else self._opened(number)
            found = 0
            for chunk in file:
                found += len(chunk.frame) + len(chunk.refused)
                yield moved(chunk, self.line_count)
            _refuse_count(f"part {number}", found, part.records)
            counted += found
            self.line_count += file.line_count
        _refuse_count("the delivery", counted, self._records)

    def _opened(self, number: int) -> RowFile:
        file = self._parts[number - 1].open()
        if file.columns != self.columns:
            raise DeliveryRejected("parts.columns", f"part {number} has other columns than part 1, or in another order")
        self.drift = _both(self.drift, file.drift)
        return file


def moved(chunk: Chunk, by: int) -> Chunk:
    """``chunk``, ``by`` lines further down."""
    if not by:
        return chunk
    return replace(
        chunk,
        line=chunk.line + by,
        refused=tuple(replace(refused, line=refused.line + by) for refused in chunk.refused),
        ignored=tuple(replace(ignored, line=ignored.line + by) for ignored in chunk.ignored),
        control=tuple(line + by for line in chunk.control),
    )


def _both(one: Drift, other: Drift) -> Drift:
    """Equal columns differ equally from the contract, but for what a reader finds beyond them."""
    return Drift(
        tuple(dict.fromkeys((*one.extra, *other.extra))), one.missing_optional, one.reordered or other.reordered
    )


def _refuse_count(what: str, found: int, promised: int | None) -> None:
    if promised not in (None, found):
        message = f"{what} has {found} records, its control file says {promised}"
        raise DeliveryRejected("control.record_count", message)
