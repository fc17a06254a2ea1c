"""What a check says: a stable code, ids, and one line without a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from concord.postgres import Connection, compose, run

MOST_IDS = 20
"""Ids that one finding names; its text says how many there are."""


@dataclass(frozen=True)
class Finding:
    """Something that must not be. ``ids`` are delivery ids, row ids, feeds, stage tables or archive paths."""

    code: str
    ids: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Rule:
    """A statement that selects the ``id`` of everything that breaks the rule ``text`` states the breach of."""

    code: str
    statement: str
    text: str


def broken(
    connection: Connection, rules: Iterable[Rule], values: Mapping[str, Any] | None = None, /, **parts: sql.Composable
) -> Iterator[Finding]:
    """One finding for each rule that something breaks; ``parts`` fill the placeholders of the statements."""
    for rule in rules:
        listed = compose(rule.statement, **parts)
        rows = run(connection, "check/list_first", {**(values or {}), "most": MOST_IDS}, statement=listed)
        if rows:
            yield Finding(rule.code, tuple(row["id"] for row in rows), f"{rule.text}: {rows[0]['total']}")
