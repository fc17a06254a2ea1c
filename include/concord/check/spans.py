"""The reconciled tables: grain, spans and versions (reconcile §1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from psycopg import sql

from concord.check.findings import Finding, Rule, broken
from concord.entities import ENTITIES, Entity
from concord.postgres import Connection, identifiers
from concord.stage import content_hash

VERSIONS = (
    Rule("hash", "check/find_wrong_hashes", "rows whose content is not what its hash says"),
    Rule("no_change", "check/find_equal_versions", "rows with two consecutive versions that say the same"),
    Rule("known_reversed", "check/find_reversed_versions", "rows with a version that ended before it began"),
    Rule("known_overlap", "check/find_overlapping_versions", "rows of which two versions were believed at once"),
    Rule("known_gap", "check/find_missing_versions", "rows with a version missing between or after others"),
    Rule("known_at", "check/find_unknown_instants", "rows with a version of an instant at which nothing was applied"),
    Rule("origin", "check/find_unknown_origins", "rows with a version of a delivery that does not exist"),
    Rule("line", "check/find_unknown_lines", "rows with a version of a line that its delivery did not consume"),
)
"""For every entity."""

KEYS = (Rule("key_twice", "check/find_repeated_keys", "rows that share their key"),)
"""For entities without spans: where there are spans, two that begin together overlap."""

TOKENS = (
    Rule(
        "keys.match",
        "check/find_foreign_tokens",
        "members and patients with a token of another key than their partner's",
    ),
)
"""For members and patients: after a rotation no token is left behind."""

SPANS = (
    Rule("overlap", "check/find_overlapping_spans", "spans that overlap an earlier one of their key"),
    Rule("reversed", "check/find_reversed_spans", "spans that do not end after they begin"),
    Rule("end_kind", "check/find_wrong_end_kinds", "spans with an end of no kind, or a kind without an end"),
    Rule("evidence", "check/find_inferred_ends", "spans with an inferred end and no evidence for it"),
)
"""For entities that have spans."""


def check(connection: Connection) -> Iterator[Finding]:
    """Findings of every entity; ids are row ids."""
    for entity in ENTITIES.values():
        rules = VERSIONS + (SPANS if entity.start else KEYS)
        named = (replace(rule, code=f"{entity.name}.{rule.code}") for rule in rules)
        yield from broken(connection, named, **parts(entity))
    yield from broken(connection, TOKENS)


def parts(entity: Entity) -> dict[str, sql.Composable]:
    """What the statements call the entity's tables and columns."""
    span = tuple(name for name in (entity.start, entity.end) if name)
    return {
        "core": sql.Identifier("core", entity.name),
        "history": sql.Identifier("core", f"{entity.name}_history"),
        "key": identifiers(entity.key),
        "content": identifiers(("content_hash", *span, *(("end_kind",) if span else ()))),
        "row_hash": content_hash(entity, "c"),
    }
