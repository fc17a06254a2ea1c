"""The ledger of X12 envelopes: control numbers that came twice, went back, or are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from concord.contract import X12834, Feed
from concord.interchange import FunctionalGroup, Interchange, TransactionSet
from concord.postgres import Connection, one, run

RESUBMISSION = "15"
"""BGN01: what was sent before is sent again."""


@dataclass(frozen=True)
class Disorder:
    """A control number (ISA13) that does not follow the last one: how many are missing, or that it went back."""

    number: int
    last: int

    @property
    def missing(self) -> int:
        """Interchanges between the last one and this; 0 where the number went back."""
        return max(self.number - self.last - 1, 0)

    @property
    def text(self) -> str:
        """In words."""
        if self.number <= self.last:
            return f"interchange control number {self.number} comes after {self.last}"
        return f"{self.missing:,} interchange control numbers are missing between {self.last} and {self.number}"


def enter(connection: Connection, delivery_id: str, interchanges: Sequence[Interchange]) -> None:
    """Writes what the envelopes of a delivery said, in the place of an earlier reading."""
    run(connection, "envelopes/forget_interchanges", {"delivery_id": delivery_id})
    for place, row in enumerate(_rows(interchanges), start=1):
        run(connection, "envelopes/insert_interchange", {"delivery_id": delivery_id, "place": place, **row})


def _rows(interchanges: Sequence[Interchange]) -> Iterator[dict[str, Any]]:
    for interchange in interchanges:
        own = {"sender": interchange.sender, "receiver": interchange.receiver, "usage": interchange.usage}
        yield _row("interchange", interchange, version=interchange.version, **own)
        for group in interchange.groups:
            theirs = {"sender": group.sender, "receiver": group.receiver, "version": group.version}
            yield _row("group", group, **theirs)
            for each in group.sets:
                said = {"purpose": each.purpose, "action": each.action, "reference": each.reference}
                counts = {"members": each.members, "coverages": each.coverages}
                yield _row("set", each, **{**theirs, "version": each.implementation}, **said, **counts)


BLANK = dict.fromkeys(("usage", "purpose", "action", "reference", "members", "coverages"))


def _row(level: str, part: Interchange | FunctionalGroup | TransactionSet, **values: object) -> dict[str, Any]:
    faults = list(dict.fromkeys(fault.code for fault in part.faults))
    known = {"level": level, "control_number": part.control_number, "is_rejected": part.is_rejected, "faults": faults}
    return {**BLANK, **known, **values}


def is_resubmission(interchanges: Sequence[Interchange]) -> bool:
    """Whether every set says that it was sent before (BGN01 = 15)."""
    purposes = {each.purpose for part in interchanges for group in part.groups for each in group.sets}
    return purposes == {RESUBMISSION}


def repeated(connection: Connection, feed: Feed, delivery_id: str) -> tuple[str, str] | None:
    """An interchange control number (ISA13) that an earlier delivery had, with that delivery; by the contract's policy.

    Whether a number may come again is agreed on: some senders never count.
    """
    if _policy(feed) == "ignored":
        return None
    row = one(connection, "envelopes/find_repeated", {"feed": feed.name, "delivery_id": delivery_id})
    return (row["control_number"], row["delivery_id"]) if row else None


def rejected(connection: Connection, delivery_id: str) -> tuple[int, int]:
    """How many envelopes of a delivery, and pieces outside of any, count for nothing; and of how many envelopes."""
    row = one(connection, "envelopes/count_rejected", {"delivery_id": delivery_id}) or {}
    return row.get("rejected", 0), row.get("envelopes", 0)


def disorder(connection: Connection, feed: Feed, delivery_id: str) -> Disorder | None:
    """A number that went back, or (``gapless``) one that leaves others out, against what was applied last."""
    policy = _policy(feed)
    if policy not in ("increasing", "gapless"):
        return None
    row = one(connection, "envelopes/get_numbers", {"feed": feed.name, "delivery_id": delivery_id})
    if row is None or row["last"] is None or row["first"] is None:
        return None
    found = Disorder(number=row["first"], last=row["last"])
    return found if found.number <= found.last or (policy == "gapless" and found.missing) else None


def _policy(feed: Feed) -> str:
    return feed.format.control_numbers if isinstance(feed.format, X12834) else "ignored"
