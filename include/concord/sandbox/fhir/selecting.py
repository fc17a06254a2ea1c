"""Which resources of a population an export holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from concord.sandbox.fhir.chart import Entry
from concord.sandbox.fhir.kickoff import Selection
from concord.sandbox.fhir.population import Population
from concord.sandbox.fhir.writing import Resource

ALWAYS = ("resourceType", "id", "meta")


class Selector:
    """``selection`` at the end of ``day``."""

    def __init__(self, population: Population, selection: Selection, day: int) -> None:
        self.population, self.selection, self.day = population, selection, day
        self.since = datetime.fromisoformat(selection.since) if selection.since else None
        self.patients = self._patients()

    def _patients(self) -> frozenset[str] | None:
        chosen = self.selection
        if chosen.level == "group":
            return self.population.group(chosen.group)
        return frozenset(chosen.patients) if chosen.patients else None

    def resources(self) -> Iterator[Resource]:
        """The resources with meta, as they go into the files. ``_since`` is inclusive: lastUpdated >= since."""
        for entry in self.population.entries(self.day, self.patients):
            if self._wanted(entry):
                yield self._elements(self.population.stamped(entry))

    def _wanted(self, entry: Entry) -> bool:
        resource, chosen = entry.resource, self.selection
        if chosen.types and resource["resourceType"] not in chosen.types:
            return False
        if self.since and entry.changed < self.since:
            return False
        return passes(resource, chosen.filters)

    def _elements(self, resource: Resource) -> Resource:
        wanted = {each.rpartition(".")[2] for each in self.selection.elements}
        if not wanted:
            return resource
        return {name: value for name, value in resource.items() if name in wanted or name in ALWAYS}

    def deleted(self) -> list[tuple[str, str]]:
        """(type, id) of what was deleted since; nothing unless ``_since`` was given."""
        if self.since is None:
            return []
        gone = self.population.deleted(self.day, self.since, self.patients)
        return [key for key, _ in gone if not self.selection.types or key[0] in self.selection.types]


def passes(resource: Resource, filters: tuple[str, ...]) -> bool:
    """Whether a resource meets one of the ``_typeFilter`` of its type, or its type has none."""
    queries = [each.partition("?")[2] for each in filters if each.partition("?")[0] == resource["resourceType"]]
    return not queries or any(all(_meets(resource, part) for part in query.split("&")) for query in queries)


def _meets(resource: Resource, condition: str) -> bool:
    name, _, wanted = condition.partition("=")
    element = {"clinical-status": "clinicalStatus"}.get(name, name)
    return bool(set(wanted.split(",")) & set(_codes(resource.get(element))))


def _codes(value: Any) -> Iterator[str]:
    """Codes in a code, a CodeableConcept or a list of them, also as ``system|code``."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _codes(each)
    elif isinstance(value, dict):
        for each in value.get("coding", []):
            yield from (each["code"], f"{each['system']}|{each['code']}")
