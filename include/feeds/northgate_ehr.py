"""Northgate Clinic's EHR (Epic) exports the charts of our members over night, group by group.

The clinic keeps a registry of the members it treats; we ask for the charts of that group.
Epic takes one export at a time and always brings everything: what changed is found by
comparing. Charts of people who left the registry are not deleted, they just come no more.
Most resources have no ``meta.lastUpdated``. Questions: Northgate's interface team.
"""

from __future__ import annotations

from datetime import timedelta

from concord.contract import Daily, Feed, FhirBulk, FhirNdjson, Guards, Limit, Mode, OrderBy, Policy
from concord.entities import CLINICAL, RESOURCE_TYPES

FEED = Feed(
    name="northgate_ehr",
    partner="northgate",
    about=__doc__ or "",
    owner="clinical",
    source=FhirBulk(
        conn_id="northgate_fhir",
        level="group",
        groups=("everyone",),
        types=tuple(RESOURCE_TYPES),
        incremental=False,
        patience=timedelta(days=7),
    ),
    schedule=Daily(at="21:00", tz="America/Chicago", expected_by="23:45"),
    format=FhirNdjson(),
    mode=Mode.DELTA,
    order=OrderBy(file_date=True),
    entities=CLINICAL,
    policy=Policy(
        guards=Guards(ends=Limit(share=0.05, floor=10), rejected=Limit(share=0.02, floor=5), minimum_rows=10)
    ),
    tags=("ehr", "fhir"),
)
