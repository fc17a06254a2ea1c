"""A crawl by search, from its roster to landing: what a bulk export is at a server, we do ourselves.

A crawl is cut into units, a type for a batch of patients, settled and entered before the
first search: whoever comes after a crash asks only for units that are not there. A unit is
a file of the export: counted, landed by itself, put together with the others at the end.
Whom a crawl asks for lies sealed, and no error, log or address that we keep names them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from concord import exports, ledger
from concord.contract import Feed
from concord.errors import DeliveryRejected, LandingMoved, SourceUnavailable
from concord.exports import Export, ExportFile
from concord.failpoint import failpoint
from concord.landing import LandingWriter, available
from concord.ledger import Delivery
from concord.protect import ProtectError
from concord.steps.connecting import tokens_of, told
from concord.steps.site import Site

if TYPE_CHECKING:
    from threading import Event

    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.acquire.fhir_search.client import Search
    from concord.acquire.fhir_search.query import Query

BATCH_PATIENTS = 50
"""Patients of a unit: what a crash costs is at most their searches of one type."""
SLICE_S = 240.0
"""So long a worker is held before the crawl goes to sleep and another feed may have it."""
PAUSE_S = 1.0
LONGEST_WAIT_S = 3_600.0


@dataclass(frozen=True)
class Unit:
    """Searches of one type that become one file: of each of ``patients``, or of nobody in particular."""

    type: str
    patients: tuple[str, ...] = field(default=(), repr=False)
    since: datetime | None = None

    def queries(self, page_size: int, *, by_post: bool) -> Iterator[Query]:
        """Its searches, in order."""
        from concord.acquire.fhir_search.query import Query

        for patient in self.patients or (None,):
            yield Query(self.type, patient, self.since, page_size, by_post)


@contextmanager
def searches_of(feed: Feed, access: FhirAccess, site: Site) -> Iterator[Search]:
    """The FHIR server, with a token shared by all workers."""
    from concord.acquire.fhir_search.client import Search

    with told(feed, site), Search(access, tokens_of(feed, access, site)) as server:
        yield server


# ── whom to ask for ──


def begin(feed: Feed, export: Export, access: FhirAccess, site: Site) -> None:
    """Settles whom the crawl asks for, and enters its units; the server's clock is read before anything else.

    Raises :class:`DeliveryRejected` where there is nobody to ask for, or somebody cannot be named.
    """
    with searches_of(feed, access, site) as server:
        server_time = server.server_time()
        roster = _roster(feed, export, server, site)
    failpoint("search.roster")
    with site.database("discover") as connection:
        last = exports.last_crawl(connection, export) if export.since is not None else None
    units = _units(export, roster, _asked_before(last, site))
    told = json.dumps({"roster": roster, "units": [asdict(unit) for unit in units]}, default=datetime.isoformat)
    sealed = site.keys.seal(told.encode(), context=exports.context(export.delivery_id, "manifest"))
    with site.database("discover") as connection:
        exports.start_crawl(connection, export.delivery_id, sealed, server_time, [unit.type for unit in units])
    failpoint("search.started")


def _roster(feed: Feed, export: Export, server: Search, site: Site) -> list[str]:
    from concord.acquire.fhir_bulk.request import FHIR_ID

    if feed.search.roster == "group":
        roster = list(server.members(export.group_id))
    else:
        with site.database("discover") as connection:
            roster = exports.held_patients(connection, feed.partner, (feed.name, *feed.search.seeded_by))
    if not roster:
        raise DeliveryRejected("search.nobody", "the roster is empty: there is nobody to ask for")
    if unnamed := sum(not FHIR_ID.fullmatch(patient) for patient in roster):
        raise DeliveryRejected("search.roster", f"{unnamed} patients of the roster have no logical id of FHIR")
    return roster


def _asked_before(last: Export | None, site: Site) -> frozenset[str]:
    """The roster of the last crawl; nobody where it cannot be read any more: then all are asked for whole."""
    if last is None or last.manifest_sealed is None:
        return frozenset()
    try:
        told = site.keys.open(last.manifest_sealed, context=exports.context(last.delivery_id, "manifest"))
    except ProtectError:  # its key was retired
        return frozenset()
    return frozenset(json.loads(told)["roster"])


def _units(export: Export, roster: Sequence[str], asked_before: frozenset[str]) -> list[Unit]:
    """What belongs to no patient first; whoever was not asked for before has a history that is older than ``since``."""
    from concord.acquire.fhir_search.query import WHOLE

    whole_since = export.since if asked_before else None
    units = [Unit(name, since=whole_since) for name in export.types if name in WHOLE]
    known = [patient for patient in roster if patient in asked_before]
    new = [patient for patient in roster if patient not in asked_before]
    for patients, since in ((known, export.since), (new, None)):
        for at in range(0, len(patients), BATCH_PATIENTS):
            batch = tuple(patients[at : at + BATCH_PATIENTS])
            units += [Unit(name, batch, since) for name in export.types if name not in WHOLE]
    return units


def _units_of(export: Export, site: Site) -> list[Unit]:
    """The units as they were settled; file ``n`` of the export is unit ``n``, from 1."""
    if export.manifest_sealed is None or export.status_url_sealed is not None:
        raise DeliveryRejected("search.other_way", "it was begun as a bulk export, and the contract says search now")
    told = site.keys.open(export.manifest_sealed, context=exports.context(export.delivery_id, "manifest"))
    return [_unit(**unit) for unit in json.loads(told)["units"]]


def _unit(type: str, patients: Sequence[str], since: str | None) -> Unit:  # noqa: A002 — the field's name
    return Unit(type, tuple(patients), datetime.fromisoformat(since) if since else None)


# ── asking ──


def crawl(feed: Feed, export: Export, access: FhirAccess, site: Site) -> dict[str, Any]:
    """Goes on with a crawl for some minutes: ``state`` is running (go on after ``wait_s``) or ready.

    A server that wants a pause gets it. Raises :class:`DeliveryRejected`, SourceUnavailable; what was landed stays.
    """
    units = _units_of(export, site)
    with site.database("fetch") as connection:
        delivery = ledger.find_of(connection, feed, export.delivery_id)
        entered = exports.files(connection, export.delivery_id)
    missing = [(file, units[file.part - 1]) for file in entered if file.sha256 is None]
    crawler = _Crawler(feed, delivery, site, errors_from=len(units))
    wait_s = PAUSE_S
    try:
        with searches_of(feed, access, site) as server:
            crawler.go(missing, server)
    except SourceUnavailable as error:
        if error.retry_after is None:
            raise
        wait_s = min(error.retry_after, LONGEST_WAIT_S)
    return _standing(export, wait_s, site)


def _standing(export: Export, wait_s: float, site: Site) -> dict[str, Any]:
    with site.database("fetch") as connection:
        files = exports.files(connection, export.delivery_id)
        done = sum(file.sha256 is not None for file in files)
        progress = f"{done} of {len(files)} files"
        exports.note_poll(connection, export.delivery_id, progress)
        if done < len(files):
            return {"state": "running", "wait_s": wait_s, "progress": progress}
        exports.finish_crawl(connection, export.delivery_id)
        failpoint("search.before_commit")
    failpoint("search.ready")
    return {"state": "ready", "files": done}


class _Crawler:
    """Works through units, a few at a time; the first trouble, or the end of the slice, stops the others."""

    def __init__(self, feed: Feed, delivery: Delivery, site: Site, *, errors_from: int) -> None:
        from threading import Event

        self._feed, self._delivery, self._site, self._errors_from = feed, delivery, site, errors_from
        self._stop, self._until = Event(), time.monotonic() + SLICE_S

    def go(self, missing: Sequence[tuple[ExportFile, Unit]], server: Search) -> None:
        """Lands each of ``missing``, as far as the time goes."""
        from concurrent.futures import ThreadPoolExecutor, as_completed

        with ThreadPoolExecutor(self._feed.search.at_a_time, thread_name_prefix="search") as pool:
            coming = [pool.submit(self._land, file, unit, server) for file, unit in missing]
            try:
                for each in as_completed(coming):
                    each.result()
            finally:
                self._stop.set()
                for each in coming:
                    each.cancel()

    def _land(self, file: ExportFile, unit: Unit, server: Search) -> None:
        if self._stop.is_set() or time.monotonic() > self._until:
            return
        with available(f"delivery {self._delivery.delivery_id}"), ExitStack() as stack:
            matches, errors = (_Lines(stack.enter_context(self._writer())) for _ in range(2))
            declared = self._asked(unit, server, matches, errors, self._stop)
            landed = matches.sealed()
            named = errors.sealed() if errors.count else None
        failpoint("search.unit_sealed")
        self._enter(file, declared, landed, named)
        failpoint("search.unit_landed")

    def _writer(self) -> AbstractContextManager[LandingWriter]:
        return self._site.landing.begin(self._delivery.delivery_id, self._delivery.attempt)

    def _asked(self, unit: Unit, server: Search, matches: _Lines, errors: _Lines, stop: Event) -> int | None:
        """Takes all that the searches of ``unit`` find; the sum of their totals, where each has one."""
        search, totals = self._feed.search, list[int | None]()
        matches.most = errors.most = search.max_bytes
        for query in unit.queries(search.page_size, by_post=search.by_post):
            found = server.read(query, matches.take, errors.take, totals=search.totals, stop=stop)
            totals.append(found.total)
        given = [total for total in totals if total is not None]
        return sum(given) if len(given) == len(totals) else None

    def _enter(
        self, file: ExportFile, declared: int | None, landed: dict[str, Any], named: dict[str, Any] | None
    ) -> None:
        """One unit is here, whole; raises :class:`DeliveryRejected` where the crawl grows beyond what was agreed."""
        most = self._feed.search.max_bytes
        with self._site.database("fetch") as connection:
            for facts in (landed, named):
                self._hold(connection, facts)
            if exports.land_unit(connection, file, declared, landed) and named is not None:
                exports.land_errors(connection, file, self._errors_from + file.part, named)
            is_too_much = exports.byte_count(connection, file.delivery_id) > most
        if is_too_much:
            raise DeliveryRejected("acquire.too_large", f"the crawl has more than {most} bytes")

    def _hold(self, connection: Any, facts: dict[str, Any] | None) -> None:
        from concord.landing import Manifest

        if facts is None or facts["manifest"] is None:
            return
        ledger.hold_object(connection, facts["sha256"])
        if not self._site.landing.keeper.is_sealed(Manifest.from_json(facts["manifest"])):
            raise LandingMoved("a file of the crawl was shredded while it was fetched again")


class _Lines:
    """Lines on their way into an object; without any there is none."""

    def __init__(self, writer: LandingWriter) -> None:
        self._writer, self.count, self.most = writer, 0, 0

    def take(self, line: bytes) -> None:
        """Takes a line with its end; raises :class:`DeliveryRejected` beyond ``most`` bytes."""
        if self._writer.length + len(line) > self.most:
            raise DeliveryRejected("acquire.too_large", f"one file of the crawl has more than {self.most} bytes")
        self._writer.write(line)
        self.count += 1

    def sealed(self) -> dict[str, Any]:
        """What ``ops.export_file`` keeps of it."""
        manifest = json.loads(self._writer.seal().to_json()) if self.count else None
        return {
            "manifest": manifest,
            "sha256": self._writer.sha256 if self.count else hashlib.sha256().hexdigest(),
            "byte_count": self._writer.length,
            "resource_count": self.count,
            "line_count": self.count,
        }
