"""What can be wrong with the files of an export, each once: rejected, tried again, or refused line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from concord import check
from concord.errors import DeliveryRejected, SourceUnavailable
from concord.sandbox.fhir.profiles import EPIC, ORACLE, Profile
from concord.steps import Site
from tests.exports import Hospital
from tests.integration.test_exports import hospital, rejected

MAKERS: dict[str, tuple[str, Profile, dict[str, Any]]] = {
    "epic": ("northgate_ehr", EPIC, {}),
    "oracle": ("lakeview_ehr", ORACLE, {"groups": ("everyone",)}),
}


@pytest.fixture(params=MAKERS)
def own(request: pytest.FixtureRequest, site: Site) -> Iterator[Hospital]:
    name, profile, source = MAKERS[request.param]
    yield from hospital(site, name, profile, **source)


ONE = {"Observation": 1}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"gone": ONE}, r"acquire\.export_gone"),
        ({"html": ONE}, r"acquire\.not_ndjson"),
        ({"short": ONE}, r"export\.count"),
        ({"duplicate_lines": ONE}, r"export\.count"),
        ({"hostile_next": "metadata", "partial_manifests": 2}, r"acquire\.url_refused"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_file_that_is_not_what_was_promised_rejects_the_export(
    own: Hospital, fault: dict[str, Any], code: str
) -> None:
    own.server.faults.change(fault)
    with pytest.raises(DeliveryRejected, match=code):
        own.land()
    rejected(own, code.replace("\\", ""))
    assert check.run(own.site) == []


@pytest.mark.parametrize("fault", ["half_gzip", "cut"])
def test_half_a_file_is_fetched_again(own: Hospital, fault: str) -> None:
    own.server.faults.change({fault: ONE})
    (delivery_id,) = own.ask()
    own.wait(delivery_id)
    with pytest.raises(SourceUnavailable):
        own.fetch(delivery_id)
    own.fetch(delivery_id)
    (run,) = own.reconcile("approve")
    assert run.state == "published"
    assert own.counts() == own.server.population.truth(1).counts
    assert own.server.stats.fired[fault] == 1


def test_a_redirect_loop_is_given_up(own: Hospital) -> None:
    own.server.faults.change({"redirect_loop": {"Observation": -1}})
    (delivery_id,) = own.ask()
    own.wait(delivery_id)
    with pytest.raises((DeliveryRejected, SourceUnavailable)):
        own.fetch(delivery_id)
    assert own.server.stats.fired["redirect_loop"] >= 1
    assert own.states()[0] in ("discovered", "rejected")
    assert check.run(own.site) == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("bad_syntax", "record.json"),
        ("nan", "json.number"),
        ("duplicate_keys", "json.duplicate_key"),
        ("wrong_type", "resource.type_unknown"),
        ("wrong_charset", "record.encoding"),
        ("huge", "record.too_long"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_alone(own: Hospital, fault: str, reason: str) -> None:
    own.server.faults.change({fault: ONE})
    (run,) = own.day(1, "approve")
    assert run.state == "published"
    assert [set(reasons) for reasons in own.driver.reasons(run.delivery_id).values()] == [{reason}]
    lines = own.driver.lines(run.delivery_id)
    assert lines["consumed"] + lines["quarantined"] == sum(own.server.population.truth(1).counts.values())


def test_a_manifest_in_pages_is_read_whole(own: Hospital) -> None:
    own.server.faults.partial_manifests = 3
    (run,) = own.day(1, "approve")
    assert run.state == "published"
    assert own.counts() == own.server.population.truth(1).counts


def test_files_that_ask_for_no_token_get_none(own: Hospital) -> None:
    own.server.faults.public_files = True
    (run,) = own.day(1, "approve")
    assert run.state == "published"
    assert own.server.stats.tokens_where_none_belongs == 0


def test_deletions_of_what_nobody_holds_are_accounted_for(own: Hospital) -> None:
    own.server.faults.deleted_entries = 2
    (run,) = own.day(1, "approve")
    assert run.state == "published"
    assert own.driver.lines(run.delivery_id)["ignored"] >= 1
