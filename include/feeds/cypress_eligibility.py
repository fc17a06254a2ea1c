"""Cypress Foods sends its whole roster every Friday evening, made by hand in a spreadsheet.

A full file of tab-delimited text in Windows-1252. The people office copies it together
from two plants; what a spreadsheet does to it is known and written down here:

- Leading zeros of worker numbers, dependent numbers, postal codes and social security
  numbers are lost: they are given back, and counted.
- Dates stand in three ways, always month before day: ``3/7/2026``, ``03/07/26`` and
  ``07-Mar-2026``. Two-digit years up to 30 are 20xx, the others 19xx. In ``Hire Date``
  and ``Start Date`` the plant in Salem leaves the spreadsheet's own day numbers.
- ``1.23E+05``, ``########``, ``5-Jan`` and the like have lost what stood there: the row
  is refused.

``End Date`` is the last covered day. Cypress forgets people and brings them back the
week after: only who is missing twice in a row has left. Reported until the 20th, a
leave ends coverage with the month before, later with this month. Questions: people office
of Cypress, by telephone, Tuesday to Friday.
"""

from __future__ import annotations

from calendar import FRIDAY
from datetime import date, timedelta

from concord.contract import (
    Codes,
    Daily,
    Delimited,
    Feed,
    From,
    Guards,
    Limit,
    Mode,
    NotBefore,
    NotInFuture,
    Omission,
    Policy,
    Scope,
    SftpDrop,
    Ssn,
    Text,
    Whole,
    date_in,
)

WRITTEN = ("%-m/%-d/%Y", "%-m/%-d/%y", "%d-%b-%Y")
DAY = date_in(*WRITTEN, pivot=30)
DAY_OR_NUMBER = date_in(*WRITTEN, pivot=30, excel_serial=True)
RELATIONSHIP = {"Self": "18", "Spouse": "01", "Child": "19", "Partner": "53", "Stepchild": "17"}
LINES = {"Medical": "HLT", "Dental": "DEN"}
TIERS = {"Employee": "EMP", "Employee + Spouse": "ESP", "Employee + Child(ren)": "ECH", "Family": "FAM"}

FEED = Feed(
    name="cypress_eligibility",
    partner="cypress",
    about=__doc__ or "",
    owner="eligibility",
    source=SftpDrop(
        conn_id="cypress_sftp",
        directory="/hr",
        pattern="Cypress roster {date:%Y-%m-%d}*.txt",
        stable_for=timedelta(seconds=5),
    ),
    schedule=Daily(at="19:00", tz="America/Los_Angeles", expected_by="23:30", promised_on=(FRIDAY,), stale_after=1),
    format=Delimited(delimiter="\t", encoding="cp1252", spreadsheet=True),
    mode=Mode.FULL,
    scope=Scope(groups=("CYP-OR", "CYP-WA"), lines=("HLT", "DEN")),
    columns={
        "subscriber_id": From("Worker No", Text(r"\A[0-9]{7}\Z", pad_left=7), required=True),
        "person_code": From("Dep", Text(r"\A[0-9]{2}\Z", pad_left=2), required=True),
        "relationship_code": From("Relationship", Codes(RELATIONSHIP), required=True),
        "last_name": From("Last Name", Text(max_length=60), required=True),
        "first_name": From("First Name", Text(max_length=60), required=True),
        "birth_date": From("Birth Date", DAY, required=True),
        "gender_code": From("Gender", Codes({"Female": "F", "Male": "M", "F": "F", "M": "M", "X": "U"})),
        "birth_sequence": From("Twin No", Whole(1, 9), optional_column=True),
        "ssn": From("SSN", Ssn(pad_left=True)),
        "address_line_1": From("Address", Text()),
        "city": From("City", Text(max_length=60)),
        "state_code": From("State", Text(r"\A[A-Z]{2}\Z", upper=True)),
        "postal_code": From("Zip", Text(r"\A[0-9]{5}(-[0-9]{4})?\Z", pad_left=5)),
        "email": From("E-mail", Text(r"\A[^@ ]+@[^@ ]+[.][^@ ]+\Z"), optional_column=True),
        "phone": From("Phone", Text(r"\A[0-9]{10}\Z", digits_only=True), optional_column=True),
        "hire_date": From("Hire Date", DAY_OR_NUMBER),
        "group_id": From("Company", Text(r"\ACYP-[A-Z]{2}\Z", upper=True), required=True),
        "division_code": From("Plant", Text(r"\A[A-Z0-9]{1,8}\Z", upper=True)),
        "coverage_line": From("Benefit", Codes(LINES), required=True),
        "plan_code": From("Plan", Text(r"\A[A-Z0-9-]{2,12}\Z", upper=True), required=True),
        "coverage_tier": From("Covers", Codes(TIERS), required=True),
        "effective_from": From("Start Date", DAY_OR_NUMBER, required=True),
        "effective_to": From("End Date", DAY),
    },
    ignored=("Notes",),
    rules=(
        NotInFuture("birth_date"),
        NotBefore("birth_date", date(1900, 1, 2)),
        NotBefore("effective_from", date(1980, 1, 1)),
    ),
    policy=Policy(
        omission=Omission.CUTOFF_DAY,
        cutoff_day=20,
        absences=2,
        guards=Guards(
            ends=Limit(share=0.05, floor=10),
            adds=Limit(share=0.10, floor=25),
            rejected=Limit(share=0.05, floor=10),
            minimum_rows=100,
        ),
    ),
    tags=("employer", "eligibility", "spreadsheet"),
)
