"""Consecutive messages of a delivery, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from concord.parse import Ignored, Refused

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Merge:
    """``replaced_id`` goes on as ``survivor_id`` (``merge``), or both are one, or no longer (``link``, ``unlink``).

    The ids are ``resource_id`` of ``entity``; ``last_updated`` is an ISO timestamp in UTC.
    """

    line: int
    entity: str
    kind: str
    survivor_id: str = field(repr=False)
    replaced_id: str = field(repr=False)
    last_updated: str | None


@dataclass(frozen=True)
class Repeated:
    """A message that came before in the same file, byte for byte, at ``first_line``: nothing is read of it."""

    line: int
    lines: int
    first_line: int


@dataclass(frozen=True, eq=False)
class AdtChunk:
    """What ``line_count`` lines from ``first_line`` (1-based, over the whole stream) say.

    ``frames`` has a frame for ``patient`` and for ``encounter`` where there are rows (see
    :func:`concord.parse.hl7v2.frames.frame`): over all of them, ``lines`` adds up to the lines
    of messages that were read. ``events`` counts those by trigger. ``unkeyed`` counts visits
    without a number, which no row can hold.
    """

    first_line: int
    line_count: int
    frames: Mapping[str, DataFrame]
    merges: tuple[Merge, ...]
    refused: tuple[Refused, ...]
    repeated: tuple[Repeated, ...]
    ignored: tuple[Ignored, ...]
    control: tuple[int, ...]
    events: Mapping[str, int]
    unkeyed: int
    data: Mapping[int, bytes] = field(repr=False)

    def raw(self, line: int) -> bytes:
        """The bytes of the message that begins at ``line`` as they arrived, without the last line end. PHI."""
        return self.data[line]

    def accounting(self) -> dict[str, int]:
        """Physical lines by disposition; they add up to ``line_count``."""
        return {
            "record": sum(int(frame["lines"].sum()) for frame in self.frames.values()),
            "refused": sum(each.lines for each in self.refused),
            "duplicate": sum(each.lines for each in self.repeated),
            "ignored": sum(each.lines for each in self.ignored),
            "control": len(self.control),
        }

    def __repr__(self) -> str:
        rows = {name: len(frame) for name, frame in self.frames.items()}
        return f"AdtChunk(first_line={self.first_line}, rows={rows}, refused={len(self.refused)})"
