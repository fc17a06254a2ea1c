"""A contract that contradicts itself cannot be built, and says where."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from concord.catalogue import feed, feeds, refuse_shared_names, refuse_shared_scopes
from concord.contract import (
    X12834,
    Blank,
    Codes,
    Control,
    ControlFile,
    DateText,
    Delimited,
    From,
    Guards,
    Limit,
    Mode,
    NotInFuture,
    Omission,
    OrderBy,
    Policy,
    Scope,
    SftpDrop,
    Text,
    Weekdays,
)
from concord.errors import ContractError

if TYPE_CHECKING:
    from concord.contract import Feed

ACME = feed("acme_eligibility")


def columns(**changed: From | None) -> dict[str, From]:
    """Acme's columns with some replaced, or left out (None)."""
    merged: dict[str, From | None] = {**ACME.columns, **changed}
    return {name: mapping for name, mapping in merged.items() if mapping is not None}


def controlled(**values: Any) -> Delimited:
    """Acme's layout with control records."""
    return Delimited(control=Control(**values))


def drop(**values: Any) -> SftpDrop:
    """Acme's folder, with other files in it."""
    return replace(ACME.drop, **values)


PARTS = "ELIG_{date:%Y%m%d}_{part}.csv"
SOURCES = tuple(mapping.source for mapping in ACME.columns.values())

CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "a name that is no identifier": ({"name": "Acme Eligibility"}, "name"),
    "a partner that is no identifier": ({"partner": "a; drop"}, "partner"),
    "no words about it": ({"about": " "}, "about"),
    "nobody answers for it": ({"owner": ""}, "owner"),
    "a column of no entity": ({"columns": columns(shoe_size=From("SHOE"))}, "columns[shoe_size]"),
    "a key column mapped from nowhere": ({"columns": columns(person_code=None)}, "columns[person_code]"),
    "a required value that may be blank": ({"columns": columns(last_name=From("LASTNAME"))}, "columns[last_name]"),
    "mapped and constant": ({"constants": {"plan_code": "X"}}, "constants[plan_code]"),
    "required from an optional column": (
        {"columns": columns(plan_code=From("PLAN", required=True, optional_column=True))},
        "columns[plan_code]",
    ),
    "a date read as text": ({"columns": columns(hire_date=From("HIRED"))}, "columns[hire_date].read"),
    "text read as a date": ({"columns": columns(city=From("CITY", DateText()))}, "columns[city].read"),
    "a number read as text": ({"columns": columns(birth_sequence=From("BIRTHSEQ"))}, "columns[birth_sequence].read"),
    "an ssn read as text": ({"columns": columns(ssn=From("SSN", Text()))}, "columns[ssn].read"),
    "digits of every script": ({"columns": columns(city=From("CITY", Text(r"\A\d+\Z")))}, "columns[city].read"),
    "an end that lets a line end pass": (
        {"columns": columns(city=From("CITY", Text(r"\A[A-Z]+$")))},
        "columns[city].read",
    ),
    "no regular expression": ({"columns": columns(city=From("CITY", Text("[")))}, "columns[city].read"),
    "a date format that is not read": (
        {"columns": columns(hire_date=From("HIRED", DateText(("%A",))))},
        "columns[hire_date].read",
    ),
    "two-digit years in no century": (
        {"columns": columns(hire_date=From("HIRED", DateText(("%m/%d/%y",))))},
        "columns[hire_date].read",
    ),
    "a pivot for no two-digit year": (
        {"columns": columns(hire_date=From("HIRED", DateText(("%m/%d/%Y",), pivot=30)))},
        "columns[hire_date].read",
    ),
    "days and months in either order": (
        {"columns": columns(hire_date=From("HIRED", DateText(("%-m/%-d/%Y", "%d/%m/%Y"))))},
        "columns[hire_date].read",
    ),
    "eight digits in either order": (
        {"columns": columns(hire_date=From("HIRED", DateText(("%Y%m%d", "%m%d%Y"))))},
        "columns[hire_date].read",
    ),
    "zeros given back to no digit": (
        {"columns": columns(postal_code=From("ZIP", Text(r"[0-9]{5}", pad_left=0)))},
        "columns[postal_code].read",
    ),
    "columns without a name": ({"format": Delimited(names=("EMPID",))}, "columns[person_code]"),
    "a column twice": ({"format": Delimited(names=(*SOURCES, SOURCES[0]))}, "format.names"),
    "an optional column in a file without names": ({"format": Delimited(names=SOURCES)}, "columns[birth_sequence]"),
    "a sender that stands nowhere": ({"format": controlled(header="H", sender="ACME")}, "format.control"),
    "a date in no header": ({"format": controlled(date_field=2)}, "format.control"),
    "a sequence the name has not": ({"format": controlled(header="H", sequence_field=2)}, "format.control"),
    "a total in no trailer": ({"format": controlled(total_field=2, total_column="EMPID")}, "format.control"),
    "a total of nothing": ({"format": controlled(trailer="T", total_field=2)}, "format.control"),
    "a total of a column that is not read": (
        {"format": controlled(trailer="T", total_field=2, total_column="SHOE")},
        "format.control",
    ),
    "header and trailer that look alike": ({"format": controlled(header="C", trailer="C")}, "format.control"),
    "actions that are none": (
        {"columns": columns(maintenance_action=From("ACTION", Codes({"X": "explode"})))},
        "columns[maintenance_action].read",
    ),
    "a rule about a column that is not there": ({"rules": (NotInFuture("name_suffix"),)}, "rules[NotInFuture]"),
    "no time zone": ({"schedule": Weekdays(at="05:30", tz="Mars/Base", expected_by="07:00")}, "schedule.tz"),
    "no time": ({"schedule": Weekdays(at="25:30", tz="UTC", expected_by="07:00")}, "schedule.at"),
    "a deadline before the look": (
        {"schedule": Weekdays(at="05:30", tz="UTC", expected_by="05:30")},
        "schedule.expected_by",
    ),
    "promised on no day": (
        {"schedule": Weekdays(at="05:30", tz="UTC", expected_by="07:00", promised_on=(7,))},
        "schedule.promised_on",
    ),
    "stale at once": (
        {"schedule": Weekdays(at="05:30", tz="UTC", expected_by="07:00", stale_after=0)},
        "schedule.stale_after",
    ),
    "no deadline": ({"schedule": Weekdays(at="05:30", tz="UTC", expected_by="soon")}, "schedule.expected_by"),
    "ordered by a date the name has not": ({"source": replace(ACME.source, pattern="ELIG*.csv")}, "source.pattern"),
    "ordered by a sequence the name has not": ({"order": OrderBy(sequence=True)}, "source.pattern"),
    "a relative folder": ({"source": replace(ACME.source, directory="outbound")}, "source.directory"),
    "a companion of nothing": ({"source": drop(checksum="{stem}")}, "source.checksum"),
    "a companion in another folder": ({"source": drop(done_suffix="../{name}.done")}, "source.done_suffix"),
    "a companion by a number the name has not": ({"source": drop(checksum="E_{sequence}.md5")}, "source.checksum"),
    "two companions of one name": ({"source": drop(checksum=".ok", done_suffix=".ok")}, "source"),
    "a control file that says nothing": ({"source": drop(control=ControlFile(".ctl", ()))}, "source.control"),
    "a control file that says what nobody knows": (
        {"source": drop(control=ControlFile(".ctl", ("{size}",)))},
        "source.control",
    ),
    "a control file that says a number twice": (
        {"source": drop(control=ControlFile(".ctl", ("{bytes} {bytes}",)))},
        "source.control",
    ),
    "a number of parts of one file": ({"source": drop(parts=3)}, "source.parts"),
    "parts of which nobody says how many": ({"source": drop(pattern=PARTS)}, "source.parts"),
    "one part": ({"source": drop(pattern=PARTS, parts=1)}, "source.parts"),
    "parts counted by a control file for each": (
        {"source": drop(pattern=PARTS, control=ControlFile(".ctl", ("{parts}",)))},
        "source.control",
    ),
    "parts that must be closer than they can be": (
        {"source": drop(pattern=PARTS, parts=2, parts_within=timedelta(0))},
        "source.parts_within",
    ),
    "parts of an interchange": ({"source": drop(pattern=PARTS, parts=2), "format": X12834()}, "source.pattern"),
    "counted records of an interchange": (
        {"source": drop(control=ControlFile(".ctl", ("{records}",))), "format": X12834()},
        "source.control",
    ),
    "a change file that ends by absence": (
        {"mode": Mode.DELTA, "policy": Policy(omission=Omission.END_OF_MONTH)},
        "policy.omission",
    ),
    "a change file without order": (
        {"mode": Mode.DELTA, "order": OrderBy(file_date=False), "policy": Policy()},
        "order",
    ),
    "a share of more than all": ({"policy": Policy(guards=Guards(ends=Limit(1.5, 10)))}, "policy.guards.ends"),
    "counting absences to no end": ({"policy": Policy(omission=Omission.KEEP, absences=2)}, "policy.absences"),
    "no absence ends": ({"policy": Policy(omission=Omission.END_OF_MONTH, absences=0)}, "policy.absences"),
    "a day no month has": ({"policy": Policy(cutoff_day=31)}, "policy.cutoff_day"),
    "lines without groups": ({"scope": Scope(lines=("HLT",))}, "scope"),
    "scope columns that may hold anything": (
        {"columns": columns(group_id=From("GROUP", required=True))},
        "columns[group_id].read",
    ),
    "three approvers": ({"policy": Policy(approvers=3)}, "policy.approvers"),
    "quote and delimiter are one": ({"format": replace(ACME.format, quote=",")}, "format"),
}


@pytest.mark.parametrize(("changes", "where"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradictory_contract_cannot_be_built_and_says_where(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(ContractError) as caught:
        replace(ACME, **changes)
    assert caught.value.field == where
    assert repr(changes.get("name", ACME.name)) in str(caught.value)


def test_two_orders_that_no_text_can_confuse_are_sound() -> None:
    formats = DateText(("%-m/%-d/%Y", "%d.%m.%Y", "%Y%m%d", "%-m/%-d/%y"), pivot=30)
    replace(ACME, columns=columns(hire_date=From("HIRED", formats)))


def test_a_sound_contract_can_be_built() -> None:
    assert replace(ACME, name="acme_again").name == "acme_again"


def test_blank_means_clear_in_a_full_and_keep_in_a_change_file_unless_said() -> None:
    delta = replace(ACME, mode=Mode.DELTA, policy=Policy())
    assert (ACME.blank_means("middle_name"), delta.blank_means("middle_name")) == (Blank.CLEAR, Blank.KEEP)
    said = replace(ACME, columns=columns(middle_name=From("MIDDLE", blank=Blank.KEEP)))
    assert said.blank_means("middle_name") is Blank.KEEP


def test_a_column_the_partner_never_sends_keeps_what_is_held() -> None:
    assert ACME.blank_means("name_suffix") is Blank.KEEP


def test_every_value_of_a_contract_is_in_its_fingerprint() -> None:
    other = replace(ACME, policy=replace(ACME.policy, guards=replace(ACME.policy.guards, tail_losses=11)))
    assert other.fingerprint != ACME.fingerprint == replace(ACME).fingerprint


def test_two_contracts_of_one_name_are_refused() -> None:
    with pytest.raises(ContractError, match="used by two"):
        refuse_shared_names([ACME, replace(ACME)])


def test_two_full_feeds_may_not_own_one_scope() -> None:
    second: Feed = replace(ACME, name="acme_again", scope=Scope(groups=("ACME02",), lines=("DEN",)))
    with pytest.raises(ContractError, match="belongs to feed 'acme_eligibility'"):
        refuse_shared_scopes([ACME, second])
    refuse_shared_scopes([ACME, replace(second, mode=Mode.DELTA, policy=Policy())])
    refuse_shared_scopes([ACME, replace(second, partner="other")])


def test_an_unknown_feed_is_named_with_those_there_are() -> None:
    with pytest.raises(ContractError, match="acme_eligibility"):
        feed("nobody")


def test_contracts_import_without_the_heavy_libraries() -> None:
    code = "import sys; from concord.catalogue import feeds; feeds(); print(*sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "concord.contract.feed" in found
    assert {"pandas", "pandera", "psycopg", "paramiko", "airflow", "numpy"} & set(found) == set()


def test_there_is_a_feed() -> None:
    assert "acme_eligibility" in feeds()
