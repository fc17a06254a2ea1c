"""How two makers' servers differ, as far as a bulk client can see it (domain facts 2.3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """One maker's ways.

    ``busy_for`` says what a second kick-off collides with: an export of the same ``group``
    or any of the ``client``; ``busy_until_deleted`` whether a finished one still counts
    until it is DELETEd. ``busy_status`` answers it. ``since`` is whether ``_since`` is
    heeded (and deletions told); what is not heeded is ignored unless ``strict``.
    """

    name: str
    path: str
    algorithm: str
    ssn_system: str
    mrn_system: str
    versions: bool
    """Whether every resource has meta.versionId and lastUpdated; otherwise some have lastUpdated alone."""
    numeric_ids: bool
    busy_for: str
    busy_until_deleted: bool
    busy_status: int
    busy_code: str
    busy_text: str
    since: bool
    strict: bool
    repeated_types: bool
    elements: bool
    patients_of_group: bool
    patient_export_needs_ids: bool
    presigned: bool
    """Whether a file's URL answers 307 to a store at another origin."""


EPIC = Profile(
    name="epic",
    path="/api/FHIR/R4",
    algorithm="RS384",
    ssn_system="urn:oid:2.16.840.1.113883.4.1",
    mrn_system="urn:oid:1.2.840.114350.1.13.0.1.7.5.737384.14",
    versions=False,
    numeric_ids=False,
    busy_for="group",
    busy_until_deleted=True,
    # The words are seen at real sites (smart-on-fhir/cumulus-etl, docs/vendors/epic.md); the status is not documented.
    busy_status=400,
    busy_code="business-rule",
    busy_text="Error processing Bulk Data Kickoff request: Request not allowed: "
    "The Client requested this Group too recently.",
    since=False,
    strict=False,
    repeated_types=True,
    elements=False,
    patients_of_group=False,
    patient_export_needs_ids=False,
    presigned=False,
)

ORACLE = Profile(
    name="oracle",
    path="/r4/5c0d4f1e-0a4e-4c5e-9d0f-0f6a1d6f2b11",
    algorithm="ES384",
    ssn_system="http://hl7.org/fhir/sid/us-ssn",
    mrn_system="urn:oid:2.16.840.1.113883.6.1000",
    versions=True,
    numeric_ids=True,
    busy_for="client",
    busy_until_deleted=False,
    busy_status=429,
    busy_code="throttled",
    busy_text="Another export of this client is in progress.",
    since=True,
    strict=True,
    repeated_types=False,
    elements=False,
    patients_of_group=False,
    patient_export_needs_ids=True,
    presigned=True,
)

PROFILES = {profile.name: profile for profile in (EPIC, ORACLE)}
