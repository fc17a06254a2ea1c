"""PURE. When a plan of records stops being ordinary: figures in, findings out.

What rejects a delivery whole (a count that is not the manifest's, a file that is not
there) was found while fetching and never gets here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from concord.contract import Feed
from concord.entities import RESOURCE_TYPES
from concord.reconcile.guard import Finding, limited


@dataclass(frozen=True)
class EntityFigures:
    """One table: resources of this feed held before, resources stated, resources deleted at the source."""

    entity: str
    held: int
    stated: int
    lost: int


@dataclass(frozen=True)
class Export:
    """What a FHIR server was asked for and what it brought: resource types, and files that name errors."""

    is_full: bool
    types: tuple[str, ...]
    delivered: tuple[str, ...]
    error_files: int
    errors: int


@dataclass(frozen=True)
class RecordFigures:
    """What the guards look at; all counts. ``export`` is None for files that somebody put there.

    A replay has as many rows as were chosen: nobody promised any number of them.
    """

    entities: tuple[EntityFigures, ...]
    lines_read: int
    rejected: int
    usable: int
    export: Export | None
    is_first: bool
    is_replay: bool = False


def evaluate(feed: Feed, figures: RecordFigures) -> list[Finding]:
    """Every guard for this plan, tripped or not."""
    found = [*_first(figures), *_reading(feed, figures), *_losses(feed, figures)]
    if figures.export is not None:
        found += [*_errors(figures.export)]
        if figures.export.is_full:
            found += [*_missing_types(figures, figures.export), *_shrunk(feed, figures)]
    return found


def _first(figures: RecordFigures) -> Iterator[Finding]:
    text = "the first delivery of a feed is always looked at by a person"
    yield Finding("first_full", int(figures.is_first), 1, figures.is_first, text)


def _reading(feed: Feed, figures: RecordFigures) -> Iterator[Finding]:
    if figures.is_replay:  # its rows were refused before: that they are again says nothing about a file
        return
    guards = feed.policy.guards
    yield limited("rejected", figures.rejected, figures.lines_read, guards.rejected, "lines refused of lines read")
    if figures.export is None or figures.export.is_full:
        text = f"{figures.usable:,} usable lines, at least {guards.minimum_rows:,} are believable"
        yield Finding("minimum_rows", figures.usable, guards.minimum_rows, figures.usable < guards.minimum_rows, text)


def _losses(feed: Feed, figures: RecordFigures) -> Iterator[Finding]:
    for entity in figures.entities:
        text = "records deleted at the source, of records held"
        yield limited("deletes", entity.lost, entity.held, feed.policy.guards.ends, text, scope=entity.entity)


def _errors(export: Export) -> Iterator[Finding]:
    """A server that names errors has left something out, and only it knows what (Bulk Data IG, manifest ``error``)."""
    text = f"{export.errors:,} errors in {export.error_files:,} files of the manifest: with any, it is not whole"
    yield Finding("export_errors", export.errors, export.error_files, export.error_files > 0, text)


def _missing_types(figures: RecordFigures, export: Export) -> Iterator[Finding]:
    """A type that was asked for and did not come, while records of it are held."""
    held = {entity.entity: entity.held for entity in figures.entities}
    for name in export.types:
        entity = RESOURCE_TYPES[name].name
        count = 0 if name in export.delivered else held.get(entity, 0)
        text = f"{held.get(entity, 0):,} records are held, and the whole export brought none of this type"
        yield Finding("type_missing", count, held.get(entity, 0), count > 0, text, scope=name)


def _shrunk(feed: Feed, figures: RecordFigures) -> Iterator[Finding]:
    """Absence ends no record, but a whole export that brings far fewer than are held was cut somewhere."""
    for entity in figures.entities:
        fewer = max(0, entity.held - entity.stated) if entity.stated else 0
        text = "records held that the whole export does not bring"
        yield limited("shrunk", fewer, entity.held, feed.policy.guards.ends, text, scope=entity.entity)
