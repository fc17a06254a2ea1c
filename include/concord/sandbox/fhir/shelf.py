"""The files of exports, written once and kept: flat in memory however large the population."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from concord.sandbox.fhir.kickoff import Selection
from concord.sandbox.fhir.population import TYPES, Population
from concord.sandbox.fhir.selecting import Selector
from concord.sandbox.fhir.writing import Resource

BUNDLED = 50
"""Deletions in one Bundle."""


@dataclass(frozen=True)
class Part:
    """One NDJSON file: of output, or of deletions (``kind`` Bundle)."""

    kind: str
    path: Path
    lines: int

    def read(self) -> Iterator[bytes]:
        """Its lines."""
        with self.path.open("rb") as file:
            yield from file


@dataclass(frozen=True)
class Files:
    """What an export is made of."""

    output: tuple[Part, ...]
    deleted: tuple[Part, ...]


class Shelf:
    """Keeps files in ``folder``, at most ``lines_per_file`` lines each."""

    def __init__(self, folder: Path, population: Population, lines_per_file: int) -> None:
        self.folder, self.population, self.lines_per_file = folder, population, lines_per_file
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = Lock()

    def files(self, selection: Selection, day: int) -> Files:
        """The files of an export; made when they are not there."""
        with self._lock:
            place = self.folder / self._name(selection, day)
            index = place / "index.json"
            if not index.exists():
                self._write(selection, day, place, index)
            return _read(place, json.loads(index.read_text()))

    def _name(self, selection: Selection, day: int) -> str:
        """Different for every other content."""
        people, employer = self.population, self.population.employer
        told = [people.seed, people.profile.name, people.members, people.strangers, people.writer.base]
        told += [people.room.readings, employer.seed, employer.members, str(employer.start), self.lines_per_file, day]
        return hashlib.sha256(json.dumps([told, asdict(selection)]).encode()).hexdigest()[:24]

    def _write(self, selection: Selection, day: int, place: Path, index: Path) -> None:
        place.mkdir(mode=0o700, exist_ok=True)
        selector = Selector(self.population, selection, day)
        output = write_parts(selector.resources(), place, self.lines_per_file)
        deleted = _write_deleted(selector.deleted(), place)
        ordered = sorted(output, key=lambda part: (TYPES.index(part.kind), part.path.name))
        found = {"output": ordered, "deleted": deleted}
        part = index.with_suffix(".part")
        part.write_text(json.dumps({name: [_told(each) for each in parts] for name, parts in found.items()}))
        part.replace(index)


def _told(part: Part) -> list[str | int]:
    return [part.kind, part.path.name, part.lines]


def _read(place: Path, index: dict[str, list[tuple[str, str, int]]]) -> Files:
    found = {name: tuple(Part(kind, place / path, lines) for kind, path, lines in of) for name, of in index.items()}
    return Files(found["output"], found["deleted"])


def write_parts(resources: Iterable[Resource], place: Path, most: int) -> list[Part]:
    """Writes resources to files by type, in one pass."""
    lines: dict[str, int] = {}
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        for resource in resources:
            kind = resource["resourceType"]
            number = lines.get(kind, 0)
            if number % most == 0:
                if kind in files:
                    files[kind].close()
                files[kind] = stack.enter_context((place / f"{kind}.{number // most:04d}").open("wb"))
            files[kind].write(line_of(resource))
            lines[kind] = number + 1
    return [
        Part(kind, place / f"{kind}.{turn:04d}", min(most, count - turn * most))
        for kind, count in lines.items()
        for turn in range(-(-count // most))
    ]


def _write_deleted(deleted: list[tuple[str, str]], place: Path) -> list[Part]:
    if not deleted:
        return []
    bundles = [deletion(deleted[at : at + BUNDLED]) for at in range(0, len(deleted), BUNDLED)]
    path = place / "deleted"
    path.write_bytes(b"".join(line_of(each) for each in bundles))
    return [Part("Bundle", path, len(bundles))]


def deletion(keys: list[tuple[str, str]]) -> Resource:
    """A transaction Bundle that deletes (Bulk Data IG: ``deleted`` of the manifest)."""
    entries = [{"request": {"method": "DELETE", "url": f"{kind}/{key}"}} for kind, key in keys]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def line_of(resource: Resource) -> bytes:
    """One NDJSON line."""
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"
