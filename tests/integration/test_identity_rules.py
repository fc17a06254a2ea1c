"""By what a patient is found to be a member, and by what never: the cascade, twins, families, shared numbers."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from concord import postgres
from concord.identity import RULES
from concord.stage import ssn_context
from tests.linking import BORN, LINKLETTER, Linking
from tests.tally import count

if TYPE_CHECKING:
    from tests.playground import Playground

HOME = {name: LINKLETTER[name] for name in ("address_line_1", "postal_code")}
PHONE = {"phone": LINKLETTER["phone"]}
NUMBER = {"ssn": "400561234"}


@pytest.fixture
def linking(blank: Playground) -> Linking:
    return Linking.begin(blank)


def is_linked(linking: Linking, resource_id: str = "p1", subscriber: str = "L100", code: str = "01") -> bool:
    return linking.person(resource_id) == linking.person(subscriber, code)


# ── each rule ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "known"),
    [
        ("identifier", {"member_identifier": "L100"}),
        ("identifier", {"member_identifier": "l-100 01"}),
        ("ssn", {**NUMBER, "last_name": "Married-Otherwise"}),
        ("name", HOME),
        ("name", {**PHONE, "phone": "+1 (216) 555-0142"}),
        ("name", {"address_line_1": "12 N. Canal St", "postal_code": "44101-3321"}),
        ("name", {**HOME, "last_name": "LINKLÉTTER", "first_name": "Ódile "}),
        ("name", {**HOME, "last_name": "Link-letter, Jr."}),
    ],
    ids=str,
)
def test_a_patient_is_the_member_a_rule_finds(linking: Linking, rule: str, known: dict[str, Any]) -> None:
    linking.member("L100", **NUMBER)
    linking.patient("p1", **known)
    plan = linking.link()
    assert plan.verdict == "apply"
    assert plan.counts["patient"] == {"link": 1}
    assert (is_linked(linking), linking.rule("p1"), linking.reviews()) == (True, rule, [])
    assert linking.flaws() == {}


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"member_identifier": "L100", "first_name": "Otto", "birth_date": BORN, "last_name": "Else"},
        {**NUMBER, "birth_date": BORN, "first_name": "Otto"},
        {**HOME, "birth_date": BORN},
        {**HOME, "gender_code": "M"},
        {**HOME, "gender_code": None},
        {**HOME, "first_name": "Odette"},
        {**HOME, "last_name": "Other"},
        {"address_line_1": "14 North Canal Street", "postal_code": "44101"},
        {"address_line_1": None, "postal_code": "44101"},
        {**HOME, "birth_date": date(1981, 1, 1), "birth_precision": "year"},
        {**HOME, "birth_date": None, "birth_precision": None},
        {**HOME, "last_name": None, "first_name": None},
    ],
    ids=str,
)
def test_too_little_in_common_links_nobody_and_asks_nobody(linking: Linking, known: dict[str, Any]) -> None:
    linking.member("L100", **NUMBER)
    linking.patient("p1", **known)
    linking.link()
    assert not is_linked(linking)
    assert (linking.rule("p1"), linking.rule("L100", "01"), linking.asked()) == ("own", "own", {})


def test_a_year_of_birth_is_not_taken_for_its_first_of_january(linking: Linking) -> None:
    linking.member("L100", birth_date=date(1981, 1, 1))
    linking.patient("p1", **HOME, birth_date=date(1981, 1, 1), birth_precision="year")
    linking.patient("p2", **HOME, birth_date=date(1981, 1, 1))
    linking.link()
    assert [is_linked(linking, each) for each in ("p1", "p2")] == [False, True]


def test_names_of_another_script_are_compared_too(linking: Linking) -> None:
    linking.member("L100", last_name="林", first_name="奥黛")
    linking.patient("p1", last_name="林", first_name="奥黛", **HOME)
    linking.patient("p2", last_name="王", first_name="奥黛", **HOME)
    linking.link()
    assert [is_linked(linking, each) for each in ("p1", "p2")] == [True, False]


def test_every_member_and_every_patient_is_exactly_one_person(linking: Linking) -> None:
    linking.member("L100")
    linking.member("L200", birth_date=BORN)
    linking.patient("p1", **HOME)
    linking.patient("p2", birth_date=BORN, last_name="Nobody")
    assert linking.link().counts | {"losses": 0} == {
        "member": {"new": 2}, "patient": {"link": 1, "new": 1}, "members": 2, "patients": 2, "linked": 0, "changed": 0,
        "losses": 0, "unreadable_numbers": 0,
    }  # fmt: skip
    persons = [linking.person("L100", "01"), linking.person("L200", "01"), linking.person("p2")]
    assert len(set(persons)) == 3
    assert linking.person("p1") == persons[0]
    assert linking.flaws() == {}


# ── whom no rule may merge ─────────────────────────────────────────────────────


def test_twins_are_told_apart_although_all_but_the_first_name_agrees(linking: Linking) -> None:
    for code, first in (("02", "Anna"), ("03", "Berta")):
        linking.member("L100", code, first_name=first, **NUMBER)
    linking.patient("p1", first_name="Anna", **HOME, **PHONE, **NUMBER, member_identifier="L100")
    linking.patient("p2", first_name="Berta", **HOME, **PHONE, **NUMBER, member_identifier="L100")
    linking.link()
    assert is_linked(linking, "p1", code="02")
    assert is_linked(linking, "p2", code="03")
    assert linking.person("p1") != linking.person("p2")
    assert linking.asked() == {}


def test_a_twin_who_is_no_member_is_not_taken_for_the_other(linking: Linking) -> None:
    linking.member("L100", "02", first_name="Anna", **NUMBER)
    linking.patient("p1", first_name="Berta", **HOME, **PHONE)
    linking.patient("p2", first_name="Baby Girl B", **HOME, **NUMBER, member_identifier="L100")
    linking.link()
    assert not is_linked(linking, "p1", code="02")
    assert not is_linked(linking, "p2", code="02")
    assert linking.asked() == {"p2": "first_name_differs"}


def test_twins_of_one_first_name_are_told_apart_by_their_birth_sequence(linking: Linking) -> None:
    linking.member("L100", "02", birth_sequence=1)
    linking.patient("p1", **HOME, multiple_birth=2)
    linking.link()
    assert not is_linked(linking, "p1", code="02")
    assert linking.asked() == {"p1": "birth_sequence_differs"}


@pytest.mark.parametrize(
    ("differs", "asked"),
    [
        ({"birth_date": BORN}, {"p1": "birth_date_differs"}),
        ({"birth_date": BORN, "first_name": "Otto"}, {}),
        ({"birth_date": BORN, "first_name": "Otto", "last_name": "Else"}, {}),
        ({"first_name": "Otto"}, {"p1": "first_name_differs"}),
        ({"birth_date": None}, {"p1": "birth_date_unknown"}),
        ({"name_suffix": "Jr"}, {"p1": "suffix_differs"}),
    ],
    ids=str,
)
def test_a_shared_number_alone_never_merges(linking: Linking, differs: dict[str, Any], asked: dict[str, str]) -> None:
    linking.member("L100", name_suffix="Sr", **NUMBER)
    linking.patient("p1", **NUMBER, **differs)
    linking.link()
    assert not is_linked(linking)
    assert linking.asked() == asked


def test_a_number_that_a_whole_family_was_given_finds_the_right_one(linking: Linking) -> None:
    linking.member("L100", "01", first_name="Karla", birth_date=BORN, **NUMBER)
    linking.member("L100", "02", first_name="Leo", birth_date=date(2011, 5, 6), **NUMBER)
    linking.patient("p1", first_name="Leo", birth_date=date(2011, 5, 6), **NUMBER)
    linking.link()
    assert is_linked(linking, code="02")
    assert linking.person("L100", "01") != linking.person("L100", "02")
    assert linking.asked() == {}


def test_father_and_son_of_one_name_are_two(linking: Linking) -> None:
    linking.member("L100", "01", first_name="Hugo", name_suffix="Sr", birth_date=BORN)
    linking.member("L100", "02", first_name="Hugo", last_name="Linkletter Jr.", birth_date=date(2005, 2, 3))
    linking.patient("p1", first_name="Hugo", name_suffix="JR", birth_date=date(2005, 2, 3), member_identifier="L100")
    linking.link()
    assert is_linked(linking, code="02")
    assert linking.asked() == {}


@pytest.mark.parametrize("entered", ["L100", "L10002"])
def test_one_subscriber_id_of_a_family_finds_whose_birth_and_first_name_agree(linking: Linking, entered: str) -> None:
    linking.member("L100", "01", first_name="Karla", birth_date=BORN)
    linking.member("L100", "02", first_name="Leo", birth_date=date(2011, 5, 6))
    linking.patient("p1", first_name="Leo", birth_date=date(2011, 5, 6), member_identifier=entered)
    linking.link()
    assert is_linked(linking, code="02")
    assert linking.asked() == {}


def test_the_number_of_another_family_member_is_asked_about(linking: Linking) -> None:
    linking.member("L100", "01", first_name="Karla", birth_date=BORN)
    linking.member("L100", "02", first_name="Leo", birth_date=date(2011, 5, 6))
    linking.patient("p1", first_name="Mia", last_name="Else", birth_date=date(2011, 5, 6), member_identifier="L10001")
    linking.link()
    assert linking.rule("p1") == "own"
    assert linking.asked() == {"p1": "birth_date_differs"}


# ── whom a person has to look at ───────────────────────────────────────────────


def test_two_members_who_could_be_the_patient_are_asked_about(linking: Linking) -> None:
    linking.member("L100")
    linking.member("G7", partner="globex")
    linking.patient("p1", **HOME)
    linking.link()
    assert linking.rule("p1") == "own"
    (review,) = linking.reviews()
    assert review["reason"] == "several_candidates"
    assert set(review["persons"]) == {linking.person("L100", "01"), linking.person("G7", "01", partner="globex")}


def test_two_patients_of_one_health_system_who_could_be_the_member_are_asked_about(linking: Linking) -> None:
    linking.member("L100")
    linking.patient("p1", **HOME)
    linking.patient("p2", **HOME)
    linking.patient("q1", partner="river", **HOME)
    linking.link()
    assert linking.asked() == {"p1": "several_patients", "p2": "several_patients"}
    assert linking.person("q1", partner="river") == linking.person("L100", "01")


def test_who_is_linked_already_stays_when_a_second_patient_appears(linking: Linking) -> None:
    linking.member("L100")
    linking.patient("p1", **HOME)
    linking.link()
    linking.patient("p2", **HOME)
    plan = linking.link()
    assert plan.verdict == "apply"
    assert is_linked(linking, "p1")
    assert not is_linked(linking, "p2")
    assert linking.asked() == {"p2": "several_patients"}


def test_rules_that_find_different_members_link_nobody(linking: Linking) -> None:
    linking.member("L100", last_name="Before")
    linking.member("L200", **NUMBER, **{**HOME, "address_line_1": "3 Elsewhere", "phone": None})
    linking.patient("p1", member_identifier="L100", **NUMBER)
    linking.link()
    assert linking.rule("p1") == "own"
    assert linking.asked() == {"p1": "rules_disagree"}


def test_a_stronger_rule_that_points_elsewhere_stops_a_weaker_one(linking: Linking) -> None:
    linking.member("L100", first_name="Otto", **NUMBER, phone=None)
    linking.member("L200")
    linking.patient("p1", **NUMBER, **PHONE)
    linking.link()
    assert linking.rule("p1") == "own"
    assert linking.asked() == {"p1": "rules_disagree"}


def test_two_different_numbers_are_asked_about_unless_the_identifier_says_who_it_is(linking: Linking) -> None:
    linking.member("L100", **NUMBER)
    linking.patient("p1", ssn="400569999", **HOME)
    linking.member("L200", birth_date=BORN, **NUMBER)
    linking.patient("p2", ssn="400569999", **HOME, birth_date=BORN, member_identifier="L200")
    linking.link()
    assert linking.asked() == {"p1": "ssn_differs"}
    assert is_linked(linking, "p2", "L200")


# ── one human being with two member ids ────────────────────────────────────────


@pytest.mark.parametrize("partner", ["acme", "globex"])
@pytest.mark.parametrize("at_once", [True, False])
def test_who_is_hired_again_or_elsewhere_is_the_same_person(linking: Linking, partner: str, at_once: bool) -> None:
    linking.member("L100", **NUMBER)
    if not at_once:
        linking.link()
    linking.member("L900", partner=partner, last_name="Newly", **NUMBER)
    linking.patient("p1", **NUMBER)
    linking.link()
    assert linking.person("L100", "01") == linking.person("L900", "01", partner=partner) == linking.person("p1")
    assert {linking.rule("L100", "01"), linking.rule("L900", "01")} == {"own", "ssn"}
    assert (linking.asked(), linking.flaws()) == ({}, {})


@pytest.mark.parametrize("differs", [{"first_name": "Otto"}, {"birth_date": BORN}, {"ssn": "400561235"}], ids=str)
def test_members_who_share_less_are_two_persons(linking: Linking, differs: dict[str, Any]) -> None:
    linking.member("L100", **NUMBER)
    linking.member("L900", **{**NUMBER, **differs})
    linking.link()
    assert linking.person("L100", "01") != linking.person("L900", "01")


def test_two_of_one_family_are_never_one_person(linking: Linking) -> None:
    linking.member("L100", "02", **NUMBER)
    linking.member("L100", "03", **NUMBER)
    linking.link()
    assert linking.person("L100", "02") != linking.person("L100", "03")


# ── numbers under two keys ─────────────────────────────────────────────────────


def test_equal_numbers_are_found_while_partners_are_under_different_token_keys(linking: Linking) -> None:
    """In the midst of a rotation acme's tokens are under the older key, the health system's under the newer one."""
    from concord.protect import KeyRing

    old = linking.keys
    both = KeyRing({"test": b"s" * 32}, {"new": b"n" * 32, "test": linking.place.settings.token_keys["test"]})
    sealed = both.seal(b"400561234", context=ssn_context("acme", "L100", "01"))
    linking.member("L100", **NUMBER, ssn_sealed=sealed)
    linking.keys = both
    linking.patient("p1", **NUMBER)
    linking.link()
    assert is_linked(linking)
    linking.member("L200", **{**NUMBER, "birth_date": BORN}, ssn_sealed=b"\x01\x04test" + b"?" * 60)
    linking.place.connection.execute(
        "UPDATE core.member SET ssn_token = %s WHERE subscriber_id = 'L200'", [old.token("400561234", kind="ssn")]
    )
    assert linking.link().counts["unreadable_numbers"] == 1


# ── negative controls ──────────────────────────────────────────────────────────

SPOILED = {
    "births of one number": (
        "identity/match_ssn",
        "WHEN NOT born THEN 'birth_date_differs'\n            WHEN first",
        "WHEN first",
        {"member": NUMBER, "patient": {**NUMBER, "birth_date": BORN}},
    ),
    "first names of one number": (
        "identity/match_ssn",
        "WHEN first IS NOT TRUE THEN 'first_name_differs' ",
        "",
        {"member": NUMBER, "patient": {**NUMBER, "first_name": "Otto"}},
    ),
    "first names of one identifier": (
        "identity/match_identifier",
        "WHEN first IS NOT TRUE THEN 'first_name_differs' ",
        "",
        {"member": {}, "patient": {"member_identifier": "L100", "first_name": "Otto"}},
    ),
    "first names of one address": (
        "identity/match_name",
        "AND m.first_key = p.first_key",
        "",
        {"member": {}, "patient": {**HOME, "first_name": "Otto"}},
    ),
    "partial dates of birth": (
        "identity/create_patients",
        "CASE WHEN coalesce(p.birth_precision, 'day') IN ('day', 'time') THEN p.birth_date END",
        "p.birth_date",
        {
            "member": {"birth_date": date(1981, 1, 1)},
            "patient": {**HOME, "birth_date": date(1981, 1, 1), "birth_precision": "year"},
        },
    ),
    "births of one name and two numbers": (
        "identity/match_name",
        "WHEN p.ssn_token <> m.ssn_token THEN 'ssn_differs'",
        "",
        {"member": NUMBER, "patient": {**HOME, "ssn": "400569999"}},
    ),
}


@pytest.mark.parametrize("guard", SPOILED)
def test_without_its_guard_somebody_would_be_merged(
    linking: Linking, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    name, text, instead, people = SPOILED[guard]
    linking.member("L100", **people["member"])
    linking.patient("p1", **people["patient"])
    assert linking.plan().counts["patient"].get("link") is None
    whole = postgres.statement
    assert text in whole(name)
    monkeypatch.setattr(
        postgres, "statement", lambda each: whole(each).replace(text, instead) if each == name else whole(each)
    )
    linking.link()
    count("negative controls", tried=1, red=int(is_linked(linking)))
    assert is_linked(linking)


def test_the_ranks_are_in_order_and_every_rule_says_what_must_agree() -> None:
    assert [rule.rank for rule in RULES] == sorted({rule.rank for rule in RULES})
    assert all(rule.agrees for rule in RULES)
