"""Attempts that overtake each other, runs that are lost, ids in the wrong form: nothing is written twice or wedged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from concord import incidents, ledger, steps
from concord.acquire import Listing, RemoteFile, SftpAccess, sftp
from concord.errors import DeliveryRejected, Fenced
from concord.ledger import UnknownDelivery
from concord.steps import reading
from tests.rosters import BASE, FRI, THU, Driver, employee, without

if TYPE_CHECKING:
    from concord.contract import Feed


def other(acme: Driver) -> Feed:
    return replace(acme.feed, name="other_eligibility", partner="other")


def test_a_delivery_typed_into_another_feeds_form_does_nothing(acme: Driver) -> None:
    delivery_id = acme.deliver(without(3), THU)
    before = acme.tables()
    for step in (steps.stage, steps.plan, steps.apply, steps.settle):
        with pytest.raises(UnknownDelivery, match="not of feed other_eligibility"):
            step(other(acme), delivery_id, 1, acme.site)
    assert (acme.tables(), acme.facts(delivery_id)["state"]) == (before, "landed")


def test_the_run_of_an_attempt_that_is_over_decides_nothing(acme: Driver) -> None:
    run = acme.planned(acme.deliver(BASE[:4], THU))
    assert run.state == "held"
    again = acme.planned_as(run.delivery_id, 2)
    assert (again.state, again.attempt) == ("held", 2)
    settled = steps.settle(acme.feed, run.delivery_id, 1, acme.site)
    facts = acme.facts(run.delivery_id)
    assert (settled["ok"], facts["state"], facts["attempt"]) == (True, "held", 2)
    assert settled["open"][0]["conf"] == {"delivery_id": run.delivery_id, "attempt": 2}


def test_a_staging_that_wakes_up_late_changes_no_account(acme: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its twin has staged, planned and applied meanwhile."""
    delivery_id = acme.deliver([*BASE, employee(12)], THU)
    checked = reading._still_ours

    def asleep(*given: object) -> None:
        monkeypatch.setattr(reading, "_still_ours", checked)
        assert acme.run(delivery_id).state == "published"
        checked(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "_still_ours", asleep)
    with pytest.raises(Fenced, match="a newer staging counts"):
        steps.stage(acme.feed, delivery_id, 1, acme.site)
    assert acme.facts(delivery_id)["state"] == "published"
    assert acme.lines(delivery_id)["consumed"] == len(BASE) + 1


def test_a_lost_run_is_replaced_by_one_of_a_new_attempt(acme: Driver) -> None:
    delivery_id = acme.deliver(without(3), THU)
    steps.stage(acme.feed, delivery_id, 1, acme.site)
    behind = acme.deliver(without(4), FRI)
    assert acme.open() == [], "the lost one blocks what is behind it"
    assert steps.unattended(acme.feed, acme.site) == [], "it is too young to be lost"
    (run,) = steps.revive(acme.feed, delivery_id, 1, acme.site)
    assert run["conf"] == {"delivery_id": delivery_id, "attempt": 2}
    assert steps.revive(acme.feed, delivery_id, 1, acme.site) == [], "once"
    assert acme.finished(acme.planned_as(delivery_id, 2)).state == "published"
    assert acme.open() == [behind]


def test_a_delivery_past_help_fails_with_an_incident_and_lets_others_go_on(acme: Driver) -> None:
    delivery_id = acme.deliver(without(3), THU)
    steps.stage(acme.feed, delivery_id, 1, acme.site)
    for attempt in range(1, 20):
        assert steps.revive(acme.feed, delivery_id, attempt, acme.site)
    assert steps.revive(acme.feed, delivery_id, 20, acme.site) == []
    assert acme.facts(delivery_id)["state"] == "failed"
    assert [row["kind"] for row in acme.incidents()] == ["failed"]


def test_the_second_outage_is_told_as_the_first(acme: Driver) -> None:
    def told() -> int:
        return sum(subject.endswith(": discover failed") and "Over" not in subject for subject, _ in acme.told)

    steps.fail(acme.feed, None, acme.site, step="discover", error="no answer")
    steps.fail(acme.feed, None, acme.site, step="discover", error="no answer")
    assert told() == 1
    with acme.site.database() as connection:
        incidents.resolve_cause(connection, f"watch:{acme.feed.name}:discover")
    steps.fail(acme.feed, None, acme.site, step="discover", error="no answer")
    assert told() == 2


def test_incidents_of_a_delivery_end_with_it(acme: Driver) -> None:
    held = acme.planned(acme.deliver(BASE[:4], THU))
    acme.day(b"", THU)
    assert {row["kind"] for row in acme.incidents()} == {"held", "rejected"}
    acme.day(without(3), FRI)
    assert acme.facts(held.delivery_id)["state"] == "superseded"
    assert acme.all("SELECT kind FROM ops.incident WHERE state = 'open'") == []


def test_a_failure_after_the_apply_does_not_say_that_nothing_is_in_the_tables(acme: Driver) -> None:
    run = acme.planned(acme.deliver(without(3), THU))
    steps.apply(acme.feed, run.delivery_id, 1, acme.site)
    steps.fail(acme.feed, run.delivery_id, acme.site, step="settle", error="away")
    (incident,) = acme.incidents()
    assert "its changes are in the tables" in incident["text"]
    assert "Nothing of it is in the tables" not in incident["text"]


def test_another_feed_keeps_the_stage_table_it_sees_truncations_by(acme: Driver) -> None:
    seen = "SELECT count(*) AS n FROM ops.stage_attempt a JOIN ops.lease l ON l.seen_delivery_id = a.delivery_id"
    seen += " WHERE l.feed = 'acme_eligibility' AND a.dropped_at IS NULL"
    assert acme.all(seen) == [{"n": 1}]
    second = replace(acme, feed=other(acme))
    second.day(BASE, THU, "approve")
    assert acme.all(seen) == [{"n": 1}]


def test_a_mended_contract_may_refuse_what_the_plan_had_refused(acme: Driver) -> None:
    rows = [*BASE, employee(12), employee(12, PLAN="HMO-2")]
    run = acme.planned(acme.deliver(rows, THU))
    assert set(acme.reasons(run.delivery_id).values()) == {("ambiguous_key",)}
    narrow = replace(acme.feed.columns["plan_code"].read, pattern=r"\APPO-[0-9]+\Z")  # type: ignore[type-var]
    columns = {**acme.feed.columns, "plan_code": replace(acme.feed.columns["plan_code"], read=narrow)}
    acme.feed = replace(acme.feed, columns=columns)
    steps.stage(acme.feed, run.delivery_id, 1, acme.site)
    assert ("plan_code.pattern",) in acme.reasons(run.delivery_id).values()


def test_what_starts_next_is_decided_by_one_at_a_time(acme: Driver) -> None:
    acme.deliver(without(3), THU)
    with acme.site.database() as connection:
        ledger.be_alone(connection, acme.feed)
        held = acme.all("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND granted")
        assert held[0]["n"] >= 1


def test_a_delivery_that_does_not_move_for_long_is_unattended(acme: Driver) -> None:
    delivery_id = acme.deliver(without(3), THU)
    steps.stage(acme.feed, delivery_id, 1, acme.site)
    found = steps.unattended(acme.feed, acme.site, after=timedelta(0))
    assert found == [{"delivery_id": delivery_id, "attempt": 1, "run_id": f"{THU}_{delivery_id}_1"}]


# ── what is seen at the partner and not there any more ──


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch) -> list[RemoteFile]:
    """What the partner's folder holds; change the list."""
    folder: list[RemoteFile] = []

    class Folder:
        def __init__(self, _: object) -> None: ...

        def __enter__(self) -> Folder:
            return self

        def __exit__(self, *_: object) -> None: ...

        def waiting(self, *_: object, **__: object) -> Listing:
            return Listing(ready=tuple(folder))

        def fetch(self, *_: object) -> None:
            raise DeliveryRejected("acquire.too_large", "more bytes than the contract allows")

    monkeypatch.setattr(sftp, "PartnerSftp", Folder)
    return folder


ACCESS = SftpAccess("127.0.0.1", 22, "nobody", "ssh-ed25519 none", password="none")
SEEN = RemoteFile("ELIG_20261119.csv", 10, datetime(2026, 11, 19, tzinfo=UTC), THU)


def test_a_file_that_was_removed_before_it_was_fetched_fails_and_is_told(
    acme: Driver, partner: list[RemoteFile]
) -> None:
    partner.append(SEEN)
    (delivery_id,) = steps.discover(acme.feed, ACCESS, acme.site)
    assert steps.discover(acme.feed, ACCESS, acme.site) == [delivery_id]
    partner.clear()
    assert steps.discover(acme.feed, ACCESS, acme.site) == []
    assert acme.facts(delivery_id)["state"] == "failed"
    assert [row["kind"] for row in acme.incidents()] == ["gone"]


def test_a_file_that_was_replaced_before_it_was_fetched_is_superseded_by_the_new_one(
    acme: Driver, partner: list[RemoteFile]
) -> None:
    partner.append(SEEN)
    (first,) = steps.discover(acme.feed, ACCESS, acme.site)
    partner[0] = replace(SEEN, size=11)
    (second,) = steps.discover(acme.feed, ACCESS, acme.site)
    assert (acme.facts(first)["state"], second != first) == ("superseded", True)
    assert acme.incidents() == []


def test_what_is_refused_while_it_is_fetched_is_rejected_and_told(acme: Driver, partner: list[RemoteFile]) -> None:
    partner.append(SEEN)
    (delivery_id,) = steps.discover(acme.feed, ACCESS, acme.site)
    with pytest.raises(DeliveryRejected):
        steps.fetch(acme.feed, delivery_id, ACCESS, acme.site)
    assert acme.facts(delivery_id)["state_reason"].startswith("acquire.too_large")
    assert [row["kind"] for row in acme.incidents()] == ["rejected"]
