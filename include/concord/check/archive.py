"""Landing against ledger: what was landed is there, genuine and whole, and nothing lies about unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from concord.check.findings import MOST_IDS, Finding, Rule, broken
from concord.errors import LandingDamaged, LandingShredded
from concord.landing import Landing, Manifest
from concord.postgres import Connection, run
from concord.protect import ProtectError

RECENT = timedelta(days=2)
"""Every byte of what was landed since then is read in every check; older objects only in a deep one."""
IN_FLIGHT = timedelta(hours=6)
"""No fetch takes that long: what is older and unknown to the ledger was left by a killed one."""

DAMAGED = "landing.damaged"

LEDGER = (
    Rule("landing.unproved", "check/find_unlanded_deliveries", "landed deliveries without hash or manifest"),
    Rule("retention.unaudited", "check/find_unaudited_shreds", "deliveries shredded without an audit entry, or not"),
    Rule("retention.unfinished", "check/find_unerased", "deliveries shredded and never seen to be erased"),
)


@dataclass(frozen=True)
class Landed:
    """An object of a delivery as the ledger has it: what is read, or a file as it arrived."""

    delivery_id: str
    sha256: str | None
    byte_count: int | None
    manifest: dict[str, Any] = field(repr=False)
    is_recent: bool


def landed(connection: Connection) -> tuple[list[Landed], list[Finding]]:
    """What the archive must have, and the deliveries that do not say what they landed."""
    rows = run(connection, "check/list_landed", {"recent": RECENT})
    return [Landed(**row) for row in rows], list(broken(connection, LEDGER))


def shredded(connection: Connection) -> dict[str, str]:
    """The deliveries of which the archive must have nothing, by the path of their object."""
    return {row["object_url"]: row["delivery_id"] for row in run(connection, "check/list_shredded")}


def files(connection: Connection) -> set[str]:
    """Objects of single files of exports that are not one object yet."""
    return {row["object_url"] for row in run(connection, "check/list_parts")}


def check(
    landing: Landing, deliveries: Iterable[Landed], gone: Mapping[str, str], files: set[str], *, deep: bool
) -> Iterator[Finding]:
    """Findings by delivery id, then by path of the archive.

    ``gone`` are those that :func:`shredded` names, ``files`` what :func:`files` does.

    Of every object: its manifests authenticate, it is there and has its length. Of recent
    ones, or of all when ``deep``: every chunk authenticates and the hash is right.
    """
    known: set[Any] = set(files)
    for delivery in deliveries:
        flaw = _flaw(landing, delivery, deep=deep)
        if flaw:
            yield Finding(DAMAGED, (delivery.delivery_id,), flaw)
        known.add(delivery.manifest.get("object_url"))
    unknown = set(landing.sealed_objects(older_than=IN_FLIGHT)) - known
    unsealed = set(landing.orphans(IN_FLIGHT)) - known
    back = {gone[path] for path in unknown | unsealed if path in gone}
    yield from _left("retention.left", back, "shredded deliveries whose object is in the archive")
    yield from _left("landing.unknown", unknown - set(gone), "sealed objects that no delivery names")
    yield from _left("landing.unsealed", unsealed - set(gone), "objects that no manifest names")
    yield from _left("landing.part", set(landing.parts(IN_FLIGHT)), "parts that killed fetches left")


def _flaw(landing: Landing, delivery: Landed, *, deep: bool) -> str | None:
    """What is wrong with the delivery's object, or None."""
    try:
        manifest = Manifest.from_json(delivery.manifest)
        if (manifest.sha256, manifest.length) != (delivery.sha256, delivery.byte_count):
            return "its manifest is of other content than the ledger says"
        if deep or delivery.is_recent:
            landing.verify(manifest)
        else:
            landing.manifest(manifest.sha256)
        landing.open(manifest).close()
    except (LandingDamaged, LandingShredded, ProtectError) as error:
        return str(error)
    return None


def without_shredded(connection: Connection, findings: list[Finding]) -> list[Finding]:
    """``findings``, but for deliveries that retention shredded while the archive was read: that takes hours."""
    damaged = [each for finding in findings if finding.code == DAMAGED for each in finding.ids]
    rows = run(connection, "check/list_shredded_since", {"delivery_ids": damaged}) if damaged else []
    gone = {row["delivery_id"] for row in rows}
    return [finding for finding in findings if finding.code != DAMAGED or not gone.issuperset(finding.ids)]


def _left(code: str, paths: set[str], text: str) -> Iterator[Finding]:
    if paths:
        yield Finding(code, tuple(sorted(paths)[:MOST_IDS]), f"{text}: {len(paths)}")
