"""What an 834 is by itself: its envelopes, members and coverages, and whether they can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from concord.contract import Feed
from concord.errors import DeliveryRejected
from concord.interchange import Fault, Interchange, TransactionSet
from concord.onboarding.generic import X12_834
from concord.parse.opening import open_rows

ACCEPTED, PARTLY, REJECTED = "accepted", "partly", "rejected"


@dataclass(frozen=True)
class Verdict:
    """What became of a file: rows (member × coverage), refused loops by reason, and what its envelopes said."""

    rows: int
    refused: dict[str, int]
    code: str
    interchanges: tuple[Interchange, ...]

    @property
    def word(self) -> str:
        """``accepted``, ``partly`` (something was refused) or ``rejected``."""
        return REJECTED if self.code else PARTLY if self.refused else ACCEPTED

    @property
    def members(self) -> int:
        """INS segments in all sets."""
        return sum(each.members for each in self._sets())

    @property
    def coverages(self) -> int:
        """HD segments in all sets."""
        return sum(each.coverages for each in self._sets())

    @property
    def sets(self) -> list[tuple[str, str, str, int, int, str]]:
        """Control number, BGN08, version, members, coverages and faults of each set."""
        return [
            (each.control_number, each.action, each.implementation, each.members, each.coverages, _faults(each.faults))
            for each in self._sets()
        ]

    @property
    def faults(self) -> str:
        """What is wrong with interchanges and groups."""
        of_groups = (fault for part in self.interchanges for group in part.groups for fault in group.faults)
        return _faults([*(fault for part in self.interchanges for fault in part.faults), *of_groups])

    def _sets(self) -> Iterator[TransactionSet]:
        return (each for part in self.interchanges for group in part.groups for each in group.sets)


def _faults(faults: Iterable[Fault]) -> str:
    return ", ".join(dict.fromkeys(fault.code for fault in faults))


def verdict(stream: BinaryIO, feed: Feed = X12_834) -> Verdict:
    """Reads a file to its end; nothing of it is kept."""
    refused: dict[str, int] = {}
    rows = 0
    try:
        file = open_rows(stream, feed)
        for chunk in file:
            rows += len(chunk.frame)
            for reason in (reason for row in chunk.refused for reason in row.reasons):
                refused[reason] = refused.get(reason, 0) + 1
    except DeliveryRejected as error:
        return Verdict(0, {}, error.code, error.interchanges)
    return Verdict(rows, refused, "", file.said.interchanges)
