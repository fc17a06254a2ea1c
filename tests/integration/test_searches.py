"""Crawls by search: what a bulk export would bring, resumed, counted, refused, incremental; of both makers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from concord import failpoint as failpoints
from concord.catalogue import feed
from concord.contract import Feed, FhirBulk, FhirSearch
from concord.entities import RESOURCE_TYPES
from concord.errors import ConcordError, DeliveryRejected
from concord.sandbox.fhir.profiles import EPIC, ORACLE
from concord.sandbox.fhir.server import FhirSandbox
from concord.steps import Site, await_export, searching
from tests.exports import Hospital
from tests.integration.test_exports import LAX_GUARDS, population

BATCH = 6
MAKERS = {"oracle": ("lakeview_ehr", ORACLE), "epic": ("northgate_ehr", EPIC)}


def searching_feed(name: str, **source: Any) -> Feed:
    """The hospital's contract, as it would be if its bulk exports were unusable."""
    bulk = feed(name)
    values = {
        "conn_id": bulk.source.conn_id,
        "types": tuple(RESOURCE_TYPES),
        "roster": "group",
        "groups": ("everyone",),
    }
    return replace(
        bulk, name=name.replace("ehr", "search"), source=FhirSearch(**{**values, **source}),
        policy=replace(bulk.policy, guards=LAX_GUARDS),
    )  # fmt: skip


@contextmanager
def hospital(site: Site, maker: str = "oracle", **source: Any) -> Iterator[Hospital]:
    name, profile = MAKERS[maker]
    with FhirSandbox(population(profile), profile=profile, lines_per_file=200) as server:
        server.faults.polls_until_ready, server.faults.retry_after = 0, "0"
        yield Hospital(searching_feed(name, **source), site, server)


def bulk_of(own: Hospital) -> Hospital:
    """The same hospital and installation, asked for bulk exports."""
    contract = feed(own.feed.name.replace("search", "ehr"))
    assert isinstance(contract.source, FhirBulk)
    lax = replace(contract, policy=replace(contract.policy, guards=LAX_GUARDS))
    return Hospital(replace(lax, source=replace(contract.source, groups=("everyone",))), own.site, own.server)


@pytest.fixture
def lakeview(site: Site) -> Iterator[Hospital]:
    with hospital(site) as own:
        yield own


FEW = ("Patient", "Condition", "Organization")


@pytest.fixture
def quick(site: Site) -> Iterator[Hospital]:
    """Lakeview, asked for a few types only."""
    with hospital(site, types=FEW) as own:
        yield own


def few(own: Hospital) -> dict[str, int]:
    """What a crawl of a few types brings."""
    return {kind: count for kind, count in own.server.population.truth(own.server.day).counts.items() if kind in FEW}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several units of each type, of a population as small as this."""
    monkeypatch.setattr(searching, "BATCH_PATIENTS", BATCH)


def rejected(own: Hospital, code: str) -> None:
    """The crawl is rejected with ``code``, and nothing of it is left."""
    (row,) = own.driver.all("SELECT state, state_reason FROM ops.delivery")
    assert row["state"] == "rejected"
    assert row["state_reason"].startswith(code)
    assert own.driver.all("SELECT state FROM ops.export") == [{"state": "over"}]
    assert own.driver.all("SELECT part FROM ops.export_file WHERE manifest IS NOT NULL") == []
    assert [incident["kind"] for incident in own.driver.incidents()] == ["rejected"]


# ── the same tables ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("maker", "by_post"), [("oracle", True), ("epic", False)])
def test_a_crawl_fills_the_tables_with_what_the_server_has(site: Site, maker: str, by_post: bool) -> None:
    with hospital(site, maker, by_post=by_post, page_size=7) as own:
        (run,) = own.day(1, "approve")
        assert run.state == "published"
        assert own.counts() == own.server.population.truth(1).counts
        assert own.server.stats.kick_offs == 0
        assert own.driver.all("SELECT part FROM ops.export_file WHERE manifest IS NOT NULL") == []


@pytest.mark.parametrize("maker", MAKERS)
def test_the_tables_of_a_crawl_are_those_of_an_export(site: Site, maker: str) -> None:
    with hospital(site, maker) as own:
        bulk_of(own).day(1, "approve")
        held = own.counts()
        (run,) = own.day(1, "approve")
        for entity, counts in run.plan["counts"].items():
            assert counts["unchanged"] == counts["incoming"] == counts["held"], entity
            assert not set(counts) & {"add", "change", "void"}, entity
        assert set(run.plan["counts"]) == {RESOURCE_TYPES[name].name for name in held}


def test_every_file_is_counted_as_the_server_counts(lakeview: Hospital) -> None:
    (delivery_id,) = lakeview.ask()
    lakeview.wait(delivery_id)
    files = lakeview.driver.all("SELECT * FROM ops.export_file ORDER BY part")
    assert all(file["declared_count"] == file["resource_count"] == file["line_count"] for file in files)
    assert len(files) == 3 + 11 * 3
    assert {file["resource_type"] for file in files} == set(RESOURCE_TYPES)
    assert all((file["manifest"] is None) == (file["byte_count"] == 0) for file in files)


def test_a_roster_of_held_patients_asks_for_those_of_the_named_feeds(site: Site) -> None:
    with hospital(site, roster="held", groups=(), seeded_by=("lakeview_ehr",), types=("Patient", "Observation")) as own:
        seed = bulk_of(own)
        Hospital(replace(seed.feed, source=replace(seed.feed.bulk, groups=("north",))), site, own.server).day(
            1, "approve"
        )
        observations = own.counts()["Observation"]
        own.day(1, "approve")
        assert own.counts()["Observation"] == observations
        told = own.driver.all("SELECT count(*) AS files FROM ops.export_file JOIN ops.export e USING (delivery_id)"
                              " WHERE e.feed = 'lakeview_search'")  # fmt: skip
        assert told[0]["files"] == 2 * 2


def test_a_roster_of_nobody_rejects(site: Site) -> None:
    with hospital(site, roster="held", groups=()) as own:
        with pytest.raises(DeliveryRejected, match=r"search\.nobody"):
            own.ask()
        rejected(own, "search.nobody")


# ── breaking and going on ──────────────────────────────────────────────────────


POINTS = (
    "export.wanted", "search.roster", "search.started", "search.unit_sealed", "search.unit_landed", "search.ready",
    "search.before_commit", "fetch.sealed", "fetch.before_commit", "fetch.committed", "export.part_dropped",
)  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_a_crawl_that_breaks_anywhere_goes_on(quick: Hospital, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_FAILPOINTS", f"{point}=raise")
    failpoints._seen.clear()
    with pytest.raises(Exception, match=point):
        quick.land()
    monkeypatch.delenv("CONCORD_FAILPOINTS")
    quick.land()
    runs = quick.reconcile("approve")
    assert [run.state for run in runs] == ["published"]
    assert len(quick.states()) == 1
    assert quick.counts() == few(quick)


def test_what_was_landed_is_not_asked_for_again(quick: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    (delivery_id,) = quick.ask()
    monkeypatch.setenv("CONCORD_FAILPOINTS", "search.unit_landed=raise@5")
    failpoints._seen.clear()
    with pytest.raises(Exception, match=r"search\.unit_landed"):
        quick.wait(delivery_id)
    monkeypatch.delenv("CONCORD_FAILPOINTS")
    landed = quick.driver.all("SELECT part FROM ops.export_file WHERE sha256 IS NOT NULL")
    assert 5 <= len(landed) <= 6  # the other thread may have landed its own
    before = quick.server.stats.searches
    quick.wait(delivery_id)
    again = quick.server.stats.searches - before
    patients = few(quick)["Patient"]
    assert again <= 1 + 2 * patients - 1 - 4 * BATCH


def test_a_slice_has_an_end_and_the_crawl_goes_on_after_it(quick: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    (delivery_id,) = quick.ask()
    from concord import steps

    monkeypatch.setattr(searching, "SLICE_S", -1.0)
    told = steps.await_export(quick.feed, delivery_id, quick.access, quick.site)
    assert (told["state"], told["wait_s"]) == ("running", searching.PAUSE_S)
    monkeypatch.undo()
    assert quick.wait(delivery_id)["state"] == "ready"


def test_a_server_that_wants_a_long_pause_gets_it(quick: Hospital) -> None:
    (delivery_id,) = quick.ask()
    from concord import steps

    quick.server.faults.throttled, quick.server.faults.retry_after = 2, "900"
    told = steps.await_export(quick.feed, delivery_id, quick.access, quick.site)
    assert (told["state"], told["wait_s"]) == ("running", 900)
    quick.server.faults.throttled = 0
    assert quick.wait(delivery_id)["state"] == "ready"


def test_short_pauses_are_waited_out(quick: Hospital) -> None:
    quick.server.faults.throttled, quick.server.faults.transient = 3, 1
    (run,) = quick.day(1, "approve")
    assert run.state == "published"
    assert quick.server.stats.fired["throttled"] == 3


def test_a_token_that_dies_in_the_middle_is_minted_anew(site: Site) -> None:
    with hospital(site, types=FEW, at_a_time=1) as own:  # two could use up the other's new token before it is sent
        own.server.faults.token_lives_requests = 8
        (run,) = own.day(1, "approve")
        assert run.state == "published"
        assert own.server.stats.refused_requests >= 3
        assert own.server.stats.tokens > 3


# ── refusing ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"wrong_count": {"Condition"}}, "search.total"),
        ({"short": {"Condition": 1}}, "search.total"),
        ({"html_status": 1}, "acquire.searchset"),
        ({"hostile_next": "metadata"}, "acquire.url_refused"),
        ({"hostile_next": "file"}, "acquire.url_refused"),
        ({"hostile_next": "userinfo"}, "acquire.url_refused"),
    ],
)
def test_what_does_not_add_up_rejects_the_crawl(quick: Hospital, faults: dict[str, Any], code: str) -> None:
    quick.server.faults.change(faults)
    with pytest.raises(DeliveryRejected, match=code):
        quick.land()
    rejected(quick, code)


def test_negative_control_totals_that_nobody_believes_reject_nothing(site: Site) -> None:
    with hospital(site, totals=False, types=FEW) as own:
        own.server.faults.change({"short": {"Condition": 1}})
        (run,) = own.day(1, "approve")
        assert run.state == "published"
        assert own.counts()["Condition"] == own.server.population.truth(1).counts["Condition"] - 1


def test_the_next_crawl_makes_a_rejected_one_good(quick: Hospital) -> None:
    quick.server.faults.change({"short": {"Condition": 1}})
    with pytest.raises(DeliveryRejected):
        quick.land()
    (run,) = quick.day(1, "approve")
    assert run.state == "published"
    assert quick.states() == ["superseded", "published"]
    assert quick.driver.incidents() == []


def test_errors_that_the_server_names_hold_the_delivery(quick: Hospital) -> None:
    quick.day(1, "approve")
    quick.server.faults.error_entries = 1
    (run,) = quick.day(2)
    assert run.state == "held"
    assert "export_errors" in run.plan["breaches"]
    control = quick.driver.lines(run.delivery_id)["control"]
    assert control == quick.server.stats.fired["error_entries"] > 30


def test_a_crawl_grows_no_larger_than_agreed(site: Site) -> None:
    with hospital(site, max_bytes=20_000, types=FEW) as own:
        with pytest.raises(DeliveryRejected, match=r"acquire\.too_large"):
            own.land()
        rejected(own, "acquire.too_large")


def test_a_crawl_that_takes_longer_than_anybody_waits_is_given_up(site: Site) -> None:
    with hospital(site, patience=timedelta(microseconds=1)) as own:
        with pytest.raises(DeliveryRejected, match=r"export\.patience"):
            own.land()
        rejected(own, "export.patience")


def test_a_contract_that_changed_its_way_does_not_mix_them(quick: Hospital) -> None:
    bulk = bulk_of(quick)
    own = replace(bulk, feed=replace(bulk.feed, name=quick.feed.name))
    (delivery_id,) = own.ask()
    with pytest.raises(DeliveryRejected, match=r"search\.other_way"):
        quick.wait(delivery_id)
    rejected(quick, "search.other_way")
    assert quick.server.stats.deletes == 1


# ── what changed ───────────────────────────────────────────────────────────────


def test_the_next_crawl_asks_for_what_changed(site: Site) -> None:
    with hospital(site, incremental=True) as own:
        own.day(1, "approve")
        (run,) = own.day(2, "approve")
        assert run.plan["counts"]["observation"]["incoming"] < 200
        people = own.server.population
        before, after = ({(each["resourceType"], each["id"]) for each in people.resources(day)} for day in (1, 2))
        assert own.counts() == Counter(kind for kind, _ in before | after)
        assert before - after, "searches tell no deletions"


def test_who_is_new_on_the_roster_is_asked_for_whole(site: Site) -> None:
    with hospital(site, incremental=True, roster="held", groups=(), seeded_by=("lakeview_ehr",)) as own:
        seed = bulk_of(own)
        north, south = (
            Hospital(replace(seed.feed, source=replace(seed.feed.bulk, groups=(name,))), site, own.server)
            for name in ("north", "south")
        )
        types = replace(north.feed.bulk, types=("Patient",))
        replace(north, feed=replace(north.feed, source=types)).day(1, "approve")
        own.day(1, "approve")
        half = own.counts()["Observation"]
        replace(south, feed=replace(south.feed, source=replace(types, groups=("south",)))).day(1, "approve")
        own.day(1, "approve")
        assert own.counts() == own.server.population.truth(1).counts
        assert half < own.counts()["Observation"]


def test_an_export_after_a_crawl_asks_for_everything(site: Site) -> None:
    with hospital(site, types=("Patient",), incremental=True) as own:
        own.day(1, "approve")
        bulk = bulk_of(own)
        replace(
            bulk, feed=replace(bulk.feed, name=own.feed.name, source=replace(bulk.feed.bulk, types=("Patient",)))
        ).ask()
        first, second = own.driver.all("SELECT since, transaction_time FROM ops.export ORDER BY wanted_at")
        assert first["transaction_time"] is not None
        assert second["since"] is None


# ── silence ────────────────────────────────────────────────────────────────────


def test_no_patient_is_readable_at_rest_or_in_an_error(quick: Hospital) -> None:
    (delivery_id,) = quick.ask()
    ids = [each.patient_id for each in quick.server.population.truth(1).patients]
    quick.server.faults.change({"short": {"Condition": 1}})
    with pytest.raises(ConcordError) as caught:
        quick.wait(delivery_id)
    told = "".join(
        row["whole"]
        for table in ("export", "export_file", "delivery", "incident")
        for row in quick.driver.all(f"SELECT t::text AS whole FROM ops.{table} t")  # type: ignore[arg-type]
    )
    told += f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert [patient for patient in ids if len(patient) > 4 and patient in told] == []


def test_a_broken_search_is_tried_again_later(quick: Hospital) -> None:
    (delivery_id,) = quick.ask()
    quick.server.faults.transient, quick.server.faults.retry_after = 40, None
    from concord.acquire.fhir_search import client

    naps, client.FIRST_NAP_S = client.FIRST_NAP_S, 0.001
    try:
        looked = await_export(quick.feed, delivery_id, quick.access, quick.site)
    finally:
        client.FIRST_NAP_S = naps
    assert (looked["state"], looked["progress"]) == ("running", "the server did not answer")
    quick.server.faults.transient = 0
    assert quick.wait(delivery_id)["state"] == "ready"
