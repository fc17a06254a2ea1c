"""Delete bundles: what a source says it no longer has.

FHIR Bulk Data Access, "Response - Complete Status", ``deleted``: NDJSON whose lines are
Bundles of type transaction with an entry for each resource, ``request.method`` DELETE and
``request.url`` ``Type/id``. Some servers say collection or batch.
"""

from __future__ import annotations

from concord.entities.clinical import RESOURCE_TYPES
from concord.parse.fhir.flatten import Flat
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading, Row, is_one_of
from concord.parse.fhir.references import logical_id

BUNDLE = "Bundle"
BUNDLE_TYPES = frozenset({"transaction", "collection", "batch"})


def read_deletes(bundle: Tree) -> Flat:
    """A row with its key for each deleted resource of a type that is kept; of no other type.

    An observation's row stands for its components too. Problems: ``bundle.type``,
    ``bundle.kind``, ``bundle.method`` (not DELETE), ``bundle.url`` (not ``Type/id``).
    """
    reading = Reading(bundle, BUNDLE)
    if not is_one_of(bundle.get("type"), BUNDLE_TYPES):
        reading.problem("bundle", "type")
    rows = [row for entry in reading.objects("bundle", bundle.get("entry")) if (row := _row(reading, entry))]
    if reading.problems:
        return Flat(problems=tuple(reading.problems))
    return Flat(rows=tuple(rows), deleted=True)


def _row(reading: Reading, entry: Tree) -> tuple[str, Row] | None:
    request = reading.tree("bundle", entry.get("request"))
    if request.get("method") != "DELETE":
        reading.problem("bundle", "method")
        return None
    url = request.get("url")
    target = logical_id(url.strip()) if type(url) is str else None
    if target is None:
        reading.problem("bundle", "url")
        return None
    kind, _, name = target.partition("/")
    return _key(kind, name) if kind in RESOURCE_TYPES else None


def _key(kind: str, name: str) -> tuple[str, Row]:
    entity = RESOURCE_TYPES[kind]
    row: Row = {"resource_id": name}
    if "component" in entity.key:
        row["component"] = ""
    return entity.name, row
