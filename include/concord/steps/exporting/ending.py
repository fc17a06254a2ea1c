"""Ends an export: the server is told to forget the job only when all of it has landed, or when it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord import exports, ledger
from concord.contract import Feed
from concord.errors import (
    DeliveryRejected,
)
from concord.exports import Export
from concord.failpoint import failpoint
from concord.landing import Manifest as Landed
from concord.postgres import one, run
from concord.steps.arriving import reject
from concord.steps.exporting.job import export_of, server_of, status_url_of
from concord.steps.site import Site

if TYPE_CHECKING:
    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.acquire.fhir_bulk.client import Bulk


def forget(feed: Feed, access: FhirAccess, site: Site) -> None:
    """Tells the server that it may forget what is landed or refused, and drops the objects of single files."""
    with site.database("fetch") as connection:
        done = exports.unforgotten(connection, feed.name)
    if done:
        with server_of(feed, access, site) as server:
            for export in done:
                _cancel(export, server, site, "landed" if export.state == "landed" else "refused")
    _drop_parts(feed, site)


def give_up(feed: Feed, delivery_id: str, error: DeliveryRejected, access: FhirAccess, site: Site) -> None:
    """The ledger says rejected; the server is told to forget the job, which would keep the next one out."""
    with site.database("reject") as connection:
        delivery, export = ledger.find_of(connection, feed, delivery_id), export_of(connection, delivery_id)
    if delivery.state == "discovered":
        reject(feed, delivery, error, site)
    elif delivery.state != "rejected":
        return  # another attempt landed it meanwhile
    with server_of(feed, access, site) as server:
        _cancel(export, server, site, error.code)
    _drop_parts(feed, site)


def _cancel(export: Export, server: Bulk, site: Site, reason: str) -> None:
    if export.status_url_sealed is not None:
        server.cancel(status_url_of(export, site))
        failpoint("export.cancelled")
    with site.database("fetch") as connection:
        exports.end(connection, export.delivery_id, reason)


def _drop_parts(feed: Feed, site: Site) -> None:
    """Objects of single files whose bytes are in the delivery's object by now; one that is a delivery's own stays."""
    with site.database("fetch") as connection:
        parts = run(connection, "exports/list_parts", {"feed": feed.name})
    for part in parts:
        with site.database("fetch") as connection:
            manifest = Landed.from_json(dict(part["manifest"]))
            ledger.hold_object(connection, manifest.sha256)
            values = {"delivery_id": part["delivery_id"], "part": part["part"]}
            if not (one(connection, "exports/find_owner", values | {"sha256": manifest.sha256}) or {})["is_owned"]:
                site.landing.keeper.shred(manifest)
            run(connection, "exports/forget_part", values)
            failpoint("export.part_dropped")
