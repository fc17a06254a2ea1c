"""PID to a row of ``patient`` (HL7 v2.8 §3.4.2; column by column after the v2-to-FHIR guide, Segment PID)."""

from __future__ import annotations

from concord.parse.hl7v2.context import Context
from concord.parse.hl7v2.identifiers import (
    MEDICAL_RECORD,
    MEMBER,
    SSN,
    SSN_AUTHORITY,
    Identifier,
    identifiers,
    of_type,
    patient_identifier,
)
from concord.parse.hl7v2.message import Segment
from concord.parse.hl7v2.persons import put_address, put_name, put_telecom
from concord.parse.hl7v2.refusal import Code, MessageRefused
from concord.parse.hl7v2.rows import Row

GENDERS = {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M"}
"""HL7 table 0001; other, unknown, ambiguous and not applicable are U, as in FHIR rows."""


def known_as(pid: Segment, context: Context) -> Identifier:
    """The identifier of the patient: PID-3, before 2.3.1 perhaps only PID-2; raises ``patient.no_identifier``."""
    found = patient_identifier([*_all(pid, 3, context), *_all(pid, 2, context)], context.authority)
    if found is None:
        raise MessageRefused(Code.NO_IDENTIFIER)
    return found


def replaced(mrg: Segment, context: Context) -> Identifier:
    """Who a MRG says was replaced: MRG-1, else MRG-4; raises ``segment.missing_mrg`` where it names nobody."""
    found = patient_identifier([*_all(mrg, 1, context), *_all(mrg, 4, context)], context.authority)
    if found is None:
        raise MessageRefused(Code.NO_MRG)
    return found


def _all(segment: Segment, number: int, context: Context) -> list[Identifier]:
    return identifiers(segment, number, context.authority)


def patient_row(pid: Segment, context: Context) -> Row:
    """The patient of ``pid``; raises :class:`MessageRefused` (``patient.no_identifier``, ``<column>.format``)."""
    identifier = known_as(pid, context)
    row = context.row("patient", identifier.record_id)
    _put_identifiers(row, pid, identifier, context)
    put_name(row, pid.repetitions(5))
    row.date("birth_date", "birth_precision", pid.first(7))
    row.put("gender_code", pid.first(8).part(1), pid.encoding, lambda text: GENDERS.get(text.upper(), "U"))
    put_address(row, pid.repetitions(11))
    put_telecom(row, [*pid.repetitions(13), *pid.repetitions(40), *pid.repetitions(14)])
    _put_codes(row, pid)
    _put_birth_order(row, pid)
    _put_death(row, pid)
    return row


def _put_identifiers(row: Row, pid: Segment, identifier: Identifier, context: Context) -> None:
    listed = _all(pid, 3, context)
    if identifier.type in ("", MEDICAL_RECORD):
        row.set("mrn", identifier.number)
    if member := of_type(listed, *MEMBER):
        row.set("member_identifier", member.number)
    row.put("ssn", pid.first(19).part(1), pid.encoding, nine_digits)
    listed_ssn = of_type(listed, SSN) or next((one for one in listed if one.authority == SSN_AUTHORITY), None)
    if listed_ssn and not {"ssn"} & (row.values.keys() | row.cleared) and (digits := nine_digits(listed_ssn.number)):
        row.set("ssn", digits)


def nine_digits(text: str) -> str | None:
    """An SSN as nine digits; None for what has another number of them."""
    digits = text.replace("-", "").replace(" ", "")
    return digits if len(digits) == 9 and digits.isascii() and digits.isdigit() else None


def _put_codes(row: Row, pid: Segment) -> None:
    row.put("language_code", pid.first(15).part(1), pid.encoding)
    row.put("marital_status", pid.first(16).part(1), pid.encoding)
    row.put("ethnicity_code", pid.first(22).part(1), pid.encoding)
    races = pid.repetitions(10)
    if any(race.is_null for race in races):
        row.clear("race_code")
    elif codes := " ".join(filter(None, (race.text(1) for race in races))):
        row.set("race_code", codes)


def _put_birth_order(row: Row, pid: Segment) -> None:
    """PID-25 counts in a multiple birth; where PID-24 says that it was none, there is no order."""
    raw = pid.first(25).part(1).strip()
    row.put("multiple_birth", raw, pid.encoding, _order)
    if pid.text(24).upper() == "N":
        row.clear("multiple_birth")


def _order(text: str) -> str | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        raise MessageRefused("multiple_birth.number")
    return str(int(text)) if int(text) else None


def _put_death(row: Row, pid: Segment) -> None:
    """PID-29 and PID-30: a date of death says that it happened, "not dead" alone that no date holds."""
    row.moment("deceased_at", "deceased_precision", pid.first(29))
    row.indicator("deceased", pid.first(30))
    if "deceased_at" in row.values and "deceased" not in row.values:
        row.set("deceased", True)
    if row.values.get("deceased") is False and "deceased_at" not in row.values:
        row.clear("deceased_at", "deceased_precision")
