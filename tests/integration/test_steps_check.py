"""The nightly check as a step: one incident per broken rule, closed when the rule holds again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from concord import check, steps
from concord.check import Finding
from concord.steps.checking import sound_again

if TYPE_CHECKING:
    from tests.integration.conftest import Playground
    from tests.rosters import Driver

SPOIL = "UPDATE core.eligibility SET coverage_tier = 'spoiled' || coverage_tier WHERE row_id = %s"
MEND = "UPDATE core.eligibility SET coverage_tier = replace(coverage_tier, 'spoiled', '') WHERE row_id = %s"


@pytest.fixture
def row(acme: Driver) -> int:
    """A span of Acme's that stands."""
    return int(acme.all("SELECT min(row_id) AS n FROM core.eligibility")[0]["n"])


def told(acme: Driver) -> list[dict[str, Any]]:
    return [incident for incident in acme.incidents() if incident["kind"] == "check"]


def test_a_sound_installation_opens_no_incident(acme: Driver) -> None:
    assert steps.check(acme.site) == {"findings": 0, "codes": {}}
    assert (told(acme), acme.told) == ([], [])


def test_a_broken_row_is_told_once_with_its_id_and_what_to_press(acme: Driver, first_day: Playground, row: int) -> None:
    first_day.connection.execute(SPOIL, [row])
    outcomes = [steps.check(acme.site) for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]["codes"]["eligibility.hash"] == 1
    incidents = {incident["cause"]: incident for incident in told(acme)}
    assert incidents.keys() == {f"check:{code}" for code in outcomes[0]["codes"]}
    wrong_hash = incidents["check:eligibility.hash"]
    assert wrong_hash["times"] == 2
    assert len(acme.told) == len(incidents)
    for words in (str(row), "Safe:", "Press: pause the DAGs"):
        assert words in wrong_hash["text"]
    assert not [value for value in ("E00000", "Sample", "400-55") if value in wrong_hash["text"]]


def test_the_next_clean_check_closes_the_incident(acme: Driver, first_day: Playground, row: int) -> None:
    first_day.connection.execute(SPOIL, [row])
    steps.check(acme.site)
    assert told(acme)
    first_day.connection.execute(MEND, [row])
    assert steps.check(acme.site)["findings"] == 0
    assert told(acme) == []


def test_a_quick_check_does_not_close_what_only_a_deep_one_sees(acme: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = [Finding("landing.damaged", ("7k2m9xab",), "chunk 3 does not authenticate")]
    monkeypatch.setattr(check, "run", lambda _site, *, deep: damaged if deep else [])
    steps.check(acme.site, deep=True)
    steps.check(acme.site)
    assert [incident["cause"] for incident in told(acme)] == ["check:landing.damaged"]
    damaged.clear()
    steps.check(acme.site, deep=True)
    assert told(acme) == []


def test_a_deep_check_vouches_for_every_rule() -> None:
    told, found = ["eligibility.hash", "eligibility.overlap", "landing.damaged"], ["eligibility.overlap"]
    assert sound_again(told, found, deep=True) == ["eligibility.hash", "landing.damaged"]
    assert sound_again(told, found, deep=False) == ["eligibility.hash"]
