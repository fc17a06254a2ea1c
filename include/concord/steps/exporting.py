"""A FHIR server's export, from the request to landing: a job at the server that outlives ours.

Nothing is asked for twice: what is wanted is entered before the server hears of it, and
its answer right after. The server is told to forget the job only when all of it has landed,
or when it is refused. A manifest, its files and their counts are believed as far as they agree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from concord import exports, incidents, ledger
from concord.acquire import Fetched
from concord.contract import Feed, FhirSearch
from concord.contract.calendar import today
from concord.errors import (
    ConcordError,
    DatabaseUnavailable,
    DeliveryRejected,
    Fenced,
    LandingMoved,
    SourceUnavailable,
)
from concord.exports import Export, ExportFile
from concord.failpoint import failpoint
from concord.landing import LandingWriter, available
from concord.landing import Manifest as Landed
from concord.ledger import Delivery
from concord.postgres import Connection, one, run
from concord.steps import searching
from concord.steps.arriving import land, reject
from concord.steps.connecting import tokens_of, told
from concord.steps.site import Site

if TYPE_CHECKING:
    from threading import Event

    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.acquire.fhir_bulk.client import Bulk
    from concord.acquire.fhir_bulk.manifest import ExportFile as RemoteFile
    from concord.acquire.fhir_bulk.manifest import Manifest
    from concord.acquire.fhir_bulk.progress import InProgress
    from concord.acquire.fhir_bulk.request import ExportRequest

COPY_BYTES = 1 << 20
KINDS = {"output": "output", "deleted": "deleted", "error": "error", "outcome": "error"}
"""A manifest's sections; ``error`` is called ``outcome`` from STU4 on."""
DOWNLOADS_AT_A_TIME = 4
FIRST_LOOK_S = 5.0
BUSY_S = 600.0
MOST_UNREACHED, UNREACHED_S = 12, 60.0
"""After so many polls in a row without an answer the task fails; each waits so much longer than the one before."""
MOST_FAILURES = 3
ANSWER_KEPT_S = 60.0
"""So long the server's answer to a kick-off waits for a database that is away."""
LONGEST_WAIT_S = 3_600.0
"""However long a server says: it is asked at least once an hour."""


@contextmanager
def server_of(feed: Feed, access: FhirAccess, site: Site) -> Iterator[Bulk]:
    """The FHIR server, with a token shared by all workers."""
    from concord.acquire.fhir_bulk.client import Bulk

    with told(feed, site), Bulk(access, tokens_of(feed, access, site)) as server:
        yield server


# ── asking ──


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
        _begin(feed, export, access, site)
    except DeliveryRejected as error:
        rejection = error
    else:
        return
    give_up(feed, export.delivery_id, rejection, access, site)
    raise rejection


def _begin(feed: Feed, export: Export, access: FhirAccess, site: Site) -> float | None:
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
        if _export(connection, export.delivery_id).state != "wanted":
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
            present = _export(connection, export.delivery_id)
            if present.state == "running" and _status_url(present, site) == status_url:
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


# ── waiting ──


def await_export(feed: Feed, delivery_id: str, access: FhirAccess, site: Site) -> dict[str, Any]:
    """Asks the server once how far it is: ``state`` is running (ask again after ``wait_s``), ready or over.

    Raises :class:`DeliveryRejected`, after the ledger says so, where the job failed, is gone, or takes too long.
    """
    with site.database("wait") as connection:
        export = _export(connection, delivery_id)
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
    busy = _begin(feed, export, access, site)
    if busy is not None:
        _check_patience(feed, export, "take")
    wait_s = FIRST_LOOK_S if busy is None else min(busy, LONGEST_WAIT_S)
    return {"state": "running", "wait_s": wait_s, "progress": "begun" if busy is None else "the server is busy"}


def _export(connection: Connection, delivery_id: str) -> Export:
    export = exports.find(connection, delivery_id)
    if export is None:
        raise ledger.UnknownDelivery(f"delivery {delivery_id} is no export")
    return export


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

    found = _asked(export, server, site)
    failpoint("export.polled")
    with site.database("wait") as connection:
        if isinstance(found, InProgress):
            exports.note_poll(connection, export.delivery_id, found.progress)
            wait_s = min(found.retry_after or FIRST_LOOK_S * (1 + export.polls), LONGEST_WAIT_S)
            return {"state": "running", "wait_s": wait_s, "progress": found.progress}
        _enter_manifest(connection, export, found, site)
    failpoint("export.ready")
    return {"state": "ready", "files": len(found.files)}


def _asked(export: Export, server: Bulk, site: Site) -> InProgress | Manifest:
    """The server's answer; one that keeps saying that the job failed is believed in the end."""
    from concord.acquire.fhir_bulk.refusals import ExportFailed

    try:
        return server.poll(_status_url(export, site))
    except ExportFailed:
        with site.database("wait") as connection:
            failures = exports.note_failure(connection, export.delivery_id)
        if failures < MOST_FAILURES:
            raise
    raise DeliveryRejected("export.failed", f"the server said {failures} times that the export failed")


def _status_url(export: Export, site: Site) -> str:
    sealed = export.status_url_sealed or b""
    return site.keys.open(sealed, context=exports.context(export.delivery_id, "status_url")).decode()


def _enter_manifest(connection: Connection, export: Export, manifest: Manifest, site: Site) -> None:
    files = _described(manifest.files)
    sealed = _sealed_files(export, manifest, site)
    exports.enter_manifest(connection, export.delivery_id, sealed, manifest.transaction_time, files)


def _described(files: Sequence[RemoteFile]) -> list[tuple[str, str, int | None]]:
    """Kind, resource type and count of each file, in the manifest's order."""
    return [(KINDS[file.section], file.type, file.count) for file in files]


def _sealed_files(export: Export, manifest: Manifest, site: Site) -> bytes:
    remote = json.dumps([asdict(file) for file in manifest.files]).encode()
    return site.keys.seal(remote, context=exports.context(export.delivery_id, "manifest"))


# ── landing ──


def fetch_export(feed: Feed, delivery_id: str, access: FhirAccess, site: Site) -> dict[str, Any]:
    """Lands all files of a manifest as one delivery; what was landed before a crash is not fetched again.

    Raises :class:`DeliveryRejected`, after the ledger says so, where a file is gone, is none of FHIR, or has
    another number of lines than the manifest says. The server is told to forget the job afterwards.
    """
    with site.database("fetch") as connection:
        delivery, export = ledger.find_of(connection, feed, delivery_id), _export(connection, delivery_id)
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

    remote = _remote_files(export, site)
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

    found = _asked(export, server, site)
    with site.database("fetch") as connection:
        entered = exports.files(connection, export.delivery_id)
        named = [(file.kind, file.resource_type, file.declared_count) for file in entered]
        if isinstance(found, InProgress) or _described(found.files) != named:
            raise DeliveryRejected("export.manifest_changed", "asked again, the server names other files than before")
        exports.renew_manifest(connection, export.delivery_id, _sealed_files(export, found, site))


def _remote_files(export: Export, site: Site) -> list[RemoteFile]:
    """The files of the manifest as the server named them; the order is that of their parts."""
    from concord.acquire.fhir_bulk.manifest import ExportFile as RemoteFile

    context = exports.context(export.delivery_id, "manifest")
    return [RemoteFile(**file) for file in json.loads(site.keys.open(export.manifest_sealed or b"", context=context))]


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


# ── afterwards ──


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
        delivery, export = ledger.find_of(connection, feed, delivery_id), _export(connection, delivery_id)
    if delivery.state == "discovered":
        reject(feed, delivery, error, site)
    elif delivery.state != "rejected":
        return  # another attempt landed it meanwhile
    with server_of(feed, access, site) as server:
        _cancel(export, server, site, error.code)
    _drop_parts(feed, site)


def _cancel(export: Export, server: Bulk, site: Site, reason: str) -> None:
    if export.status_url_sealed is not None:
        server.cancel(_status_url(export, site))
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


def patience(feed: Feed) -> timedelta:
    """How long a run of the watch DAG may wait for the server."""
    return feed.asked.patience + timedelta(days=1)
