"""The two balances of reconcile §10, as sets: every line, every span, exactly once."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from concord.errors import Unbalanced
from concord.postgres import Connection, one, run
from concord.reconcile.parts import Parts

PLANNED_REASONS = ["expired", "never_covered", "newer_truth", "older_version", "unknown_key"]


def account_lines(
    connection: Connection, delivery_id: str, line_count: int, table: sql.Identifier, name: str = "plan/account_lines"
) -> dict[str, Any]:
    """Writes the line accounts that the plan decides; raises :class:`Unbalanced` unless all lines are there once."""
    run(connection, "plan/forget_line_account", {"delivery_id": delivery_id, "ours": PLANNED_REASONS})
    run(connection, name, {"delivery_id": delivery_id}, stage=table)
    row = one(connection, "plan/check_lines", {"delivery_id": delivery_id, "line_count": line_count}) or {}
    if not (row["is_complete"] and row["is_disjoint"]):
        raise Unbalanced(f"delivery {delivery_id}: {row['accounted']} lines accounted of {line_count}")
    return {"verdict": "balanced", "lines": line_count, "accounted": int(row["accounted"])}


def check_spans(
    connection: Connection, name: str, delivery_id: str, values: dict[str, Any], parts: Parts
) -> dict[str, Any]:
    """Runs a check of what became of spans, members or records; raises :class:`Unbalanced` naming what is off."""
    row = dict(one(connection, name, values, **parts.all()) or {})
    wrong = {label: row[label] for label in row if label.endswith(("_undecided", "_twice")) and row[label]}
    if wrong:
        raise Unbalanced(f"delivery {delivery_id}, {parts.entity.name}: {wrong}")
    return row
