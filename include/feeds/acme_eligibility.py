"""Acme Manufacturing sends its full active roster each weekday by 05:00 Eastern.

One row is one person in one coverage line: an employee with medical and dental
has two. Dependents repeat the employee's id and are told apart by the person
code (01 is the employee). It is a full file: a person who is missing has left,
and coverage runs to the end of the month. ``COVEND`` is the last covered day,
blank or 12/31/9999 while coverage goes on. Street addresses may hold line
breaks inside quotes. Questions: benefits desk of Acme, Monday to Friday.
"""

from __future__ import annotations

from datetime import date, timedelta

from concord.contract import (
    Codes,
    Delimited,
    Feed,
    From,
    Guards,
    Limit,
    Mode,
    NotBefore,
    NotInFuture,
    Omission,
    OrderBy,
    Policy,
    Scope,
    SftpDrop,
    Ssn,
    Text,
    Weekdays,
    Whole,
    date_in,
)

US_DATE = date_in("%m/%d/%Y")
RELATIONSHIP = {"EE": "18", "SP": "01", "CH": "19", "DP": "53"}
LINES = {"MEDICAL": "HLT", "DENTAL": "DEN"}
TIERS = {"EE": "EMP", "EE+SP": "ESP", "EE+CH": "ECH", "FAM": "FAM"}

FEED = Feed(
    name="acme_eligibility",
    partner="acme",
    about=__doc__ or "",
    owner="eligibility",
    source=SftpDrop(
        conn_id="acme_sftp",
        directory="/outbound",
        pattern="ELIG_{date:%Y%m%d}*.csv",
        stable_for=timedelta(seconds=5),
    ),
    schedule=Weekdays(at="05:30", tz="America/New_York", expected_by="07:00"),
    format=Delimited(),
    mode=Mode.FULL,
    order=OrderBy(file_date=True),
    scope=Scope(groups=("ACME01", "ACME02"), lines=("HLT", "DEN")),
    columns={
        "subscriber_id": From("EMPID", Text(r"\AE[0-9]{7}\Z", upper=True), required=True),
        "person_code": From("PERSON", Text(r"\A[0-9]{2}\Z"), required=True),
        "relationship_code": From("RELATION", Codes(RELATIONSHIP), required=True),
        "last_name": From("LASTNAME", Text(max_length=60), required=True),
        "first_name": From("FIRSTNAME", Text(max_length=60), required=True),
        "middle_name": From("MIDDLE", Text(max_length=60)),
        "birth_date": From("DOB", US_DATE, required=True),
        "gender_code": From("SEX", Codes({"F": "F", "M": "M", "U": "U", "X": "U"})),
        "birth_sequence": From("BIRTHSEQ", Whole(1, 9), optional_column=True),
        "ssn": From("SSN", Ssn()),
        "address_line_1": From("STREET", Text()),
        "city": From("CITY", Text(max_length=60)),
        "state_code": From("STATE", Text(r"\A[A-Z]{2}\Z", upper=True)),
        "postal_code": From("ZIP", Text(r"\A[0-9]{5}(-[0-9]{4})?\Z")),
        "email": From("EMAIL", Text(r"\A[^@ ]+@[^@ ]+[.][^@ ]+\Z"), optional_column=True),
        "phone": From("PHONE", Text(r"\A[0-9]{10}\Z", digits_only=True), optional_column=True),
        "hire_date": From("HIRED", US_DATE),
        "group_id": From("GROUP", Text(r"\AACME[0-9]{2}\Z", upper=True), required=True),
        "division_code": From("DIVISION", Text(r"\A[A-Z0-9]{1,8}\Z", upper=True)),
        "coverage_line": From("COVERAGE", Codes(LINES), required=True),
        "plan_code": From("PLAN", Text(r"\A[A-Z0-9-]{2,12}\Z", upper=True), required=True),
        "coverage_tier": From("TIER", Codes(TIERS), required=True),
        "effective_from": From("COVEFF", US_DATE, required=True),
        "effective_to": From("COVEND", US_DATE),
    },
    rules=(
        NotInFuture("birth_date"),
        NotBefore("birth_date", date(1900, 1, 2)),
        NotBefore("effective_from", date(1980, 1, 1)),
    ),
    policy=Policy(
        omission=Omission.END_OF_MONTH,
        guards=Guards(
            ends=Limit(share=0.05, floor=10),
            adds=Limit(share=0.10, floor=25),
            rejected=Limit(share=0.02, floor=5),
            minimum_rows=100,
        ),
    ),
    tags=("employer", "eligibility"),
)
