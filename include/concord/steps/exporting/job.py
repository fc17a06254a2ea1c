"""One export as the ledger and the server know it: who the server is, how far it is, which files it has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from concord import exports, ledger
from concord.contract import Feed
from concord.errors import (
    DeliveryRejected,
)
from concord.exports import Export
from concord.postgres import Connection
from concord.steps.connecting import tokens_of, told
from concord.steps.site import Site

if TYPE_CHECKING:
    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.acquire.fhir_bulk.client import Bulk
    from concord.acquire.fhir_bulk.manifest import ExportFile as RemoteFile
    from concord.acquire.fhir_bulk.manifest import Manifest
    from concord.acquire.fhir_bulk.progress import InProgress

KINDS = {"output": "output", "deleted": "deleted", "error": "error", "outcome": "error"}
"""A manifest's sections; ``error`` is called ``outcome`` from STU4 on."""
MOST_FAILURES = 3


@contextmanager
def server_of(feed: Feed, access: FhirAccess, site: Site) -> Iterator[Bulk]:
    """The FHIR server, with a token shared by all workers."""
    from concord.acquire.fhir_bulk.client import Bulk

    with told(feed, site), Bulk(access, tokens_of(feed, access, site)) as server:
        yield server


def export_of(connection: Connection, delivery_id: str) -> Export:
    """The export of a delivery; raises :class:`~concord.ledger.UnknownDelivery` for one that is none."""
    export = exports.find(connection, delivery_id)
    if export is None:
        raise ledger.UnknownDelivery(f"delivery {delivery_id} is no export")
    return export


def status_url_of(export: Export, site: Site) -> str:
    """Where the server says how far it is."""
    sealed = export.status_url_sealed or b""
    return site.keys.open(sealed, context=exports.context(export.delivery_id, "status_url")).decode()


def asked(export: Export, server: Bulk, site: Site) -> InProgress | Manifest:
    """The server's answer; one that keeps saying that the job failed is believed in the end."""
    from concord.acquire.fhir_bulk.refusals import ExportFailed

    try:
        return server.poll(status_url_of(export, site))
    except ExportFailed:
        with site.database("wait") as connection:
            failures = exports.note_failure(connection, export.delivery_id)
        if failures < MOST_FAILURES:
            raise
    raise DeliveryRejected("export.failed", f"the server said {failures} times that the export failed")


def described(files: Sequence[RemoteFile]) -> list[tuple[str, str, int | None]]:
    """Kind, resource type and count of each file, in the manifest's order."""
    return [(KINDS[file.section], file.type, file.count) for file in files]


def sealed_files(export: Export, manifest: Manifest, site: Site) -> bytes:
    """The files as the server names them, encrypted: their links open them."""
    remote = json.dumps([asdict(file) for file in manifest.files]).encode()
    return site.keys.seal(remote, context=exports.context(export.delivery_id, "manifest"))


def remote_files(export: Export, site: Site) -> list[RemoteFile]:
    """The files of the manifest as the server named them; the order is that of their parts."""
    from concord.acquire.fhir_bulk.manifest import ExportFile as RemoteFile

    context = exports.context(export.delivery_id, "manifest")
    return [RemoteFile(**file) for file in json.loads(site.keys.open(export.manifest_sealed or b"", context=context))]
