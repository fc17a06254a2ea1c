"""Meridian Health Plan sends enrollments as X12 834 (005010X220A1), numbered, by 02:00 Eastern.

The first file replaces (BGN08=RX); afterwards a change file (BGN08=2) comes every night, in which whoever is not in it
is as before. A file that replaces can come again: whoever is missing from it has left on the day of the file, which
waits for a person where many are. INS03 is about the member, HD01 about the coverage; a member who leaves takes every
coverage along.

Files are encrypted to us and signed (PGP). Each is acknowledged by TA1 and 999 within minutes, and by a report of the
rows that were refused once it is reconciled.

Members of a family are told apart by their suffix (``REF*23``). Meridian's group numbers stand in ``REF*1L`` of the
member. ``DTP*349`` is the last covered day. The interchange control number is the number of the file's name and grows
by one. Questions: enrollment services of Meridian, weekdays; a missing number is sent again on request.
"""

from __future__ import annotations

from datetime import date, timedelta

from concord.contract import (
    X12834,
    Answers,
    Codes,
    Daily,
    Feed,
    From,
    Guards,
    Limit,
    Mode,
    NotBefore,
    NotInFuture,
    Omission,
    OrderBy,
    Pgp,
    Policy,
    RequiredWhen,
    Scope,
    SftpDrop,
    Text,
    columns_834,
)

LINES = ("HLT", "DEN", "VIS")

FEED = Feed(
    name="meridian_834",
    partner="meridian",
    about=__doc__ or "",
    owner="eligibility",
    source=SftpDrop(
        conn_id="meridian_sftp",
        directory="/outbound",
        pattern="MHP_834_{date:%Y%m%d}_{sequence}.x12.pgp",
        stable_for=timedelta(seconds=5),
        envelope=(Pgp("meridian_pgp"),),
    ),
    schedule=Daily(at="02:30", tz="America/New_York", expected_by="04:00"),
    format=X12834(
        person_code="REF*23",
        senders=("MERIDIAN",),
        receivers=("CONCORD",),
        versions=("005010X220A1",),
        control_numbers="gapless",
    ),
    answers=Answers("/from_concord", acknowledge=True),
    mode=Mode.FULL,
    order=OrderBy(file_date=True, sequence=True),
    scope=Scope(groups=("MHP10001", "MHP10002"), lines=LINES),
    columns=columns_834(
        subscriber_id=From("REF*0F", Text(r"\AE[0-9]{7}\Z"), required=True),
        person_code=From("person", Text(r"\A[0-9]{2}\Z"), required=True),
        group_id=From("group", Text(r"\AMHP[0-9]{5}\Z"), required=True),
        division_code=From("REF*17", Text(r"\A[A-Z0-9]{1,8}\Z", upper=True)),
        coverage_line=From("line", Codes({line: line for line in LINES}), required=True),
    ),
    rules=(
        RequiredWhen("effective_to", when="maintenance_action", values=("end",)),
        NotInFuture("birth_date"),
        NotBefore("birth_date", date(1900, 1, 2)),
        NotBefore("effective_from", date(1980, 1, 1)),
    ),
    policy=Policy(
        omission=Omission.AS_OF_DATE,
        guards=Guards(
            ends=Limit(share=0.05, floor=10),
            adds=Limit(share=0.10, floor=25),
            rejected=Limit(share=0.20, floor=10),
        ),
    ),
    tags=("health plan", "eligibility", "834"),
)
