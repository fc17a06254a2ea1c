"""Late, missing, stale: judged from contract and ledger at an injected clock, told once, and over by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, LiteralString

import pytest

from concord import incidents, ledger, steps
from concord.contract import Mode, OrderBy
from concord.steps import expecting, open_site
from concord.steps.expecting import Outlook, outlook
from tests.playground import Playground
from tests.rosters import BASE, FRI, MON, THU, WED, Driver, delta, lax, without

SCHEDULE = lax().schedule


def new_york(day: date, clock: str) -> datetime:
    """In UTC; November is standard time."""
    return datetime.combine(day, time.fromisoformat(clock), UTC) + timedelta(hours=5)


@pytest.fixture
def acme_since_wednesday(acme: Driver) -> Driver:
    """Acme with Wednesday's roster in the tables, expected since Wednesday."""
    registered(acme, new_york(WED, "05:00"))
    return acme


def registered(driver: Driver, at: datetime) -> None:
    driver.do("UPDATE ops.lease SET registered_at = %s WHERE feed = %s", at, driver.feed.name)


def expect(driver: Driver, day: date, clock: str) -> dict[str, Any]:
    return steps.expect([driver.feed], driver.site, new_york(day, clock))


def kinds(driver: Driver) -> list[str]:
    return [incident["kind"] for incident in driver.incidents()]


# ── late and missing ──


def test_nothing_is_late_before_its_time_and_late_a_minute_after(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    assert expect(acme, WED, "23:00")["late"] == []
    assert expect(acme, THU, "07:00")["late"] == []
    assert (expect(acme, THU, "07:01")["late"], kinds(acme)) == ([acme.feed.name], ["late"])


def test_late_is_told_once_however_often_it_is_asked(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    for minute in range(1, 20):
        expect(acme, THU, f"07:{minute:02d}")
    ((subject, text),) = acme.told
    assert subject == "acme_eligibility: the delivery of 2026-11-19 is late"
    for words in ("Partner acme", "no delivery", "late", "07:00 America/New_York", "Safe: ", "Press: "):
        assert words in text
    assert acme.incidents()[0]["times"] == 19


def test_without_a_common_cause_it_would_be_told_every_time(
    acme_since_wednesday: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the de-duplication."""
    acme, report, asked = acme_since_wednesday, incidents.report, iter(range(9))

    def each_its_own(*given: Any, cause: str, **more: Any) -> None:
        report(*given, cause=f"{cause}:{next(asked)}", **more)

    monkeypatch.setattr(expecting.incidents, "report", each_its_own)
    expect(acme, THU, "07:01")
    expect(acme, THU, "07:16")
    assert len(acme.told) == 2


def test_a_delivery_that_comes_late_ends_it_and_people_hear_so_once(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    expect(acme, THU, "07:01")
    acme.day(without(3), THU)
    for clock in ("08:00", "08:15"):
        assert expect(acme, THU, clock)["late"] == []
    assert kinds(acme) == []
    over = [subject for subject, _ in acme.told if subject.startswith("Over: ")]
    assert over == ["Over: acme_eligibility: the delivery of 2026-11-19 is late"]


def test_without_the_recovery_it_would_stay_open(acme_since_wednesday: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: nobody but ``expect`` closes it."""
    acme = acme_since_wednesday
    expect(acme, THU, "07:01")
    acme.day(without(3), THU)
    monkeypatch.setattr(expecting.incidents, "resolve_cause", lambda *_: None)
    expect(acme, THU, "08:00")
    assert kinds(acme) == ["late"]


def test_late_grows_into_missing_when_the_next_business_day_begins(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    acme.day(without(3), THU)
    expect(acme, FRI, "07:01")
    for day, clock in ((FRI, "23:59"), (FRI + timedelta(days=1), "12:00"), (FRI + timedelta(days=2), "23:59")):
        assert expect(acme, day, clock)["late"] == [acme.feed.name], "nobody is at the partner's at a weekend"
    assert expect(acme, MON, "00:00")["missing"] == [acme.feed.name]
    (incident,) = acme.incidents()
    assert (incident["kind"], incident["severity"], incident["cause"]) == (
        "missing", "urgent", f"expected:{acme.feed.name}",
    )  # fmt: skip
    assert [subject.rpartition(" ")[2] for subject, _ in acme.told] == ["late", "missing"]


def test_the_next_day_begins_at_the_partners_midnight(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    utc_midnight = datetime.combine(FRI, datetime.min.time(), UTC)
    assert steps.expect([acme.feed], acme.site, utc_midnight + timedelta(hours=4, minutes=59))["missing"] == []
    assert steps.expect([acme.feed], acme.site, utc_midnight + timedelta(hours=5))["missing"] == [acme.feed.name]


def test_a_newer_full_makes_a_missing_one_needless(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    assert expect(acme, FRI, "00:00")["missing"]
    acme.day(without(3), FRI)
    assert not expect(acme, FRI, "08:00")["missing"]
    assert kinds(acme) == []


# ── what counts as arrived ──


def test_a_duplicate_satisfies_the_deadline(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    delivery_id = acme.deliver(BASE, THU)
    assert acme.facts(delivery_id)["state"] == "duplicate"
    assert expect(acme, THU, "12:00")["late"] == []


def test_a_held_delivery_has_arrived(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    assert acme.planned(acme.deliver(BASE[:4], THU)).state == "held"
    assert expect(acme, THU, "12:00")["late"] == []


def test_a_rejected_delivery_has_not_and_the_text_says_so(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    delivery_id = acme.day(b"", THU).delivery_id
    assert expect(acme, THU, "12:00")["late"] == [acme.feed.name]
    late = next(incident for incident in acme.incidents() if incident["kind"] == "late")
    assert f"delivery {delivery_id} arrived and was rejected" in late["text"]


def test_a_holiday_expects_nothing(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    acme.feed = replace(acme.feed, schedule=replace(SCHEDULE, holidays=(THU,)))
    assert expect(acme, THU, "23:00")["late"] == []
    assert expect(acme, FRI, "07:01")["late"] == [acme.feed.name]


def test_a_feed_whose_watch_was_never_switched_on_is_expected_of_nobody(blank: Playground) -> None:
    """The demo runs one of three; a partner who is being prepared calls nobody."""
    blank.empty()
    site = open_site(blank.settings)
    silent = lax()
    for now in (new_york(THU, "08:00"), new_york(MON, "08:00")):
        steps.open_runs(silent, site)
        assert steps.expect([silent], site, now) == {"late": [], "missing": [], "stale": [], "look": []}


def test_a_new_feed_is_expected_from_the_first_look_after_it_was_registered(new_acme: Driver) -> None:
    with new_acme.site.database("discover") as connection:
        ledger.register(connection, new_acme.feed)
    registered(new_acme, new_york(THU, "06:00"))  # half an hour after Thursday's look
    assert expect(new_acme, THU, "12:00")["late"] == []
    assert expect(new_acme, FRI, "06:59")["late"] == []
    assert expect(new_acme, FRI, "07:01")["late"] == [new_acme.feed.name]


def test_a_replay_of_our_own_is_no_arrival(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    delivery_id = acme.day(without(3), THU).delivery_id
    assert not expect(acme, THU, "12:00")["late"]
    original: LiteralString = "(SELECT delivery_id FROM ops.delivery WHERE file_date < %s)"
    acme.do(f"UPDATE ops.delivery SET kind = 'replay', replay_of = {original} WHERE delivery_id = %s", THU, delivery_id)
    assert expect(acme, THU, "12:00")["late"]


# ── looking again ──


@pytest.mark.parametrize(
    ("clock", "looks"), [("05:29", False), ("05:30", True), ("07:30", True), ("12:59", True), ("13:00", False)]
)
def test_while_it_may_still_come_it_is_looked_for(acme_since_wednesday: Driver, clock: str, looks: bool) -> None:
    acme = acme_since_wednesday
    assert expect(acme, THU, clock)["look"] == ([acme.feed.name] if looks else [])
    acme.deliver(without(3), THU)
    assert expect(acme, THU, clock)["look"] == []


# ── stale ──


def test_tables_that_stay_behind_although_files_come_are_stale(acme_since_wednesday: Driver) -> None:
    acme = acme_since_wednesday
    held = [acme.planned(acme.deliver(BASE[: 5 - n], day)) for n, day in enumerate((THU, FRI, MON))]
    assert {run.state for run in held} == {"held"}
    tuesday = MON + timedelta(days=1)
    assert expect(acme, MON, "12:00")["stale"] == [], "three business days are allowed"
    last = acme.planned(acme.deliver(BASE[:2], tuesday))
    found = expect(acme, tuesday, "12:00")
    assert (found["stale"], found["late"], found["missing"]) == ([acme.feed.name], [], [])
    stale = next(incident for incident in acme.incidents() if incident["kind"] == "stale")
    for words in ("4 business days behind", f"{held[0].delivery_id} held", "oldest first"):
        assert words in stale["subject"] + stale["text"]
    acme.decide(last)
    acme.finished(last)
    assert expect(acme, tuesday, "13:00")["stale"] == []
    assert kinds(acme) == []


def test_tables_are_not_stale_where_nothing_comes_at_all(acme_since_wednesday: Driver) -> None:
    """One cause, one incident: that the partner does not send is told as missing."""
    expect(acme_since_wednesday, MON + timedelta(days=4), "12:00")
    assert kinds(acme_since_wednesday) == ["missing"]


# ── change files ──


def arrival(day: date, *, state: str = "published", **more: Any) -> dict[str, Any]:
    return {
        "delivery_id": f"d{day:%m%d}", "state": state, "file_date": day, "discovered_at": new_york(day, "06:00"),
        "arrived": state != "rejected", "in_tables": state == "published", **more,
    }  # fmt: skip


def test_change_files_without_numbers_are_all_needed() -> None:
    feed = replace(delta(), source=lax().source, order=OrderBy(file_date=True), schedule=SCHEDULE)
    assert feed.mode is Mode.DELTA
    came = [arrival(day) for day in (WED, FRI)]
    seen = outlook(feed, new_york(WED, "00:00"), came, new_york(FRI, "12:00"))
    assert (seen.outstanding, seen.is_missing) == ((THU,), True)
    assert outlook(feed, new_york(WED, "00:00"), [*came, arrival(THU)], new_york(FRI, "12:00")) == Outlook()


def test_of_numbered_change_files_a_missing_number_is_told_as_a_gap_only() -> None:
    came = [arrival(day) for day in (WED, FRI)]
    assert outlook(delta(), new_york(WED, "00:00"), came, new_york(FRI, "12:00")).outstanding == ()


# ── clocks ──


@pytest.mark.parametrize(
    ("now", "is_late"),
    [
        ("2026-03-09 10:59", False),  # the Monday after the clocks went forward: 06:59 in New York
        ("2026-03-09 11:01", True),
        ("2026-11-02 11:59", False),  # the Monday after they went back
        ("2026-11-02 12:01", True),
        ("2028-02-29 12:01", True),  # a leap day is a Tuesday like any other
        ("2026-12-01 04:59", True),  # UTC's December, New York's November: Monday the 30th is late, not missing
    ],
)
def test_the_deadline_keeps_the_partners_clock(now: str, is_late: bool) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    seen = outlook(lax(), at - timedelta(hours=23), [], at)
    assert (bool(seen.outstanding), seen.is_missing) == (is_late, False)
