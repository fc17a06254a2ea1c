"""Repairs what a crash left open: the ledger must not depend on a task running at the end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from concord import incidents, ledger
from concord import stage as staging
from concord.contract import Feed
from concord.failpoint import failpoint
from concord.ledger import Delivery
from concord.postgres import Connection, run
from concord.steps import texts
from concord.steps.site import Site

PART_AGE = timedelta(hours=6)
"""No fetch takes that long (its task is stopped before): an older part was left by a killed one."""


def reconcile_ledger(feeds: Iterable[Feed], site: Site) -> dict[str, Any]:
    """Publishes what was applied and not settled, escalates long holds, removes what killed tasks left."""
    published = escalated = 0
    for feed in feeds:
        published += _publish_applied(feed, site)
        escalated += _escalate_holds(feed, site)
    return {"published": published, "escalated": escalated, **_clean(site)}


def _publish_applied(feed: Feed, site: Site) -> int:
    with site.database("repair") as connection:
        left = run(connection, "ledger/list_unsettled", {"feed": feed.name})
        for row in left:
            ledger.move(connection, row["delivery_id"], "published", "settled by the reconciler")
            failpoint("repair.published")
    return len(left)


def _escalate_holds(feed: Feed, site: Site) -> int:
    with site.database("repair") as connection:
        values = {"feed": feed.name, "after": feed.policy.hold_escalates_after}
        rows = run(connection, "ledger/list_long_holds", values)
        told = [_escalate(connection, feed, Delivery.from_row(row), float(row["hours"]), site) for row in rows]
        failpoint("repair.escalated")
    return sum(told)


def _escalate(connection: Connection, feed: Feed, delivery: Delivery, hours: float, site: Site) -> bool:
    subject, text = texts.waiting_too_long(feed, delivery, hours)
    new = incidents.report(
        connection, cause=f"waiting:{delivery.delivery_id}", kind="waiting", subject=subject, text=text,
        feed=feed.name, delivery_id=delivery.delivery_id,
    )  # fmt: skip
    if new:
        site.notifier(subject, text)
    return new


def _clean(site: Site) -> dict[str, int]:
    parts = list(site.landing.parts(older_than=PART_AGE))
    for part in parts:
        site.landing.remove_part(part)
        failpoint("repair.part_removed")
    with site.database("repair") as connection:
        seen = run(connection, "ledger/list_seen", None)
        dropped = staging.drop(connection, [row["seen_delivery_id"] for row in seen])
        failpoint("repair.before_commit")
    return {"parts": len(parts), "stage_tables": dropped}
