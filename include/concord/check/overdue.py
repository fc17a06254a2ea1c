"""Nothing is kept longer than its contract says, unless something speaks for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from concord.catalogue import feeds
from concord.check.findings import MOST_IDS, Finding
from concord.custody import retention
from concord.errors import ContractError
from concord.postgres import Connection

LATE = timedelta(days=3)
"""``concord_retention`` runs every night: what is due for longer was forgotten, or waits to be confirmed."""


def check(connection: Connection) -> Iterator[Finding]:
    """Findings by delivery id."""
    try:
        contracts = feeds().values()
    except ContractError:
        return  # the feed that is broken says so itself, every hour
    night = retention.survey(connection, contracts, datetime.now(UTC) - LATE)
    files = {kept.delivery_id for group in night.objects.values() for kept in group}
    due = sorted(files | {kept.delivery_id for kept in night.rows})
    if due:
        text = "deliveries whose retention is over and whose file or refused rows are still there"
        yield Finding("retention.overdue", tuple(due[:MOST_IDS]), f"{text}: {len(due)}")
