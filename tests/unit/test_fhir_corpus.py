"""Real bulk files (CONCORD_CORPUS): every line is accounted for, and somebody else counts the same."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from concord.entities.clinical import RESOURCE_TYPES
from concord.parse.fhir import FhirFile

CORPUS = os.environ.get("CONCORD_CORPUS")
FILES = sorted((Path(CORPUS) / "fhir_bulk").glob("*.ndjson")) if CORPUS else []
pytestmark = pytest.mark.skipif(not CORPUS, reason="CONCORD_CORPUS is not set")


def test_there_is_a_corpus() -> None:
    assert len(FILES) > 8


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_line_is_accounted_for(file: Path) -> None:
    declared = file.name.partition(".")[0]
    lines = file.read_bytes().splitlines()
    keys: Counter[str] = Counter()
    unkept = 0
    for raw in lines:
        resource = json.loads(raw)
        entity = RESOURCE_TYPES.get(resource["resourceType"])
        unkept += entity is None
        if entity:
            keys[f"{entity.name} {resource['id']}"] += 1 + len(resource.get("component", []))
    ours: Counter[str] = Counter()
    account: Counter[str] = Counter()
    with file.open("rb") as stream:
        for part in FhirFile(stream, expected=lambda _line: declared, chunk_lines=500):
            account.update(part.accounting())
            assert {each.reasons for each in part.refused} <= {("resource.type_unknown",)}
            for name, frame in part.frames.items():
                ours.update(f"{name} {key}" for key in frame["resource_id"])
                assert [part.raw(int(at)) for at in frame["line"]] == [lines[int(at) - 1] for at in frame["line"]]
    assert ours == keys
    assert account == {"record": len(lines) - unkept, "refused": unkept, "ignored": 0}


def test_patients_of_the_corpus_are_as_another_reader_finds_them() -> None:
    (file,) = [each for each in FILES if each.name.startswith("Patient.")]
    (part,) = FhirFile(file.open("rb"))
    frame = part.frames["patient"]
    for place, raw in enumerate(file.read_bytes().splitlines()):
        patient = json.loads(raw)
        ssn = next(i["value"] for i in patient["identifier"] if i.get("system", "").endswith("us-ssn"))
        official = next(name for name in patient["name"] if name["use"] == "official")
        row = frame.iloc[place]
        assert row["ssn"] == ssn.replace("-", "")
        assert row["last_name"] == official["family"]
        assert row["birth_date"] == patient["birthDate"]
        assert row["gender_code"] == {"male": "M", "female": "F"}[patient["gender"]]
        assert frame["deceased"].fillna(False).tolist()[place] is ("deceasedDateTime" in patient)
