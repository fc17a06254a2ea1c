"""Adds to the audit trail; the loader can do that and nothing else with it."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from concord.postgres import Connection, run


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    object_id: str,
    count: int | None = None,
    purpose: str | None = None,
    **detail: Any,
) -> None:
    """Adds one entry in the caller's transaction; it is chained when that commits.

    ``object_id`` is a delivery, a feed, a key id or a person's token, ``count`` how many
    rows or files it was about, ``purpose`` why, in a person's words (only the auditor
    reads it). ``detail`` holds ids, codes and counts only.
    """
    values = {"actor": actor, "action": action, "object": object_id, "count": count, "purpose": purpose or None}
    run(connection, "ledger/append_audit", {**values, "detail": Jsonb(detail)})
