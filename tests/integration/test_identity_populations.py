"""Populations in which nearly everything collides, corrected, merged and deleted day by day: what must always hold."""

from __future__ import annotations

import random
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from concord import postgres
from concord.contract import Limit
from concord.errors import NeedsDecision
from concord.identity import Limits
from tests.linking import Linking
from tests.tally import count

if TYPE_CHECKING:
    from tests.playground import Playground

LAX = Limits(changed=Limit(share=1.0, floor=1_000_000))
DAYS = 5
STRANGERS = """
SELECT x.key FROM core.crosswalk x JOIN core.patient p ON p.partner = x.partner AND ARRAY[p.resource_id] = x.key
WHERE x.entity = 'patient' AND x.rule IN ('identifier', 'ssn', 'name')
  AND EXISTS (SELECT FROM core.crosswalk m WHERE m.person_id = x.person_id AND m.entity = 'member')
  AND NOT EXISTS (
      SELECT FROM core.crosswalk m
      JOIN core.member r ON r.partner = m.partner AND ARRAY[r.subscriber_id, r.person_code] = m.key
      JOIN core.crosswalk y ON y.person_id = x.person_id AND y.entity = 'patient' AND y.partner = x.partner
      JOIN core.patient q ON q.partner = y.partner AND ARRAY[q.resource_id] = y.key
      WHERE m.person_id = x.person_id AND m.entity = 'member'
        AND r.birth_date = coalesce(CASE WHEN q.birth_precision = 'day' THEN q.birth_date END, r.birth_date)
        AND lower(r.first_name) = lower(coalesce(q.first_name, r.first_name)))
"""
"""Patients whom a rule linked although neither they nor who was merged with them agree with a member of it."""


def somebody(chance: random.Random) -> dict[str, Any]:
    """Attributes from pools so small that people collide."""
    return {
        "last_name": chance.choice(["Linkletter", "Mossbank"]),
        "first_name": chance.choice(["Odile", "Piet", "Ruud"]),
        "birth_date": chance.choice([date(1981, 7, 14), date(1979, 2, 3), date(2012, 1, 1)]),
        "gender_code": chance.choice(["F", "M"]),
        "ssn": chance.choice([None, None, "400561111", "400562222", "400563333"]),
        "address_line_1": chance.choice([None, "1 Main Street", "2 Oak Ave"]),
        "postal_code": "44101",
        "phone": chance.choice([None, "2165550142"]),
        "name_suffix": chance.choice([None, None, None, "Jr", "Sr"]),
    }


def a_patient(chance: random.Random, number: int) -> dict[str, Any]:
    return somebody(chance) | {
        "birth_precision": chance.choice(["day", "day", "day", "year"]),
        "member_identifier": chance.choice([None, "L1", "L2", "L3", "L101"]),
        "multiple_birth": chance.choice([None, None, None, 1, 2]),
        "replaced_by_reference": chance.choice([None] * 6 + [f"Patient/p{chance.randrange(number + 1)}"]),
    }


def appear(linking: Linking, chance: random.Random, day: int) -> None:
    for number in range(4):
        partner = chance.choice(["acme", "globex"])
        linking.member(f"L{day}", f"{number:02d}", partner=partner, **somebody(chance))
    for number in range(4 * day, 4 * day + 4):
        linking.patient(f"p{number}", **a_patient(chance, number))


def change(linking: Linking, chance: random.Random, day: int) -> None:
    for entity, key in (("member", f"L{chance.randrange(day)}"), ("patient", f"p{chance.randrange(4 * day)}")):
        values = somebody(chance) if entity == "member" else a_patient(chance, 4 * day)
        names = chance.sample(sorted(values), 2)
        linking.correct(entity, key, **{name: values[name] for name in names if name != "ssn"} or {"phone": None})
    if chance.random() < 0.3:
        linking.remove("patient", f"p{chance.randrange(4 * day)}")


def settle(linking: Linking, chance: random.Random) -> None:
    """Links until nothing is left to do, and answers whatever is asked, at random."""
    for _ in range(6):
        plan = linking.plan(LAX)
        if plan.asks:
            linking.approve(plan, chance.choice(["approve", "approve", "decline"]))
        try:
            linking.apply(plan)
        except NeedsDecision:
            return
        if not plan.counts["member"] and not plan.counts["patient"]:
            return
    pytest.fail("the plans never come to rest")


def answer(linking: Linking, chance: random.Random) -> None:
    for review in linking.reviews():
        if chance.random() < 0.3:
            person = chance.choice([None, *review["persons"]])
            linking.answer("link" if person else "apart", review["key"][0], person)


def live(linking: Linking, seed: int) -> list[Any]:
    """Some days of a population; returns the strangers that were found linked on days without anything held."""
    chance, strangers = random.Random(seed), []
    for day in range(DAYS):
        appear(linking, chance, day)
        if day:
            change(linking, chance, day)
        settle(linking, chance)
        assert linking.flaws() == {}
        if linking.plan(LAX).verdict == "apply":
            strangers += linking.place.connection.execute(STRANGERS).fetchall()
        answer(linking, chance)
    return strangers


SEEDS = [*range(3), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(3, 40))]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_every_record_is_one_person_and_no_rule_links_strangers(blank: Playground, seed: int) -> None:
    assert live(Linking.begin(blank), seed) == []


def test_numbers_alone_would_link_strangers(blank: Playground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with births and first names of one number not compared."""
    whole, guards = postgres.statement, ("WHEN NOT born THEN 'birth_date_differs'", "WHEN first IS NOT TRUE")
    spoiled = whole("identity/match_ssn").replace(guards[0], "").replace(guards[1], "WHEN false")
    monkeypatch.setattr(postgres, "statement", lambda name: spoiled if name == "identity/match_ssn" else whole(name))
    found = any(live(Linking.begin(blank), seed) for seed in range(5))
    count("negative controls", tried=1, red=int(found))
    assert found
