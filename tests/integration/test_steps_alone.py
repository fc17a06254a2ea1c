"""Rows about a member and no coverage (834: a 2000 loop without HD), and deliveries that say what they are."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date

import pytest

from concord import steps
from concord.contract import Codes, Delimited, Feed, Mode
from concord.quarantine import Selection
from tests.rosters import (
    ACTIONS,
    BASE,
    FRI,
    JANUARY,
    MON,
    THU,
    WED,
    Driver,
    Row,
    acted,
    child,
    delta,
    employee,
    key,
    lax,
    roster,
    without,
)

COVERAGE = ("COVERAGE", "PLAN", "TIER", "COVEFF", "COVEND")
ROSTER = [*BASE, employee(3, COVERAGE="DENTAL", PLAN="DEN-1")]


@dataclass(frozen=True)
class WithMembersAlone(Delimited):
    """Delimited text in which a member may stand without coverage."""

    @property
    def brings_members_alone(self) -> bool:
        return True


def alone_allowed(feed: Feed) -> Feed:
    form = {each.name: getattr(feed.layout, each.name) for each in fields(Delimited)}
    return replace(feed, format=WithMembersAlone(**form))


def alone(values: Row, end: str = "", start: str = "") -> Row:
    """The row without its coverage."""
    return {**values, **dict.fromkeys(COVERAGE, ""), "COVEND": end, "COVEFF": start}


@pytest.fixture
def changes(new_acme: Driver) -> Driver:
    """Four employees, the second with a child, the first with dental as well."""
    new_acme.feed = alone_allowed(delta())
    rows = [*roster(range(1, 5)), child(2, "02"), employee(1, COVERAGE="DENTAL", PLAN="DEN-1")]
    run = new_acme.day([acted("A", values) for values in rows], WED, sequence=1)
    assert (run.state, run.counts["add"]) == ("published", 6)
    return new_acme


def test_a_new_address_without_coverage_changes_the_member_and_no_span(changes: Driver) -> None:
    before = changes.spans()
    run = changes.day([acted("C", alone(employee(3, STREET="9 Elm St")))], THU, sequence=2)
    assert (run.state, run.plan["counts"]["member"]["change"], run.counts.get("change", 0)) == ("published", 1, 0)
    assert changes.spans() == before
    assert changes.lines(run.delivery_id)["consumed"] == 1


def test_without_the_permission_such_a_row_is_refused(changes: Driver) -> None:
    changes.feed = delta()
    run = changes.day([acted("C", alone(employee(3, STREET="9 Elm St")))], THU, sequence=2)
    assert "coverage_line.required" in changes.reasons(run.delivery_id)[2]


def test_an_end_without_coverage_ends_every_line_of_that_member_only(changes: Driver) -> None:
    run = changes.day([acted("E", alone(employee(1), end="11/30/2026"))], THU, sequence=2)
    ends = {name: spans[-1][1] for name, spans in changes.spans().items()}
    december = date(2026, 12, 1)
    assert (run.state, run.counts["end"], run.counts["losses"]) == ("published", 2, 2)
    assert (ends[key(1)], ends[key(1, line="DEN")]) == (december, december)
    assert all(end is None for name, end in ends.items() if name[0] != "E0000001")
    written = changes.all("SELECT end_kind, end_evidence FROM core.eligibility WHERE effective_to IS NOT NULL")
    assert {(row["end_kind"], row["end_evidence"]["rule"], row["end_evidence"]["line"]) for row in written} == {
        ("explicit", "member_ended", 2)
    }


def test_such_an_end_needs_a_date(changes: Driver) -> None:
    run = changes.day([acted("E", alone(employee(1)))], THU, sequence=2)
    assert changes.reasons(run.delivery_id) == {2: ("end.no_date",)}
    assert changes.spans()[key(1)][0][1] is None


def test_a_coverage_that_was_never_valid_is_voided(changes: Driver) -> None:
    run = changes.day([acted("E", alone(employee(4), end="12/31/2025"))], THU, sequence=2)
    assert (run.state, run.counts["void"]) == ("published", 1)
    assert key(4) not in changes.spans()


def test_a_reinstatement_without_coverage_takes_the_last_end_back(changes: Driver) -> None:
    changes.day([acted("E", alone(employee(1), end="11/30/2026"))], THU, sequence=2)
    run = changes.day([acted("R", alone(employee(1)))], FRI, sequence=3)
    assert (run.state, run.counts["reinstate"]) == ("published", 2)
    assert [changes.spans()[name] for name in (key(1), key(1, line="DEN"))] == [[(JANUARY, None)]] * 2


def test_a_reinstatement_after_a_gap_has_to_name_the_coverage(changes: Driver) -> None:
    changes.day([acted("E", alone(employee(1), end="11/15/2026"))], THU, sequence=2)
    run = changes.day([acted("R", alone(employee(1), start="12/01/2026"))], FRI, sequence=3)
    assert changes.reasons(run.delivery_id) == {2: ("reinstate.no_coverage",)}


def test_nobody_is_ended_who_is_not_known(changes: Driver) -> None:
    run = changes.day([acted("E", alone(employee(9), end="11/30/2026"))], THU, sequence=2)
    assert changes.reasons(run.delivery_id) == {2: ("unknown_member",)}


def test_one_row_that_ends_all_and_another_that_adds_contradict_each_other(changes: Driver) -> None:
    before = changes.spans()
    rows = [acted("E", alone(employee(1), end="11/30/2026")), acted("C", employee(1, PLAN="HMO-2"))]
    run = changes.day(rows, THU, sequence=2)
    assert set(changes.reasons(run.delivery_id).values()) == {("ambiguous_key",)}
    assert changes.spans() == before


def test_another_groups_coverage_goes_on(changes: Driver) -> None:
    changes.day([acted("A", employee(1, GROUP="ACME02", COVERAGE="DENTAL", COVEFF="12/01/2027"))], THU, sequence=2)
    run = changes.day([acted("E", alone(employee(1, GROUP="ACME02"), end="11/30/2026"))], FRI, sequence=3)
    assert changes.spans()[key(1)] == [(JANUARY, None)]
    assert {row["key"][2] for row in changes.plan_rows(run.delivery_id, "void")} == {"DEN"}


@pytest.fixture
def fulls(new_acme: Driver) -> Driver:
    new_acme.feed = alone_allowed(lax())
    new_acme.begin(ROSTER)
    return new_acme


def test_in_a_full_file_a_member_without_coverage_is_present(fulls: Driver) -> None:
    run = fulls.day([*without(1, rows=ROSTER), alone(employee(1))], THU)
    assert (run.state, run.counts["keep"], run.counts.get("end", 0)) == ("published", 2, 0)
    assert {row["reason"] for row in fulls.plan_rows(run.delivery_id, "keep")} == {"present_without_coverage"}


def test_and_one_who_is_not_there_at_all_is_not(fulls: Driver) -> None:
    assert fulls.day(without(1, rows=ROSTER), THU).counts["end"] == 2


def test_a_member_may_leave_in_a_full_file_without_coverage(fulls: Driver) -> None:
    action = replace(fulls.feed.columns["group_id"], source="ACTION", read=Codes(ACTIONS), required=False)
    fulls.feed = replace(fulls.feed, columns={**fulls.feed.columns, "maintenance_action": action})
    rows = [acted("", values) for values in without(1, rows=ROSTER)]
    run = fulls.day([*rows, acted("E", alone(employee(1), end="11/10/2026"))], THU)
    assert (run.counts["end"], run.counts.get("keep", 0)) == (2, 0)
    assert {row["reason"] for row in fulls.plan_rows(run.delivery_id, "end")} == {"member_ended"}


def test_what_is_written_so_passes_every_check(changes: Driver) -> None:
    from concord import check

    changes.day([acted("E", alone(employee(1), end="11/30/2026"))], THU, sequence=2)
    changes.day([acted("R", alone(employee(1)))], FRI, sequence=3)
    changes.day([acted("E", alone(child(2, "02"), end="08/31/2026"))], MON, sequence=4)
    assert [finding.code for finding in check.run(changes.site)] == []


def test_a_replayed_end_does_not_touch_what_was_said_since(changes: Driver) -> None:
    spoilt = acted("E", alone(employee(1, SEX="?"), end="11/30/2026"))
    changes.day([spoilt], THU, sequence=2)
    changes.day([acted("C", employee(1, PLAN="HMO-2"))], FRI, sequence=3)
    table = changes.feed.columns["gender_code"]
    assert isinstance(table.read, Codes)
    known = replace(table, read=Codes({**table.read.table, "?": "U"}))
    changes.feed = replace(changes.feed, columns={**changes.feed.columns, "gender_code": known})
    steps.replay(changes.feed, Selection(changes.feed.name), by="ann", site=changes.site)
    run = changes.run(changes.open()[0])
    ends = {name: spans[-1][1] for name, spans in changes.spans().items()}
    assert (run.state, ends[key(1)], ends[key(1, line="DEN")]) == ("published", None, date(2026, 12, 1))


def test_what_a_delivery_says_it_is_counts_for_that_delivery(new_acme: Driver) -> None:
    feed = alone_allowed(lax())
    sent = feed.as_sent(Mode.DELTA)
    assert (sent.mode, sent.fingerprint, feed.mode) == (Mode.DELTA, feed.fingerprint, Mode.FULL)
    assert feed.as_sent(Mode.FULL) is feed
