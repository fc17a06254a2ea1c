"""Granite Mills sends its whole roster every weekday by 19:00 Eastern, from a mainframe.

A full file in EBCDIC (code page 037): records of 300 bytes with nothing between them. The header (``H``) names sender
and date, the trailer (``T``) counts the details (``D``). ``EMP-NO`` and ``SSN`` are packed decimals (``COMP-3``)
without a sign; a social security number that Granite does not know is nine zeros. ``END-DT`` is the last covered day;
99991231 is no end. Who is missing from a file has left on the day of the file. Questions: data centre of Granite, day
and night.
"""

from __future__ import annotations

from datetime import date, timedelta

from concord.contract import (
    Answers,
    Codes,
    Coding,
    Daily,
    Feed,
    FixedColumn,
    FixedControl,
    FixedWidth,
    Framing,
    From,
    Guards,
    Limit,
    Mode,
    NotBefore,
    NotInFuture,
    Omission,
    Place,
    Policy,
    Scope,
    SftpDrop,
    Ssn,
    Text,
    Whole,
    date_in,
    filler,
)

DAY = date_in("%Y%m%d")
RELATIONSHIP = {"EE": "18", "SP": "01", "CH": "19", "DP": "53"}
LINES = {"MED": "HLT", "DEN": "DEN"}
TIERS = {tier: tier for tier in ("EMP", "ESP", "ECH", "FAM")}
COLUMNS = (
    FixedColumn("REC-TYPE", 1, 1),
    FixedColumn("EMP-NO", 2, 4, coding=Coding.PACKED),
    FixedColumn("DEP-NO", 6, 2),
    FixedColumn("REL", 8, 2),
    FixedColumn("LAST-NAME", 10, 40),
    FixedColumn("FIRST-NAME", 50, 30),
    FixedColumn("MIDDLE", 80, 1),
    FixedColumn("BIRTH-DT", 81, 8),
    FixedColumn("SEX", 89, 1),
    FixedColumn("TWIN-NO", 90, 1),
    FixedColumn("SSN", 91, 5, coding=Coding.PACKED),
    FixedColumn("STREET-1", 96, 40),
    FixedColumn("STREET-2", 136, 20),
    FixedColumn("CITY", 156, 20),
    FixedColumn("STATE", 176, 2),
    FixedColumn("ZIP", 178, 5),
    FixedColumn("E-MAIL", 183, 40),
    FixedColumn("PHONE", 223, 10),
    FixedColumn("HIRE-DT", 233, 8),
    FixedColumn("GROUP", 241, 6),
    FixedColumn("DIVISION", 247, 8),
    FixedColumn("BENEFIT", 255, 3),
    FixedColumn("PLAN", 258, 8),
    FixedColumn("TIER", 266, 3),
    FixedColumn("EFF-DT", 269, 8),
    FixedColumn("END-DT", 277, 8),
    filler(285, 16),
)

FEED = Feed(
    name="granite_fixed",
    partner="granite",
    about=__doc__ or "",
    owner="eligibility",
    source=SftpDrop(
        conn_id="granite_sftp",
        directory="/outbound",
        pattern="GRANITE.ELIG.D{date:%Y%m%d}.DAT",
        stable_for=timedelta(seconds=5),
    ),
    schedule=Daily(at="19:30", tz="America/New_York", expected_by="21:00"),
    format=FixedWidth(
        COLUMNS,
        record_length=300,
        encoding="cp037",
        framing=Framing.LENGTH,
        control=FixedControl(
            header="H",
            detail="D",
            trailer="T",
            count_at=Place(2, 9),
            sender="GRANITE",
            sender_at=Place(2, 10),
            date_at=Place(12, 8),
        ),
    ),
    answers=Answers("/from_concord"),
    mode=Mode.FULL,
    scope=Scope(groups=("GRN001", "GRN002"), lines=("HLT", "DEN")),
    columns={
        "subscriber_id": From("EMP-NO", Text(r"\A[0-9]{7}\Z"), required=True),
        "person_code": From("DEP-NO", Text(r"\A[0-9]{2}\Z"), required=True),
        "relationship_code": From("REL", Codes(RELATIONSHIP), required=True),
        "last_name": From("LAST-NAME", Text(max_length=40), required=True),
        "first_name": From("FIRST-NAME", Text(max_length=30), required=True),
        "middle_name": From("MIDDLE", Text(max_length=1)),
        "birth_date": From("BIRTH-DT", DAY, required=True),
        "gender_code": From("SEX", Codes({"M": "M", "F": "F", "X": "U"})),
        "birth_sequence": From("TWIN-NO", Whole(1, 9)),
        "ssn": From("SSN", Ssn()),
        "address_line_1": From("STREET-1", Text()),
        "address_line_2": From("STREET-2", Text()),
        "city": From("CITY", Text(max_length=60)),
        "state_code": From("STATE", Text(r"\A[A-Z]{2}\Z", upper=True)),
        "postal_code": From("ZIP", Text(r"\A[0-9]{5}\Z")),
        "email": From("E-MAIL", Text(r"\A[^@ ]+@[^@ ]+[.][^@ ]+\Z")),
        "phone": From("PHONE", Text(r"\A[0-9]{10}\Z", digits_only=True)),
        "hire_date": From("HIRE-DT", DAY),
        "group_id": From("GROUP", Text(r"\AGRN[0-9]{3}\Z"), required=True),
        "division_code": From("DIVISION", Text(r"\A[A-Z0-9]{1,8}\Z", upper=True)),
        "coverage_line": From("BENEFIT", Codes(LINES), required=True),
        "plan_code": From("PLAN", Text(r"\A[A-Z0-9-]{2,8}\Z", upper=True), required=True),
        "coverage_tier": From("TIER", Codes(TIERS), required=True),
        "effective_from": From("EFF-DT", DAY, required=True),
        "effective_to": From("END-DT", DAY),
    },
    ignored=("REC-TYPE",),
    rules=(
        NotInFuture("birth_date"),
        NotBefore("birth_date", date(1900, 1, 2)),
        NotBefore("effective_from", date(1980, 1, 1)),
    ),
    policy=Policy(
        omission=Omission.AS_OF_DATE,
        guards=Guards(
            ends=Limit(share=0.05, floor=10),
            adds=Limit(share=0.10, floor=25),
            rejected=Limit(share=0.02, floor=10),
        ),
    ),
    tags=("employer", "eligibility", "mainframe"),
)
