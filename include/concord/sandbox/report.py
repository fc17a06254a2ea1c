"""What became of the demo's deliveries, read from the database and shown as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from concord.postgres import Connection, connect
from concord.settings import Settings

LINES = {
    "file date": "file_date",
    "state": "state",
    "lines": "lines",
    "accepted": "consumed",
    "quarantined": "quarantined",
    "duplicate": "duplicate",
    "header, blank": "beside",
}
SPANS = {
    "unchanged": "unchanged",
    "added": "added",
    "changed": "changed",
    "corrected": "corrected",
    "reinstated": "reinstated",
    "ended": "ends",
    "kept": "kept",
    "voided": "voided",
}
BALANCES = {"lines balance": "lines_balance", "spans balance": "spans_balance"}

DELIVERIES = """
SELECT delivery_id FROM ops.delivery WHERE feed = %s AND file_date = ANY(%s) ORDER BY file_date, arrival
"""
RECONCILIATION = """
SELECT *, ended + pending_end AS ends, ignored + control AS beside
FROM mart.delivery_reconciliation WHERE delivery_id = ANY(%s) ORDER BY file_date
"""
QUARANTINE = """
SELECT delivery_id, reason, count(*) AS rows
FROM ops.quarantine CROSS JOIN LATERAL unnest(reasons) AS reason
WHERE delivery_id = ANY(%s) GROUP BY delivery_id, reason ORDER BY rows DESC, reason
"""
HOLDS = """
SELECT DISTINCT ON (delivery_id, guard, scope) delivery_id, guard, scope, text
FROM ops.plan_guard JOIN ops.plan USING (plan_id)
WHERE tripped AND delivery_id = ANY(%s) ORDER BY delivery_id, guard, scope, plan_id DESC
"""
DECISIONS = """
SELECT DISTINCT ON (delivery_id) delivery_id, verdict, decided_by, via
FROM ops.decision WHERE delivery_id = ANY(%s) ORDER BY delivery_id, decision_id DESC
"""

FLAGS = """
SELECT DISTINCT ON (delivery_id, flag) delivery_id, flag, n::bigint AS rows
FROM ops.stage_attempt CROSS JOIN LATERAL jsonb_each_text(flags) AS f (flag, n)
WHERE delivery_id = ANY(%s) ORDER BY delivery_id, flag, stage_no DESC
"""
INCIDENTS = """
SELECT delivery_id, kind, state, subject FROM ops.incident
WHERE kind IN ('gap', 'rejected') AND delivery_id = ANY(%s) ORDER BY incident_id
"""

Rows = list[dict[str, Any]]


def show(console: Console, settings: Settings, feed: str, file_dates: Sequence[date]) -> None:
    """Prints what became of the deliveries of ``feed`` of ``file_dates``: lines, spans, quarantine, holds, balances."""
    with connect(settings.loader_url, application="demo") as connection:
        known = connection.execute(DELIVERIES, [feed, list(file_dates)]).fetchall()
        deliveries = [str(row["delivery_id"]) for row in known]
        found = {name: _rows(connection, text, deliveries) for name, text in STATEMENTS.items()}
    console.print(_overview(sorted(found["reconciliation"], key=lambda row: deliveries.index(row["delivery_id"]))))
    tables = (
        _counts(found["quarantine"], deliveries, "reason", "Quarantined rows by reason"),
        _counts(found["flags"], deliveries, "flag", "Accepted rows in which something was noticed, or mended"),
        _incidents(found["incidents"]),
        _holds(found["holds"], found["decisions"], deliveries),
    )
    for table in tables:
        if table.row_count:
            console.print(table)


STATEMENTS = {
    "reconciliation": RECONCILIATION, "quarantine": QUARANTINE, "flags": FLAGS, "incidents": INCIDENTS, "holds": HOLDS,
    "decisions": DECISIONS,
}  # fmt: skip


def _rows(connection: Connection, text: str, deliveries: Sequence[str]) -> Rows:
    return connection.execute(text.encode(), [list(deliveries)]).fetchall()


def _overview(rows: Rows) -> Table:
    table = Table(title="Deliveries", title_justify="left")
    table.add_column("delivery")
    for row in rows:
        table.add_column(str(row["delivery_id"]), justify="right")
    for section in (LINES, SPANS, BALANCES):
        for label, column in section.items():
            table.add_row(label, *(_cell(row.get(column)) for row in rows))
        table.add_section()
    return table


def _counts(rows: Rows, deliveries: Sequence[str], what: str, title: str) -> Table:
    """One line for each ``what``, one column for each delivery."""
    table = Table(what, *deliveries, title=title, title_justify="left")
    counts = {(row[what], row["delivery_id"]): row["rows"] for row in rows}
    for each in dict.fromkeys(row[what] for row in rows):
        table.add_row(each, *(_cell(counts.get((each, delivery), 0)) for delivery in deliveries))
    return table


def _incidents(rows: Rows) -> Table:
    table = Table("delivery", "incident", "is", "what people were told", title="Incidents", title_justify="left")
    for row in rows:
        table.add_row(row["delivery_id"], row["kind"], row["state"], row["subject"])
    return table


def _holds(rows: Rows, decisions: Rows, deliveries: Sequence[str]) -> Table:
    table = Table("delivery", "held by", "why", "decided", title="Held for a person", title_justify="left")
    decided = {row["delivery_id"]: f"{row['verdict']} by {row['decided_by']} ({row['via']})" for row in decisions}
    for delivery in deliveries:
        for row in (row for row in rows if row["delivery_id"] == delivery):
            guard = f"{row['guard']} {row['scope']}".strip()
            table.add_row(delivery, guard, row["text"], decided.get(delivery, "waits"))
    return table


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | Decimal) else "" if value is None else str(value)
