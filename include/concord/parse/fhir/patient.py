"""FHIR Patient to ``patient`` (https://hl7.org/fhir/R4/patient.html, US Core Patient)."""

from __future__ import annotations

from collections.abc import Iterator

from concord.parse.fhir import identifiers
from concord.parse.fhir.codings import codings, preferred
from concord.parse.fhir.extensions import read_birth_sex, read_omb_category
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.persons import HOME_FIRST, read_address, read_contact, read_gender, read_name
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.references import read_reference


def read_patient(reading: Reading) -> None:
    """All columns of ``patient``."""
    patient = reading.resource
    reading.boolean("active", patient.get("active"))
    read_name(reading, patient.get("name"))
    reading.date("birth_date", "birth_precision", patient.get("birthDate"))
    read_gender(reading, patient.get("gender"))
    _read_identifiers(reading, list(reading.objects("identifier", patient.get("identifier"))))
    read_address(reading, patient.get("address"), HOME_FIRST)
    read_contact(reading, patient.get("telecom"))
    read_omb_category(reading, "race_code", "race")
    read_omb_category(reading, "ethnicity_code", "ethnicity")
    read_birth_sex(reading)
    marital = preferred(codings(reading, "marital_status", patient.get("maritalStatus")))
    reading.text("marital_status", marital.get("code"))
    _read_language(reading)
    _read_birth_order(reading)
    _read_death(reading)
    read_reference(reading, "managing_organization", patient.get("managingOrganization"))
    for other in links(reading, "replaced-by"):
        read_reference(reading, "replaced_by", other)


def _read_identifiers(reading: Reading, found: list[Tree]) -> None:
    identifiers.read_ssn(reading, found)
    reading.text("mrn", identifiers.of_type(reading, "mrn", found, "MR"))
    reading.text("member_identifier", identifiers.of_type(reading, "member_identifier", found, "MB"))


def _read_language(reading: Reading) -> None:
    spoken = list(reading.objects("language_code", reading.resource.get("communication")))
    chosen = next((each for each in spoken if each.get("preferred") is True), next(iter(spoken), {}))
    language = preferred(codings(reading, "language_code", chosen.get("language")))
    reading.text("language_code", language.get("code"))


def _read_birth_order(reading: Reading) -> None:
    """multipleBirthBoolean says only that there are others: no number is known."""
    reading.integer("multiple_birth", reading.resource.get("multipleBirthInteger"))
    if type(reading.resource.get("multipleBirthBoolean")) not in {bool, type(None)}:
        reading.problem("multiple_birth", "kind")


def _read_death(reading: Reading) -> None:
    died = reading.resource.get("deceasedDateTime")
    reading.boolean("deceased", reading.resource.get("deceasedBoolean"))
    reading.moment("deceased", died)
    if "deceased_at" in reading.row:
        reading.row["deceased"] = True


def links(reading: Reading, kind: str) -> Iterator[object]:
    """What Patient.link of type ``kind`` points to (replaced-by, replaces, refer, seealso)."""
    for link in reading.objects("replaced_by_reference", reading.resource.get("link")):
        if link.get("type") == kind:
            yield link.get("other")
