"""From the partner's server to landing, and which delivery may go next."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from concord import arrivals, envelopes, incidents, ledger
from concord.acquire import Fetched, Incomplete, RemoteFile, SftpAccess
from concord.contract import Feed
from concord.errors import DeliveryRejected
from concord.failpoint import failpoint
from concord.landing import available
from concord.ledger import Delivery
from concord.postgres import Connection, run
from concord.steps import answering, texts
from concord.steps.connecting import connected
from concord.steps.gathering import Gathered, gather, put_together, refuse_shredded
from concord.steps.site import Site

PARTS_COME_WITHIN = timedelta(hours=1)
"""After so long without another part a delivery is told to be incomplete."""

if TYPE_CHECKING:
    from concord.unwrap import PgpAccess


def discover(feed: Feed, access: SftpAccess, site: Site) -> list[str]:
    """Enters what is new and complete at the partner; returns the ids of all that wait to be fetched."""
    with connected(feed, access, site) as partner:
        listing = partner.waiting(feed.drop, now=datetime.now(UTC))
    failpoint("discover.listed")
    with site.database("discover") as connection:
        ledger.register(connection, feed)
        for file in listing.ready:
            _enter(connection, feed, file, site)
        _end_gone(connection, feed, (*listing.ready, *listing.not_ready), site)
        incidents.resolve_cause(connection, f"watch:{feed.name}:discover")
        incidents.resolve_cause(connection, f"slow:{feed.name}")  # one watch at a time: the slow one is over
        _report_refused(connection, feed, listing.refused)
        _report_incomplete(connection, feed, listing.incomplete)
        waiting = [delivery.delivery_id for delivery in ledger.undiscovered(connection, feed.name)]
        failpoint("discover.before_commit")
    failpoint("discover.committed")
    return waiting


def _enter(connection: Any, feed: Feed, file: RemoteFile, site: Site) -> None:
    delivery_id = ledger.new_id()
    name_token, *earlier = site.keys.tokens_under_every_key(file.name, kind="file_name")
    entered = ledger.discover(
        connection,
        feed,
        delivery_id=delivery_id,
        name_sealed=site.keys.seal(file.name.encode(), context=ledger.name_context(delivery_id)),
        name_token=name_token,
        known_as=earlier,
        size=file.size,
        modified_at=file.modified_at,
        file_date=file.file_date,
        sequence=file.sequence,
    )
    if entered and file.files:
        arrivals.enter(connection, delivery_id, [asdict(each) for each in file.files], site.keys)
    failpoint("discover.entered")


def _end_gone(connection: Any, feed: Feed, listed: tuple[RemoteFile, ...], site: Site) -> None:
    """Ends what was seen, never fetched, and is not there any more: it cannot be fetched tomorrow either."""
    versions = {
        (token, file.size, file.modified_at)
        for file in listed
        for token in site.keys.tokens_under_every_key(file.name, kind="file_name")
    }
    names = {name for name, _, _ in versions}
    for row in run(connection, "ledger/list_unfetched", {"feed": feed.name}):
        if (row["file_name_token"], row["remote_size"], row["remote_modified_at"]) in versions:
            continue
        delivery_id = row["delivery_id"]
        if row["file_name_token"] in names:
            ledger.move(connection, delivery_id, "superseded", "replaced at the partner before it was fetched")
            continue
        ledger.move(connection, delivery_id, "failed", "removed at the partner before it was fetched")
        text = texts.gone(feed, ledger.find(connection, delivery_id))
        incidents.report(connection, "gone", text, feed=feed.name, delivery_id=delivery_id)
        failpoint("discover.gone")


def _report_refused(connection: Any, feed: Feed, refused: int) -> None:
    if refused:
        incidents.report(connection, "listing", texts.refused_names(feed, refused), feed=feed.name)
    else:
        incidents.resolve_cause(connection, f"listing:{feed.name}")


def _report_incomplete(connection: Any, feed: Feed, found: Sequence[Incomplete]) -> None:
    """Parts come one after the other; told is what makes no delivery, or of which nothing came for a while."""
    now = datetime.now(UTC)
    left = [each for each in found if each.flaw or now - each.since > PARTS_COME_WITHIN]
    if left:
        incidents.report(connection, "incomplete", texts.incomplete(feed, left), feed=feed.name)
    else:
        incidents.resolve_cause(connection, f"incomplete:{feed.name}")


def fetch(
    feed: Feed, delivery_id: str, access: SftpAccess, site: Site, keys: PgpAccess | None = None
) -> dict[str, Any]:
    """Lands one delivery: ciphertext, sealed, in the ledger. A repeat of content ends as duplicate.

    ``keys`` open the envelopes of a drop that has any.
    """
    with site.database("fetch") as connection:
        delivery = ledger.find_of(connection, feed, delivery_id)
        name = connection.execute("SELECT * FROM ops.delivery WHERE delivery_id = %s", (delivery_id,)).fetchone()
        files = arrivals.files(connection, delivery_id)
    if delivery.state != "discovered" or name is None:
        return {"delivery_id": delivery_id, "state": delivery.state}
    file = RemoteFile(
        name=site.keys.open(name["file_name_sealed"], context=ledger.name_context(delivery_id)).decode(),
        size=name["remote_size"],
        modified_at=name["remote_modified_at"],
        file_date=delivery.file_date,
        sequence=delivery.file_sequence,
    )
    failpoint("fetch.begun")
    try:
        if files:
            gathered = gather(feed, delivery, files, access, site, keys)
        else:
            gathered = Gathered(_fetched(feed, delivery, file, access, site), ())
    except DeliveryRejected as error:
        rejection = error
    else:
        failpoint("fetch.sealed")
        return land(feed, delivery_id, gathered.fetched, site, also=_places(delivery_id, gathered))
    reject(feed, delivery, rejection, site)
    raise rejection


def _fetched(feed: Feed, delivery: Delivery, file: RemoteFile, access: SftpAccess, site: Site) -> Fetched:
    """A plain file, sealed as it is."""
    with connected(feed, access, site) as partner, available(f"delivery {delivery.delivery_id}"):
        return partner.fetch(feed.drop, file, site.landing, delivery.delivery_id, delivery.attempt)


def _places(delivery_id: str, gathered: Gathered) -> Callable[[Connection], None]:
    return lambda connection: arrivals.place(connection, delivery_id, gathered.slices)


def reject(feed: Feed, delivery: Delivery, error: DeliveryRejected, site: Site) -> None:
    """The ledger says rejected, and on-call is told what to press."""
    text = texts.rejected(feed, delivery, error)
    with site.database("reject") as connection:
        ledger.move(connection, delivery.delivery_id, "rejected", str(error))
        if error.interchanges:
            envelopes.enter(connection, delivery.delivery_id, error.interchanges)
            answering.enter_acknowledgements(connection, feed, delivery, error.interchanges, site)
        incidents.report(connection, "rejected", text, feed=feed.name, delivery_id=delivery.delivery_id)
        failpoint("reject.before_commit")
    failpoint("reject.committed")


def land(
    feed: Feed, delivery_id: str, fetched: Fetched, site: Site, also: Callable[[Connection], None] | None = None
) -> dict[str, Any]:
    """Enters a sealed object into the ledger: landed, or a duplicate of one that counts; ``also`` with it."""
    with site.database("fetch") as connection:
        delivery = ledger.find_of(connection, feed, delivery_id, lock=True)
        incidents.resolve_cause(connection, f"watch:{feed.name}:fetch")
        if delivery.state != "discovered":
            return {"delivery_id": delivery_id, "state": delivery.state}
        ledger.hold_object(connection, fetched.sha256)
        refuse_shredded(connection, fetched.manifest, site)
        twin = ledger.twin(connection, delivery, fetched.sha256)
        facts = _facts(feed, fetched)
        if twin is None:
            ledger.move(connection, delivery_id, "landed", "sealed in landing", **facts)
        else:
            reason = f"the same bytes as delivery {twin}"
            ledger.move(connection, delivery_id, "duplicate", reason, duplicate_of=twin, **facts)
        if also is not None:
            also(connection)
        failpoint("fetch.before_commit")
    failpoint("fetch.committed")
    return {"delivery_id": delivery_id, "state": "landed" if twin is None else "duplicate", "bytes": fetched.size}


def _facts(feed: Feed, fetched: Fetched) -> dict[str, Any]:
    return {
        "sha256": fetched.sha256,
        "byte_count": fetched.size,
        "manifest": json.loads(fetched.manifest.to_json()),
        "landed_at": datetime.now(UTC),
        "contract_hash": feed.fingerprint,
    }


def open_envelopes(feed: Feed, delivery_id: str, attempt: int, site: Site, keys: PgpAccess | None) -> None:
    """Lands a rejected delivery from the files that are kept of it, once a person opens ``attempt``; else does nothing.

    A key was missing, or the contract was wrong. Raises :class:`DeliveryRejected` where it still is refused.
    """
    with site.database("fetch") as connection:
        delivery = ledger.find_of(connection, feed, delivery_id)
        files = arrivals.files(connection, delivery_id)
    is_refused = delivery.state == "rejected" and delivery.manifest is None
    if not is_refused or attempt != delivery.attempt + 1 or not files or not all(file.manifest for file in files):
        return
    gathered = put_together(feed, delivery, files, site, keys)
    failpoint("arrival.opened_again")
    with site.database("fetch") as connection:
        ledger.require_attempt(ledger.find_of(connection, feed, delivery_id, lock=True), delivery.attempt)
        ledger.hold_object(connection, gathered.fetched.sha256)
        refuse_shredded(connection, gathered.fetched.manifest, site)
        facts = _facts(feed, gathered.fetched)
        ledger.move(connection, delivery_id, "landed", "opened again", attempt=attempt, **facts)
        arrivals.place(connection, delivery_id, gathered.slices)


def open_runs(feed: Feed, site: Site) -> list[dict[str, Any]]:
    """Every run that should be open and may start now, as arguments of ``open_run`` (reconcile §3).

    Level-triggered: it asks the ledger, not the caller, so whoever asks twice gets the
    same run ids, and Airflow refuses the second of them.
    """
    with site.database("open_runs") as connection:
        ledger.be_alone(connection, feed)
        delivery = ledger.startable(connection, feed)
        if delivery is not None and _stopped_by_gap(connection, feed, delivery):
            delivery = None
        delivery = delivery or ledger.startable_replay(connection, feed)
        ledger.mark_waiting(connection, feed, delivery)
        failpoint("open_runs.before_commit")
    failpoint("open_runs.committed")
    return [run_of(delivery)] if delivery is not None else []


def run_of(delivery: Delivery) -> dict[str, Any]:
    """The Airflow run that works on this attempt of the delivery."""
    conf = {"delivery_id": delivery.delivery_id, "attempt": delivery.attempt}
    return {"trigger_run_id": delivery.run_id, "conf": conf}


def _stopped_by_gap(connection: Any, feed: Feed, delivery: Delivery) -> bool:
    cause = f"gap:{feed.name}"
    missing = ledger.sequence_gap(connection, feed, delivery)
    if missing is None:
        incidents.resolve_cause(connection, cause)
        return False
    text = texts.sequence_gap(feed, delivery, missing)
    incidents.report(connection, "gap", text, feed=feed.name, delivery_id=delivery.delivery_id, cause=cause)
    return True
