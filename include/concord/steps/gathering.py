"""A delivery that is more than a plain file: its files landed as they arrived, checked, and put together.

Each file is sealed before anything is unwrapped, and entered in a commit of its own. What is
read is one object: the file itself where nothing is wrapped around it, else what was unwrapped
from all parts, in order. Its hash is that of the content: the same content encrypted anew is
known again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from concord import arrivals, ledger
from concord.acquire import Fetched, PartFile, SftpAccess
from concord.arrivals import DATA, Arrival, Slice
from concord.contract import Feed
from concord.errors import DeliveryRejected, LandingMoved, SourceUnavailable
from concord.failpoint import failpoint
from concord.landing import Manifest, available
from concord.ledger import Delivery
from concord.postgres import run
from concord.steps.connecting import connected
from concord.steps.site import Site

if TYPE_CHECKING:
    from concord.acquire.companions import Promise
    from concord.acquire.sftp import PartnerSftp
    from concord.landing import LandingWriter
    from concord.unwrap import PgpAccess, Unwrapped

COPY_BYTES = 1 << 20
STOOD_STILL = timedelta(minutes=5)
"""So long a partner may still be putting companions right; what is wrong after it is rejected."""
COMPANION_CODES = ("acquire.checksum", "acquire.size", "acquire.checksum_file", "acquire.control_file")


@dataclass(frozen=True)
class Gathered:
    """What is read, and where the content of each file is in it."""

    fetched: Fetched
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class Promises:
    """What companions say, by part, and of the delivery as a whole."""

    parts: Mapping[int, Promise]
    whole: Promise


def gather(
    feed: Feed, delivery: Delivery, files: Sequence[Arrival], access: SftpAccess, site: Site, keys: PgpAccess | None
) -> Gathered:
    """Lands each of ``files`` that is not there yet, and puts them together; ``keys`` open envelopes.

    Raises :class:`DeliveryRejected` where they are not what companions say, or an envelope is refused, and
    :class:`SourceUnavailable` where a partner may still be putting them right; what was landed stays.
    """
    try:
        here = _land_files(feed, delivery, files, access, site)
    except DeliveryRejected as error:
        rejection = error
    else:
        return put_together(feed, delivery, here, site, keys)
    changed_at = max(file.remote_modified_at for file in files)
    if rejection.code in COMPANION_CODES and datetime.now(UTC) - changed_at < STOOD_STILL:
        raise SourceUnavailable(f"delivery {delivery.delivery_id}: {rejection.code}, and changed a moment ago")
    raise rejection


# ── file by file ──


def _land_files(
    feed: Feed, delivery: Delivery, files: Sequence[Arrival], access: SftpAccess, site: Site
) -> list[Arrival]:
    """Companions first: what they promise of a file is checked before it is sealed."""
    companions, data = [f for f in files if f.kind != DATA], [f for f in files if f.kind == DATA]
    if all(file.manifest for file in files):
        return list(files)
    with connected(feed, access, site) as partner:
        companions = [_landed(feed, delivery, file, None, partner, site) for file in companions]
        promises = promised(feed, companions, data, site)
        data = [_landed(feed, delivery, file, promises.parts[file.part or 0], partner, site) for file in data]
    return [*companions, *data]


def _landed(
    feed: Feed, delivery: Delivery, file: Arrival, promise: Promise | None, partner: PartnerSftp, site: Site
) -> Arrival:
    if file.manifest is not None:
        return file
    remote = PartFile(file.kind, file.part, _name(file, site), file.remote_size, file.remote_modified_at)
    with available(f"delivery {delivery.delivery_id}"):
        got = partner.fetch(feed.drop, remote, site.landing, delivery.delivery_id, delivery.attempt, promise)
    failpoint("arrival.file_sealed")
    manifest = json.loads(got.manifest.to_json())
    with site.database("fetch") as connection:
        ledger.hold_object(connection, got.sha256)
        refuse_shredded(connection, got.manifest, site)
        arrivals.land(connection, file, manifest, got.sha256, got.size)
    failpoint("arrival.file_landed")
    return replace(file, manifest=manifest)


def refuse_shredded(connection: Any, manifest: Manifest, site: Site) -> None:
    """The object may be gone by now: an equal one that was there already, or one sealed while that was erased."""
    values = {"sha256": manifest.sha256, "object_url": manifest.object_url}
    if run(connection, "ledger/find_shredded", values) or not site.landing.keeper.is_sealed(manifest):
        raise LandingMoved(f"{manifest.object_url}: was shredded while it was fetched again")


def _name(file: Arrival, site: Site) -> str:
    context = arrivals.name_context(file.delivery_id, file.file)
    return site.keys.open(file.file_name_sealed or b"", context=context).decode()


# ── what companions say ──


def promised(feed: Feed, companions: Sequence[Arrival], data: Sequence[Arrival], site: Site) -> Promises:
    """What landed ``companions`` say of ``data``; raises :class:`DeliveryRejected` where they cannot be believed."""
    from concord.acquire import companions as reading

    names = {file.part or 0: _name(file, site) for file in data}
    hashes: dict[str, reading.Checksum] = {}
    said: dict[int | None, reading.ControlSaid] = {}
    for file in companions:
        about = list(names.values()) if file.part is None else [names[file.part]]
        content = _content(file, site)
        if file.kind == "checksum":
            hashes |= reading.checksums(content, about)
        elif feed.drop.control is not None:
            said[file.part] = reading.control_said(content, feed.drop.control)
    if None in said or not said:
        each, whole = reading.promised(list(names.values()), said.get(None), hashes)
    else:
        ones = [reading.promised([name], said[part], hashes) for part, name in names.items()]
        each, whole = [reading.merged(*one) for one in ones], reading.Promise()
    _refuse_total(data, whole)
    return Promises(dict(zip(names, each, strict=True)), whole)


def _refuse_total(data: Sequence[Arrival], whole: Promise) -> None:
    if whole.size not in (None, sum(file.remote_size for file in data)):
        message = f"its {len(data)} files have not the number of bytes that their control file says"
        raise DeliveryRejected("acquire.size", message)


def _content(file: Arrival, site: Site) -> bytes:
    with available(f"delivery {file.delivery_id}"), site.landing.open(_manifest(file, site)) as stream:
        return stream.read()


def _manifest(file: Arrival, site: Site) -> Manifest:
    """The archive's own word of it: its key may have been wrapped anew since it was landed."""
    manifest = Manifest.from_json(dict(file.manifest or {}))
    return site.landing.keeper.stored(manifest.sha256) or manifest


# ── as one ──


def put_together(
    feed: Feed, delivery: Delivery, files: Sequence[Arrival], site: Site, keys: PgpAccess | None
) -> Gathered:
    """What is read of landed ``files``; raises :class:`DeliveryRejected` where an envelope is refused."""
    companions, data = [f for f in files if f.kind != DATA], [f for f in files if f.kind == DATA]
    promises = promised(feed, companions, data, site)
    if len(data) == 1 and not feed.drop.envelope:
        manifest = _manifest(data[0], site)
        fetched, places = Fetched(manifest.length, manifest.sha256, manifest), [_Place(0, manifest.length)]
    else:
        fetched, places = _unwrapped(feed, delivery, data, site, keys)
    counts = [promises.parts[file.part or 0].records for file in data]
    slices = [
        Slice(file.file, place.start, place.length, count, place.opened_by, place.signed_by)
        for file, place, count in zip(data, places, counts, strict=True)
    ]
    slices += [Slice(file.file, None, None, promises.whole.records) for file in companions if file.kind == "control"]
    return Gathered(fetched, tuple(slices))


@dataclass(frozen=True)
class _Place:
    """Of a part: where its content is in the delivery's object, and by whose keys it was opened and signed."""

    start: int
    length: int
    opened_by: str | None = None
    signed_by: str | None = None


def _unwrapped(
    feed: Feed, delivery: Delivery, data: Sequence[Arrival], site: Site, keys: PgpAccess | None
) -> tuple[Fetched, list[_Place]]:
    """One sealed object of the contents of all parts, and the place of each."""
    places: list[_Place] = []
    with (
        available(f"delivery {delivery.delivery_id}"),
        site.landing.begin(delivery.delivery_id, delivery.attempt) as writer,
    ):
        for file in data:
            start = writer.length
            with site.landing.open(_manifest(file, site)) as stream:
                found = _copy(feed, delivery, stream, writer, site, keys)
            opened_by, signed_by = (found.opened_by, found.signed_by) if found else ((), ())
            length = writer.length - start
            places.append(_Place(start, length, " ".join(opened_by) or None, " ".join(signed_by) or None))
            failpoint("arrival.unwrapped")
        size, sha256 = writer.length, writer.sha256
        return Fetched(size, sha256, writer.seal()), places


def _copy(
    feed: Feed, delivery: Delivery, source: BinaryIO, target: LandingWriter, site: Site, keys: PgpAccess | None
) -> Unwrapped | None:
    if not feed.drop.envelope:
        while piece := source.read(COPY_BYTES):
            target.write(piece)
        return None
    from concord.unwrap import unwrap

    with site.landing.scratch(delivery.delivery_id, delivery.attempt) as scratch:
        return unwrap(source, feed.drop.envelope, keys, target, scratch)
