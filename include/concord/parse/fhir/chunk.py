"""Consecutive lines of a delivery of resources, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from concord.parse import Ignored, Refused

if TYPE_CHECKING:
    from pandas import DataFrame

Merge = tuple[int, str, str]
"""Line, the patient that is no more, the patient that replaces it (``Patient/id``)."""


@dataclass(frozen=True, eq=False)
class ResourceChunk:
    """What ``line_count`` lines from ``first_line`` (1-based, over the whole stream) say.

    ``frames`` has a frame for each entity that has rows (see :func:`concord.parse.fhir.frames.frame`):
    over all of them, ``lines`` adds up to the lines that are records. ``unresolved`` counts
    references without a logical id by ``entity.column``, ``resources`` the records by FHIR
    type (a delete bundle is a Bundle). ``data`` and ``span`` hold the bytes of each line.
    """

    first_line: int
    line_count: int
    frames: Mapping[str, DataFrame]
    refused: tuple[Refused, ...]
    ignored: tuple[Ignored, ...]
    unresolved: Mapping[str, int]
    resources: Mapping[str, int]
    merges: tuple[Merge, ...]
    data: bytes
    span: NDArray[np.int64]

    def raw(self, line: int) -> bytes:
        """The bytes of physical line ``line`` as they arrived, without the line end. PHI."""
        start, end = self.span[line - self.first_line]
        return self.data[int(start) : int(end)]

    def accounting(self) -> dict[str, int]:
        """Physical lines by disposition: ``record``, ``refused``, ``ignored``; they add up to ``line_count``."""
        return {
            "record": sum(int(frame["lines"].sum()) for frame in self.frames.values()),
            "refused": sum(each.lines for each in self.refused),
            "ignored": sum(each.lines for each in self.ignored),
        }

    def __repr__(self) -> str:
        rows = {name: len(frame) for name, frame in self.frames.items()}
        return f"ResourceChunk(first_line={self.first_line}, rows={rows}, refused={len(self.refused)})"
