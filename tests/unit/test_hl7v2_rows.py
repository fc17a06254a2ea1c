"""Which fields of PID, PV1 and PV2 become which columns, and which repetition counts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.parse.hl7v2.frames import BEYOND, ENTITIES
from concord.parse.hl7v2.identifiers import record_id
from tests.unit.hl7v2_messages import PID, encounter, message, parse, patient, pid, pv1

FHIR_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")


def test_frames_have_the_columns_of_the_entities_in_their_order() -> None:
    chunk = parse(message("A01"))
    for name, entity in ENTITIES.items():
        frame = chunk.frames[name]
        assert tuple(frame.columns) == ("line", "lines", "deleted", "cleared", *entity.names)
        assert [str(frame[column].dtype) for column in BEYOND] == ["int64", "int64", "bool", "object"]
        assert {str(dtype) for dtype in frame[list(entity.names)].dtypes} <= {"str", "boolean"}


def test_a_patient_has_what_pid_says() -> None:
    row = patient(
        n3="1001^^^GHH^MR~M77^^^PLAN^MB~400-55-0101^^^USA^SS", n5="Testman^Tessa^Q^Jr", n7="19800314", n8="F",
        n10="2106-3^White^HL70005~2028-9^Asian^HL70005", n11="1 Sample Way^Apt 2^Exampleton^OH^01234^USA^H",
        n13="(555)010-0101X7^PRN^PH~^NET^Internet^tessa@example.com", n15="en^English", n16="M",
        n22="2186-5^Not Hispanic", n24="Y", n25="2", n29="20240101", n30="Y",
    )  # fmt: skip
    assert {name: row[name] for name in row if name not in (*BEYOND, "last_updated")} == {
        "resource_id": "GHH-1001", "last_name": "Testman", "first_name": "Tessa", "middle_name": "Q",
        "name_suffix": "Jr", "birth_date": "1980-03-14", "birth_precision": "day", "gender_code": "F",
        "ssn": "400550101", "mrn": "1001", "member_identifier": "M77", "address_line_1": "1 Sample Way",
        "address_line_2": "Apt 2", "city": "Exampleton", "state_code": "OH", "postal_code": "01234",
        "email": "tessa@example.com", "phone": "5550100101", "race_code": "2106-3 2028-9", "ethnicity_code": "2186-5",
        "marital_status": "M", "language_code": "en", "multiple_birth": "2", "deceased": True,
        "deceased_at": "2024-01-01T00:00:00+00:00", "deceased_precision": "day",
    }  # fmt: skip


def test_an_encounter_has_what_pv1_and_pv2_say() -> None:
    row = encounter(
        "A01", "PV2|||H10^Sore throat^I10C^^^^^^hurts||||||||||||||||||||||2",
        n2="I", n3="WARD^12^B^GHH", n4="E^Emergency", n7="77^Doctor^Dora^D^^^^^NPI&2.16.840.1.113883.4.6&ISO",
        n10="MED^Medicine", n14="7", n39="GHH^General", n44="20240101",
    )  # fmt: skip
    table = "http://terminology.hl7.org/CodeSystem/v2-"
    assert {name: row[name] for name in row if name not in (*BEYOND, "last_updated")} == {
        "resource_id": "GHH-V1", "visit_number": "V1", "status": "in-progress", "class_code": "IMP",
        "class_system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "class_display": "inpatient encounter",
        "type_code": "E", "type_system": f"{table}0007", "type_display": "Emergency", "service_type_code": "MED",
        "service_type_system": f"{table}0069", "service_type_display": "Medicine", "priority": "2",
        "subject_reference": "Patient/GHH-1001", "started_at": "2024-01-01T00:00:00+00:00",
        "started_precision": "day", "performer_identifier": "NPI|77", "performer_name": "Dora D Doctor",
        "reason_code": "H10", "reason_system": "http://hl7.org/fhir/sid/icd-10-cm", "reason_display": "Sore throat",
        "reason_text": "hurts", "location_name": "WARD, 12, B, GHH", "admit_source_code": "7",
        "service_provider_name": "GHH",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "code", "system"),
    [("O", "AMB", "v3-ActCode"), ("E", "EMER", "v3-ActCode"), ("P", "PRENC", "v3-ActCode"), ("R", "R", "v2-0004")],
)
def test_patient_classes_are_mapped_as_the_v2_to_fhir_guide_does(written: str, code: str, system: str) -> None:
    row = encounter("A01", n2=written)
    assert (row["class_code"], row["class_system"]) == (code, f"http://terminology.hl7.org/CodeSystem/{system}")


@pytest.mark.parametrize(
    ("fields", "column", "value"),
    [
        ({"n5": "Maiden^Mia^^^^^M~Testman^Tessa^^^^^L"}, "last_name", "Testman"),
        ({"n5": "Alias^Ann^^^^^A~Plain^Paula"}, "last_name", "Plain"),
        ({"n5": "Alias^Ann^^^^^A"}, "last_name", "Alias"),
        ({"n5": "Van Test&Van&Test^Tessa"}, "last_name", "Van Test"),
        ({"n8": "O"}, "gender_code", "U"),
        ({"n8": "m"}, "gender_code", "M"),
        ({"n11": "9 Work St^^Worktown^^^^B~1 Sample Way^^Exampleton^^^^H"}, "city", "Exampleton"),
        ({"n11": "9 Bad St^^Badtown^^^^BA"}, "city", None),
        ({"n11": "12&Sample Way^^Exampleton"}, "address_line_1", "12 Sample Way"),
        ({"n11": "12 Sample Way&Sample Way&12"}, "address_line_1", "12 Sample Way"),
        ({"n13": "5550100^PRN^FX~(555)010-0102^WPN^PH~+1 555 010 0101^PRS^CP"}, "phone", "5550100101"),
        ({"n13": "^PRN^PH^^1^555^0100101"}, "phone", "5550100101"),
        ({"n13": "^PRN^PH", "n40": "^PRS^CP^^^^^^^^^5550100103"}, "phone", "5550100103"),
        ({"n14": "555-010-0104^WPN^PH"}, "phone", "5550100104"),
        ({"n13": "tessa@example.com^NET^Internet"}, "phone", None),
        ({"n19": "400-55-0101"}, "ssn", "400550101"),
        ({"n19": "4005501"}, "ssn", None),
        ({"n3": "1001^^^GHH^MR~400550101^^^USSSA"}, "ssn", "400550101"),
        ({"n24": "N", "n25": "1"}, "multiple_birth", None),
        ({"n25": "0"}, "multiple_birth", None),
        ({"n29": "202401"}, "deceased", True),
        ({"n30": "N"}, "deceased", False),
        ({"n30": "?"}, "deceased", None),
        ({"n3": "77^^^GHH&1.2.3&ISO"}, "mrn", "77"),
        ({"n3": "77^^^&1.2.3&ISO^MR"}, "resource_id", "1.2.3-77"),
        ({"n3": "", "n2": "78^^^GHH"}, "resource_id", "GHH-78"),
        ({"n3": "0077^1^M11^GHH^MR"}, "resource_id", "GHH-0077"),
    ],
)
def test_the_value_that_counts_is_taken(fields: dict[str, str], column: str, value: object) -> None:
    assert patient(**fields).get(column) == value


def test_an_ssn_that_was_deleted_is_not_taken_from_the_list_of_identifiers() -> None:
    row = patient(n3="1001^^^GHH^MR~400550101^^^USA^SS", n19='""')
    assert "ssn" not in row
    assert "ssn" in row["cleared"]


def test_a_doctor_is_not_told_by_an_ssn() -> None:
    assert "performer_identifier" not in encounter("A01", n7="400550101^Doctor^Dora^^^^^^USA^^^^SS")
    assert encounter("A01", n7="", n17="9^Admit^Adam")["performer_name"] == "Adam Admit"


def test_where_a_row_stood_is_told_once_for_each_message() -> None:
    chunk = parse(message("A40", PID, "MRG|1002^^^GHH^MR", pv1(), pid("1003"), "MRG|1004^^^GHH^MR"))
    assert chunk.frames["patient"]["lines"].tolist() == [7, 0, 0, 0]
    assert chunk.frames["encounter"]["lines"].tolist() == [0]


# ── ids ────────────────────────────────────────────────────────────────────────


@given(st.text(max_size=40), st.text(max_size=60), st.text(max_size=40), st.text(max_size=60))
def test_an_id_is_a_fhir_id_and_nobody_elses(authority: str, number: str, other: str, another: str) -> None:
    assert FHIR_ID.fullmatch(record_id(authority, number))
    same = (authority, number) == (other, another)
    assert (record_id(authority, number) == record_id(other, another)) == same


@pytest.mark.parametrize(
    ("one", "two"),
    [(("A-B", "C"), ("A", "B-C")), (("A B", "1"), ("A.B", "1")), (("", "A-1"), ("A", "1")), (("A", "1 "), ("A", "1"))],
)
def test_ids_that_look_alike_are_told_apart(one: tuple[str, str], two: tuple[str, str]) -> None:
    assert record_id(*one) != record_id(*two)


def test_no_value_of_a_person_is_in_a_repr() -> None:
    chunk = parse(message("A40", PID, "MRG|1002^^^GHH^MR", pv1()) + message("A08", pid(n7="x", n5="Testman")))
    told = repr((chunk, chunk.merges, chunk.refused))
    assert not re.search("Testman|1001|1002|400550101", told)
