"""Workbooks of small employers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concord.contract.columnar import Columnar

if TYPE_CHECKING:
    from concord.contract.feed import Feed


@dataclass(frozen=True)
class Xlsx(Columnar):
    """One sheet of an Office Open XML workbook (ECMA-376), a row of names first."""

    sheet: str | None = None


def contradictions(_feed: Feed, _form: Xlsx) -> Iterator[tuple[str, str]]:
    """Where the layout contradicts itself or the mapping, as (field, message)."""
    yield from ()
