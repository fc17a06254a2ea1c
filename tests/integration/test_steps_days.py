"""Ordinary days and extraordinary ones: what a full file does to the tables, through every step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from concord import ledger, steps
from concord.contract import Limit
from concord.protect import ProtectError
from tests.rosters import (
    BASE,
    DECEMBER,
    FRI,
    JANUARY,
    MON,
    THU,
    WED,
    Driver,
    employee,
    guarded,
    key,
    roster,
    without,
)

THREE_PERCENT = Limit(share=0.05, floor=3)


def test_the_first_full_file_is_held_and_writes_nothing_until_a_person_approves_it(new_acme: Driver) -> None:
    acme = new_acme
    run = acme.planned(acme.deliver(roster(range(1, 5))))
    assert (run.state, run.plan["breaches"], acme.spans()) == ("held", ["first_full"], {})
    acme.decide(run)
    assert acme.spans() == {}
    assert acme.finished(run).state == "published"
    assert acme.spans() == {key(n): [(JANUARY, None)] for n in range(1, 5)}


def test_the_second_full_file_reconciles_by_itself(acme: Driver) -> None:
    rows = [*without(1, 4, 5), *roster([11]), employee(1, PLAN="HMO-2"), BASE[10], employee(4, COVEND="11/30/2026")]
    run = acme.day(rows, THU)
    assert (run.state, run.settled["ok"], acme.told) == ("published", True, [])
    assert run.counts == {
        "incoming": 13, "held": 13, "unchanged": 10, "add": 1, "change": 1, "end": 2, "losses": 2,
    }  # fmt: skip
    assert acme.spans()[key(4)] == acme.spans()[key(5)] == [(JANUARY, DECEMBER)]
    assert acme.spans()[key(11)] == [(JANUARY, None)]


def test_sixty_percent_fewer_members_are_held_and_nothing_is_written(acme: Driver) -> None:
    acme.feed = guarded(ends=THREE_PERCENT)
    before = acme.tables()
    run = acme.planned(acme.deliver(without(*range(3, 9)), THU))
    assert run.state == "held"
    assert {"ends", "ends_persons", "ends ACME01 × HLT"} <= set(run.plan["breaches"])
    assert acme.tables() == before
    assert [(i["kind"], i["cause"]) for i in acme.incidents()] == [("held", f"held:{run.delivery_id}")]
    assert all(word in acme.told[0][1] for word in ("Press: ", "Approve", "Reject", f"concord plan {run.delivery_id}"))


def test_with_a_limit_far_away_the_same_file_would_have_ended_them(acme: Driver) -> None:
    """Negative control of the guard."""
    assert acme.day(without(*range(3, 9)), THU).counts["end"] == 6


def test_an_unchanged_file_touches_no_row(acme: Driver) -> None:
    before = acme.tables()
    run = acme.day(list(reversed(BASE)), THU)
    assert (run.state, run.counts) == ("published", {"incoming": 13, "held": 13, "unchanged": 13})
    assert acme.tables() == before


def test_applying_twice_changes_nothing(acme: Driver) -> None:
    run = acme.planned(acme.deliver([*without(3), *roster([11])], THU))
    first = steps.apply(acme.feed, run.delivery_id, run.attempt, acme.site)
    written = acme.tables()
    again = steps.apply(acme.feed, run.delivery_id, run.attempt, acme.site)
    acme.finished(run)
    after_settling = steps.apply(acme.feed, run.delivery_id, run.attempt, acme.site)
    assert first["rows"]["eligibility"] == {"closed": 1, "opened": 2}
    assert (again, after_settling["state"]) == ({"state": "applied", "rows": {}}, "published")
    assert acme.tables() == written


def test_settling_and_planning_what_is_published_changes_nothing(acme: Driver) -> None:
    run = acme.day([*without(3)], THU)
    written, events = acme.tables(), acme.all("SELECT * FROM ops.delivery_event ORDER BY event_id")
    assert steps.settle(acme.feed, run.delivery_id, run.attempt, acme.site)["state"] == "published"
    assert steps.stage(acme.feed, run.delivery_id, run.attempt, acme.site) == {"state": "published"}
    assert steps.plan(acme.feed, run.delivery_id, run.attempt, acme.site)["state"] == "published"
    assert (acme.tables(), acme.all("SELECT * FROM ops.delivery_event ORDER BY event_id")) == (written, events)


# ── deliveries that were here before ──


def test_the_same_bytes_under_another_name_are_a_duplicate_of_the_one_applied_last(acme: Driver) -> None:
    before = acme.tables()
    delivery_id = acme.deliver(BASE, THU)
    facts = acme.facts(delivery_id)
    assert facts["state"] == "duplicate"
    assert acme.facts(facts["duplicate_of"])["state"] == "published"
    assert acme.open() == []
    assert acme.tables() == before


def test_the_same_bytes_as_a_held_or_waiting_delivery_are_a_duplicate(acme: Driver) -> None:
    acme.feed = guarded(ends=Limit(share=0.05, floor=1))
    held, waiting = acme.deliver(without(3), THU), acme.deliver(without(4), FRI)
    assert acme.planned(held).state == "held"
    assert acme.facts(acme.deliver(without(3), MON))["duplicate_of"] == held
    assert acme.facts(acme.deliver(without(4), MON))["duplicate_of"] == waiting


def test_bytes_of_an_earlier_day_that_come_back_later_are_a_delivery_of_their_own(acme: Driver) -> None:
    acme.day(without(3), THU)
    run = acme.day(BASE, FRI)
    assert (run.state, run.counts["reinstate"]) == ("published", 1)


def test_rejected_bytes_may_come_again(acme: Driver) -> None:
    assert acme.day(b"", THU).state == "rejected"
    assert acme.facts(acme.deliver(b"", THU))["state"] == "landed"


def test_a_listed_file_with_the_same_name_size_and_time_is_known_and_a_replaced_one_is_new(acme: Driver) -> None:
    now = datetime(2026, 11, 19, 5, tzinfo=UTC)
    seen: dict[str, Any] = {"name_sealed": b"-", "name_token": "t", "size": 7, "file_date": THU, "sequence": None}
    with acme.site.database("test") as connection:
        assert ledger.discover(connection, acme.feed, modified_at=now, **seen)
        assert ledger.discover(connection, acme.feed, modified_at=now, **seen) is None
        assert ledger.discover(connection, acme.feed, modified_at=now + timedelta(seconds=1), **seen)


# ── what the tables say afterwards ──


def test_known_at_grows_strictly_even_when_the_clock_went_back(acme: Driver) -> None:
    acme.do("UPDATE ops.lease SET last_known_at = clock_timestamp() + interval '1 hour'")
    acme.day(without(3), THU)
    acme.day(without(3, 4), FRI)
    instants = acme.all(
        "SELECT known_at, applied_seq FROM ops.delivery WHERE applied_seq IS NOT NULL ORDER BY applied_seq"
    )
    assert [row["applied_seq"] for row in instants] == [1, 2, 3]
    assert instants[2]["known_at"] - instants[1]["known_at"] == timedelta(microseconds=1)


def test_what_was_believed_then_has_an_answer(acme: Driver) -> None:
    first, second = acme.all("SELECT known_at FROM ops.delivery")[0]["known_at"], acme.day(without(3), THU)
    now = acme.facts(second.delivery_id)["known_at"]
    statement = (
        "SELECT count(*) FILTER (WHERE subscriber_id = 'E0000003') AS three, count(*) AS everyone"
        " FROM core.eligibility_as_of(%s, %s)"
    )
    instant = timedelta(microseconds=1)
    asked = [(DECEMBER, now), (DECEMBER, now - instant), (WED, now), (DECEMBER, first - instant)]
    found = [tuple(acme.all(statement, *question)[0].values()) for question in asked]
    assert found == [(0, 12), (1, 13), (1, 13), (0, 0)]


def test_every_line_and_span_is_accounted_for_in_the_analysts_view(acme: Driver) -> None:
    rows = [*without(3), employee(4), employee(11, COVEFF="02/30/2026")]
    run = acme.day(rows, THU)
    row = acme.all("SELECT * FROM mart.delivery_reconciliation WHERE delivery_id = %s", run.delivery_id)[0]
    accounted = {name: row[name] for name in ("lines", "consumed", "duplicate", "quarantined", "ignored", "control")}
    assert accounted == {"lines": 15, "consumed": 12, "duplicate": 1, "quarantined": 1, "ignored": 0, "control": 1}
    assert (row["spans_in"], row["unchanged"], row["ended"]) == (12, 12, 1)
    assert (row["lines_balance"], row["spans_balance"]) == ("balanced", "balanced")


def test_one_event_leaves_for_every_row_that_an_apply_touched(acme: Driver) -> None:
    run = acme.day([*without(3, 4), employee(4, PLAN="HMO-2", CITY="Elsewhere"), *roster([11])], THU)
    events = acme.all("SELECT entity, action FROM ops.outbox WHERE delivery_id = %s", run.delivery_id)
    assert sorted((e["entity"], e["action"]) for e in events) == [
        ("eligibility", "add"), ("eligibility", "change"), ("eligibility", "end"),
        ("member", "add"), ("member", "change"),
    ]  # fmt: skip


def test_every_version_names_its_delivery_and_line(acme: Driver) -> None:
    run = acme.day([*BASE[:-1], employee(11)], THU)
    row = acme.all("SELECT delivery_id, line FROM core.eligibility WHERE subscriber_id = 'E0000011'")[0]
    assert row == {"delivery_id": run.delivery_id, "line": 14}


def test_an_ssn_is_kept_as_token_ciphertext_and_last_four_and_opens_for_its_member_only(acme: Driver) -> None:
    row = acme.all("SELECT * FROM core.member WHERE subscriber_id = 'E0000003'")[0]
    assert row["ssn_token"] == acme.site.keys.token("400550003", kind="ssn")
    assert row["ssn_last_four"] == "0003"
    opened = acme.site.keys.open(row["ssn_sealed"], context="core.member|ssn|acme|E0000003|01")
    assert opened == b"400550003"
    try:
        acme.site.keys.open(row["ssn_sealed"], context="core.member|ssn|acme|E0000004|01")
    except ProtectError:
        return
    raise AssertionError("it opened for another member")


def test_values_keep_their_leading_zeros_and_a_name_like_na_stays_a_name(acme: Driver) -> None:
    acme.day([*BASE, employee(11, LASTNAME="NA", FIRSTNAME="Null", ZIP="00501")], THU)
    row = acme.all("SELECT * FROM core.member WHERE subscriber_id = 'E0000011'")[0]
    assert (row["last_name"], row["first_name"], row["postal_code"]) == ("NA", "Null", "00501")
