"""Business identifiers: Social security numbers, record numbers, member numbers, NPI.

Types are of HL7 table 0203 (http://terminology.hl7.org/CodeSystem/v2-0203). An SSN goes
nowhere but into the ``ssn`` column: whatever else is read of identifiers passes it by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from concord.parse.fhir.codings import codings, concept_text
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading, is_one_of

SSN_SYSTEMS = frozenset(
    {"http://hl7.org/fhir/sid/us-ssn", "https://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"}
)
NPI_SYSTEMS = frozenset({"http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6"})
SSN_TYPE = "SS"
SSN_WORDS = frozenset({"ssn", "social security number"})
_SEPARATORS = re.compile(r"[\s\-.]")
_MASKED = re.compile(r"[xX*#•]")


def is_ssn(reading: Reading, identifier: Tree) -> bool:
    """Whether an Identifier is a Social security number, by its system or its type."""
    system = identifier.get("system")
    if type(system) is str and system.strip().rstrip("/").lower() in SSN_SYSTEMS:
        return True
    if SSN_TYPE in types(reading, identifier):
        return True
    words = concept_text(reading, "identifier", identifier.get("type"))
    return type(words) is str and words.strip().lower() in SSN_WORDS


def types(reading: Reading, identifier: Tree) -> frozenset[str]:
    """The codes of an identifier's type."""
    found = codings(reading, "identifier", identifier.get("type"))
    return frozenset(code for coding in found if type(code := coding.get("code")) is str)


def read_ssn(reading: Reading, identifiers: Iterable[Tree]) -> None:
    """The SSN's nine digits into ``ssn``; a masked one (``xxx-xx-1234``) is none."""
    for identifier in identifiers:
        if is_ssn(reading, identifier):
            text = reading.string("ssn", identifier.get("value"))
            if text is not None and not _MASKED.search(text):
                _write_ssn(reading, _SEPARATORS.sub("", text))


def _write_ssn(reading: Reading, digits: str) -> None:
    if not re.fullmatch(r"[0-9]{9}", digits):
        reading.problem("ssn", "format")
    elif reading.row.setdefault("ssn", digits) != digits:
        reading.problem("ssn", "many")


def of_type(reading: Reading, column: str, identifiers: Iterable[Tree], code: str) -> str | None:
    """The value of the identifier of type ``code``: one in use before an old one."""
    return _first(reading, column, (each for each in identifiers if code in types(reading, each)))


def of_system(reading: Reading, column: str, identifiers: Iterable[Tree], systems: frozenset[str]) -> str | None:
    """The value of the identifier of one of ``systems``."""
    return _first(reading, column, (each for each in identifiers if is_one_of(each.get("system"), systems)))


def first(reading: Reading, column: str, identifiers: Iterable[Tree]) -> str | None:
    """The value of the first identifier that is no SSN."""
    return _first(reading, column, identifiers)


def _first(reading: Reading, column: str, identifiers: Iterable[Tree]) -> str | None:
    found = [each for each in identifiers if not is_ssn(reading, each)]
    found.sort(key=lambda each: each.get("use") == "old")
    values = (reading.string(column, each.get("value")) for each in found)
    return next((value for value in values if value is not None), None)


def token(reading: Reading, column: str, identifier: Tree) -> str | None:
    """``system|value``; None for an SSN and where there is no value."""
    value = reading.string(column, identifier.get("value"))
    if value is None or is_ssn(reading, identifier):
        return None
    return f"{reading.string(column, identifier.get('system')) or ''}|{value}"
