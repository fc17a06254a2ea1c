"""The sandbox's patients: what the population promises to the EHR feeds, the linking and their tests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest

from concord.sandbox.fhir.population import DIRECTORY, TYPES, PatientTruth, Population
from concord.sandbox.fhir.profiles import EPIC, ORACLE, Profile
from concord.sandbox.fhir.subjects import NO_MEMBERS, Case
from concord.sandbox.people import CANARY, families
from concord.sandbox.roster import Employer

START = date(2026, 11, 18)
DAYS = (1, 2, 3, 4)


def population(profile: Profile = ORACLE, seed: int = 1, **sizes: Any) -> Population:
    return Population(seed, Employer(20, 2_000, start=START), profile=profile, **{"members": 140} | sizes)


@pytest.fixture(scope="module")
def oracle() -> Population:
    return population()


@pytest.fixture(scope="module")
def epic() -> Population:
    return population(EPIC)


@cache
def by_key(people: Population, day: int) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["resourceType"], each["id"]): each for each in people.resources(day)}


def patients(people: Population, day: int) -> dict[str, dict[str, Any]]:
    return {key: each for (kind, key), each in by_key(people, day).items() if kind == "Patient"}


def truths(people: Population, *cases: Case, day: int = 3) -> list[PatientTruth]:
    return [each for each in people.truth(day).patients if each.case in cases]


def identifier(patient: dict[str, Any], kind: str) -> str | None:
    found = [one["value"] for one in patient["identifier"] if one["type"]["coding"][0]["code"] == kind]
    return found[0] if found else None


# ── the resources ──────────────────────────────────────────────────────────────


def test_the_same_seed_makes_the_same_resources() -> None:
    assert list(population().resources(3)) == list(population().resources(3))


def test_another_seed_makes_others() -> None:
    ids = {each["id"] for each in population().resources(1)}
    assert ids.isdisjoint(each["id"] for each in population(seed=2).resources(1))


@pytest.mark.parametrize("day", DAYS)
def test_every_resource_is_plain_json_with_a_type_and_an_id_of_its_own(oracle: Population, day: int) -> None:
    seen = set()
    for resource in oracle.resources(day):
        assert json.loads(json.dumps(resource, allow_nan=False)) == resource
        assert resource["resourceType"] in TYPES
        assert 0 < len(resource["id"]) <= 64
        assert set(resource["id"]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.")
        seen.add((resource["resourceType"], resource["id"]))
    assert len(seen) == sum(oracle.truth(day).counts.values())


@pytest.mark.parametrize("day", DAYS)
def test_the_truth_counts_what_there_is(oracle: Population, day: int) -> None:
    counted = Counter(each["resourceType"] for each in oracle.resources(day))
    assert oracle.truth(day).counts == counted
    assert set(counted) == set(TYPES)
    assert counted["Patient"] == len(oracle.truth(day).patients)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.mark.parametrize("day", DAYS)
def test_references_point_at_resources_that_exist_except_those_planted(oracle: Population, day: int) -> None:
    everything = by_key(oracle, day)
    nowhere: list[dict[str, Any]] = []
    forms: Counter[str] = Counter()
    for resource in everything.values():
        for reference in references(resource):
            form = "absolute" if "://" in reference.partition("?")[0] else "relative"
            form = "contained" if reference.startswith("#") else "search" if "?" in reference else form
            forms[form] += 1
            if form in {"contained", "search"}:
                continue
            kind, key = reference.split("/")[-2:]
            if (kind, key) not in everything:
                nowhere.append(resource)
    assert set(forms) == {"absolute", "relative", "contained", "search"}
    assert nowhere
    assert {each["resourceType"] for each in nowhere} == {"Observation"}
    assert {each["code"]["coding"][0]["code"] for each in nowhere} == {"29463-7"}
    assert len(nowhere) < 0.05 * len(everything)


def test_observations_have_every_kind_of_value(oracle: Population) -> None:
    observations = [each for each in oracle.resources(3) if each["resourceType"] == "Observation"]
    kinds = {name for each in observations for name in each if name.startswith(("value", "dataAbsent", "component"))}
    assert kinds == {
        "valueQuantity", "valueCodeableConcept", "valueString", "valueBoolean", "valueInteger", "valueRange",
        "valueRatio", "valueSampledData", "valueTime", "valueDateTime", "valuePeriod", "dataAbsentReason", "component",
    }  # fmt: skip
    times = {name for each in observations for name in each if name.startswith("effective")}
    assert times == {"effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming"}


def test_one_code_comes_in_two_units_and_glucose_in_two_codes(oracle: Population) -> None:
    units: dict[str, set[str]] = {}
    for each in oracle.resources(2):
        if "valueQuantity" in each:
            units.setdefault(each["code"]["coding"][0]["code"], set()).add(each["valueQuantity"]["code"])
    assert units["29463-7"] == {"kg", "[lb_av]"}
    assert units["2345-7"] == {"mg/dL"}
    assert units["14749-6"] == {"mmol/L"}
    assert units["4548-4"] == {"%"}


def test_blood_pressure_has_its_components(oracle: Population) -> None:
    panels = [each for each in oracle.resources(1) if "component" in each]
    codes = {tuple(part["code"]["coding"][0]["code"] for part in each["component"]) for each in panels}
    assert codes == {("8480-6", "8462-4")}
    assert any("dataAbsentReason" in each["component"][1] for each in panels)


def test_readings_make_it_large_and_change_nothing_else() -> None:
    few, many = population(members=30).truth(1).counts, population(members=30, readings=20).truth(1).counts
    assert many["Observation"] == few["Observation"] + 20 * few["Encounter"]
    assert {kind: count for kind, count in many.items() if kind != "Observation"} == {
        kind: count for kind, count in few.items() if kind != "Observation"
    }


# ── the makers ─────────────────────────────────────────────────────────────────


def test_oracle_versions_everything(oracle: Population) -> None:
    assert all({"versionId", "lastUpdated"} == set(each["meta"]) for each in oracle.resources(2))


def test_epic_has_no_versions_and_dates_few(epic: Population) -> None:
    metas = [each.get("meta") for each in epic.resources(2)]
    assert all(meta is None or set(meta) == {"lastUpdated"} for meta in metas)
    assert 0 < sum(meta is not None for meta in metas) < len(metas) / 2


def test_the_makers_know_the_same_people_by_other_ids(epic: Population, oracle: Population) -> None:
    assert [(each.case, each.member) for each in epic.truth(3).patients] == [
        (each.case, each.member) for each in oracle.truth(3).patients
    ]
    assert {each.patient_id for each in epic.truth(3).patients}.isdisjoint(
        each.patient_id for each in oracle.truth(3).patients
    )
    assert all(each.patient_id.isdigit() for each in oracle.truth(3).patients)


# ── who they are ───────────────────────────────────────────────────────────────


def test_members_are_the_persons_of_the_employers_first_file(oracle: Population) -> None:
    employer = oracle.employer
    rows = {(record[0], record[1]): record for record in employer.day(1).records}
    known, same = patients(oracle, 3), 0
    for each in truths(oracle, Case.MEMBER):
        assert each.member in rows, "everybody who is a member stands in the roster"
        row, patient = rows[each.member], known[each.patient_id]
        assert patient["birthDate"] == f"{row[6][6:]}-{row[6][:2]}-{row[6][3:5]}"
        official = next(name for name in patient["name"] if name["use"] == "official")
        assert (official["family"], official["given"][0]) == (row[3], row[4])
        assert "\n".join(patient["address"][0]["line"]) == row[10]
        assert identifier(patient, "SS") == (row[9] or None)
        same += 1
    assert same > 50


def test_every_planted_case_is_there(oracle: Population) -> None:
    found = Counter(each.case for each in oracle.truth(3).patients)
    assert set(found) == set(Case)
    assert found[Case.MEMBER] > len(oracle.truth(3).patients) / 3


def test_strangers_are_nobody_at_the_employer(oracle: Population) -> None:
    strangers = truths(oracle, *NO_MEMBERS)
    assert len(strangers) == 29  # one of the thirty was removed on day 3
    assert all(each.member is None and each.by == () for each in strangers)
    everybody = {person.ssn for family in families(20, 2_000, START).values() for person in family}
    known = patients(oracle, 3)
    plain = [known[each.patient_id] for each in strangers if each.case is Case.STRANGER]
    assert all(identifier(each, "SS") not in everybody - {""} for each in plain)
    assert all(identifier(each, "MB") is None for each in plain)


def test_a_foreign_ssn_is_a_members_and_a_namesake_has_a_members_name(oracle: Population) -> None:
    everybody = [person for family in families(20, 2_000, START).values() for person in family]
    numbers = {person.ssn: person.born.isoformat() for person in everybody if person.ssn}
    names = {(person.last, person.first): person.born.isoformat() for person in everybody}
    known = patients(oracle, 3)
    for each in truths(oracle, Case.FOREIGN_SSN):
        patient = known[each.patient_id]
        assert numbers[str(identifier(patient, "SS"))] != patient["birthDate"]
    for each in truths(oracle, Case.NAMESAKE):
        official = next(name for name in known[each.patient_id]["name"] if name["use"] == "official")
        assert names[official["family"], official["given"][0]] != known[each.patient_id]["birthDate"]


def test_twins_differ_by_first_name_and_order_of_birth_alone(oracle: Population) -> None:
    known, pairs = patients(oracle, 3), {}
    for each in truths(oracle, Case.TWIN):
        assert each.member
        pairs.setdefault(each.member[0], []).append(known[each.patient_id])
    assert pairs
    for left, right in pairs.values():
        for element in ("birthDate", "address"):
            assert left[element] == right[element]
        assert left["name"][0]["family"] == right["name"][0]["family"]
        assert {left["multipleBirthInteger"], right["multipleBirthInteger"]} == {1, 2}
        assert left["name"][-1]["given"] != right["name"][-1]["given"]
        assert identifier(left, "SS") is identifier(right, "SS") is None


def test_a_family_shares_one_ssn_by_mistake(oracle: Population) -> None:
    known, shared = patients(oracle, 3), {}
    for each in truths(oracle, Case.SHARED_SSN):
        assert each.member
        shared.setdefault(each.member[0], []).append(identifier(known[each.patient_id], "SS"))
    assert all(len(numbers) >= 3 and len(set(numbers)) == 1 and numbers[0] for numbers in shared.values())
    assert len(shared) == 2


def test_a_second_record_of_a_person_is_replaced_by_the_first(oracle: Population) -> None:
    merged = [each for each in oracle.truth(3).patients if each.replaced_by]
    survivors = {each.patient_id: each for each in oracle.truth(3).patients}
    assert len(merged) >= 2
    assert len([each for each in oracle.truth(1).patients if each.replaced_by]) < len(merged), "one merge is on day 2"
    for each in merged:
        patient = patients(oracle, 3)[each.patient_id]
        assert patient["active"] is False
        [link] = patient["link"]
        assert link["type"] == "replaced-by"
        assert link["other"]["reference"] == f"Patient/{each.replaced_by}"
        assert survivors[str(each.replaced_by)].member == each.member


def test_what_differs_a_little_says_by_what_it_can_still_be_found(oracle: Population) -> None:
    for each in truths(oracle, Case.MAIDEN_NAME, Case.MOVED):
        assert "demographics" not in each.by
    for each in truths(oracle, Case.NO_SSN, Case.MISTYPED_SSN):
        assert "ssn_and_birth_date" not in each.by
    assert any("demographics" in each.by for each in truths(oracle, Case.PLAIN_LETTERS)), "accents do not count"
    assert any(each.by == () for each in oracle.truth(3).patients if each.member), "some cannot be found at all"


def test_everybody_bears_a_canary(oracle: Population) -> None:
    for patient in patients(oracle, 3).values():
        official = next(name for name in patient["name"] if name["use"] == "official")
        assert CANARY.search(official["given"][0].lower())


# ── from day to day ────────────────────────────────────────────────────────────


def test_a_day_brings_visits_corrections_deletions_a_registration_and_a_merge(oracle: Population) -> None:
    before, after = by_key(oracle, 1), by_key(oracle, 2)
    new, gone = after.keys() - before.keys(), before.keys() - after.keys()
    changed = {key for key in before.keys() & after.keys() if before[key] != after[key]}
    assert {kind for kind, _ in new} >= {"Encounter", "Observation", "Patient"}
    assert gone == {key for key, _ in oracle.deleted(2)}
    assert {kind for kind, _ in changed} == {"Patient", "Observation"}
    for key in changed:
        assert int(after[key]["meta"]["versionId"]) > int(before[key]["meta"]["versionId"])
        assert after[key]["meta"]["lastUpdated"] > before[key]["meta"]["lastUpdated"]
    corrected = [after[key] for key in changed if key[0] == "Observation"]
    assert {each["status"] for each in corrected} == {"corrected"}


def test_what_changes_on_a_day_lies_between_the_exports_before_and_after_it(oracle: Population) -> None:
    yesterday, today = oracle.clock.end(2), oracle.clock.end(3)
    before = by_key(oracle, 2)
    for entry in oracle.entries(3):
        key = (entry.resource["resourceType"], entry.resource["id"])
        if before.get(key) != oracle.stamped(entry):
            assert yesterday < entry.changed <= today
        else:
            assert entry.changed <= yesterday
    assert all(yesterday < at <= today for key, at in oracle.deleted(3, since=yesterday))


def test_one_change_falls_on_the_very_moment_of_the_export(oracle: Population) -> None:
    assert any(entry.changed == oracle.clock.end(2) for entry in oracle.entries(2))


def test_a_patient_registered_by_mistake_is_deleted_with_everything(oracle: Population) -> None:
    gone = Counter(kind for (kind, _), _ in oracle.deleted(3, since=oracle.clock.end(2)))
    assert gone["Patient"] == gone["Coverage"] == 1
    assert gone["Encounter"] >= 1
    assert oracle.truth(3).deleted["Patient"] == 1


def test_the_directory_never_changes(oracle: Population) -> None:
    def directory(day: int) -> list[dict[str, Any]]:
        return [each for each in oracle.resources(day) if each["resourceType"] in DIRECTORY]

    assert directory(1) == directory(4)


def test_a_group_is_part_of_everybody(oracle: Population) -> None:
    north, south = oracle.group("north"), oracle.group("south")
    assert north | south == oracle.group("everyone")
    assert north.isdisjoint(south)
    assert oracle.group("nobody") == frozenset()
    with pytest.raises(KeyError):
        oracle.group("west")


def test_a_small_employer_is_taken_whole() -> None:
    people = Population(1, Employer(7, 12, start=START), members=500, strangers=3)
    members = {each.member for each in people.truth(2).patients if each.member}
    assert len(members) == 12


def test_nobody_is_seen_before_birth(oracle: Population) -> None:
    born = {key: date.fromisoformat(each["birthDate"] + "-01" * (2 - each["birthDate"].count("-")))
            for key, each in patients(oracle, 2).items()}  # fmt: skip
    for each in oracle.resources(2):
        if each["resourceType"] == "Encounter":
            patient = each["subject"]["reference"].rpartition("/")[2]
            assert date.fromisoformat(each["period"]["start"][:10]) >= born[patient] - timedelta(days=1)
