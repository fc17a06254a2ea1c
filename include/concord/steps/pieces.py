"""What reading brings, whatever the format: rows for the stage table, refused records, and lines that are neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from concord.parse import Said
from concord.quarantine import RefusedRow

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass
class Piece:
    """Some lines of a delivery, judged.

    ``frames`` are for :func:`concord.stage.copy_rows`, refused records among them as rows without content.
    ``control`` are (first line, how many), ``ignored`` are (reason, first line, how many).
    """

    frames: list[DataFrame] = field(repr=False)
    refused: list[RefusedRow]
    flags: Counter[str] = field(default_factory=Counter)
    control: list[tuple[int, int]] = field(default_factory=list)
    ignored: list[tuple[str, int, int]] = field(default_factory=list)


class Reading(Protocol):
    """A delivery that is being read."""

    @property
    def line_count(self) -> int:
        """Physical lines, once all pieces are read."""

    @property
    def drift(self) -> dict[str, Any]:
        """How what came differs from the contract without breaking it; counts and our own names."""

    @property
    def said(self) -> Said:
        """What the delivery says of itself."""

    def pieces(self, tokens_under: str) -> Iterator[Piece]:
        """All of it, in order; ``tokens_under`` is the key of its SSN tokens."""
