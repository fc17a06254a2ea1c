"""US Core extensions of a patient: race, ethnicity, birth sex.

http://hl7.org/fhir/us/core/StructureDefinition/us-core-race (-ethnicity, -birthsex); their
forebears of Argonaut (DSTU2) carry a CodeableConcept instead of nested extensions.
"""

from __future__ import annotations

from collections.abc import Iterator

from concord.parse.fhir.codings import codings
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
ARGONAUT = "http://fhir.org/guides/argonaut/StructureDefinition/argo-"


def extensions(reading: Reading, column: str, tree: Tree, *urls: str) -> Iterator[Tree]:
    """The extensions of ``tree`` with one of ``urls``."""
    return (each for each in reading.objects(column, tree.get("extension")) if each.get("url") in urls)


def read_omb_category(reading: Reading, column: str, name: str) -> None:
    """The OMB categories of us-core-race or us-core-ethnicity, a blank between them."""
    codes: list[str] = []
    for extension in extensions(reading, column, reading.resource, US_CORE + name, ARGONAUT + name):
        codes += _codes(reading, column, extension.get("valueCodeableConcept"))
        for category in extensions(reading, column, extension, "ombCategory"):
            codes += _codes(reading, column, category.get("valueCoding"))
    if codes:
        reading.row[column] = " ".join(dict.fromkeys(codes))


def _codes(reading: Reading, column: str, value: object) -> list[str]:
    found = (reading.string(column, coding.get("code")) for coding in codings(reading, column, value))
    return [code for code in found if code is not None]


def read_birth_sex(reading: Reading) -> None:
    """us-core-birthsex: F, M, UNK, OTH, ASKU."""
    for extension in extensions(reading, "birth_sex", reading.resource, US_CORE + "birthsex", ARGONAUT + "birthsex"):
        reading.text("birth_sex", extension.get("valueCode"))
        for code in _codes(reading, "birth_sex", extension.get("valueCodeableConcept")):
            reading.row["birth_sex"] = code
