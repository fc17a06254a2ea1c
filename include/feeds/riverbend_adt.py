"""Riverbend Hospital drops its admissions, discharges and transfers (HL7 v2 ADT) every morning.

One batch file a day with all messages of the day before. A message tells what changed: what it
does not name stays as it is, and two double quotes empty a field. Merged patients come as A40.
Questions: Riverbend's interface engine team.
"""

from __future__ import annotations

from datetime import timedelta

from concord.contract import Daily, Feed, Guards, Hl7v2, Limit, Mode, OrderBy, Policy, SftpDrop
from concord.entities import RESOURCE_TYPES

FEED = Feed(
    name="riverbend_adt",
    partner="riverbend",
    about=__doc__ or "",
    owner="clinical",
    source=SftpDrop(
        conn_id="riverbend_sftp",
        directory="/outbound",
        pattern="ADT_{date:%Y%m%d}*.hl7",
        stable_for=timedelta(seconds=5),
    ),
    schedule=Daily(at="05:00", tz="America/New_York", expected_by="08:00", dated_days_before=1),
    format=Hl7v2(tz="America/New_York"),
    mode=Mode.DELTA,
    order=OrderBy(file_date=True),
    entities=(RESOURCE_TYPES["Patient"], RESOURCE_TYPES["Encounter"]),
    policy=Policy(guards=Guards(ends=Limit(share=0.05, floor=10), rejected=Limit(share=0.02, floor=5), minimum_rows=1)),
    tags=("ehr", "hl7v2"),
)
