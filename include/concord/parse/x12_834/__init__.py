"""ASC X12N 834: member loops as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import BinaryIO

from concord.contract import Feed
from concord.parse import Chunk, Drift, RowFile, Said


class X12834File:
    """One delivery; a :class:`~concord.parse.RowFile`."""

    def __init__(
        self,
        stream: BinaryIO,
        feed: Feed,
        *,
        file_date: date | None = None,
        sequence: int | None = None,
        chunk_rows: int = 100_000,
    ) -> None:
        raise NotImplementedError
        self.columns: tuple[str, ...] = ()
        self.drift = Drift()
        self.line_count = 0

    @property
    def said(self) -> Said:
        """What it says of itself."""
        return Said()

    def __iter__(self) -> Iterator[Chunk]:
        yield from ()


def reread(records: Sequence[bytes], line_counts: Sequence[int], feed: Feed) -> RowFile:
    """Refused records, by themselves."""
    raise NotImplementedError
