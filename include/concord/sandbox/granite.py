"""Granite Mills: the same invented families, told every weekday by a mainframe job.

The whole roster in EBCDIC, records of one length and nothing between them; employee numbers and social security numbers
are packed. Header and trailer are always right; spoiling those is left to tests.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from datetime import datetime

from concord.sandbox.dirt import Defect, Dirt, Record, Spoiled, put
from concord.sandbox.roster import OPEN, Employer, Layout, Manifest, Roster, with_dirt
from concord.sandbox.writing.fixed_width import Field, Kind, write

ENCODING = "cp037"
FIELDS = (
    Field("REC-TYPE", 1), Field("EMP-NO", 4, Kind.PACKED, signed=False), Field("DEP-NO", 2), Field("REL", 2),
    Field("LAST-NAME", 40), Field("FIRST-NAME", 30), Field("MIDDLE", 1), Field("BIRTH-DT", 8), Field("SEX", 1),
    Field("TWIN-NO", 1), Field("SSN", 5, Kind.PACKED, signed=False), Field("STREET-1", 40), Field("STREET-2", 20),
    Field("CITY", 20), Field("STATE", 2), Field("ZIP", 5), Field("E-MAIL", 40), Field("PHONE", 10),
    Field("HIRE-DT", 8), Field("GROUP", 6), Field("DIVISION", 8), Field("BENEFIT", 3), Field("PLAN", 8),
    Field("TIER", 3), Field("EFF-DT", 8), Field("END-DT", 8), Field("FILLER", 16),
)  # fmt: skip
NAMES = tuple(field.name for field in FIELDS)
LENGTH = sum(field.length for field in FIELDS)
GROUPS = {"ACME01": "GRN001", "ACME02": "GRN002"}
BENEFITS = {"MEDICAL": "MED", "DENTAL": "DEN"}
TIERS = {"EE": "EMP", "EE+SP": "ESP", "EE+CH": "ECH", "FAM": "FAM"}
NEVER = "99991231"
DAMAGE = Dirt(
    defects=(
        Defect("birth_date.date", put("BIRTH-DT", "19910230", NAMES)),
        Defect("relationship_code.code", put("REL", "ZZ", NAMES)),
        Defect("last_name.required", put("LAST-NAME", "", NAMES)),
        Defect("postal_code.pattern", put("ZIP", "9021", NAMES)),
        Defect("plan_code.pattern", put("PLAN", "PPO 500", NAMES)),
        Defect("effective_from.date", put("EFF-DT", "20261301", NAMES)),
    ),
    rare=(),
)


def name(manifest: Manifest) -> str:
    """``GRANITE.ELIG.D20261118.DAT``."""
    return f"GRANITE.ELIG.D{manifest.file_date:%Y%m%d}.DAT"


def content(roster: Roster) -> bytes:
    """Header, details, trailer with their number."""
    out = io.BytesIO()
    write(
        out, FIELDS, roster.records, encoding=ENCODING, line_end=None,
        header=_control(f"H{'GRANITE':<10}{roster.manifest.file_date:%Y%m%d}"),
        trailer=lambda count: _control(f"T{count:09d}"),
    )  # fmt: skip
    return out.getvalue()


def _control(text: str) -> bytes:
    return text.ljust(LENGTH).encode(ENCODING)


LAYOUT = Layout(name, content, NAMES)


class Granite(Employer):
    """Granite Mills."""

    dirt = DAMAGE

    def write(self, record: Record) -> Record:
        """The record as fields of the mainframe's."""
        (worker, code, relation, last, first, middle, born, sex, twin, ssn, street, city, state, postal_code, email,
         phone, hired, group, division, coverage, plan, tier, start, end) = record  # fmt: skip
        street, _, more = street.partition("\n")
        return (
            "D", worker[1:], code, relation, last, first, middle, _day(born), sex, twin, ssn.replace("-", ""), street,
            more, city, state, postal_code, email, phone, _day(hired), GROUPS[group], division, BENEFITS[coverage],
            plan, TIERS[tier], _day(start), NEVER if end == OPEN else _day(end), "",
        )  # fmt: skip

    def made(self, spoiled: Spoiled, manifest: Manifest) -> Roster:
        """The roster; a number that is missing is nine zeros, which must be noticed."""
        good = (record for at, record in enumerate(spoiled.records) if at not in spoiled.bad)
        flags = Counter("ssn.placeholder" for record in good if not record[NAMES.index("SSN")])
        return Roster(spoiled.records, replace(with_dirt(manifest, spoiled), flags=dict(flags)), LAYOUT)


def _day(day: str) -> str:
    return datetime.strptime(day, "%m/%d/%Y").strftime("%Y%m%d") if day else ""  # noqa: DTZ007 - a calendar date
