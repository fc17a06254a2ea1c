"""Keeps the heads of the audit trail outside the database."""

from __future__ import annotations

from concord.audit.anchors import anchor_heads
from concord.steps.site import Site


def anchor_audit(site: Site) -> dict[str, int]:
    """Anchors every stream that grew; returns how many. Raises TrailBroken where what was anchored is not there."""
    with site.database("anchor") as connection:
        return {"anchored": anchor_heads(connection, site.anchors)}
