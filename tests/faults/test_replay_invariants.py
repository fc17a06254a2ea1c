"""The same again comes to the same: a file repeated, a rebuilt database, any size of chunk, another contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from concord import check, ledger, steps
from concord.acquire import Fetched
from concord.contract import Feed, Policy
from concord.landing import Manifest
from concord.steps.arriving import land
from tests.faults.nights import BASE, FEW, HOLDING, ORDINARY, Nights
from tests.faults.outcome import Result, result_of
from tests.playground import Playground, playground
from tests.rosters import FRI, MON, THU, WED, Driver, employee, lax, next_day, quick
from tests.unit.acme_rows import file

pytestmark = pytest.mark.full


@contextmanager
def place(template: Any, landing: Path) -> Iterator[Playground]:
    """An empty database with the tests' fixed keys, its archive in ``landing``."""
    with playground(template, landing) as found:
        found.settings = replace(found.settings, seal_keys={"test": b"1" * 32}, token_keys={"test": b"2" * 32})
        yield found


def driver(found: Playground, feed: Feed) -> Driver:
    return Driver(feed, quick(steps.open_site(found.settings)))


def result(found: Playground) -> Result:
    return result_of(found.connection, Path(found.settings.landing_url.removeprefix("file://")))


def history(acme: Driver) -> None:
    """Days with everything: applied, approved, declined, rejected, repeated, superseded with an end it was told."""
    acme.begin(BASE, WED)
    assert acme.day(file(*ORDINARY), THU).state == "published"
    acme.feed = HOLDING
    assert acme.day([*FEW, employee(9, COVEND="11/20/2026")], FRI).state == "held"
    assert acme.day([*ORDINARY[:-1], employee(15)], MON).state == "published"
    assert acme.day(FEW, next_day(MON), "decline").state == "declined"
    assert acme.day(b"EMPID\r\nE0000001\r\n", next_day(MON, 2)).state == "rejected"
    assert acme.day(FEW, next_day(MON, 3), "approve").state == "published"
    acme.deliver(FEW, next_day(MON, 4))


def test_a_file_that_says_nothing_new_changes_nothing_and_tells_nobody(nights: Nights, tmp_path: Path) -> None:
    """I16. The same rows in other bytes: the same bytes are a duplicate."""
    nights.live("landed", tmp_path)
    before = nights.result()
    acme = driver(nights.playground, lax())
    again = acme.day(file(*reversed(ORDINARY)), FRI)
    assert again.state == "published"
    versions = nights.result()
    assert versions.events == before.events
    assert {name: rows for name, (rows, _) in versions.tables.items()} == {
        name: rows for name, (rows, _) in before.tables.items()
    }
    assert acme.all("SELECT row_id FROM core.eligibility WHERE delivery_id = %s", again.delivery_id) == []
    same = acme.deliver(file(*reversed(ORDINARY)), FRI)
    assert acme.facts(same)["state"] == "duplicate"
    acme.site.close()  # type: ignore[attr-defined]


def test_everything_is_rebuilt_from_the_archive_in_the_ledgers_order(template: Any, tmp_path: Path) -> None:
    """I17. Another database, the same archive and keys: equal tables, histories and events."""
    with place(template, tmp_path / "landing") as lived, place(template, tmp_path / "landing") as new:
        acme = driver(lived, lax())
        history(acme)
        events = acme.all("SELECT delivery_id, to_state FROM ops.delivery_event ORDER BY event_id")
        facts = {row["delivery_id"]: row for row in acme.all("SELECT * FROM ops.delivery")}
        rebuilt = driver(new, lax())
        for event in events:
            rebuild(rebuilt, facts[event["delivery_id"]], event["to_state"])
        before, after = result(lived), result(new)
        assert (after.tables, after.events, after.quarantined) == (before.tables, before.events, before.quarantined)
        assert after.states == before.states
        assert check.run(rebuilt.site, deep=True) == []
        for one in (acme, rebuilt):
            one.site.close()  # type: ignore[attr-defined]


def rebuild(acme: Driver, facts: dict[str, Any], state: str) -> None:
    """Brings a delivery to the state it had, by the same steps."""
    delivery_id, which = facts["delivery_id"], (facts["delivery_id"], 1, acme.site)
    acme.feed = HOLDING if facts["file_date"] >= FRI else lax()
    if state == "discovered":
        _land(acme, facts)
    elif state in ("staged", "rejected"):
        acme.planned(delivery_id)
    elif state == "applied" and acme.facts(delivery_id)["state"] == "held":
        _decide(acme, delivery_id, "approve")
    elif state == "declined":
        _decide(acme, delivery_id, "decline")
    if state in ("applied", "declined"):
        steps.apply(acme.feed, *which)
        steps.settle(acme.feed, *which)


def _land(acme: Driver, facts: dict[str, Any]) -> None:
    with acme.site.database("rebuild") as connection:
        ledger.register(connection, acme.feed)
        ledger.discover(
            connection, acme.feed, delivery_id=facts["delivery_id"], size=facts["remote_size"], sequence=None,
            name_sealed=facts["file_name_sealed"], name_token=facts["file_name_token"],
            modified_at=facts["remote_modified_at"], file_date=facts["file_date"],
        )  # fmt: skip
    manifest = Manifest.from_json(dict(facts["manifest"]))
    land(acme.feed, facts["delivery_id"], Fetched(facts["byte_count"], facts["sha256"], manifest), acme.site)


def _decide(acme: Driver, delivery_id: str, verdict: str) -> None:
    plan = acme.all("SELECT digest FROM ops.plan WHERE delivery_id = %s ORDER BY plan_id DESC", delivery_id)[0]
    steps.decide(acme.feed, delivery_id, digest=plan["digest"], verdict=verdict, by="ann", via="shell", site=acme.site)


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 1_000])
def test_any_size_of_chunk_comes_to_the_same(nights: Nights, tmp_path: Path, rows: int) -> None:
    """I18."""
    expected = nights.expected("landed")
    nights.live("landed", tmp_path, chunk_rows=rows)
    assert (nights.findings(), nights.result()) == ([], expected)


@pytest.mark.parametrize("after", ["stage", "plan"])
def test_a_contract_deployed_between_two_tasks_begins_again_from_the_archive(
    nights: Nights, tmp_path: Path, after: str
) -> None:
    """Whatever was staged or planned under the old one does not count."""
    changed = replace(lax(), policy=replace(lax().policy, grace=Policy().grace * 2))
    clock = nights.evening("landed", tmp_path)
    conf = clock.queue[0]
    assert clock.task("stage", **conf).ok
    if after == "plan":
        assert clock.task("plan", **conf).value["state"] == "planned"
    clock.feed, clock.begin_at = changed, {"stage": "plan", "plan": "apply"}[after]
    clock.work()
    stagings = nights.playground.connection.execute(
        "SELECT contract_hash FROM ops.stage_attempt ORDER BY stage_no DESC"
    )
    assert [row["contract_hash"] for row in stagings.fetchall()][:2] == [changed.fingerprint, lax().fingerprint]
    nights.live_on(clock)
    assert (nights.findings(), nights.result()) == ([], nights.expected("landed"))
