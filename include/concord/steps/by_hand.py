"""Exports that a person drives from a shell: whose server is asked, who asks, and what a person gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord import audit, exports, incidents, ledger
from concord.contract import Feed
from concord.errors import DeliveryRejected, NeedsDecision, SourceRefused, SourceUnavailable
from concord.exports import Export
from concord.failpoint import failpoint
from concord.incidents import Text
from concord.ledger import Delivery
from concord.steps.deciding import standing
from concord.steps.exporting.ending import forget
from concord.steps.site import Site

if TYPE_CHECKING:
    from concord.acquire.fhir_bulk.access import FhirAccess

CANCELLED = "export.cancelled"
"""Begins the reason of a rejection that is a person's word; ``ops.find_unaudited`` looks for its entry."""


def refuse_other_server(feed: Feed, access: FhirAccess, site: Site) -> None:
    """Raises :class:`NeedsDecision` where another server has a job of the feed: it would be refused there and given up.

    Asked at another address, each job on its way would look like a status URL out of reach.
    """
    from concord.acquire.http.urls import Reach, UrlRefused

    reach = Reach.of(access.base_url, access.allowed_hosts)
    with site.database("shell") as connection:
        known = [*exports.open_of(connection, feed.name), *exports.unforgotten(connection, feed.name)]
    for export in known:
        try:
            url = _status_url(export, site)
            if url is not None:
                reach.checked(url, "status URL")
        except UrlRefused:
            other = export.delivery_id
        else:
            continue
        raise NeedsDecision(f"delivery {other} has its job at another server: see to that one, or cancel it there")


def _status_url(export: Export, site: Site) -> str | None:
    if export.status_url_sealed is None:
        return None
    return site.keys.open(
        export.status_url_sealed, context=exports.context(export.delivery_id, "status_url")
    ).decode()  # fmt: skip


def note(feed: Feed, access: FhirAccess, site: Site, *, by: str) -> None:
    """An audit entry: a person asks for the feed's export, and which server, by host and port; before it is asked."""
    from concord.acquire.http.urls import Reach

    origin = Reach.of(access.base_url).origin
    with site.database(by) as connection:
        server = f"{origin.host}:{origin.port}"
        audit.record(connection, actor=by, action="export", object_id=feed.name, server=server)


def in_the_way(feed: Feed, site: Site) -> list[str]:
    """Deliveries that nobody has come to an end with: their groups are not asked for again meanwhile."""
    with site.database("shell") as connection:
        found = (exports.unsettled(connection, feed.name, group) for group in feed.bulk.groups or ("",))
        return [delivery_id for delivery_id in found if delivery_id is not None]


def left_over(feed: Feed, site: Site) -> list[tuple[str, int]]:
    """(delivery, attempt) of what is read or planned and goes on: held ones where a person has answered."""
    with site.database("shell") as connection:
        found = ledger.files(connection, feed.name, ledger.RUNNING | {"held"})
    return [
        (delivery.delivery_id, delivery.attempt)
        for delivery in found
        if delivery.state != "held" or standing(feed, delivery.delivery_id, site) is not None
    ]


def cancel(feed: Feed, delivery_id: str, access: FhirAccess, site: Site, *, by: str, reason: str) -> str | None:
    """A person gives a job up: the ledger says so first, with its audit entry, and then the server is told.

    The reason is free text, so it goes where only the auditor reads. Returns None where the server knows, else why
    it does not yet: whoever asks for the next export tells it. Raises :class:`NeedsDecision` for what has landed.
    """
    with site.database(by) as connection:
        delivery = ledger.find_of(connection, feed, delivery_id, lock=True)
        if exports.find(connection, delivery_id) is None:
            raise NeedsDecision(f"delivery {delivery_id} is no export")
        if delivery.state != "discovered":
            raise NeedsDecision(f"delivery {delivery_id} is {delivery.state}: there is no job to cancel any more")
        ledger.move(connection, delivery_id, "rejected", f"{CANCELLED}: given up by {by}")
        audit.record(connection, actor=by, action="cancel", object_id=delivery_id, purpose=reason)
        text = _given_up(feed, delivery, by)
        incidents.report(connection, "rejected", text, feed=feed.name, delivery_id=delivery_id)
        failpoint("cancel.before_commit")
    failpoint("cancel.committed")
    try:
        forget(feed, access, site)
    except (SourceUnavailable, SourceRefused, DeliveryRejected) as error:
        return str(error)
    return None


def _given_up(feed: Feed, delivery: Delivery, by: str) -> Text:
    """For whoever did not do it: what is missing comes with the next export, which closes the incident."""
    return Text(
        f"{feed.name}: {by} gave up the export of delivery {delivery.delivery_id}",
        f"Partner {feed.partner}, feed {feed.name}, delivery {delivery.delivery_id} of {delivery.file_date}: rejected, "
        f"{CANCELLED}: given up by {by}.",
        "nothing of it is in the tables; records stand as they did, and the next export asks since the same time.",
        f"nothing. The next run of {feed.name}_watch asks again; trigger it where that should not wait.",
    )
