"""What must hold of persons and links at rest; for ``concord check``, which stands above this package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from concord.postgres import Connection, compose, run

MOST_IDS = 20
"""Ids that one flaw names, as ``concord.check.findings`` has it."""

RULES = (
    ("link.missing", "identity/find_unlinked_records", "members or patients who are no person"),
    ("link.twice", "identity/find_twice_linked", "persons of a member or patient who is two"),
    ("link.person", "identity/find_missing_persons", "persons that are named and do not exist"),
    ("link.family", "identity/find_merged_families", "persons who are two of one family"),
    ("link.known_overlap", "identity/find_overlapping_links", "persons of a record that was two at once"),
    ("link.unapproved", "identity/find_unapproved_links", "plans of links applied that nobody approved"),
    ("link.audit", "identity/find_unaudited_links", "plans of links applied without exactly one audit entry"),
)
"""Code, statement that selects the ``id`` of what breaks it, text: the fields of ``concord.check.findings.Rule``."""


@dataclass(frozen=True)
class Flaw:
    """Something that must not be: the fields of ``concord.check.findings.Finding``."""

    code: str
    ids: tuple[str, ...]
    text: str


def check(connection: Connection) -> Iterator[Flaw]:
    """One flaw for each rule that something breaks; ids are row ids, person ids and plan ids."""
    for code, statement, text in RULES:
        listed = compose(statement)
        rows = run(connection, "check/list_first", {"most": MOST_IDS}, statement=listed)
        if rows:
            yield Flaw(code, tuple(row["id"] for row in rows), f"{text}: {rows[0]['total']}")
