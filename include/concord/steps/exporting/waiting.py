"""Waits for an export: a job at the server that outlives ours, and bad hours of both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from concord import exports
from concord.contract import Feed, FhirSearch
from concord.errors import (
    DeliveryRejected,
    SourceUnavailable,
)
from concord.exports import Export
from concord.failpoint import failpoint
from concord.postgres import Connection
from concord.steps import searching
from concord.steps.exporting.asking import begin
from concord.steps.exporting.ending import give_up
from concord.steps.exporting.job import asked, described, export_of, sealed_files, server_of
from concord.steps.site import Site

if TYPE_CHECKING:
    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.acquire.fhir_bulk.client import Bulk
    from concord.acquire.fhir_bulk.manifest import Manifest

FIRST_LOOK_S = 5.0
MOST_UNREACHED, UNREACHED_S = 12, 60.0
"""After so many polls in a row without an answer the task fails; each waits so much longer than the one before."""
LONGEST_WAIT_S = 3_600.0
"""However long a server says: it is asked at least once an hour."""


def await_export(feed: Feed, delivery_id: str, access: FhirAccess, site: Site) -> dict[str, Any]:
    """Asks the server once how far it is: ``state`` is running (ask again after ``wait_s``), ready or over.

    Raises :class:`DeliveryRejected`, after the ledger says so, where the job failed, is gone, or takes too long.
    """
    with site.database("wait") as connection:
        export = export_of(connection, delivery_id)
    if export.state not in ("wanted", "running"):
        return {"state": "over" if export.state == "over" else "ready"}
    try:
        if export.state == "wanted":
            return _begun(feed, export, access, site)
        return _looked_after(feed, export, access, site)
    except DeliveryRejected as error:
        rejection = error
    except SourceUnavailable as trouble:
        return _later(export, trouble, site)
    give_up(feed, delivery_id, rejection, access, site)
    raise rejection


def _later(export: Export, trouble: SourceUnavailable, site: Site) -> dict[str, Any]:
    """A job of weeks outlives many a bad hour: only a server that stays away is told as a failure of the task."""
    with site.database("wait") as connection:
        unreached = exports.note_unreached(connection, export.delivery_id)
    if unreached % MOST_UNREACHED == 0:
        raise trouble
    wait_s = max(trouble.retry_after or 0.0, UNREACHED_S * unreached)
    return {"state": "running", "wait_s": min(wait_s, LONGEST_WAIT_S), "progress": "the server did not answer"}


def _begun(feed: Feed, export: Export, access: FhirAccess, site: Site) -> dict[str, Any]:
    """Another export kept this one out when it was asked for."""
    busy = begin(feed, export, access, site)
    if busy is not None:
        _check_patience(feed, export, "take")
    wait_s = FIRST_LOOK_S if busy is None else min(busy, LONGEST_WAIT_S)
    return {"state": "running", "wait_s": wait_s, "progress": "begun" if busy is None else "the server is busy"}


def _check_patience(feed: Feed, export: Export, deed: str) -> None:
    if datetime.now(UTC) - export.wanted_at > feed.asked.patience:
        raise DeliveryRejected("export.patience", f"the server did not {deed} it in {feed.asked.patience.days} days")


def _looked_after(feed: Feed, export: Export, access: FhirAccess, site: Site) -> dict[str, Any]:
    """How far the export is: the server's work is asked about, our own crawl goes on."""
    _check_patience(feed, export, "finish")
    if isinstance(feed.source, FhirSearch):
        return searching.crawl(feed, export, access, site)
    with server_of(feed, access, site) as server:
        return _poll(export, server, site)


def _poll(export: Export, server: Bulk, site: Site) -> dict[str, Any]:
    from concord.acquire.fhir_bulk.progress import InProgress

    found = asked(export, server, site)
    failpoint("export.polled")
    with site.database("wait") as connection:
        if isinstance(found, InProgress):
            exports.note_poll(connection, export.delivery_id, found.progress)
            wait_s = min(found.retry_after or FIRST_LOOK_S * (1 + export.polls), LONGEST_WAIT_S)
            return {"state": "running", "wait_s": wait_s, "progress": found.progress}
        _enter_manifest(connection, export, found, site)
    failpoint("export.ready")
    return {"state": "ready", "files": len(found.files)}


def _enter_manifest(connection: Connection, export: Export, manifest: Manifest, site: Site) -> None:
    files = described(manifest.files)
    sealed = sealed_files(export, manifest, site)
    exports.enter_manifest(connection, export.delivery_id, sealed, manifest.transaction_time, files)
