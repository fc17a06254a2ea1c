"""Codes with their systems: CodeableConcept, Coding, a bare code, and R5's CodeableReference.

Of several codings the one of the preferred system counts; the others stay reachable in
``code_all``. One system has one name here, whether a server writes its URI or its OID.
"""

from __future__ import annotations

from collections.abc import Iterable

from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading, is_one_of

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_9_CM = "http://hl7.org/fhir/sid/icd-9-cm"
ICD_10_PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
CVX = "http://hl7.org/fhir/sid/cvx"
NDC = "http://hl7.org/fhir/sid/ndc"

SAME_SYSTEM = {
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.90": ICD_10_CM,
    "http://hl7.org/fhir/sid/icd-10-cm/us": ICD_10_CM,
    "urn:oid:2.16.840.1.113883.6.103": ICD_9_CM,
    "http://hl7.org/fhir/sid/icd-9-cm/diagnosis": ICD_9_CM,
    "urn:oid:2.16.840.1.113883.6.4": ICD_10_PCS,
    "http://hl7.org/fhir/sid/icd-10-pcs": ICD_10_PCS,
    "urn:oid:2.16.840.1.113883.6.12": CPT,
    "urn:oid:2.16.840.1.113883.6.285": HCPCS,
    "urn:oid:2.16.840.1.113883.12.292": CVX,
    "urn:oid:2.16.840.1.113883.6.69": NDC,
}
"""Other names of code systems (https://terminology.hl7.org/external_terminologies.html)."""

PREFERRED: dict[tuple[str, str], tuple[str, ...]] = {
    ("condition", "code"): (ICD_10_CM, SNOMED, ICD_9_CM),
    ("observation", "code"): (LOINC, SNOMED),
    ("medication_request", "code"): (RXNORM, NDC),
    ("procedure", "code"): (CPT, HCPCS, ICD_10_PCS, SNOMED),
    ("immunization", "code"): (CVX, NDC),
    ("allergy_intolerance", "code"): (RXNORM, SNOMED, NDC),
    ("diagnostic_report", "code"): (LOINC, CPT),
    ("document_reference", "code"): (LOINC,),
}
"""Which system's coding is the record's ``code``, best first: what quality measures are written in."""
HL7 = ("http://terminology.hl7.org/", "http://hl7.org/fhir/", "urn:oid:2.16.840.1.113883.5.")
"""Everything else: HL7's own before a local code."""


def codings(reading: Reading, column: str, value: object) -> list[Tree]:
    """The codings of a CodeableConcept, Coding, code or CodeableReference, or of a list of them."""
    found: list[Tree] = []
    for item in value if type(value) is list else [value]:
        if type(item) is str:
            found.append({"code": item})
        else:
            found += _of_concept(reading, column, reading.tree(column, item))
    return found


def _of_concept(reading: Reading, column: str, concept: Tree) -> Iterable[Tree]:
    if "concept" in concept:
        concept = reading.tree(column, concept["concept"])
    if "coding" in concept:
        return reading.objects(column, concept["coding"])
    return (concept,) if "code" in concept or "display" in concept else ()


def preferred(found: list[Tree], systems: tuple[str, ...] = ()) -> Tree:
    """The coding that counts: of the best system, else HL7's own, else what the user chose, else the first."""
    coded = [coding for coding in found if type(coding.get("code")) is str]
    for system in systems:
        for coding in coded:
            if _system(coding) == system:
                return coding
    own = (coding for coding in coded if (_system(coding) or "").startswith(HL7))
    chosen = (coding for coding in coded if coding.get("userSelected") is True)
    return next(own, None) or next(chosen, None) or next(iter(coded or found), {})


def _system(coding: Tree) -> str | None:
    system = coding.get("system")
    return SAME_SYSTEM.get(system, system) if type(system) is str else None


def read_coding(reading: Reading, name: str, value: object, *, instead: str | None = None) -> Tree:
    """``name_code``, ``name_system``, ``name_display``; returns the coding. ``instead`` is the code's column."""
    column = instead or f"{name}_code"
    coding = preferred(codings(reading, column, value), PREFERRED.get((reading.entity, name), ()))
    write_coding(reading, column, f"{name}_system", f"{name}_display", coding)
    return coding


def write_coding(reading: Reading, code: str, system: str, display: str, coding: Tree) -> None:
    """One coding into three columns."""
    if coding:
        reading.code(code, coding.get("code"))
        reading.text(display, coding.get("display"))
        name = reading.string(system, coding.get("system"))
        if name is not None:
            reading.row[system] = SAME_SYSTEM.get(name, name)


def read_concept(reading: Reading, name: str, value: object) -> None:
    """``name_code``, ``name_system``, ``name_display`` and ``name_text`` of a concept, of a list the first."""
    first = value[0] if type(value) is list and value else value
    read_coding(reading, name, first)
    reading.text(f"{name}_text", concept_text(reading, f"{name}_text", first))


def concept_text(reading: Reading, column: str, value: object) -> object:
    """The ``text`` of a concept; a code has none."""
    if type(value) is not dict:
        return None
    concept = reading.tree(column, value["concept"]) if "concept" in value else value
    return concept.get("text")


def read_status(reading: Reading, column: str, value: object) -> None:
    """A code into ``column`` that some versions write as code and others as CodeableConcept."""
    reading.code(column, preferred(codings(reading, column, value)).get("code"))


def read_main_code(reading: Reading, value: object) -> list[Tree]:
    """``code``, ``code_system``, ``code_display``, ``code_text``, ``code_all``; returns all codings."""
    found = codings(reading, "code", value)
    coding = preferred(found, PREFERRED.get((reading.entity, "code"), ()))
    write_coding(reading, "code", "code_system", "code_display", coding)
    reading.text("code_text", concept_text(reading, "code_text", value))
    everything = [token for coding in found if (token := _token(coding))]
    if everything:
        reading.row["code_all"] = " ".join(dict.fromkeys(everything))
    return found


def _token(coding: Tree) -> str | None:
    code = coding.get("code")
    if type(code) is not str or not code.strip():
        return None
    return f"{_system(coding) or ''}|{code.strip()}"


def has_code(found: Iterable[Tree], system: str, codes: frozenset[str]) -> bool:
    """Whether one of the codings is one of ``codes`` of ``system``."""
    return any(_system(coding) == system and is_one_of(coding.get("code"), codes) for coding in found)
