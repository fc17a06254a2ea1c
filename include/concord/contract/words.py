"""What a contract says of where its deliveries come from and what absence means, in a few words for people."""

from __future__ import annotations

from concord.contract.feed import Feed
from concord.contract.source import FhirBulk, FhirNdjson, FhirSearch, Hl7v2


def arrives(feed: Feed) -> str:
    """Where deliveries come from, as Markdown."""
    source = feed.source
    if not isinstance(source, FhirBulk):
        return source.phrase
    whose = {"system": "everything", "patient": "all patients", "group": f"groups {', '.join(source.groups)}"}
    what = "what changed since the last one" if source.incremental else "everything each time"
    return f"FHIR bulk export, connection `{source.conn_id}`, {whose[source.level]}: {what}"


def absence(feed: Feed) -> str:
    """What it means that somebody, or a record, is not in a delivery."""
    if feed.is_of_records:
        return "nothing: records go when the source deletes them"
    return feed.policy.omission.value.replace("_", " ")


def records(feed: Feed) -> str:
    """How records lie in the bytes; empty for rows under a column mapping."""
    form = feed.format
    if isinstance(form, FhirNdjson):
        return "FHIR resources (R4, STU3, R5), one a line"
    return f"HL7 v2 ADT messages, {form.encoding}, {form.tz}" if isinstance(form, Hl7v2) else ""


def scope(feed: Feed) -> str:
    """Whom absence is judged among."""
    if feed.is_of_records:
        return "none: each record by itself"
    return f"groups {_listed(feed.scope.groups)}; lines {_listed(feed.scope.lines)}"


def held_when(feed: Feed) -> str:
    """The guards of ``feed`` as one line."""
    guards = feed.policy.guards
    limits = {"deletions" if feed.is_of_records else "ends": guards.ends, "rejected rows": guards.rejected}
    if not feed.is_of_records:
        limits["adds"] = guards.adds
    shares = "; ".join(f"{name} over {limit.share:.1%} and at least {limit.floor}" for name, limit in limits.items())
    least = f"{shares}; fewer than {guards.minimum_rows} rows; the first full file"
    if isinstance(feed.source, FhirBulk | FhirSearch):
        return f"{least}; errors that the server names; a type, or many records, missing from a whole export"
    return least


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(values) or "as applied before"
