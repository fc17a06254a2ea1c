"""The audit trail: unbroken, anchored outside the database, and with an entry for every deed (45 CFR 164.312(b)).

The loader may not read the trail; functions of its owner tell it where it is broken, and
nothing of what it says. ``concord audit verify`` computes the chain again, as the auditor.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from concord.audit.anchors import Kept, heads, is_in_chain
from concord.check.findings import MOST_IDS, Finding, Rule, broken
from concord.postgres import Connection, one

UNANCHORED = timedelta(days=1)
"""Anchored every five minutes: older entries without an anchor mean that nobody does, or that anchors are gone."""

TRAIL = (
    Rule("audit.chain", "check/find_broken_links", "audit entries (stream:number) that were altered, added or removed"),
    Rule("audit.entry", "check/find_unaudited", "deeds (what:id) without exactly one audit entry, or the reverse"),
)


def check(connection: Connection, anchored: Kept) -> Iterator[Finding]:
    """Findings by stream and number, deed, or path of an anchor."""
    yield from broken(connection, TRAIL)
    if anchored.doubtful:
        yield Finding("audit.doubtful", anchored.doubtful[:MOST_IDS], "anchors of the audit trail that are not genuine")
    newest = anchored.newest()
    lost = [anchor for anchor in newest.values() if not is_in_chain(connection, anchor)]
    if lost:
        ids = tuple(f"{anchor.stream}:{anchor.seq}" for anchor in lost)
        yield Finding("audit.anchor", ids, "anchored audit entries (stream:number) that are not there as they were")
    late = dict(_late(connection, {stream: anchor.seq for stream, anchor in newest.items()}))
    if late:
        ids = tuple(f"{stream}:{seq}" for stream, seq in late.items())
        yield Finding("audit.unanchored", ids, "audit entries (stream:number) since which nothing was anchored")


def _late(connection: Connection, anchored: dict[str, int]) -> Iterator[tuple[str, int]]:
    for head in heads(connection):
        values = {"stream": head.stream, "seq": anchored.get(head.stream, 0), "after": UNANCHORED}
        seq = (one(connection, "audit/get_unanchored", values) or {})["seq"]
        if seq is not None:
            yield head.stream, seq
