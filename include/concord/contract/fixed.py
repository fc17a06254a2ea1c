"""Fixed-width text: what stands where in a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concord.contract.columnar import Columnar

if TYPE_CHECKING:
    from concord.contract.feed import Feed


@dataclass(frozen=True)
class FixedWidth(Columnar):
    """Records of fixed columns."""

    encoding: str = "utf-8"

    @property
    def charset(self) -> str:
        """The encoding in which the bytes of a refused row can be looked at."""
        return self.encoding


def contradictions(_feed: Feed, _form: FixedWidth) -> Iterator[tuple[str, str]]:
    """Where the layout contradicts itself or the mapping, as (field, message)."""
    yield from ()
