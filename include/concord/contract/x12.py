"""X12 834 benefit enrollment and maintenance: how a partner writes it, and what is agreed on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concord.contract.columnar import Columnar

if TYPE_CHECKING:
    from concord.contract.feed import Feed


@dataclass(frozen=True)
class X12834(Columnar):
    """ASC X12N 834 (005010X220A1, and older or home-made dialects)."""

    encoding: str = "utf-8"
    control_numbers: str = "unique"

    @property
    def charset(self) -> str:
        """The encoding in which the bytes of a refused row can be looked at."""
        return self.encoding

    @property
    def marks(self) -> str:
        """Characters that may stand between two values of a row."""
        return "*|^~:>\n\r"

    @property
    def brings_members_alone(self) -> bool:
        """A member without HD: what the segments say is about the person, and no coverage is touched."""
        return True

    @property
    def says_its_mode(self) -> bool:
        """BGN08: 2 change, 4 verify, RX replace."""
        return True


def contradictions(_feed: Feed, _form: X12834) -> Iterator[tuple[str, str]]:
    """Where the layout contradicts itself or the mapping, as (field, message)."""
    yield from ()
