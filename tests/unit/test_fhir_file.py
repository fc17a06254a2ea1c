"""Lines of a delivery: each is exactly one of record, refused and ignored."""

from __future__ import annotations

import io
import random
import tracemalloc
from typing import Any, BinaryIO, cast

import pytest

from concord.entities.clinical import CLINICAL, RESOURCE_TYPES
from concord.parse.fhir import FhirFile
from concord.stage import to_copy_text
from tests.unit.fhir_resources import LEAST, chunk, chunks, line, reasons, resource

PATIENT = line(resource("Patient"))
SECRET = "Zaphod-Beeblebrox-4711"


def delete(*urls: str, **elements: Any) -> dict[str, Any]:
    entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries, **elements}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"resourceType":"Patient","id"\n', "record.json"),
        (b'{"resourceType":"Patient","id":"\xff"}\n', "record.encoding"),
        (b'{"resourceType":"Patient","id":"\x00"}\n', "record.nul"),
        (b'{"resourceType":"Patient","id":"a","x":NaN}\n', "json.number"),
        (b'{"resourceType":"Patient","id":"a","id":"b"}\n', "json.duplicate_key"),
        (b'{"resourceType":"Patient","id":"a","x":' + b"[" * 90 + b"]" * 90 + b"}\n", "json.depth"),
        (b'{"id":"a"}\n', "resource.type_missing"),
        (b'{"resourceType":"","id":"a"}\n', "resource.type_missing"),
        (b'{"resourceType":["Patient"],"id":"a"}\n', "resource.type_missing"),
        (b'["Patient"]\n', "resource.type_missing"),
        (b"null\n", "resource.type_missing"),
        (b'{"resourceType":"Device","id":"a"}\n', "resource.type_unknown"),
        (b'{"resourceType":"patient","id":"a"}\n', "resource.type_unknown"),
        (b'{"resourceType":"Patient"}\n', "resource.id"),
        (b'{"resourceType":"Patient","id":7}\n', "resource.id"),
        (b'{"resourceType":"Patient","id":""}\n', "resource.id"),
        (b'{"resourceType":"Patient","id":"a/b"}\n', "resource.id"),
        (b'{"resourceType":"Patient","id":"a_b"}\n', "resource.id"),
        (b'{"resourceType":"Patient","id":"' + b"9" * 65 + b'"}\n', "resource.id"),
        (line(resource("Patient", birthDate="1980-02-30")), "birth_date.format"),
        (line(resource("Patient", gender="f")), "gender_code.code"),
        (line(resource("Patient", active="true")), "active.kind"),
        (line(resource("Encounter", status=None)), "status.missing"),
        (line(resource("Encounter", status="closed")), "status.code"),
        (line(resource("Encounter", period={"start": "2024-01-01T10:00:00"})), "started_at.zone"),
        (line(resource("Condition", subject=None)), "subject_reference.missing"),
        (line(delete("Patient/1", type="history")), "bundle.type"),
        (line(delete("Patient?x=1")), "bundle.url"),
        (line(delete("Patient/1", entry=[{"request": {"method": "POST", "url": "Patient/1"}}])), "bundle.method"),
        (line(delete("Patient/1", entry=["Patient/1"])), "bundle.kind"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    found = chunk(PATIENT + raw + PATIENT)
    (refused,) = found.refused
    assert refused.reasons == (reason,)
    assert (refused.line, refused.lines, refused.raw) == (2, 1, raw[:-1])
    assert found.accounting() == {"record": 2, "refused": 1, "ignored": 0}


def test_all_problems_of_a_resource_are_told() -> None:
    assert reasons(line(resource("Patient", birthDate="x", gender="x", id="?"))) == [
        ("resource.id", "birth_date.format", "gender_code.code")
    ]


def test_a_type_that_its_file_was_not_declared_to_hold_is_refused() -> None:
    data = PATIENT + line(resource("Condition")) + PATIENT + line(delete("Patient/2"))
    declared = {1: "Patient", 2: "Patient", 3: None, 4: "Bundle"}
    assert reasons(data, expected=declared.get) == [("resource.type_unexpected",)]
    assert reasons(data) == []


def test_a_line_that_is_too_long_is_refused_and_costs_no_memory_and_no_neighbour() -> None:
    long = line(resource("Patient", text={"div": "x" * 400_000}))
    data = PATIENT + long + PATIENT * 3
    for block_bytes in (1 << 10, 1 << 16, 8 << 20):
        found = chunks(data, resource_limit_bytes=200_000, block_bytes=block_bytes)
        (refused,) = [each for part in found for each in part.refused]
        assert (refused.line, refused.reasons) == (2, ("record.too_long",))
        assert len(refused.raw) == 64 << 10
        assert sum(part.accounting()["record"] for part in found) == 4
    assert reasons(long, resource_limit_bytes=len(long) - 1) == []
    assert reasons(long, resource_limit_bytes=len(long) - 2) == [("record.too_long",)]


def test_blank_lines_line_ends_and_byte_order_marks_are_no_trouble() -> None:
    crlf = PATIENT[:-1] + b"\r\n"
    found = chunk(b"\xef\xbb\xbf" + PATIENT + b"\n \t\r\n" + crlf + b"\xef\xbb\xbf" + PATIENT[:-1])
    assert found.accounting() == {"record": 3, "refused": 0, "ignored": 2}
    assert [(each.line, each.reason) for each in found.ignored] == [(2, "blank_line"), (3, "blank_line")]
    assert found.frames["patient"]["line"].tolist() == [1, 4, 5]
    assert found.raw(4) == PATIENT[:-1]


def test_an_empty_stream_has_no_lines() -> None:
    assert chunks(b"") == []


def test_the_outcome_does_not_depend_on_blocks_and_chunks() -> None:
    rng = random.Random(7)
    kinds = [line(resource(kind, id=f"{kind}{n}")) for n in range(6) for kind in LEAST]
    lines = [*kinds, *[b"\n"] * 20, *[b"{}\n"] * 20, *[line(delete("Patient/1", "Coverage/2", "Device/3"))] * 5]
    rng.shuffle(lines)
    data = b"".join(lines)

    def outcome(**limits: int) -> tuple[object, ...]:
        found = chunks(data, **limits)
        told = [
            (name, int(at), int(count), bool(gone), str(key))
            for part in found
            for name, frame in part.frames.items()
            for at, count, gone, key in zip(
                frame["line"], frame["lines"], frame["deleted"], frame["resource_id"], strict=True
            )
        ]
        raws = [part.raw(at) for part in found for at in range(part.first_line, part.first_line + part.line_count)]
        assert raws == [each[:-1] for each in lines]
        assert all(sum(part.accounting().values()) == part.line_count for part in found)
        return sorted(told), [each.line for part in found for each in part.refused]

    whole = outcome()
    assert outcome(chunk_lines=1) == whole
    assert outcome(chunk_lines=7, block_bytes=100) == whole
    assert outcome(block_bytes=5000) == whole


@pytest.mark.parametrize("block_bytes", [500, 5_000, 8 << 20])
def test_a_checkpoint_is_where_a_reader_may_start(block_bytes: int) -> None:
    long = {10: {"div": "x" * 20_000}, 11: {"div": "x" * 2_000}}
    data = b"".join(line(resource("Patient", id=str(n), text=long.get(n))) for n in range(50))
    file = FhirFile(io.BytesIO(data), chunk_lines=8, block_bytes=block_bytes, resource_limit_bytes=300)
    assert sum(part.line_count for part in file) == file.line_count == 50
    assert len(file.checkpoints) > 6
    for point in file.checkpoints:
        assert data[point.byte_offset :].startswith(line(resource("Patient", id=str(point.line - 1)))[:-2])


def test_a_delete_bundle_gives_a_row_for_each_entry_of_a_kept_type() -> None:
    found = chunk(line(delete("Patient/1", "Device/2", "https://x/R4/Observation/3")) + line(delete("Device/9")))
    patient, observation = found.frames["patient"], found.frames["observation"]
    assert patient["resource_id"].tolist() == ["1"]
    assert observation[["resource_id", "component"]].values.tolist() == [["3", ""]]
    assert patient["deleted"].all()
    assert observation["deleted"].all()
    assert (patient["lines"].sum(), observation["lines"].sum()) == (1, 0)
    assert [each.reason for each in found.ignored] == ["nothing_kept"]
    assert found.resources == {"Bundle": 1}
    assert sum(found.accounting().values()) == 2


def test_a_merge_is_told_from_both_ends() -> None:
    gone = resource("Patient", id="old", link=[{"type": "replaced-by", "other": {"reference": "Patient/new"}}])
    kept = resource("Patient", id="new", link=[{"type": "replaces", "other": {"reference": "Patient/old"}}])
    also = resource("Patient", id="x", link=[{"type": "seealso", "other": {"reference": "Patient/y"}}])
    found = chunk(line(gone) + line(kept) + line(also))
    assert found.merges == ((1, "Patient/old", "Patient/new"), (2, "Patient/old", "Patient/new"))
    assert found.frames["patient"]["replaced_by_reference"].fillna("").tolist() == ["Patient/new", "", ""]


@pytest.mark.parametrize("kind", RESOURCE_TYPES)
def test_every_type_has_a_frame_of_its_columns_that_can_be_copied(kind: str) -> None:
    entity = RESOURCE_TYPES[kind]
    (frame,) = chunk(line(resource(kind)) + line(resource(kind, id="r2"))).frames.values()
    assert tuple(frame.columns) == ("line", "lines", "deleted", *entity.names)
    first = to_copy_text(frame).splitlines()[0]
    assert first.startswith(b'1,1,false,"r1"')


def test_a_component_accounts_for_no_line() -> None:
    parts = [{"code": {"coding": [{"code": "8480-6"}]}}, {"code": {"coding": [{"code": "8462-4"}]}}]
    frame = chunk(line(resource("Observation", component=parts))).frames["observation"]
    assert frame["lines"].tolist() == [1, 0, 0]
    assert frame["component"].tolist() == ["", "1:8480-6", "2:8462-4"]


def test_no_repr_tells_of_a_person() -> None:
    data = line(resource("Patient", name=[{"family": SECRET}])) + b'{"' + SECRET.encode() + b"\n"
    found = chunk(data)
    assert found.frames["patient"]["last_name"].tolist() == [SECRET]
    assert SECRET not in repr(found) + repr(found.refused)


def test_memory_does_not_grow_with_the_stream() -> None:
    class Repeated:
        """The same line 8,000 times, made as it is read."""

        piece = line(resource("Patient", text={"div": "x" * 900}))
        at = 0

        def read(self, size: int) -> bytes:
            part = (self.piece * (size // len(self.piece) + 2))[self.at % len(self.piece) :]
            part = part[: min(size, 8_000 * len(self.piece) - self.at)]
            self.at += len(part)
            return part

    tracemalloc.start()
    try:
        lines = sum(part.line_count for part in FhirFile(cast(BinaryIO, Repeated()), block_bytes=1 << 16))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == 8_000
    assert peak < 3 << 20, "8 MB of lines passed through"


def test_names_mean_one_thing_in_all_clinical_entities() -> None:
    kinds: dict[str, object] = {}
    for entity in CLINICAL:
        assert len(set(entity.names)) == len(entity.names)
        for column in entity.columns:
            assert kinds.setdefault(column.name, (column.kind, column.phi)) == (column.kind, column.phi), column.name
