"""Asks for exports, each group's once: what is wanted is entered before the server hears of it, then its answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from concord import exports, incidents, ledger
from concord.contract import Feed, FhirSearch
from concord.contract.calendar import today
from concord.errors import (
    DatabaseUnavailable,
    DeliveryRejected,
    Fenced,
)
from concord.exports import Export
from concord.failpoint import failpoint
from concord.postgres import Connection
from concord.steps import searching
from concord.steps.exporting.ending import forget, give_up
from concord.steps.exporting.job import export_of, server_of, status_url_of
from concord.steps.site import Site

if TYPE_CHECKING:
    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.acquire.fhir_bulk.client import Bulk
    from concord.acquire.fhir_bulk.request import ExportRequest

BUSY_S = 600.0
ANSWER_KEPT_S = 60.0
"""So long the server's answer to a kick-off waits for a database that is away."""


def ask(feed: Feed, access: FhirAccess, site: Site) -> list[str]:
    """Asks for an export of each group that waits for none; returns the deliveries that are on their way.

    A group whose last export nobody has come to an end with waits: the next would bring the same again.
    """
    with site.database("discover") as connection:
        ledger.register(connection, feed)
    forget(feed, access, site)
    with site.database("discover") as connection:
        ledger.be_alone(connection, feed)
        for group_id in _idle_groups(connection, feed):
            since = exports.watermark(connection, feed, group_id)
            exports.want(connection, feed, group_id, since, today(feed.schedule, datetime.now(UTC)))
        open_exports = exports.open_of(connection, feed.name)
        failpoint("export.before_commit")
    failpoint("export.wanted")
    _begin_all(feed, [export for export in open_exports if export.state == "wanted"], access, site)
    with site.database("discover") as connection:
        incidents.resolve_cause(connection, f"watch:{feed.name}:discover")
        incidents.resolve_cause(connection, f"slow:{feed.name}")
    return [export.delivery_id for export in open_exports]


def _idle_groups(connection: Connection, feed: Feed) -> list[str]:
    busy = {export.group_id for export in exports.open_of(connection, feed.name)}
    groups = feed.asked.groups or ("",)
    return [group for group in groups if group not in busy and not exports.unsettled(connection, feed.name, group)]


def _begin_all(feed: Feed, wanted: list[Export], access: FhirAccess, site: Site) -> None:
    """One group's request that is refused keeps no other from being asked for; raised when all have been tried."""
    refused: DeliveryRejected | None = None
    for export in wanted:
        try:
            _begin_or_give_up(feed, export, access, site)
        except DeliveryRejected as error:
            refused = refused or error
    if refused is not None:
        raise refused


def _begin_or_give_up(feed: Feed, export: Export, access: FhirAccess, site: Site) -> None:
    """Raises :class:`DeliveryRejected`, after the ledger says so, where the server does not take the request."""
    try:
        begin(feed, export, access, site)
    except DeliveryRejected as error:
        rejection = error
    else:
        return
    give_up(feed, export.delivery_id, rejection, access, site)
    raise rejection


def begin(feed: Feed, export: Export, access: FhirAccess, site: Site) -> float | None:
    """Has the server begin; None where it did, else in how many seconds to try again: servers take one at a time."""
    from concord.acquire.fhir_bulk.refusals import ExportBusy

    try:
        if isinstance(feed.source, FhirSearch):
            searching.begin(feed, export, access, site)
        else:
            with server_of(feed, access, site) as server:
                _kick_off(feed, export, server, site)
    except ExportBusy as busy:
        return busy.retry_after or BUSY_S
    return None


def _kick_off(feed: Feed, export: Export, server: Bulk, site: Site) -> None:
    """Asks for the export, unless another attempt did meanwhile; raises :class:`Fenced` where that one came first.

    Where our process dies between the server's answer and its entry, nobody knows the job: the server is busy
    with it until it is over there (Oracle Health), or its time is (Epic), and takes ours then.
    """
    with site.database("discover") as connection:
        if export_of(connection, export.delivery_id).state != "wanted":
            return
    status_url = server.kick_off(_request(feed, export))
    failpoint("export.kicked_off")
    try:
        _write_down(export, status_url, site)
    except Fenced:
        server.cancel(status_url)  # nobody would come back for it, and it would keep the next one out
        raise
    failpoint("export.started")


def _write_down(export: Export, status_url: str, site: Site) -> None:
    """Enters the server's answer, in spite of a database that is away for a moment: it is all there is of the job."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

    sealed = site.keys.seal(status_url.encode(), context=exports.context(export.delivery_id, "status_url"))
    pause = wait_exponential(multiplier=0.5, max=8)
    unavailable = retry_if_exception_type(DatabaseUnavailable)
    for attempt in Retrying(stop=stop_after_delay(ANSWER_KEPT_S), wait=pause, retry=unavailable, reraise=True):
        with attempt, site.database("discover") as connection:
            present = export_of(connection, export.delivery_id)
            if present.state == "running" and status_url_of(present, site) == status_url:
                return  # the commit before got through, its answer did not
            exports.start(connection, export.delivery_id, sealed)


def _request(feed: Feed, export: Export) -> ExportRequest:
    from concord.acquire.fhir_bulk.request import ExportRequest, Level, Method

    bulk = feed.bulk
    return ExportRequest(
        level=Level(bulk.level),
        group_id=export.group_id or None,
        types=export.types,
        since=export.since,
        type_filters=bulk.type_filters,
        elements=bulk.elements,
        repeated=bulk.repeated,
        method=Method.POST if bulk.by_post else Method.GET,
    )
