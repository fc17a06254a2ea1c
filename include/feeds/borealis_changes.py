"""Borealis Logistics sends every day what changed, by 21:00 Central, from its payroll system.

A change file: whoever is not in it is as before. Files are numbered without a gap;
the number, the date and the sender stand in the control header (``H``) and must be
those of the file's name. Details begin with ``D``; there is no line of column names.
The trailer (``T``) counts the details and adds up the digits of their worker ids.

``ACT`` says what is meant: ``A`` add, ``C`` change, ``T`` terminate, ``R`` reinstate,
``X`` cancel (never covered). Every row repeats the whole person; a blank keeps what is
held. ``STOPDT`` is the first day *without* coverage, and every termination has one. A
day without changes has a file of one ``A`` that says what is known. Questions:
payroll of Borealis, weekdays; a missing number is sent again on request.
"""

from __future__ import annotations

from datetime import date, timedelta

from concord.contract import (
    Codes,
    Control,
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
    OrderBy,
    Policy,
    RequiredWhen,
    Scope,
    SftpDrop,
    Ssn,
    Text,
    ToDate,
    Whole,
    date_in,
)

DAY = date_in("%Y%m%d")
ACTIONS = {"A": "add", "C": "change", "T": "end", "R": "reinstate", "X": "cancel"}
RELATIONSHIP = {"S": "18", "P": "01", "C": "19", "L": "53", "W": "15"}
LINES = {"MED": "HLT", "DNT": "DEN", "VSN": "VIS"}
TIERS = {"1": "EMP", "2": "ESP", "3": "ECH", "4": "FAM"}
NAMES = (
    "REC", "ACT", "WORKER", "SUFFIX", "REL", "SURNAME", "GIVEN", "BORN", "SEX", "BIRTHSEQ", "TAXID", "ADDR1", "ADDR2",
    "TOWN", "ST", "POSTAL", "MAIL", "TEL", "JOINED", "CONTRACT", "DEPOT", "BENEFIT", "OPTION", "LEVEL", "STARTDT",
    "STOPDT",
)  # fmt: skip

FEED = Feed(
    name="borealis_changes",
    partner="borealis",
    about=__doc__ or "",
    owner="eligibility",
    source=SftpDrop(
        conn_id="borealis_sftp",
        directory="/to_concord",
        pattern="BLX_CHG_{date:%Y%m%d}_{sequence}.txt",
        stable_for=timedelta(seconds=5),
    ),
    schedule=Daily(at="21:30", tz="America/Chicago", expected_by="23:00"),
    format=Delimited(
        delimiter="|",
        names=NAMES,
        control=Control(
            header="H",
            detail="D",
            trailer="T",
            sender="BOREALIS",
            sender_field=1,
            date_field=2,
            sequence_field=3,
            count_field=1,
            total_field=2,
            total_column="WORKER",
        ),
    ),
    mode=Mode.DELTA,
    order=OrderBy(file_date=True, sequence=True),
    scope=Scope(groups=("BLX100", "BLX200"), lines=("HLT", "DEN", "VIS")),
    columns={
        "maintenance_action": From("ACT", Codes(ACTIONS), required=True),
        "subscriber_id": From("WORKER", Text(r"\AW-[0-9]{6}\Z"), required=True),
        "person_code": From("SUFFIX", Text(r"\A[0-9]{2}\Z"), required=True),
        "relationship_code": From("REL", Codes(RELATIONSHIP), required=True),
        "last_name": From("SURNAME", Text(max_length=50), required=True),
        "first_name": From("GIVEN", Text(max_length=50), required=True),
        "birth_date": From("BORN", DAY, required=True),
        "gender_code": From("SEX", Codes({"1": "M", "2": "F", "9": "U"})),
        "birth_sequence": From("BIRTHSEQ", Whole(1, 9)),
        "ssn": From("TAXID", Ssn()),
        "address_line_1": From("ADDR1", Text()),
        "address_line_2": From("ADDR2", Text()),
        "city": From("TOWN", Text(max_length=60)),
        "state_code": From("ST", Text(r"\A[A-Z]{2}\Z", upper=True)),
        "postal_code": From("POSTAL", Text(r"\A[0-9]{5}(-[0-9]{4})?\Z")),
        "email": From("MAIL", Text(r"\A[^@ ]+@[^@ ]+[.][^@ ]+\Z")),
        "phone": From("TEL", Text(r"\A[0-9]{10}\Z", digits_only=True)),
        "hire_date": From("JOINED", DAY),
        "group_id": From("CONTRACT", Text(r"\ABLX[0-9]{3}\Z"), required=True),
        "division_code": From("DEPOT", Text(r"\A[A-Z0-9]{1,8}\Z", upper=True)),
        "coverage_line": From("BENEFIT", Codes(LINES), required=True),
        "plan_code": From("OPTION", Text(r"\A[A-Z0-9-]{2,12}\Z", upper=True), required=True),
        "coverage_tier": From("LEVEL", Codes(TIERS), required=True),
        "effective_from": From("STARTDT", DAY, required=True),
        "effective_to": From("STOPDT", DAY),
    },
    ignored=("REC",),
    rules=(
        RequiredWhen("effective_to", when="maintenance_action", values=("end",)),
        NotInFuture("birth_date"),
        NotBefore("birth_date", date(1900, 1, 2)),
        NotBefore("effective_from", date(1980, 1, 1)),
    ),
    policy=Policy(
        omission=Omission.KEEP,
        to_date=ToDate.FIRST_UNCOVERED_DAY,
        guards=Guards(
            ends=Limit(share=0.05, floor=10),
            adds=Limit(share=0.10, floor=25),
            rejected=Limit(share=0.20, floor=10),
        ),
    ),
    tags=("employer", "eligibility"),
)
