"""Lakeview Health's EHR (Oracle Health Millennium) exports what changed in our members' charts each night.

Two groups, one export after the other: the server runs one at a time. An export asks for what
changed since the server's own time of the last one that got in; deleted resources are named.
The server answers a file's address with a redirect to a store of its own, which must never
see our token.
Questions: Lakeview's integration desk.
"""

from __future__ import annotations

from datetime import timedelta

from concord.contract import Daily, Feed, FhirBulk, FhirNdjson, Guards, Limit, Mode, OrderBy, Policy
from concord.entities import CLINICAL, RESOURCE_TYPES

FEED = Feed(
    name="lakeview_ehr",
    partner="lakeview",
    about=__doc__ or "",
    owner="clinical",
    source=FhirBulk(
        conn_id="lakeview_fhir",
        level="group",
        groups=("north", "south"),
        types=tuple(RESOURCE_TYPES),
        patience=timedelta(days=7),
    ),
    schedule=Daily(at="20:00", tz="America/Denver", expected_by="23:30"),
    format=FhirNdjson(),
    mode=Mode.DELTA,
    order=OrderBy(file_date=True),
    entities=CLINICAL,
    policy=Policy(
        guards=Guards(ends=Limit(share=0.05, floor=10), rejected=Limit(share=0.02, floor=5), minimum_rows=10)
    ),
    tags=("ehr", "fhir"),
)
