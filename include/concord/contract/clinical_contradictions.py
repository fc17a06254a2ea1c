"""What makes a contract of records, or of a FHIR server, contradict itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from concord.contract.policy import Mode
from concord.contract.source import FhirBulk, FhirNdjson, FhirSearch
from concord.entities import RESOURCE_TYPES

if TYPE_CHECKING:
    from concord.contract.feed import Feed

LEVELS = ("system", "patient", "group")


def export(bulk: FhirBulk) -> Iterator[tuple[str, str]]:
    """Of a bulk export."""
    if bulk.level not in LEVELS:
        yield "source.level", f"must be one of {', '.join(LEVELS)}"
    if (bulk.level == "group") != bool(bulk.groups):
        yield "source.groups", "groups are named for exports at group level, and only for them"


ROSTERS = ("held", "group")
GROUP = re.compile(r"[A-Za-z0-9.-]{1,64}")


def search(feed: Feed, searched: FhirSearch) -> Iterator[tuple[str, str]]:
    """Of a crawl by search."""
    if searched.roster not in ROSTERS:
        yield "source.roster", f"must be one of {', '.join(ROSTERS)}"
    if (searched.roster == "group") != bool(searched.groups):
        yield "source.groups", "groups are named for a roster of their members, and only for it"
    if not all(GROUP.fullmatch(group) for group in searched.groups) or len({*searched.groups}) != len(searched.groups):
        yield "source.groups", "each is the logical id of a Group, and stands there once"
    if searched.seeded_by and searched.roster != "held":
        yield "source.seeded_by", "says whose patients are held, and the roster is another"
    if feed.name in searched.seeded_by:
        yield "source.seeded_by", "the feed's own patients are always asked for: name others"
    for label, most in (("page_size", 1_000), ("at_a_time", 16)):
        if not 1 <= getattr(searched, label) <= most:
            yield f"source.{label}", f"must lie between 1 and {most}"
    if searched.patience <= timedelta(0):
        yield "source.patience", "must be longer than nothing"


def asked(feed: Feed, source: FhirBulk | FhirSearch) -> Iterator[tuple[str, str]]:
    """Of a FHIR server, whichever way."""
    if not source.types or len(set(source.types)) != len(source.types):
        yield "source.types", "must name each wanted resource type once: what is not asked for cannot be missed"
    for resource_type in source.types:
        if resource_type not in RESOURCE_TYPES:
            yield "source.types", f"{resource_type} is no resource type that Concord has a table for"
    wanted = {RESOURCE_TYPES[name].name for name in source.types if name in RESOURCE_TYPES}
    if wanted - {entity.name for entity in feed.entities}:
        yield "entities", "must hold the table of every resource type that is asked for"
    if not isinstance(feed.format, FhirNdjson):
        yield "format", "a FHIR server brings FhirNdjson"
    if feed.order.sequence:
        yield "order", "what a server is asked for has no sequence number: it is in order by date and arrival"


def records(feed: Feed) -> Iterator[tuple[str, str]]:
    """Records are told by name, one by one, and absence says nothing."""
    if not feed.has_columns and (feed.columns or feed.constants or feed.rules):
        yield "columns", "records that say themselves what they are have no column mapping, constants or rules"
    if feed.has_columns and len(feed.entities) != 1:
        yield "entities", "a row under a mapping is a record of one table: one entity for each feed"
    if feed.mode is not Mode.DELTA:
        yield "mode", "records are added, changed and deleted by name: the mode is delta"
    if any(not entity.is_record for entity in feed.entities):
        yield "entities", "records reconcile into tables without coverage spans"
