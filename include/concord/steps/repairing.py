"""Repairs what a crash left open: the ledger must not depend on a task running at the end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from concord import audit, incidents, ledger
from concord import stage as staging
from concord.contract import Feed
from concord.failpoint import failpoint
from concord.postgres import run
from concord.steps import texts
from concord.steps.site import Site

PART_AGE = timedelta(hours=6)
"""No fetch takes that long (its task is stopped before): an older part was left by a killed one."""


def reconcile_ledger(feeds: Iterable[Feed], site: Site, *, broken: Iterable[str] = ()) -> dict[str, Any]:
    """Publishes what was applied and not settled, escalates what waits too long, removes what killed tasks left.

    ``broken`` are the modules whose contract cannot be built: of all others that trouble is over.
    """
    published = sum(_publish_applied(feed, site) for feed in feeds)
    with site.database("repair") as connection:
        run(connection, "incident/resolve_mended", {"broken": list(broken)})
    return {"published": published, "escalated": escalate(site), **_clean(site)}


def _publish_applied(feed: Feed, site: Site) -> int:
    with site.database("repair") as connection:
        left = run(connection, "ledger/list_unsettled", {"feed": feed.name, "after": site.settings.lost_after})
        for row in left:
            ledger.move(connection, row["delivery_id"], "published", "settled by the reconciler")
            failpoint("repair.published")
    return len(left)


def escalate(site: Site, now: datetime | None = None) -> int:
    """Raises what nobody acknowledged or resolved in time by a level; returns how many. It decides nothing."""
    with site.database("repair") as connection:
        escalated = incidents.escalate(connection, now or datetime.now(UTC))
        failpoint("repair.escalated")
    return escalated


def acknowledge(incident_id: int, *, by: str, site: Site) -> str:
    """A person says that they are on an incident; returns who is. Raises NeedsDecision where it is not open."""
    with site.database(by) as connection:
        owner = incidents.acknowledge(connection, incident_id, by)
        if owner == by:
            audit.record(connection, actor=by, action="acknowledge", object_id=str(incident_id))
    return owner


def in_trouble(site: Site, dag: str, task: str, error: str) -> None:
    """Records that a DAG that looks after all feeds failed, once until it succeeds again."""
    with site.database("repair") as connection:
        text = texts.operation_failed(dag, task, error)
        incidents.report(connection, "operation", text, feed=None, cause=f"operation:{dag}:{task}")


def out_of_trouble(site: Site, dag: str, task: str) -> None:
    """Closes what :func:`in_trouble` opened."""
    with site.database("repair") as connection:
        incidents.resolve_cause(connection, f"operation:{dag}:{task}")


def _clean(site: Site) -> dict[str, int]:
    parts = list(site.landing.parts(older_than=PART_AGE))
    orphans = _remove_orphans(site) if parts else 0
    for part in parts:
        site.landing.remove_part(part)
        failpoint("repair.part_removed")
    with site.database("repair") as connection:
        seen = run(connection, "ledger/list_seen", None)
        dropped = staging.drop(connection, [row["seen_delivery_id"] for row in seen])
        failpoint("repair.before_commit")
    return {"parts": len(parts), "orphans": orphans, "stage_tables": dropped}


def _remove_orphans(site: Site) -> int:
    """Removes objects that no manifest names, neither beside them nor in the ledger: a fetch died in between.

    Such a fetch leaves its key among the parts as well, so the archive is only listed where there are any.
    """
    with site.database("repair") as connection:
        known = {row["object_url"] for row in run(connection, "ledger/list_objects")}
    orphans = [path for path in site.landing.orphans(older_than=PART_AGE) if path not in known]
    for path in orphans:
        site.landing.remove_orphan(path)
        failpoint("repair.orphan_removed")
    return len(orphans)
