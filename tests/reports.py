"""Contracts of an invented hospital whose report writer leaves CSV extracts: patients, and visits."""

from __future__ import annotations

from dataclasses import replace

from concord.contract import (
    Blank,
    Codes,
    Daily,
    Delimited,
    Feed,
    From,
    Guards,
    Limit,
    Mode,
    Moment,
    NotInFuture,
    OrderBy,
    Policy,
    Reference,
    SftpDrop,
    Ssn,
    Text,
    Whole,
    YesNo,
    date_in,
)
from concord.entities import ENTITIES

LAX = Limit(share=0.99, floor=1_000_000)
PATIENT_ID = From("PAT_ID", Text(pattern=r"[A-Za-z0-9.-]{1,64}"), required=True)
LOCAL = Moment(("%m/%d/%Y %H:%M", "%m/%d/%Y"), tz="America/Chicago")

DEMOGRAPHICS = Feed(
    name="hillcrest_patients",
    partner="hillcrest",
    about="Hillcrest's report writer puts the demographics of patients that changed into a CSV every night.",
    owner="clinical",
    source=SftpDrop(conn_id="hillcrest_sftp", directory="/reports", pattern="PATIENTS_{date:%Y%m%d}.csv"),
    schedule=Daily(at="06:00", tz="America/Chicago", expected_by="08:00"),
    format=Delimited(),
    mode=Mode.DELTA,
    order=OrderBy(file_date=True),
    entities=(ENTITIES["patient"],),
    columns={
        "resource_id": PATIENT_ID,
        "last_name": From("LAST"),
        "first_name": From("FIRST"),
        "birth_date": From("DOB", date_in("%m/%d/%Y")),
        "gender_code": From("SEX", Codes({"F": "F", "M": "M", "U": "U"})),
        "ssn": From("SSN", Ssn()),
        "phone": From("PHONE", Text(digits_only=True), blank=Blank.CLEAR),
        "multiple_birth": From("TWIN", Whole(1, 9)),
        "deceased": From("DEAD", YesNo()),
        "deceased_at": From("DIED", LOCAL),
        "managing_organization_reference": From("ORG", Reference("Organization")),
    },
    constants={"birth_precision": "day"},
    rules=(NotInFuture("birth_date"), NotInFuture("deceased_at")),
    policy=Policy(guards=Guards(ends=LAX, rejected=LAX, minimum_rows=1)),
)
ENCOUNTERS = replace(
    DEMOGRAPHICS,
    name="hillcrest_encounters",
    source=SftpDrop(conn_id="hillcrest_sftp", directory="/reports", pattern="VISITS_{date:%Y%m%d}.csv"),
    entities=(ENTITIES["encounter"],),
    columns={
        "resource_id": replace(PATIENT_ID, source="VISIT"),
        "last_updated": From("CHANGED", Moment()),
        "status": From("STATUS", Codes({"OPEN": "in-progress", "CLOSED": "finished"}), required=True),
        "subject_reference": From("PAT_ID", Reference("Patient"), required=True),
        "started_at": From("ADMIT", LOCAL, required=True),
        "ended_at": From("DISCHARGE", LOCAL, blank=Blank.CLEAR),
    },
    constants={"started_precision": "time"},
    rules=(),
)
