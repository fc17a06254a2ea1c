"""Replay: refused rows read again by today's contract, as a delivery like any other, never over newer truth.

The rules that cost most to break are tried every day, the others by ``make test-full``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, LiteralString

import pytest
from psycopg import sql

from concord import check, ledger, quarantine, steps
from concord.contract import Feed, Limit
from concord.errors import ConcordError, NeedsDecision
from concord.ledger import Delivery
from concord.postgres import compose
from concord.quarantine import Selection
from concord.reconcile.since import Since
from concord.steps import planning, waiving
from tests import tally
from tests.playground import Playground
from tests.rosters import (
    BASE,
    FRI,
    JANUARY,
    LAX_GUARDS,
    MON,
    THU,
    WED,
    Driver,
    Row,
    Run,
    acted,
    child,
    delta,
    employee,
    key,
    lax,
    mended,
    roster,
    without,
)
from tests.unit.acme_rows import file

NEW_CODE = {"TIER": "EE+1"}
"""Tier: employee plus one. The partner began to send it, and nobody told us."""
OPEN = ("open", 0, ("coverage_tier.code",))


def mend(acme: Driver) -> None:
    """The engineer adds the code and deploys."""
    acme.feed = mended(acme.feed)


def published(acme: Driver, rows: Sequence[Row], day: date = THU, **order: int) -> str:
    """A delivery that is applied, some of its rows refused perhaps; its id."""
    run = acme.day(list(rows), day, **order)
    assert run.state == "published", run.settled
    return run.delivery_id


def opened(acme: Driver, **selection: Any) -> dict[str, Any]:
    """Opens replays, as the shell and the DAG do."""
    return steps.replay(acme.feed, Selection(acme.feed.name, **selection), by="ann", site=acme.site)


def replayed(acme: Driver, **selection: Any) -> list[Run]:
    """Opens replays, and runs each as Airflow does."""
    ids = opened(acme, **selection)["replays"]
    runs = []
    while due := acme.open():
        assert due[0] in ids
        runs.append(acme.run(due[0]))
    return runs


def rows_of(acme: Driver, delivery_id: str) -> dict[int, tuple[str, int, tuple[str, ...]]]:
    """Quarantine of a delivery by line: state, attempts, reasons."""
    rows = acme.all("SELECT * FROM ops.quarantine WHERE delivery_id = %s ORDER BY line", delivery_id)
    return {row["line"]: (row["state"], row["attempts"], tuple(row["reasons"])) for row in rows}


def states(acme: Driver, delivery_id: str) -> list[str]:
    """The same, states only."""
    return [state for state, _, _ in rows_of(acme, delivery_id).values()]


def closed_reasons(acme: Driver) -> list[str | None]:
    return [row["closed_reason"] for row in acme.all("SELECT closed_reason FROM ops.quarantine ORDER BY quarantine_id")]


def plan_code(acme: Driver, number: int) -> str:
    statement = "SELECT plan_code FROM core.eligibility WHERE subscriber_id = %s AND coverage_line = 'HLT'"
    return str(acme.all(statement, f"E{number:07d}")[0]["plan_code"])


def sound(acme: Driver) -> bool:
    found = check.run(acme.site)
    assert found == []
    return True


# ── the usual story ──


def test_a_replay_under_a_contract_that_cannot_read_the_file_says_what_to_press(acme: Driver) -> None:
    original = published(acme, [*BASE, employee(11, **NEW_CODE)])
    whole = acme.feed
    (replay,) = opened(acme)["replays"]
    acme.feed = replace(whole, columns={**whole.columns, "city": replace(whole.columns["city"], source="TOWN")})
    assert acme.run(replay).state == "rejected"
    (incident,) = acme.incidents()
    assert f"`concord replay {whole.name} --delivery {original}`" in incident["text"]
    acme.feed = mended(whole)
    with pytest.raises(NeedsDecision, match="open a new one"):
        steps.stage(acme.feed, replay, 2, acme.site)
    (again,) = replayed(acme)
    assert (again.state, states(acme, original), acme.incidents()) == ("published", ["replayed"], [])


def test_a_replay_that_is_applied_leaves_the_incident_of_a_file_that_is_still_missing(acme: Driver) -> None:
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    missing = acme.day(b"", FRI)
    mend(acme)
    (again,) = replayed(acme)
    assert again.state == "published"
    assert [row["delivery_id"] for row in acme.incidents()] == [missing.delivery_id]


def test_two_rows_with_a_quote_too_many_come_to_an_end_each(acme: Driver) -> None:
    """Side by side under one header they would close each other's quotes."""
    header, *lines = file(*BASE, employee(11), employee(12)).splitlines(keepends=True)
    spoiled = [line.replace(b"1 Sample Way", b'"1 Sample Way') for line in lines[-2:]]
    run = acme.day(b"".join([header, spoiled[0], *lines[:-2], spoiled[1]]), THU)
    assert states(acme, run.delivery_id) == ["open", "open"]
    (again,) = replayed(acme)
    assert again.state == "published", "every row that it took up has an outcome"
    assert [(state, attempts) for state, attempts, _ in rows_of(acme, run.delivery_id).values()] == [("open", 1)] * 2
    assert sound(acme)


def test_a_new_code_is_added_to_the_contract_and_the_refused_rows_are_replayed(acme: Driver) -> None:
    rows = [employee(3, **NEW_CODE), *BASE[3:], *BASE[:2], employee(11, **NEW_CODE)]
    original = published(acme, rows)
    assert rows_of(acme, original) == {2: OPEN, 15: OPEN}
    mend(acme)
    (again,) = replayed(acme)
    assert (again.state, again.counts["add"], again.counts["change"]) == ("published", 1, 1)
    assert states(acme, original) == ["replayed", "replayed"]
    assert acme.spans()[key(11)] == [(JANUARY, None)]
    assert acme.lines(again.delivery_id) == {"control": 1, "consumed": 2}
    (closed,) = acme.all("SELECT DISTINCT closed_by, closed_reason FROM ops.quarantine")
    assert (closed["closed_by"], closed["closed_reason"]) == (again.delivery_id, "replay")
    facts = acme.facts(again.delivery_id)
    assert (facts["kind"], facts["replay_of"], facts["as_of_date"]) == ("replay", original, THU)
    assert sound(acme)


def test_every_version_of_a_replay_leads_to_the_line_of_the_file(acme: Driver) -> None:
    original = published(
        acme, [*BASE, employee(11, **NEW_CODE, STREET="1 Sample Way\nsecond floor"), employee(12, **NEW_CODE)]
    )
    mend(acme)
    replayed(acme)
    statement = (
        "SELECT e.subscriber_id, q.delivery_id, q.line FROM core.eligibility e"
        " JOIN ops.replay_row r USING (delivery_id, line) JOIN ops.quarantine q USING (quarantine_id) ORDER BY 1"
    )
    found = [tuple(row.values()) for row in acme.all(statement)]
    assert found == [("E0000011", original, 15), ("E0000012", original, 17)]


@pytest.mark.full
def test_the_next_full_finds_what_the_replay_wrote_unchanged(acme: Driver) -> None:
    rows = [*BASE, employee(11, **NEW_CODE)]
    published(acme, rows)
    mend(acme)
    replayed(acme)
    before = acme.spans()
    run = acme.day(rows[::-1], FRI)
    assert (run.state, run.counts) == ("published", {"unchanged": 14, "incoming": 14, "held": 14})
    assert acme.spans() == before
    assert sound(acme)


@pytest.mark.full
def test_the_same_bytes_again_are_still_a_duplicate_after_a_replay(acme: Driver) -> None:
    rows = [*BASE, employee(11, **NEW_CODE)]
    published(acme, rows)
    mend(acme)
    replayed(acme)
    assert acme.facts(acme.deliver(rows, THU))["state"] == "duplicate"


@pytest.mark.full
def test_absence_from_a_replay_means_nothing(acme: Driver) -> None:
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    before = acme.spans()
    mend(acme)
    (again,) = replayed(acme)
    assert "end" not in again.counts
    assert acme.spans() == before | {key(11): [(JANUARY, None)]}


def test_a_replay_makes_no_feed_fresh_and_is_no_later_file(acme: Driver) -> None:
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    (before,) = acme.all("SELECT last_landed_at, last_applied_at, newest_applied_file_date FROM mart.feed_freshness")
    mend(acme)
    (again,) = replayed(acme)
    (after,) = acme.all("SELECT last_landed_at, last_applied_at, newest_applied_file_date FROM mart.feed_freshness")
    assert before == after
    with acme.site.database("test") as connection:
        latest = ledger.latest_applied(connection, acme.feed.name)
    assert latest is not None
    assert latest.delivery_id != again.delivery_id


@pytest.mark.full
def test_of_a_selection_only_those_rows_are_taken_up(acme: Driver) -> None:
    original = published(acme, [*BASE, employee(11, **NEW_CODE), employee(12, STATE="?")])
    mend(acme)
    assert opened(acme, delivery_id="zzzzzzzz")["replays"] == []
    assert opened(acme, reason="no.such")["replays"] == []
    replayed(acme, reason="coverage_tier.code")
    assert rows_of(acme, original) == {
        15: ("replayed", 1, ("coverage_tier.code",)),
        16: ("open", 0, ("state_code.pattern",)),
    }


def test_there_may_be_nothing_to_replay(acme: Driver) -> None:
    assert (opened(acme), acme.open()) == ({"replays": [], "rows": 0, "left": {}}, [])


# ── refused again ──


def test_rows_refused_again_stay_open_with_their_present_reasons_until_they_are_set_apart(acme: Driver) -> None:
    original = published(acme, [*BASE, employee(11, **NEW_CODE, STATE="?")])
    assert rows_of(acme, original)[15][2] == ("state_code.pattern", "coverage_tier.code")
    mend(acme)
    (first,) = replayed(acme)
    assert (first.state, acme.lines(first.delivery_id)) == ("published", {"control": 1, "quarantined": 1})
    assert rows_of(acme, original)[15] == ("open", 1, ("state_code.pattern",))
    replayed(acme)
    replayed(acme)
    assert rows_of(acme, original)[15] == ("poison", 3, ("state_code.pattern",))
    assert opened(acme) == {"replays": [], "rows": 0, "left": {"poison": 1}}
    (fourth,) = replayed(acme, poison=True)
    assert (fourth.state, rows_of(acme, original)[15][:2]) == ("published", ("poison", 4))
    assert sound(acme)


@pytest.mark.full
def test_a_replay_of_what_a_replay_refused_counts_it_when_it_can_be_read(acme: Driver) -> None:
    original = published(acme, [*BASE, employee(11, **NEW_CODE)])
    replayed(acme)
    assert rows_of(acme, original)[15] == ("open", 1, ("coverage_tier.code",))
    mend(acme)
    (again,) = replayed(acme)
    assert (rows_of(acme, original)[15], again.counts["add"]) == (("replayed", 2, ("coverage_tier.code",)), 1)
    assert sound(acme)


@pytest.mark.full
def test_many_rows_refused_again_hold_nothing(acme: Driver) -> None:
    """They were refused before: guards about what is read judge files."""
    published(acme, [*BASE, *(employee(n, STATE="?") for n in range(11, 31))])
    acme.feed = lax(guards=replace(LAX_GUARDS, rejected=Limit(share=0.02, floor=5)))
    assert [run.state for run in replayed(acme)] == ["published"]


# ── never over newer truth ──


@pytest.fixture
def since(acme: Driver) -> Driver:
    """Employee 3 moved to another plan on Thursday, in a row that was refused; employee 11 was new in such a row."""
    published(acme, [*without(3), employee(3, **NEW_CODE, PLAN="HMO-2"), employee(11, **NEW_CODE)])
    return acme


@pytest.mark.parametrize(
    ("newer", "plan"),
    {
        "another plan": ([employee(3, PLAN="EPO-3")], "EPO-3"),
        "what was held all the time": ([employee(3)], "PPO-1"),
    }.values(),
    ids=["another plan", "what was held all the time"],
)  # fmt: skip
def test_what_a_newer_full_says_of_the_member_counts(since: Driver, newer: list[Row], plan: str) -> None:
    published(since, [*without(3), *newer, employee(11)], FRI)
    before = since.spans()
    mend(since)
    (again,) = replayed(since)
    assert (again.state, again.counts["ignored"]) == ("published", 2)
    assert (plan_code(since, 3), since.spans()) == (plan, before)
    assert closed_reasons(since) == ["newer_truth", "newer_truth"]
    assert since.lines(again.delivery_id) == {"control": 1, "ignored": 2}
    assert sound(since)


@pytest.mark.full
def test_without_the_rule_the_older_row_would_overwrite_the_newer(
    since: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    published(since, [*without(3), employee(3, PLAN="EPO-3"), employee(11)], FRI)
    mend(since)
    monkeypatch.setattr(planning, "_since", lambda *_: Since((), (), (), ()))
    replayed(since)
    overwritten = plan_code(since, 3) == "HMO-2"
    tally.count("negative controls", tried=1, red=int(overwritten))
    assert overwritten


@pytest.mark.full
def test_a_newer_full_that_does_not_show_a_new_member_counts(since: Driver) -> None:
    published(since, BASE, FRI)
    mend(since)
    replayed(since)
    assert key(11) not in since.spans()
    assert closed_reasons(since) == ["newer_truth", "newer_truth"]


def test_a_newer_full_in_which_the_members_row_was_refused_as_well_said_nothing(since: Driver) -> None:
    friday = published(since, [*without(3), employee(3, **NEW_CODE, PLAN="EPO-3"), employee(11, **NEW_CODE)], FRI)
    mend(since)
    thursdays, fridays = replayed(since)
    assert (thursdays.counts["change"], thursdays.counts["add"]) == (1, 1)
    assert (fridays.counts["change"], fridays.counts["unchanged"]) == (1, 1)
    assert (plan_code(since, 3), states(since, friday)) == ("EPO-3", ["replayed", "replayed"])
    assert sound(since)


@pytest.mark.full
def test_a_replay_of_a_newer_delivery_counts_over_one_of_an_older(since: Driver) -> None:
    friday = published(since, [*without(3), employee(3, **NEW_CODE), employee(11, **NEW_CODE)], FRI)
    mend(since)
    replayed(since, delivery_id=friday)
    (older,) = replayed(since)
    assert (older.counts["ignored"], plan_code(since, 3)) == (2, "PPO-1")
    assert sorted(filter(None, closed_reasons(since))) == ["newer_truth", "newer_truth", "replay", "replay"]


@pytest.mark.full
def test_what_a_person_waived_said_nothing(since: Driver) -> None:
    friday = published(since, [*without(3), employee(3, **NEW_CODE, PLAN="EPO-3"), employee(11)], FRI)
    waive(since, delivery_id=friday)
    mend(since)
    replayed(since)
    assert plan_code(since, 3) == "HMO-2"
    assert closed_reasons(since) == ["replay", "newer_truth", "person"]


@pytest.mark.full
def test_a_row_that_still_cannot_be_read_is_closed_when_newer_truth_makes_it_moot(since: Driver) -> None:
    published(since, BASE, FRI)
    (again,) = replayed(since)
    assert since.lines(again.delivery_id) == {"control": 1, "ignored": 1, "quarantined": 1}
    assert closed_reasons(since) == ["newer_truth", None]  # of a new member the scope cannot be read either
    assert sound(since)


@pytest.mark.full
def test_who_a_person_is_stays_as_a_newer_full_said(acme: Driver) -> None:
    """The dental row was refused on both days; on Friday the medical row told another city."""
    dental = {"COVERAGE": "DENTAL", "PLAN": "DEN-1", **NEW_CODE}
    thursday = published(acme, [*BASE, employee(3, **dental)])
    published(acme, [*without(3), employee(3, CITY="Elsewhere"), employee(3, CITY="Elsewhere", **dental)], FRI)
    mend(acme)
    replayed(acme, delivery_id=thursday)
    (member,) = acme.all("SELECT city FROM core.member WHERE subscriber_id = 'E0000003'")
    assert (member["city"], key(3, line="DEN") in acme.spans()) == ("Elsewhere", True)
    assert sound(acme)


def test_a_second_row_of_the_same_file_never_overwrites_the_one_that_counted(acme: Driver) -> None:
    original = published(acme, [*without(3), employee(3, PLAN="EPO-3"), employee(3, **NEW_CODE, PLAN="HMO-2")])
    mend(acme)
    replayed(acme)
    assert (plan_code(acme, 3), rows_of(acme, original)[15]) == ("EPO-3", ("open", 1, ("ambiguous_key",)))
    assert sound(acme)


def test_a_second_row_of_the_same_file_never_makes_somebody_else_of_the_member(acme: Driver) -> None:
    dental = {"COVERAGE": "DENTAL", "PLAN": "DEN-1", **NEW_CODE}
    medical = employee(3, CITY="Elsewhere")
    original = published(acme, [*without(3), medical, employee(3, CITY="Third City", **dental), employee(4, **dental)])
    mend(acme)
    replayed(acme)
    conflict = ("open", 1, ("member.conflict",))
    assert rows_of(acme, original) == {15: conflict, 16: ("replayed", 1, ("coverage_tier.code",))}
    (member,) = acme.all("SELECT city FROM core.member WHERE subscriber_id = 'E0000003'")
    assert (member["city"], key(3, line="DEN") in acme.spans()) == ("Elsewhere", False)
    assert sound(acme)


# ── change files ──


@pytest.fixture
def changes(new_acme: Driver) -> Driver:
    """The feed of changes after two files; employee 3's change in the second was refused."""
    new_acme.feed = delta()
    published(new_acme, [acted("A", values) for values in roster(range(1, 5))], WED, sequence=1)
    published(
        new_acme,
        [acted("C", employee(3, **NEW_CODE, PLAN="HMO-2")), acted("C", employee(4, PLAN="EPO-3"))],
        THU,
        sequence=2,
    )
    return new_acme


def test_a_change_is_replayed_where_no_newer_file_spoke_of_the_member(changes: Driver) -> None:
    published(changes, [acted("C", employee(4, PLAN="HMO-2"))], FRI, sequence=3)
    mend(changes)
    replayed(changes)
    assert (plan_code(changes, 3), plan_code(changes, 4)) == ("HMO-2", "HMO-2")
    assert sound(changes)


@pytest.mark.parametrize("plan", ["PPO-1", "EPO-3"], ids=["without changing anything", "changing something"])
def test_a_change_is_moot_where_a_newer_file_spoke_of_the_member(changes: Driver, plan: str) -> None:
    published(changes, [acted("C", employee(3, PLAN=plan))], FRI, sequence=3)
    mend(changes)
    replayed(changes)
    assert (plan_code(changes, 3), closed_reasons(changes)) == (plan, ["newer_truth"])
    assert sound(changes)


@pytest.mark.full
def test_a_replay_neither_fills_nor_makes_a_gap_and_stops_no_file(changes: Driver) -> None:
    changes.feed = delta(guards=replace(LAX_GUARDS, adds=Limit(share=0.01, floor=1)))
    published(changes, [acted("A", employee(n, **NEW_CODE)) for n in (11, 12)], FRI, sequence=3)
    mend(changes)
    opened(changes)
    changes.run(changes.open()[0])
    held = changes.planned(changes.open()[0])
    assert held.state == "held"
    fifth = changes.deliver([acted("C", employee(4, PLAN="HMO-2"))], MON, sequence=5)
    assert changes.open() == []
    fourth = changes.deliver([acted("C", employee(3, PLAN="HMO-2"))], MON, sequence=4)
    assert changes.open() == [fourth]
    assert changes.run(fourth).settled["open"][0]["conf"]["delivery_id"] == fifth
    changes.run(fifth)
    changes.decide(held)
    assert changes.finished(held).state == "published"
    assert key(11) in changes.spans()
    assert sound(changes)


# ── families ──


def test_a_family_that_waited_for_its_subscriber_is_replayed_together(acme: Driver) -> None:
    family = [employee(11, **NEW_CODE), child(11, "02"), child(11, "03")]
    original = published(acme, [*BASE, *family])
    waits = ("open", 0, ("subscriber_quarantined",))
    assert rows_of(acme, original) == {15: OPEN, 16: waits, 17: waits}
    mend(acme)
    (again,) = replayed(acme, reason="coverage_tier.code")
    assert (again.counts["add"], states(acme, original)) == (3, ["replayed"] * 3)
    assert sound(acme)


@pytest.mark.full
def test_dependents_wait_on_where_their_subscriber_is_neither_known_nor_there(acme: Driver) -> None:
    original = published(acme, [*BASE, employee(11, **NEW_CODE), child(11, "02")])
    waive(acme, reason="coverage_tier.code")
    mend(acme)
    (again,) = replayed(acme)
    assert rows_of(acme, original)[16] == ("open", 1, ("subscriber_quarantined",))
    assert key(11, "02") not in acme.spans()
    assert again.state == "published"


# ── held, declined, failed ──

HOLDS = lax(guards=replace(LAX_GUARDS, adds=Limit(share=0.01, floor=2)))


@pytest.fixture
def held(acme: Driver) -> Run:
    """A replay that two new members hold."""
    published(acme, [*BASE, employee(11, **NEW_CODE), employee(12, **NEW_CODE)])
    acme.feed = mended(HOLDS)
    opened(acme)
    run = acme.planned(acme.open()[0])
    assert (run.state, run.plan["breaches"][0]) == ("held", "adds")
    return run


def test_a_held_replay_waits_for_a_person_like_any_other(acme: Driver, held: Run) -> None:
    assert acme.incidents()[0]["kind"] == "held"
    acme.decide(held)
    assert (acme.finished(held).state, key(11) in acme.spans()) == ("published", True)
    assert sound(acme)


def test_a_declined_replay_lets_its_rows_go(acme: Driver, held: Run) -> None:
    assert opened(acme) == {"replays": [], "rows": 0, "left": {"in_replay": 2}}
    acme.decide(held, "decline")
    assert acme.finished(held).state == "declined"
    assert (key(11) in acme.spans(), set(closed_reasons(acme))) == (False, {None})
    assert opened(acme)["rows"] == 2
    assert sound(acme)


@pytest.mark.full
def test_a_newer_full_neither_waits_for_a_held_replay_nor_ends_it(acme: Driver, held: Run) -> None:
    full = acme.deliver([*BASE, employee(11, PLAN="EPO-3"), employee(12, TIER="?")], FRI)
    assert acme.open() == [full]
    assert acme.run(full).state == "published"
    assert acme.facts(held.delivery_id)["state"] == "held"
    acme.decide(held)
    finished = acme.finished(held)
    assert (finished.state, plan_code(acme, 11)) == ("published", "EPO-3")
    assert sorted(filter(None, closed_reasons(acme))) == ["newer_truth", "replay"]
    assert sound(acme)


@pytest.mark.full
def test_a_failed_replay_keeps_its_rows_and_may_be_opened_again(acme: Driver) -> None:
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    mend(acme)
    (replay_id,) = opened(acme)["replays"]
    assert steps.settle(acme.feed, replay_id, 1, acme.site)["state"] == "failed"
    assert opened(acme)["left"] == {"in_replay": 1}
    acme.finished(acme.planned_as(replay_id, 2))
    assert (key(11) in acme.spans(), sound(acme)) == (True, True)


@pytest.mark.full
def test_a_skipped_replay_lets_its_rows_go(acme: Driver) -> None:
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    (replay_id,) = opened(acme)["replays"]
    steps.settle(acme.feed, replay_id, 1, acme.site)
    steps.skip(acme.feed, replay_id, by="ann", reason="no need", site=acme.site)
    assert opened(acme)["rows"] == 1


@pytest.mark.full
def test_rows_of_a_delivery_that_is_not_in_the_tables_are_not_replayed(acme: Driver) -> None:
    acme.feed = HOLDS
    run = acme.planned(acme.deliver([*BASE, *roster((11, 12)), employee(13, **NEW_CODE)], THU))
    assert (run.state, opened(acme)["left"]) == ("held", {"not_written": 1})


# ── two at once ──


@pytest.mark.full
def test_of_two_replays_one_takes_a_row_up(acme: Driver) -> None:
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    mend(acme)
    first, second = opened(acme), opened(acme)
    assert (len(first["replays"]), second) == (1, {"replays": [], "rows": 0, "left": {"in_replay": 1}})


def test_the_database_refuses_a_row_that_another_replay_has(acme: Driver) -> None:
    """Two that chose before either wrote: the index is the fence, whatever the lock does."""
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    choice = steps.choose(acme.feed, Selection(acme.feed.name), acme.site).choices[0]
    opened(acme)
    with pytest.raises(ConcordError, match="in_one_replay_at_a_time"), acme.site.database("test") as connection:
        take_up(connection, acme.feed, choice.original, choice.rows)


@pytest.mark.full
def test_without_that_index_a_row_would_be_in_two_replays(acme: Driver, blank: Playground) -> None:
    """Negative control, rolled back: the index is dropped, and the second takes the row up too."""
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    choice = steps.choose(acme.feed, Selection(acme.feed.name), acme.site).choices[0]
    opened(acme)
    with blank.connection.transaction(force_rollback=True):
        blank.connection.execute("DROP INDEX ops.in_one_replay_at_a_time")
        take_up(blank.connection, acme.feed, choice.original, choice.rows)
        row = blank.connection.execute("SELECT count(*) AS times FROM ops.replay_row WHERE outcome IS NULL").fetchone()
    tally.count("negative controls", tried=1, red=int(row["times"] == 2))
    assert row["times"] == 2


def take_up(connection: Any, feed: Feed, original: Delivery, rows: Sequence[quarantine.Kept]) -> None:
    replay_id = ledger.enter_replay(connection, feed, original, len(rows))
    quarantine.take_up(connection, replay_id, rows, first_line=2)


def test_a_replay_waits_while_a_file_is_worked_on_and_starts_after_it(acme: Driver) -> None:
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    mend(acme)
    full = acme.planned(acme.deliver([employee(11, **NEW_CODE), *BASE], FRI))
    (replay_id,) = opened(acme)["replays"]
    assert (full.state, acme.open(), acme.facts(replay_id)["state"]) == ("planned", [], "waiting")
    assert acme.finished(full).settled["open"][0]["conf"]["delivery_id"] == replay_id


# ── many rows ──


def test_what_becomes_of_many_rows_is_found_without_comparing_each_with_each(acme: Driver) -> None:
    many = 150
    published(acme, [*BASE, *(employee(n, **NEW_CODE) for n in range(11, 11 + many))])
    mend(acme)
    (replay,) = replayed(acme)
    with acme.site.database("test") as connection:
        statement = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) ") + compose("replay/count_fates")
        found = connection.execute(statement, {"delivery_id": replay.delivery_id}).fetchone()
    assert found is not None
    assert compared_in_vain(found["QUERY PLAN"][0]["Plan"]) < 10 * many


def compared_in_vain(node: dict[str, Any]) -> int:
    """Rows that a plan, as it was run, looked at and did not want."""
    own = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    return int(own * node["Actual Loops"]) + sum(map(compared_in_vain, node.get("Plans", ())))


# ── dry run ──


TOUCHED = (
    "delivery", "delivery_event", "plan", "plan_row", "plan_guard", "quarantine", "replay_row", "line_account",
    "stage_attempt", "incident", "audit_head", "stated_key", "lease",
)  # fmt: skip
"""Every table of the ledger that a rehearsal comes by."""


def everything(acme: Driver) -> list[Any]:
    """What the tables hold, to compare before with after."""
    statement = "SELECT count(*) AS rows, md5(string_agg(t::text, '|' ORDER BY t::text)) AS content FROM {} t"
    with acme.site.database("test") as connection:
        counted = [
            connection.execute(sql.SQL(statement).format(sql.Identifier("ops", name))).fetchone() for name in TOUCHED
        ]
    return [*acme.tables(), *counted]


def test_a_dry_run_says_what_would_happen_and_writes_nothing(acme: Driver) -> None:
    original = published(acme, [*BASE, employee(11, **NEW_CODE), employee(12, STATE="?")])
    mend(acme)
    before = everything(acme)
    (outcome,) = steps.rehearse(acme.feed, Selection(acme.feed.name), acme.site)
    assert (outcome["original"], outcome["state"], outcome["rows"]) == (original, "planned", 2)
    assert outcome["fate"] == {"replayed": 1, "refused": 1, "newer_truth": 0}
    assert outcome["counts"]["eligibility"]["add"] == 1
    assert everything(acme) == before
    (again,) = replayed(acme)
    assert {name: n for name, n in outcome["counts"]["eligibility"].items() if n} == again.counts


# ── waived ──


def waive(acme: Driver, verb: waiving.Verb = "waive", **selection: Any) -> waiving.Matched:
    return waiving.change(
        acme.feed, verb, Selection(acme.feed.name, **selection), by="ann", reason="told the partner", site=acme.site
    )


def test_a_waived_row_is_never_replayed_unless_it_is_opened_again(acme: Driver) -> None:
    original = published(acme, [*BASE, employee(11, **NEW_CODE)])
    assert waive(acme).by_reason == {"coverage_tier.code": 1}
    mend(acme)
    assert opened(acme, poison=True)["rows"] == 0
    assert waive(acme, "reopen").by_delivery == {original: 1}
    replayed(acme)
    assert states(acme, original) == ["replayed"]
    assert sound(acme)


@pytest.mark.full
def test_a_row_in_a_replay_is_not_waived(acme: Driver) -> None:
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    opened(acme)
    assert waive(acme).ids == ()


@pytest.mark.full
def test_what_was_not_shown_is_not_waived(acme: Driver) -> None:
    original = published(acme, [*BASE, employee(11, **NEW_CODE)])
    shown = waiving.match("waive", Selection(acme.feed.name), acme.site)
    published(acme, [*BASE, employee(11, **NEW_CODE)][::-1], FRI)
    waiving.change(acme.feed, "waive", Selection(acme.feed.name), by="ann", reason="-", site=acme.site, among=shown.ids)
    assert states(acme, original) == ["waived"]
    assert len(acme.all("SELECT FROM ops.quarantine WHERE state = 'open'")) == 1


@pytest.mark.full
def test_rows_of_a_delivery_that_may_be_staged_again_are_not_waived(acme: Driver) -> None:
    acme.feed = HOLDS
    acme.planned(acme.deliver([*BASE, *roster((11, 12)), employee(13, **NEW_CODE)], THU))
    assert waive(acme).ids == ()


@pytest.mark.full
def test_who_replayed_and_who_waived_is_in_the_trail(acme: Driver) -> None:
    original = published(acme, [*BASE, employee(11, **NEW_CODE), employee(12, STATE="?")])
    opened(acme, reason="coverage_tier.code")
    waive(acme, reason="state_code.pattern")
    import psycopg

    with psycopg.connect(acme.site.settings.auditor_url or "") as auditor:
        found = auditor.execute(
            "SELECT actor, action, object, item_count FROM ops.audit WHERE action IN ('replay', 'waive') ORDER BY seq"
        ).fetchall()
    assert found == [("ann", "replay", original, 1), ("ann", "waive", acme.feed.name, 1)]


# ── what must hold afterwards ──


SPOILED: dict[str, tuple[LiteralString, set[str]]] = {
    "a row that came to something else": (
        "UPDATE ops.replay_row SET outcome = 'newer_truth'", {"replay.lines", "replay.closed"},
    ),
    "a row that waits although it counted": (
        "UPDATE ops.quarantine SET state = 'open', closed_at = NULL", {"replay.closed"},
    ),
    "a row that no replay counted": ("UPDATE ops.quarantine SET closed_by = 'zzzzzzzz'", {"replay.closed"}),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILED)
def test_the_check_finds_replayed_rows_that_are_not_what_the_ledger_says(acme: Driver, what: str) -> None:
    published(acme, [*BASE, employee(11, **NEW_CODE)])
    mend(acme)
    replayed(acme)
    statement, codes = SPOILED[what]
    acme.do(statement)
    assert {finding.code for finding in check.run(acme.site)} == codes


def test_a_held_replay_says_what_it_is_and_what_is_safe(acme: Driver, held: Run) -> None:
    (incident,) = acme.incidents()
    original = acme.facts(held.delivery_id)["replay_of"]
    assert f"replay {held.delivery_id} of delivery {original}" in incident["text"]
    assert "Its rows stay in quarantine" in incident["text"]
    assert "2 count, 0 are refused again, 0 are moot" in incident["text"]
