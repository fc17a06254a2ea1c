"""Links as a step and from the shell: applied by themselves, held and told where one would go, answered by a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from concord import check, identity, steps
from concord.cli import app
from concord.cli.environment import Settings
from concord.errors import BaseMoved
from concord.postgres import Connection
from concord.steps import Site
from tests.integration.test_records import Ehr, lax
from tests.resources import patient
from tests.rosters import BASE, Driver
from tests.rosters import lax as acme_lax


class Town:
    """Acme's members and Northgate's patients."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.acme, self.ehr = Driver(acme_lax(), site), Ehr(site, lax())
        self.acme.begin(BASE)

    def link(self) -> dict[str, Any]:
        outcome = steps.link(self.site)
        assert check.run(self.site) == []
        return outcome

    def is_linked(self, resource_id: str) -> bool:
        rows = self.acme.all(
            "SELECT 1 FROM core.crosswalk p JOIN core.crosswalk m USING (person_id)"
            " WHERE p.entity = 'patient' AND p.key = ARRAY[%s] AND m.entity = 'member'", resource_id,
        )  # fmt: skip
        return bool(rows)


@pytest.fixture
def town(site: Site) -> Town:
    return Town(site)


def someone(town: Town) -> dict[str, Any]:
    """A patient who is employee 1, by number, birth and name."""
    (member,) = town.acme.all("SELECT * FROM core.member WHERE subscriber_id = 'E0000001' AND person_code = '01'")
    name = {"use": "official", "family": member["last_name"], "given": [member["first_name"]]}
    number = {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}}
    return {
        "name": [name],
        "birthDate": member["birth_date"].isoformat(),
        "identifier": [number | {"value": "E0000001"}],
    }


def test_links_are_made_by_themselves_and_nobody_is_asked(town: Town) -> None:
    town.ehr.send(patient(1, **someone(town)), patient(2), verdict="approve")
    outcome = town.link()
    assert (outcome["state"], outcome["verdict"], outcome["asks"]) == ("applied", "apply", None)
    assert [town.is_linked("p1"), town.is_linked("p2")] == [True, False]
    assert town.acme.incidents() == []
    assert town.link()["opened"] == 0


def test_a_link_that_would_go_waits_is_told_and_goes_at_somebodys_word(town: Town) -> None:
    person = someone(town)
    town.ehr.send(patient(1, **person), verdict="approve")
    town.link()
    town.ehr.send(patient(1, **person | {"birthDate": "1999-01-01"}))
    outcome = town.link()
    assert outcome["verdict"] == "hold_losses"
    assert town.is_linked("p1")
    (incident,) = town.acme.incidents()
    assert incident["kind"] == "links"
    assert outcome["asks"][:12] in incident["text"]
    steps.decide_links(
        outcome["asks"], verdict="approve", by="ann", via="shell", reason="it is another", ticket="", site=town.site
    )
    assert town.acme.incidents() == []
    town.link()
    assert not town.is_linked("p1")


def test_a_decline_leaves_the_link_and_tells_nobody_again(town: Town) -> None:
    person = someone(town)
    town.ehr.send(patient(1, **person), verdict="approve")
    town.link()
    town.ehr.send(patient(1, **person | {"birthDate": "1999-01-01"}))
    asks = town.link()["asks"]
    steps.decide_links(asks, verdict="decline", by="ann", via="shell", reason="a typo", ticket="", site=town.site)
    town.link()
    assert town.is_linked("p1")
    assert town.acme.incidents() == []


def meanwhile(monkeypatch: pytest.MonkeyPatch, arrive: Callable[[], object]) -> None:
    """``arrive`` happens between each plan and its apply."""
    take = identity.take_fence

    def taken(connection: Connection) -> int:
        arrive()
        return take(connection)

    monkeypatch.setattr(identity, "take_fence", taken)


def test_members_that_change_meanwhile_are_planned_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.ehr.send(patient(1, **someone(town)), verdict="approve")
    arrivals = [patient(5)]
    meanwhile(monkeypatch, lambda: [town.ehr.send(arrivals.pop()) for _ in arrivals[:]])
    assert town.link()["state"] == "applied"
    assert town.is_linked("p1")


def test_members_that_never_stand_still_are_an_error(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(range(10, 99))
    town.ehr.send(patient(1), verdict="approve")
    meanwhile(monkeypatch, lambda: town.ehr.send(patient(next(numbers))))
    with pytest.raises(BaseMoved):
        steps.link(town.site)


def test_the_shell_plans_approves_and_answers(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "from_environment", classmethod(lambda *_: town.site.settings))
    monkeypatch.setenv("CONCORD_LOADER_URL", town.site.settings.loader_url)
    person = someone(town)
    town.ehr.send(patient(1, **person), patient(2, **person), verdict="approve")
    shell = CliRunner()
    assert "nobody has to be asked" in shell.invoke(app, ["links", "plan"]).output
    assert shell.invoke(app, ["links", "apply"]).exit_code == 0
    reviews = shell.invoke(app, ["links", "reviews"])
    assert "2 open" in reviews.output
    assert str(person["name"][0]["family"]) not in reviews.output
    (first, _) = town.acme.all("SELECT review_id, candidates FROM core.link_review ORDER BY review_id")
    chosen = ["--person", str(first["candidates"][0]), "--reason", "the chart says so"]
    assert "link stands" in shell.invoke(app, ["links", "decide", str(first["review_id"]), *chosen]).output
    assert shell.invoke(app, ["links", "approve", "0" * 12]).exit_code != 0
    assert shell.invoke(app, ["links", "apply"]).exit_code == 0
    assert check.run(town.site) == []


def test_nobody_before_the_first_link_is_a_finding(town: Town) -> None:
    town.ehr.send(
        patient(1),
        verdict="approve",
    )
    assert check.run(town.site) == []


def test_a_member_without_a_person_is_a_finding(town: Town) -> None:
    """Negative control."""
    town.ehr.send(patient(1), verdict="approve")
    town.link()
    town.acme.do("DELETE FROM core.crosswalk WHERE key = ARRAY['p1']")
    assert [finding.code for finding in check.run(town.site)] == ["link.missing"]
