"""How one server writes ids, references and versions."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Any

from concord.sandbox.fhir.clock import instant
from concord.sandbox.fhir.profiles import Profile

Resource = dict[str, Any]
"""A FHIR R4 resource as plain JSON."""


class Writer:
    """Writes for one population. ``base`` is the server's public base URL, in absolute references."""

    def __init__(self, seed: int, profile: Profile, base: str) -> None:
        self.seed, self.profile, self.base = seed, profile, base

    def id(self, kind: str, key: str) -> str:
        """The logical id of resource ``kind`` (Patient, …) number ``key``: the same for the same arguments."""
        digest = hashlib.blake2b(f"{self.seed}|{self.profile.name}|{kind}|{key}".encode(), digest_size=16).digest()
        if self.profile.numeric_ids:
            return str(int.from_bytes(digest[:7], "big"))
        return "e" + base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=").replace("_", ".")

    def to(self, kind: str, key: str, *, absolute: bool = False) -> Resource:
        """A literal reference: relative, or with the server's base (R4 references, 2.3.0.1)."""
        target = f"{kind}/{self.id(kind, key)}"
        return {"reference": f"{self.base}/{target}" if absolute else target}

    def stamp(self, resource: Resource, version: int, changed: datetime) -> Resource:
        """``resource`` with ``meta`` as the maker writes it: both, or lastUpdated on a few."""
        if self.profile.versions:
            meta = {"versionId": str(version), "lastUpdated": instant(changed)}
        elif resource["resourceType"] == "Observation" and resource["id"][-1] in "ACEGIKMOQSUWYacegikmoqsuwy":
            meta = {"lastUpdated": instant(changed)}
        else:
            return resource
        return {"resourceType": resource["resourceType"], "id": resource["id"], "meta": meta, **resource}


def coding(system: str, code: str, display: str = "") -> Resource:
    """One Coding."""
    return {"system": system, "code": code} | ({"display": display} if display else {})


def concept(system: str, code: str, display: str = "") -> Resource:
    """A CodeableConcept of one coding, with text."""
    return {"coding": [coding(system, code, display)], "text": display or code}


LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
NPI = "http://hl7.org/fhir/sid/us-npi"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
