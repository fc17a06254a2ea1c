"""What analysts see of persons and their clinical records: the right figures, of their partners, and nobody's name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg
import pytest

from concord.entities import CLINICAL
from concord.entities.base import Phi
from concord.sandbox.fhir.population import Population
from tests.marts import (
    LOINC,
    OWN,
    UCUM,
    Clinic,
    Lakeview,
    Row,
    Views,
    carded,
    measured,
    opened,
    order,
    problem,
    visit,
    whole,
)
from tests.resources import Resource, deleted, patient, pressure, updated, weight
from tests.rosters import SEEN_OF_A_PERSON
from tests.tally import count

if TYPE_CHECKING:
    from tests.playground import Playground

BENEATH = (
    "ops.analyst_sight", "core.seen_link", "core.seen_person", "core.seen_coverage", "core.seen_measure",
    "core.last_hba1c", "core.last_weight", "core.last_blood_pressure", "core.observation", "ops.export_file",
)  # fmt: skip


@pytest.fixture
def clinic(blank: Playground) -> Iterator[Clinic]:
    own = Clinic(blank)
    yield own
    own.site.close()


@pytest.fixture
def lakeview(blank: Playground) -> Iterator[Lakeview]:
    yield from opened(blank, members=12)


@pytest.fixture
def region(blank: Playground) -> Iterator[Lakeview]:
    """Large enough for records that were merged."""
    yield from opened(blank, members=50)


# ── the last measurements ──────────────────────────────────────────────────────

FIRST = measured("4548-4", 7.1, "%", "2026-10-01")


@pytest.mark.parametrize(
    "later",
    [
        measured("4548-4", 6.5, "%", "2026-10-20", status="entered-in-error"),
        measured("4548-4", 6.5, "%", "2026-10-20", status="preliminary"),
        measured("4548-4", 6.5, "%", "2026-10-20", status="cancelled"),
        measured("4548-4", 6.5, "%", "2026-10-20", status="unknown"),
        measured("4548-4", 6.5, "%", "2026-10-20", valueQuantity=None),
        measured("4548-4", 48, "mmol/mol", "2026-10-20"),
        measured("4548-4", 140, "mg/dL", "2026-10-20"),
        measured("4548-4", 6.5, "%", "2026-10-20", effectiveDateTime=None),
        measured("4548-4", 6.5, "%", "2026-09-20"),
        measured("4548-4", 6.5, "%", "2026-10-20", of=2),
        measured("59261-8", 6.5, "%", "2026-10-20"),
        measured("4548-4", 6.5, "%", "2026-10-20", code={"coding": [{"system": "urn:lab", "code": "4548-4"}]}),
    ],
    ids=[
        "a mistake", "preliminary", "cancelled", "unknown", "without a value", "in IFCC units",
        "in another unit", "undated", "older", "somebody else's", "another code", "a local code",
    ],
)  # fmt: skip
def test_what_is_no_usable_later_hba1c_leaves_the_last_one(clinic: Clinic, later: Resource) -> None:
    clinic.send(patient(1), patient(2), FIRST, later)
    gaps = clinic.gaps()
    assert (gaps["hba1c_percent"], gaps["hba1c_at"]) == (Decimal("7.1"), datetime(2026, 10, 1, 8, tzinfo=UTC))
    assert (gaps["hba1c_partner"], gaps["hba1c_resource_id"]) == ("northgate", FIRST["id"])


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("4548-4", {}),
        ("17855-8", {}),
        ("4548-4", {"status": "corrected"}),
        ("4548-4", {"status": "amended"}),
        ("4548-4", {"effectiveDateTime": None, "issued": "2026-10-20T08:00:00Z"}),
        (
            "4548-4",
            {"code": {"coding": [{"code": "x"}, {"system": "urn:oid:2.16.840.1.113883.6.1", "code": "4548-4"}]}},
        ),
    ],
)
def test_a_usable_later_hba1c_is_the_last_one(clinic: Clinic, code: str, more: Row) -> None:
    clinic.send(patient(1), FIRST, measured(code, 6.5, "%", "2026-10-20", **more))
    gaps, summary = clinic.gaps(), clinic.summary()
    assert (gaps["hba1c_percent"], gaps["hba1c_precision"]) == (Decimal("6.5"), "time")
    assert (summary["hba1c_percent"], summary["hba1c_at"]) == (gaps["hba1c_percent"], gaps["hba1c_at"])


def test_a_value_that_only_bounds_says_so(clinic: Clinic) -> None:
    value = {"value": 14, "comparator": ">", "system": UCUM, "code": "%"}
    clinic.send(patient(1), measured("4548-4", 0, "%", "2026-10", effectiveDateTime="2026-10", valueQuantity=value))
    gaps = clinic.gaps()
    assert (gaps["hba1c_percent"], gaps["hba1c_comparator"], gaps["hba1c_precision"]) == (14, ">", "month")


def test_a_correction_and_a_deletion_change_the_last_one(clinic: Clinic) -> None:
    clinic.send(patient(1), FIRST, measured("4548-4", 6.5, "%", "2026-10-20"))
    clinic.send(measured("4548-4", 6.7, "%", "2026-10-20", status="corrected"))
    assert clinic.gaps()["hba1c_percent"] == Decimal("6.7")
    clinic.send(deleted("Observation/m4548-4-2026-10-20-1"))
    assert clinic.gaps()["hba1c_percent"] == Decimal("7.1")


def at(day: str) -> Row:
    return {"effectiveDateTime": f"{day}T08:00:00Z"}


@pytest.mark.parametrize(
    "later",
    [
        [pressure(2, 150, None, **at("2026-10-20"))],
        [pressure(2, 150, 95, **at("2026-10-20"), status="entered-in-error")],
        [pressure(2, 150, None, **at("2026-10-20")), measured("8462-4", 95, "mm[Hg]", "2026-10-20")],
        [measured("8480-6", 150, "mm[Hg]", "2026-10-20"), measured("8462-4", 95, "mm[Hg]", "2026-10-20")],
        [pressure(2, 150, 95, **at("2026-10-20"), code={"coding": [{"system": LOINC, "code": "9279-1"}]})],
        [pressure(2, 150, 95, **at("2026-09-20"))],
    ],
    ids=["half of one", "a mistake", "two halves", "no components", "another panel", "older"],
)
def test_what_is_no_whole_blood_pressure_leaves_the_last_one(clinic: Clinic, later: list[Resource]) -> None:
    clinic.send(patient(1), pressure(1, 120, 80, **at("2026-10-01")), *later)
    for row in (clinic.gaps(), clinic.summary()):
        assert (row["systolic_mm_hg"], row["diastolic_mm_hg"]) == (120, 80)
        assert row["blood_pressure_at"] == datetime(2026, 10, 1, 8, tzinfo=UTC)


def test_both_values_come_from_the_last_reading(clinic: Clinic) -> None:
    clinic.send(patient(1), pressure(1, 160, 100, **at("2026-10-01")), pressure(2, 150, 95, **at("2026-10-20")))
    gaps = clinic.gaps()
    assert (gaps["systolic_mm_hg"], gaps["diastolic_mm_hg"], gaps["blood_pressure_resource_id"]) == (150, 95, "b2")


def test_a_weight_in_pounds_is_in_kilograms(clinic: Clinic) -> None:
    clinic.send(patient(1), weight(1, "80"), measured("29463-7", 200, "[lb_av]", "2026-11-02"))
    assert clinic.gaps()["weight_kg"] == clinic.summary()["weight_kg"] == Decimal("90.718474")


def test_of_two_readings_at_once_the_one_issued_last_counts(clinic: Clinic) -> None:
    first, second = weight(1, "80", issued="2026-11-01T10:00:00Z"), weight(2, "81", issued="2026-11-01T09:00:00Z")
    clinic.send(patient(1), first, second)
    assert clinic.gaps()["weight_kg"] == 80


def test_nothing_measured_is_nothing_and_the_person_is_there(clinic: Clinic) -> None:
    clinic.send(patient(1))
    gaps = clinic.gaps()
    assert {name for name, value in gaps.items() if value is not None} == {
        "person_id", "age_band", "gender_code", "deceased", "covered",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("years", "band"),
    [(17, "0-17"), (18, "18-39"), (64, "40-64"), (65, "65-75"), (75, "65-75"), (76, "76-85"), (86, "86+")],
)
def test_an_age_is_told_as_a_band(clinic: Clinic, years: int, band: str) -> None:
    today = clinic.one("SELECT current_date AS today")["today"]
    clinic.send(patient(1, birthDate=f"{today.year - years}-{today:%m-%d}".replace("02-29", "02-28")))
    assert clinic.gaps()["age_band"] == band


def test_the_last_of_all_records_of_a_person_counts(clinic: Clinic) -> None:
    """Two patients of Northgate, one merged into the other, and one of Lakeview, are one member."""
    clinic.member(1, "HLT")
    merged = patient(2, link=[{"type": "replaced-by", "other": {"reference": "Patient/p1"}}])
    clinic.send(carded(1), merged, weight(1, "80"), measured("4548-4", 6.5, "%", "2026-10-20", of=2))
    there = measured("4548-4", 8.0, "%", "2026-10-30")
    clinic.send(carded(1), there, pressure(3, 130, 85), name="lakeview_ehr")
    summary, gaps = clinic.summary(), clinic.gaps()
    assert (summary["members"], summary["patients"]) == (1, 3)
    assert summary["patient_partners"] == ["lakeview", "northgate"]
    assert (gaps["hba1c_percent"], gaps["hba1c_partner"]) == (8, "lakeview")
    assert (gaps["systolic_mm_hg"], gaps["weight_kg"], gaps["weight_partner"]) == (130, 80, "northgate")


def test_a_single_person_is_found_by_indexes(clinic: Clinic) -> None:
    """A code in a view that the index does not have would make every question read all observations."""
    clinic.send(patient(1), FIRST)
    clinic.place.connection.execute(
        "INSERT INTO core.observation (partner, resource_id, component, code, subject_reference, content_hash, feed,"
        " delivery_id, line, known_from) SELECT 'northgate', 'x' || n, '', '8867-4', 'Patient/p1', 1, 'f', 'aaaaaaaa',"
        " n, now() FROM generate_series(1, 2000) n; ANALYZE core.observation"
    )
    with psycopg.connect(clinic.url) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        question = f"EXPLAIN SELECT * FROM mart.care_gap_inputs WHERE person_id = '{clinic.person(1)}'"
        plan = "\n".join(row[0] for row in connection.execute(question.encode()))
    assert plan.count("observation_measure") == 3
    assert "Seq Scan on observation" not in plan


# ── persons ────────────────────────────────────────────────────────────────────


def test_a_member_who_is_a_patient_is_one_person_with_coverage_and_facts(clinic: Clinic) -> None:
    clinic.member(1, "HLT", "DEN")
    clinic.cover(1, "VIS", "2020-01-01", "2021-01-01")
    clinic.send(
        carded(1), visit(1, "2026-09-01T10:00:00Z"), visit(2, "2026-10-01", kind="EMER"),
        visit(3, "2027-10-01", status="planned"), visit(4, "2026-10-30", status="cancelled"),
        visit(5, "2026-10-30", status="entered-in-error"), visit(6, None),
    )  # fmt: skip
    summary = clinic.summary()
    assert (summary["members"], summary["patients"], summary["birth_year"]) == (1, 1, 1980)
    assert (summary["member_partners"], summary["patient_partners"]) == (["acme"], ["northgate"])
    assert (summary["gender_code"], summary["state_code"], summary["deceased"]) == ("F", "OH", False)
    assert (summary["covered"], summary["coverage_lines"]) == (True, ["DEN", "HLT"])
    assert (summary["plan_codes"], summary["covered_from"]) == (["DEN-1", "HLT-1"], date(2026, 1, 1))
    assert summary["last_encounter_at"] == datetime(2026, 10, 1, tzinfo=UTC)
    assert (summary["last_encounter_precision"], summary["last_encounter_class_code"]) == ("day", "EMER")


def test_everybody_is_there_once_member_patient_or_both(clinic: Clinic) -> None:
    clinic.member(1, "HLT")
    clinic.member(2)
    clinic.send(carded(1), patient(3, gender="unknown", deceasedBoolean=True))
    rows = clinic.ask("SELECT * FROM mart.person_summary ORDER BY members DESC, patients DESC")
    assert [(row["members"], row["patients"], row["covered"]) for row in rows] == [
        (1, 1, True), (1, 0, False), (0, 1, False),
    ]  # fmt: skip
    assert len({row["person_id"] for row in rows}) == 3
    assert (rows[2]["gender_code"], rows[2]["deceased"], rows[2]["coverage_lines"]) == ("U", True, [])
    assert clinic.one("SELECT count(*) AS n FROM mart.care_gap_inputs")["n"] == 3


def test_of_a_record_that_is_gone_nothing_is_left(clinic: Clinic) -> None:
    clinic.send(patient(1), patient(2), FIRST)
    clinic.send(deleted("Patient/p1"))
    rows = clinic.ask("SELECT patients, hba1c_percent FROM mart.person_summary")
    assert rows == [{"patients": 1, "hba1c_percent": None}]


def test_different_active_problems_and_drugs_are_counted(clinic: Clinic) -> None:
    clinic.send(
        patient(1), problem(1, "E11.9"), problem(2, "E11.9"), problem(3, "I10", "recurrence"),
        problem(4, "J45", "resolved"), problem(5, "E66", verified="refuted"),
        problem(6, "E67", verified="entered-in-error"),
        order(1, "860975"), order(2, "860975"), order(3, "314076"), order(4, "1", "stopped"),
        order(5, "2", doNotPerform=True), order(6, "3", intent="proposal"),
    )  # fmt: skip
    summary = clinic.summary()
    assert (summary["active_conditions"], summary["active_medications"]) == (2, 2)


def test_a_person_leads_to_the_records_and_a_record_to_the_person(clinic: Clinic) -> None:
    clinic.member(1, "HLT")
    clinic.send(carded(1), FIRST, pressure(1, 120, 80), visit(1, "2026-10-01"), problem(1, "I10"), order(1, "314076"))
    person = clinic.person(1)
    records = clinic.ask("SELECT * FROM mart.person_record WHERE person_id = %s ORDER BY entity", person)
    assert [(row["subscriber_id"], row["person_code"], row["resource_id"]) for row in records] == [
        ("L1", "01", None), (None, None, "p1"),
    ]  # fmt: skip
    for view, rows in {"patient": 1, "encounter": 1, "condition": 1, "medication_request": 1, "observation": 4}.items():
        found = clinic.ask(f"SELECT * FROM mart.{view} WHERE person_id = %s", person)
        assert (view, len(found)) == (view, rows)


def test_a_record_of_nobody_known_is_shown_without_a_person(clinic: Clinic) -> None:
    clinic.send(patient(1), weight(1, "80", of=9))
    row = clinic.one("SELECT person_id, subject_reference, usable, normal_number FROM mart.observation")
    assert row == {"person_id": None, "subject_reference": "Patient/p9", "usable": True, "normal_number": 80}


def test_a_mistake_is_shown_as_one(clinic: Clinic) -> None:
    clinic.send(patient(1), weight(1, "80", status="entered-in-error"))
    assert clinic.one("SELECT usable, status FROM mart.observation") == {"usable": False, "status": "entered-in-error"}


# ── who sees what ──────────────────────────────────────────────────────────────


@pytest.fixture
def known(clinic: Clinic) -> Clinic:
    """Somebody of whom everything that names a person is known, and who wrote it into every sentence."""
    told = "call Samplea, 12 North Canal Street, 216-555-0142"
    clinic.member(1, "HLT", address_line_1="12 North Canal Street", phone="2165550142", ssn="400550001")
    ssn = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "400-55-0001"}
    mrn = {"type": {"coding": [{"code": "MR"}]}, "system": "urn:mrn", "value": "MRN-777"}
    address = {"line": ["12 North Canal Street"], "city": "Exampleton", "state": "OH", "postalCode": "44101"}
    telecom = [{"system": "phone", "value": "216-555-0142"}, {"system": "email", "value": "pat@sample.example"}]
    full = carded(1, address=[address], telecom=telecom)
    full["identifier"] += [ssn, mrn]
    doctor = {"reference": "Practitioner/d1", "display": "Dr. Samplea"}
    dosage = [{"text": told}]
    clinic.send(
        full,
        measured("5778-6", 0, "", "2026-10-01", valueQuantity=None, valueString=told, performer=[doctor]),
        weight(1, "80", code={"coding": [{"system": LOINC, "code": "29463-7"}], "text": told}),
        {**visit(1, "2026-10-01"), "participant": [{"individual": doctor}], "reasonCode": [{"text": told}],
         "identifier": [{"value": "VN-777"}]},
        {**problem(1, "I10"), "onsetString": told, "asserter": {"reference": "Patient/p1", "display": "Samplea"}},
        order(1, "314076", dosageInstruction=dosage, requester=doctor),
    )  # fmt: skip
    return clinic


TOLD = re.compile(r"Canal|Exampleton|44101|5550142|555-0142|@|0001\b|MRN|VN-777|Samplea")


def test_no_view_names_anybody(known: Clinic) -> None:
    told = list(whole(known))
    assert {view for view, _ in told} >= set(OWN) - {"export_reconciliation", "unresolved_reference"}
    assert [view for view, text in told if SEEN_OF_A_PERSON.search(text) or TOLD.search(text)] == []


def test_a_view_of_all_columns_would_name_somebody(known: Clinic) -> None:
    """Negative control: what the marts leave out is there to be told."""
    for table in ("patient", "encounter", "condition", "observation", "medication_request"):
        rows = known.driver.all(f"SELECT t::text AS told FROM core.{table} t")  # type: ignore[arg-type]
        red = any(TOLD.search(row["told"]) for row in rows)
        count("negative controls", tried=1, red=int(red))
        assert red, table


def columns(views: Views) -> dict[str, set[str]]:
    """Column names by view of schema mart."""
    found: dict[str, set[str]] = {}
    statement = (
        "SELECT table_name AS view, column_name AS name FROM information_schema.columns WHERE table_schema = 'mart'"
    )
    for row in views.ask(statement):
        found.setdefault(row["view"], set()).add(row["name"])
    return found


def test_no_direct_identifier_and_no_free_text_is_a_column(clinic: Clinic) -> None:
    direct = {c.name for entity in CLINICAL for c in entity.columns if c.phi in (Phi.DIRECT, Phi.SECRET)}
    for view, names in columns(clinic).items():
        assert names & (direct - {"name"}) == set(), view
        if view in OWN:
            assert {
                n for n in names if n.endswith(("_text", "_name", "_identifier")) and not n.startswith("has_")
            } == set()


def test_every_view_keeps_its_rows_from_a_callers_functions(clinic: Clinic) -> None:
    """Without the barrier a cheap function in WHERE would see rows before the scope does."""
    rows = clinic.ask(
        "SELECT relname FROM pg_class WHERE relnamespace = 'mart'::regnamespace AND relkind = 'v'"
        " AND NOT coalesce(reloptions, '{}') @> ARRAY['security_barrier=true'] AND relname = ANY (%s)",
        list(OWN),
    )
    assert rows == []


TELL = """
CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN RAISE NOTICE '%', $1; RETURN true; END $$
"""


@pytest.mark.parametrize("view", ["person_record", "patient", "encounter", "condition", "observation"])
def test_no_function_of_an_analyst_hears_of_another_partners_row(known: Clinic, view: str) -> None:
    told: list[str] = []
    with (
        known.scope("lakeview"),
        psycopg.connect(known.url, options="-c default_transaction_read_only=off") as connection,
    ):
        connection.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
        connection.execute(TELL)
        connection.execute(f"SELECT FROM mart.{view} v WHERE pg_temp.tell(v.*::text)".encode())
    assert told == []


@pytest.mark.parametrize("relation", BENEATH)
def test_an_analyst_reads_nothing_beneath(clinic: Clinic, relation: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        clinic.ask(f"SELECT * FROM {relation}")


def test_the_loader_sees_all_of_it(known: Clinic) -> None:
    with known.site.database("test") as connection:
        for view in OWN:
            connection.execute(f"SELECT * FROM mart.{view}")  # type: ignore[arg-type]
        row = connection.execute("SELECT members, patients, covered FROM mart.person_summary").fetchone()
    assert row == {"members": 1, "patients": 1, "covered": True}


def test_an_analyst_of_one_partner_sees_of_a_person_what_that_partner_said(known: Clinic) -> None:
    known.send(patient(7), weight(7, "70", of=7))
    with known.scope("northgate"):
        rows = known.ask("SELECT * FROM mart.person_summary ORDER BY weight_kg")
        assert [(row["members"], row["covered"], row["weight_kg"]) for row in rows] == [(0, False, 70), (0, False, 80)]
        assert known.ask("SELECT * FROM mart.person_record WHERE entity = 'member'") == []
        assert len(known.ask("SELECT * FROM mart.patient")) == 2
    with known.scope("acme"):
        (row,) = known.ask("SELECT * FROM mart.person_summary")
        assert (row["members"], row["patients"], row["covered"]) == (1, 0, True)
        assert (row["weight_kg"], row["last_encounter_at"], row["active_conditions"]) == (None, None, 0)
        (gaps,) = known.ask("SELECT * FROM mart.care_gap_inputs")
        assert (gaps["weight_kg"], gaps["covered"]) == (None, True)
        for view in ("patient", "encounter", "condition", "observation", "medication_request"):
            assert known.ask(f"SELECT * FROM mart.{view}") == [], view
    with known.scope("nobody"):
        for view in ("person_summary", "care_gap_inputs", "person_record", "patient", "observation"):
            assert known.ask(f"SELECT * FROM mart.{view}") == [], view


# ── a whole population ─────────────────────────────────────────────────────────


@dataclass
class Last:
    """What was measured last, by moment."""

    at: datetime
    value: tuple[Decimal, ...]


def _kilograms(quantity: Row) -> Decimal:
    factor = Decimal("0.45359237") if quantity["code"] == "[lb_av]" else Decimal(1)
    return Decimal(str(quantity["value"])) * factor


def _value(resource: Resource) -> tuple[str, tuple[Decimal, ...]] | None:
    """Which measure it is and what it says, from the FHIR resource itself."""
    code = resource["code"]["coding"][0]["code"]
    if code == "29463-7":
        return "weight", (_kilograms(resource["valueQuantity"]),)
    if code == "4548-4":
        return "hba1c", (Decimal(str(resource["valueQuantity"]["value"])),)
    if code == "85354-9" and all("valueQuantity" in part for part in resource["component"]):
        return "pressure", tuple(Decimal(part["valueQuantity"]["value"]) for part in resource["component"])
    return None


def truth(population: Population, day: int, persons: dict[str, str]) -> dict[tuple[str, str], Last]:
    """The last of each measure by person, from the resources."""
    found: dict[tuple[str, str], Last] = {}
    for resource in population.resources(day):
        said = _value(resource) if resource["resourceType"] == "Observation" else None
        if said is None:
            continue
        person = persons[resource["subject"]["reference"].rpartition("/")[2]]
        at_ = datetime.fromisoformat(resource["effectiveDateTime"])
        if (before := found.get((person, said[0]))) is None or before.at < at_:
            found[person, said[0]] = Last(at_, said[1])
    return found


MEASURES = {
    "hba1c": ("hba1c_at", "hba1c_percent"),
    "weight": ("weight_at", "weight_kg"),
    "pressure": ("blood_pressure_at", "systolic_mm_hg", "diastolic_mm_hg"),
}


def test_the_views_agree_with_the_charts_of_a_whole_population(region: Lakeview) -> None:
    region.day(1)
    region.day(2)
    records = region.ask("SELECT person_id::text AS person, resource_id FROM mart.person_record")
    persons = {row["resource_id"]: row["person"] for row in records}
    told = {
        (str(row["person_id"]), name): Last(row[columns[0]], tuple(row[column] for column in columns[1:]))
        for row in region.ask("SELECT * FROM mart.care_gap_inputs")
        for name, columns in MEASURES.items()
        if row[columns[0]] is not None
    }
    assert told == truth(region.truth, 2, persons)
    assert len(told) > 30
    patients = Counter(persons.values())
    summaries = region.ask("SELECT person_id::text AS person, patients FROM mart.person_summary")
    assert {row["person"]: row["patients"] for row in summaries} == patients
    assert max(patients.values()) > 1, "nobody has two records"


def test_last_visits_agree_with_the_charts(lakeview: Lakeview) -> None:
    lakeview.day(1)
    records = lakeview.ask("SELECT person_id::text AS person, resource_id FROM mart.person_record")
    persons = {row["resource_id"]: row["person"] for row in records}
    last: dict[str, tuple[datetime, str]] = {}
    for each in lakeview.truth.resources(1):
        if each["resourceType"] == "Encounter":
            person = persons[each["subject"]["reference"].rpartition("/")[2]]
            seen = (datetime.fromisoformat(each["period"]["start"]), each["class"]["code"])
            last[person] = max(last.get(person, seen), seen)
    rows = lakeview.ask("SELECT * FROM mart.person_summary WHERE last_encounter_at IS NOT NULL")
    told = {str(row["person_id"]): (row["last_encounter_at"], row["last_encounter_class_code"]) for row in rows}
    assert told == last


def test_nobody_of_a_whole_population_is_named(lakeview: Lakeview) -> None:
    lakeview.day(1)
    names = {
        text
        for subject in lakeview.truth.subjects
        for text in (subject.person.last, subject.person.street, subject.person.phone, subject.person.ssn,
                     f"{subject.person.born:%Y-%m-%d}")
        if text
    }  # fmt: skip
    told = "\n".join(text for _, text in whole(lakeview))
    assert len(told) > 10_000
    assert [text for text in names if re.search(rf"\b{re.escape(text)}\b", told)] == []


def test_what_was_updated_is_told_with_where_it_came_from(clinic: Clinic) -> None:
    run = clinic.send(updated(patient(1), 1, "2026-11-01T00:00:00Z"))
    row = clinic.one("SELECT delivery_id, line, last_updated, has_ssn, birth_year FROM mart.patient")
    assert row == {
        "delivery_id": run.delivery_id, "line": 1, "last_updated": datetime(2026, 11, 1, tzinfo=UTC),
        "has_ssn": False, "birth_year": 1980,
    }  # fmt: skip
