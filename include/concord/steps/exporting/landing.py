"""Lands an export's files as one delivery; a manifest, its files and their counts are believed as far as they agree."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from concord import exports, ledger
from concord.acquire import Fetched
from concord.contract import Feed, FhirSearch
from concord.errors import (
    ConcordError,
    DeliveryRejected,
    LandingMoved,
)
from concord.exports import Export, ExportFile
from concord.failpoint import failpoint
from concord.landing import LandingWriter, available
from concord.landing import Manifest as Landed
from concord.ledger import Delivery
from concord.postgres import Connection
from concord.steps.arriving import land
from concord.steps.exporting.ending import forget, give_up
from concord.steps.exporting.job import asked, described, export_of, remote_files, sealed_files, server_of
from concord.steps.site import Site

if TYPE_CHECKING:
    from threading import Event

    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.acquire.fhir_bulk.client import Bulk
    from concord.acquire.fhir_bulk.manifest import ExportFile as RemoteFile

COPY_BYTES = 1 << 20
DOWNLOADS_AT_A_TIME = 4


def fetch_export(feed: Feed, delivery_id: str, access: FhirAccess, site: Site) -> dict[str, Any]:
    """Lands all files of a manifest as one delivery; what was landed before a crash is not fetched again.

    Raises :class:`DeliveryRejected`, after the ledger says so, where a file is gone, is none of FHIR, or has
    another number of lines than the manifest says. The server is told to forget the job afterwards.
    """
    with site.database("fetch") as connection:
        delivery, export = ledger.find_of(connection, feed, delivery_id), export_of(connection, delivery_id)
    if delivery.state != "discovered" or export.state != "ready":
        forget(feed, access, site)
        return {"delivery_id": delivery_id, "state": delivery.state}
    failpoint("fetch.begun")
    try:
        return _fetched(feed, delivery, export, access, site)
    except ConcordError:
        with site.database("fetch") as connection:
            delivery = ledger.find_of(connection, feed, delivery_id)
        if delivery.state in ("discovered", "rejected"):
            raise
    # Another attempt landed it meanwhile and dropped the single files under our hands.
    forget(feed, access, site)
    return {"delivery_id": delivery_id, "state": delivery.state}


def _fetched(feed: Feed, delivery: Delivery, export: Export, access: FhirAccess, site: Site) -> dict[str, Any]:
    try:
        if not isinstance(feed.source, FhirSearch):  # the files of a crawl are here by now
            with server_of(feed, access, site) as server:
                _fetch_files(delivery, export, server, site)
        fetched = _put_together(delivery, site)
    except DeliveryRejected as error:
        rejection = error
    else:
        return _land(feed, delivery, fetched, access, site)
    give_up(feed, delivery.delivery_id, rejection, access, site)
    raise rejection


def _land(feed: Feed, delivery: Delivery, fetched: Fetched, access: FhirAccess, site: Site) -> dict[str, Any]:
    def make_good(connection: Connection) -> None:
        """What went wrong before with this group is in this export as well."""
        for older in exports.made_good(connection, delivery.delivery_id):
            reason = f"delivery {delivery.delivery_id} brings it again"
            ledger.move(connection, older, "superseded", reason, superseded_by=delivery.delivery_id)
        exports.land(connection, delivery.delivery_id)

    outcome = land(feed, delivery.delivery_id, fetched, site, also=make_good)
    forget(feed, access, site)
    return outcome


def _fetch_files(delivery: Delivery, export: Export, server: Bulk, site: Site) -> None:
    """Lands each file that is not there yet, a few at a time; the first trouble stops the others."""
    from concord.acquire.fhir_bulk.refusals import LinkExpired

    remote = remote_files(export, site)
    with site.database("fetch") as connection:
        entered = exports.files(connection, export.delivery_id)
    missing = [(file, remote[file.part - 1]) for file in entered if file.sha256 is None]
    try:
        _all_at_once(delivery, missing, server, site)
    except LinkExpired:
        _renew_links(export, server, site)
        raise


def _all_at_once(delivery: Delivery, missing: list[tuple[ExportFile, RemoteFile]], server: Bulk, site: Site) -> None:
    from concurrent.futures import ThreadPoolExecutor, as_completed
    from threading import Event

    stop = Event()
    with ThreadPoolExecutor(DOWNLOADS_AT_A_TIME, thread_name_prefix="export") as pool:
        coming = [pool.submit(_fetch_file, delivery, file, there, server, site, stop) for file, there in missing]
        try:
            for each in as_completed(coming):
                each.result()
        finally:
            stop.set()
            for each in coming:
                each.cancel()


def _renew_links(export: Export, server: Bulk, site: Site) -> None:
    """Asks for the manifest again: a store's links have an end, the export lives on."""
    from concord.acquire.fhir_bulk.progress import InProgress

    found = asked(export, server, site)
    with site.database("fetch") as connection:
        entered = exports.files(connection, export.delivery_id)
        named = [(file.kind, file.resource_type, file.declared_count) for file in entered]
        if isinstance(found, InProgress) or described(found.files) != named:
            raise DeliveryRejected("export.manifest_changed", "asked again, the server names other files than before")
        exports.renew_manifest(connection, export.delivery_id, sealed_files(export, found, site))


class Counted:
    """A landing writer that counts physical lines as they pass."""

    def __init__(self, writer: LandingWriter) -> None:
        self.writer, self._lines, self._last = writer, 0, b"\n"

    def write(self, data: bytes) -> int:
        """Takes the next bytes."""
        self._lines += data.count(b"\n")
        self._last = data[-1:] or self._last
        return self.writer.write(data)

    @property
    def lines(self) -> int:
        """Physical lines; the last may lack its end."""
        return self._lines + (self._last != b"\n")


def _fetch_file(
    delivery: Delivery, file: ExportFile, remote: RemoteFile, server: Bulk, site: Site, stop: Event
) -> None:
    """One file as an object of its own, so that it need not be fetched again."""
    with available(f"delivery {delivery.delivery_id}"), ExitStack() as stack:
        sinks: list[Counted] = []

        def sink() -> Counted:
            sinks.append(Counted(stack.enter_context(site.landing.begin(delivery.delivery_id, delivery.attempt))))
            return sinks[-1]

        got = server.download(remote, sink, stop=stop)
        _check_count(file, got.lines)
        landed = sinks[-1].writer.seal()
    failpoint("export.file_sealed")
    facts = {
        "manifest": json.loads(landed.to_json()),
        "sha256": got.sha256,
        "byte_count": got.size,
        "resource_count": got.lines,
        "line_count": sinks[-1].lines,
    }
    with site.database("fetch") as connection:
        ledger.hold_object(connection, got.sha256)
        if not site.landing.keeper.is_sealed(landed):
            raise LandingMoved(f"{landed.object_url}: was shredded while it was fetched again")
        exports.land_file(connection, file, facts)
    failpoint("export.file_landed")


def _check_count(file: ExportFile, lines: int) -> None:
    """A manifest's count and the file's lines are the same, or somebody lost something."""
    if file.kind != "error" and file.declared_count not in (None, lines):
        message = (
            f"file {file.part} ({file.resource_type}) has {lines} resources, the manifest says {file.declared_count}"
        )
        raise DeliveryRejected("export.count", message)


def _put_together(delivery: Delivery, site: Site) -> Fetched:
    """All files in the manifest's order as one object: a delivery is one object."""
    with site.database("fetch") as connection:
        files = exports.files(connection, delivery.delivery_id)
    with (
        available(f"delivery {delivery.delivery_id}"),
        site.landing.begin(delivery.delivery_id, delivery.attempt) as writer,
    ):
        for file in files:
            if file.byte_count != 0:  # an empty file of a crawl has no object
                _copy(Landed.from_json(dict(file.manifest or {})), writer, site)
        size, sha256 = writer.length, writer.sha256
        manifest = writer.seal()
    failpoint("fetch.sealed")
    return Fetched(size, sha256, manifest)


def _copy(manifest: Landed, writer: Any, site: Site) -> None:
    """A file's bytes; its last line ends where the next file begins."""
    last = b"\n"
    # The archive's own word of it: its key may have been wrapped anew since it was landed.
    with site.landing.open(site.landing.keeper.stored(manifest.sha256) or manifest) as stream:
        while piece := stream.read(COPY_BYTES):
            writer.write(piece)
            last = piece[-1:]
    if last != b"\n":
        writer.write(b"\n")
