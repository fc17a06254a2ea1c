"""Replay: refused rows read again by today's contract, as a delivery like any other, never over newer truth."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from concord import check, steps
from concord.contract import Codes, Feed
from concord.quarantine import Selection
from tests.rosters import BASE, JANUARY, THU, Driver, Row, Run, employee, key

NEW_CODE = {"TIER": "EE+1"}
"""Tier: employee plus one. The partner began to send it, and nobody told us."""


def mended(feed: Feed) -> Feed:
    """The contract, after the engineer added the new code."""
    tier = feed.columns["coverage_tier"]
    assert isinstance(tier.read, Codes)
    known = Codes({**tier.read.table, "EE+1": "ESP"})
    return replace(feed, columns={**feed.columns, "coverage_tier": replace(tier, read=known)})


def refused(acme: Driver, rows: list[Row], day: date = THU) -> Run:
    """A file in which some rows break today's contract; the others are applied."""
    run = acme.day(rows, day)
    assert run.state == "published", run.settled
    return run


def replayed(acme: Driver, **selection: object) -> list[Run]:
    """Opens replays as the shell does, and runs each as Airflow does."""
    opened = steps.replay(acme.feed, Selection(acme.feed.name, **selection), by="ann", site=acme.site)  # type: ignore[arg-type]
    runs = []
    while due := acme.open():
        assert due[0] in opened["replays"]
        runs.append(acme.run(due[0]))
    return runs


def states(acme: Driver) -> dict[int, tuple[str, int, tuple[str, ...]]]:
    """Quarantine by line: state, attempts, reasons."""
    rows = acme.all("SELECT * FROM ops.quarantine ORDER BY delivery_id, line")
    return {row["line"]: (row["state"], row["attempts"], tuple(row["reasons"])) for row in rows}


def sound(acme: Driver) -> bool:
    return check.run(acme.site) == []


# ── the usual story ──


def test_a_new_code_is_added_to_the_contract_and_the_refused_rows_are_replayed(acme: Driver) -> None:
    rows = [employee(3, **NEW_CODE), *BASE[3:], *BASE[:2], employee(11, **NEW_CODE)]
    run = refused(acme, rows)
    assert states(acme) == {2: ("open", 0, ("coverage_tier.code",)), 15: ("open", 0, ("coverage_tier.code",))}
    acme.feed = mended(acme.feed)
    (again,) = replayed(acme)
    assert (again.state, again.counts["add"], again.counts["change"]) == ("published", 1, 1)
    assert {line: state for line, (state, _, _) in states(acme).items()} == {2: "replayed", 15: "replayed"}
    assert acme.spans()[key(11)] == [(JANUARY, None)]
    assert acme.lines(again.delivery_id) == {"control": 1, "consumed": 2}
    (closed,) = acme.all("SELECT DISTINCT closed_by, closed_reason FROM ops.quarantine")
    assert (closed["closed_by"], closed["closed_reason"]) == (again.delivery_id, "replay")
    facts = acme.facts(again.delivery_id)
    assert (facts["kind"], facts["replay_of"], facts["as_of_date"]) == ("replay", run.delivery_id, THU)
    assert sound(acme)
