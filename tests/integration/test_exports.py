"""Exports of FHIR servers: asked for once, resumed, counted, refused, forgotten; of both makers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest

from concord import failpoint as failpoints
from concord import steps
from concord.catalogue import feed
from concord.contract import Guards, Limit
from concord.errors import ConcordError, DeliveryRejected, SourceUnavailable
from concord.sandbox.fhir.population import Population
from concord.sandbox.fhir.profiles import EPIC, ORACLE, Profile
from concord.sandbox.fhir.server import FhirSandbox
from concord.sandbox.roster import Employer
from concord.steps import Site
from tests.exports import Hospital

LAX = Limit(share=0.99, floor=1_000_000)
LAX_GUARDS = Guards(ends=LAX, rejected=LAX, minimum_rows=1)


@cache
def population(profile: Profile) -> Population:
    return Population(1, Employer(20, 300, start=date(2026, 11, 18)), profile=profile, members=12, strangers=4)


def hospital(site: Site, name: str, profile: Profile, **source: Any) -> Iterator[Hospital]:
    contract = feed(name)
    lax = replace(contract, policy=replace(contract.policy, guards=LAX_GUARDS))
    with FhirSandbox(population(profile), profile=profile, lines_per_file=200) as server:
        server.faults.polls_until_ready = 0
        yield Hospital(replace(lax, source=replace(lax.bulk, **source)), site, server)


@pytest.fixture
def lakeview(site: Site) -> Iterator[Hospital]:
    yield from hospital(site, "lakeview_ehr", ORACLE, groups=("everyone",))


@pytest.fixture
def northgate(site: Site) -> Iterator[Hospital]:
    yield from hospital(site, "northgate_ehr", EPIC)


def rejected(hospital: Hospital, code: str) -> None:
    """The export is rejected with ``code``, the server is told to forget it, and nothing of it is left."""
    (row,) = hospital.driver.all("SELECT state, state_reason FROM ops.delivery")
    assert row["state"] == "rejected"
    assert row["state_reason"].startswith(code)
    assert hospital.driver.all("SELECT state FROM ops.export") == [{"state": "over"}]
    assert hospital.driver.all("SELECT part FROM ops.export_file WHERE manifest IS NOT NULL") == []
    assert hospital.server.stats.deletes >= 1
    assert [incident["kind"] for incident in hospital.driver.incidents()] == ["rejected"]


@pytest.mark.parametrize("maker", ["lakeview", "northgate"])
def test_an_export_fills_the_tables_with_what_the_server_has(maker: str, request: pytest.FixtureRequest) -> None:
    own: Hospital = request.getfixturevalue(maker)
    (run,) = own.day(1, "approve")
    assert run.state == "published"
    assert own.counts() == own.server.population.truth(1).counts
    assert own.server.stats.tokens_where_none_belongs == 0
    assert own.server.stats.deletes == 1


def test_the_next_export_asks_for_what_changed_since_the_servers_own_time(lakeview: Hospital) -> None:
    lakeview.day(1, "approve")
    (run,) = lakeview.day(2)
    assert run.state == "published"
    assert lakeview.counts() == lakeview.server.population.truth(2).counts
    first, second = lakeview.driver.all("SELECT * FROM ops.export ORDER BY wanted_at")
    assert (first["since"], second["since"]) == (None, first["transaction_time"])
    assert run.plan["counts"]["observation"]["incoming"] < 200


def test_a_server_that_always_brings_everything_is_compared(northgate: Hospital) -> None:
    northgate.day(1, "approve")
    (run,) = northgate.day(2)
    assert run.state == "published"
    assert run.plan["counts"]["observation"]["unchanged"] > 200


def test_two_groups_go_one_after_the_other(site: Site) -> None:
    for own in hospital(site, "lakeview_ehr", ORACLE, groups=("north", "south")):
        first, second = own.ask()
        assert [row["state"] for row in own.driver.all("SELECT state FROM ops.export ORDER BY wanted_at")] == [
            "running",
            "wanted",
        ]
        for delivery_id in (first, second):
            own.wait(delivery_id)
            own.fetch(delivery_id)
        runs = own.reconcile("approve")
        assert [run.state for run in runs] == ["published", "published"]
        assert own.counts()["Patient"] == own.server.population.truth(1).counts["Patient"]


def test_asking_twice_starts_one_export(lakeview: Hospital) -> None:
    assert lakeview.ask() == lakeview.ask()
    assert lakeview.server.stats.kick_offs == 1


def test_while_nobody_has_decided_no_further_export_is_asked_for(lakeview: Hospital) -> None:
    lakeview.day(1)
    assert lakeview.states() == ["held"]
    assert lakeview.ask() == []
    assert lakeview.server.stats.kick_offs == 1


POINTS = (
    "export.wanted", "export.started", "export.polled", "export.ready", "export.file_sealed", "export.file_landed",
    "fetch.sealed", "fetch.before_commit", "fetch.committed", "export.cancelled", "export.part_dropped",
)  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_an_export_that_breaks_anywhere_goes_on_with_the_same_job(
    lakeview: Hospital, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONCORD_FAILPOINTS", f"{point}=raise")
    failpoints._seen.clear()
    with pytest.raises(Exception, match=point):
        lakeview.land()
    monkeypatch.delenv("CONCORD_FAILPOINTS")
    lakeview.land()
    runs = lakeview.reconcile("approve")
    assert [run.state for run in runs] == ["published"]
    assert lakeview.server.stats.kick_offs == 1
    assert lakeview.counts() == lakeview.server.population.truth(1).counts


def test_what_was_landed_is_not_fetched_again(lakeview: Hospital) -> None:
    (delivery_id,) = lakeview.ask()
    lakeview.wait(delivery_id)
    lakeview.server.faults.transient_files = 1
    with pytest.raises(SourceUnavailable):
        lakeview.fetch(delivery_id)
    landed = len(lakeview.driver.all("SELECT part FROM ops.export_file WHERE sha256 IS NOT NULL"))
    files = len(lakeview.driver.all("SELECT part FROM ops.export_file"))
    before = lakeview.server.stats.downloads
    lakeview.fetch(delivery_id)
    assert lakeview.server.stats.downloads - before == files - landed


def test_a_token_that_dies_in_the_middle_is_minted_anew(northgate: Hospital) -> None:
    northgate.server.faults.token_lives_requests = 8
    (run,) = northgate.day(1, "approve")
    assert run.state == "published"
    assert northgate.server.stats.refused_requests >= 1
    assert northgate.server.stats.tokens > 1


def test_a_wrong_count_rejects_the_export_and_the_watermark_stays(lakeview: Hospital) -> None:
    lakeview.server.faults.wrong_count = frozenset({"Observation"})
    with pytest.raises(DeliveryRejected, match=r"export\.count"):
        lakeview.land()
    rejected(lakeview, "export.count")
    lakeview.server.faults.wrong_count = frozenset()
    lakeview.land()
    (run,) = lakeview.reconcile("approve")
    assert run.state == "published"
    assert lakeview.states() == ["superseded", "published"]
    assert lakeview.driver.incidents() == []
    assert {row["since"] for row in lakeview.driver.all("SELECT since FROM ops.export")} == {None}


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"html_status": 1}, "acquire.manifest"),
        ({"hostile_url": "metadata"}, "acquire.url_refused"),
        ({"hostile_url": "userinfo"}, "acquire.url_refused"),
        ({"hostile_url": "file"}, "acquire.url_refused"),
    ],
)
def test_a_manifest_that_is_none_rejects_the_export(lakeview: Hospital, faults: dict[str, Any], code: str) -> None:
    for name, value in faults.items():
        setattr(lakeview.server.faults, name, value)
    with pytest.raises(DeliveryRejected, match=code):
        lakeview.land()
    rejected(lakeview, code)


def test_a_job_that_keeps_failing_is_given_up(lakeview: Hospital) -> None:
    lakeview.server.faults.failed = True
    (delivery_id,) = lakeview.ask()
    with pytest.raises(DeliveryRejected, match=r"export\.failed"):
        lakeview.wait(delivery_id)
    rejected(lakeview, "export.failed")


def test_a_job_that_takes_longer_than_anybody_waits_is_given_up(site: Site) -> None:
    for own in hospital(site, "lakeview_ehr", ORACLE, groups=("everyone",), patience=timedelta(0)):
        with pytest.raises(DeliveryRejected, match=r"export\.patience"):
            own.land()
        rejected(own, "export.patience")


def test_errors_that_the_server_names_hold_the_delivery(lakeview: Hospital) -> None:
    lakeview.day(1, "approve")
    lakeview.server.faults.error_entries = 3
    (run,) = lakeview.day(2)
    assert run.state == "held"
    assert run.plan["breaches"] == ["export_errors"]
    account = lakeview.driver.lines(run.delivery_id)
    assert account["control"] == 3


def test_a_whole_export_without_a_type_that_is_held_is_held(northgate: Hospital) -> None:
    northgate.day(1, "approve")
    northgate.server.faults.missing_types = frozenset({"Observation"})
    (run,) = northgate.day(2)
    assert run.state == "held"
    assert "type_missing Observation" in run.plan["breaches"]


def test_an_empty_export_of_a_group_that_had_members_is_held(northgate: Hospital) -> None:
    northgate.day(1, "approve")
    northgate.server.faults.empty = True
    (run,) = northgate.day(2)
    assert run.state == "held"
    assert {"type_missing Patient", "minimum_rows"} <= set(run.plan["breaches"])


def test_nothing_of_the_job_or_of_a_person_is_readable_at_rest(lakeview: Hospital) -> None:
    (delivery_id,) = lakeview.ask()
    lakeview.wait(delivery_id)
    told = lakeview.driver.all(
        "SELECT e::text AS whole FROM ops.export e UNION ALL SELECT t::text FROM ops.access_token t"
    )
    assert len(told) == 2
    assert all("http" not in row["whole"] for row in told)


def test_a_server_that_stays_away_for_some_polls_is_asked_again_later(lakeview: Hospital) -> None:
    lakeview.server.faults.throttled = 2
    lakeview.server.faults.transient = 2
    (delivery_id,) = lakeview.ask()
    first = steps.await_export(lakeview.feed, delivery_id, lakeview.access, lakeview.site)
    assert (first["state"], first["wait_s"]) == ("running", 60)
    assert lakeview.wait(delivery_id)["state"] == "ready"


def test_a_server_that_stays_away_fails_the_task(lakeview: Hospital) -> None:
    lakeview.server.faults.throttled = 100
    (delivery_id,) = lakeview.ask()
    with pytest.raises(SourceUnavailable):
        lakeview.wait(delivery_id)
    assert lakeview.states() == ["discovered"]


def test_an_error_says_nothing_of_address_token_or_key(lakeview: Hospital) -> None:
    lakeview.server.faults.throttled = 100
    (delivery_id,) = lakeview.ask()
    with pytest.raises(ConcordError) as caught:
        lakeview.wait(delivery_id)
    told = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "127.0.0.1" not in told
    assert lakeview.server.key.private_pem[40:80] not in told
