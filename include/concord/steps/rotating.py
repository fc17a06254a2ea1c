"""Keys, from one to the next, while everything goes on (docs/security.md, Keys)."""

from __future__ import annotations

from typing import Any

from concord import audit
from concord.custody import Census, census, resealing, retokening, rewrapping
from concord.steps.site import Site


def rewrap(site: Site, *, actor: str = "concord") -> dict[str, int]:
    """Puts everything sealed under the first seal key of the ring; returns counts. Twice changes nothing.

    Archived objects get their data keys wrapped anew, values of the database are sealed anew; after
    that, and once :func:`key_census` says so, earlier keys can go. The trail says that it began, too: one
    that is killed on its way has changed something.
    """
    if rewrapping.stale(site.database, site.landing, site.keys) or resealing.is_due(site.database, site.keys):
        _note(site, actor, "rewrap_begun", 0)
    done = rewrapping.rewrap(site.database, site.landing, site.keys) + resealing.reseal(site.database, site.keys)
    counts = {name: done[name] for name in REWRAPPED}
    if any(counts.values()):
        _note(site, actor, "rewrap", counts["objects"] + counts["values"], **counts)
    return counts


def _note(site: Site, actor: str, action: str, count: int, **counts: Any) -> None:
    with site.database(actor) as connection:
        audit.record(
            connection, actor=actor, action=action, object_id=site.keys.seal_key_id, count=count, purpose="rotation",
            **counts,
        )  # fmt: skip


REWRAPPED = ("objects", "objects_busy", "objects_unreadable", "values", "values_unreadable")


def retoken(site: Site, *, actor: str = "concord") -> dict[str, int]:
    """Makes every token under the first token key of the ring; returns counts. Twice changes nothing.

    A delivery that is held meanwhile is planned again when it is applied, and asks its person again.
    """
    done = retokening.retoken(site.database, site.keys, actor=actor)
    return {name: done[name] for name in ("members", "names", "names_unreadable")}


def key_census(site: Site) -> Census:
    """What is under which key just now."""
    with site.database("keys") as connection:
        return census.take(connection, site.landing, site.keys, site.anchors)
