"""Airflow itself is broken, and Postgres under it: each delivery comes to the same end as undisturbed.

One start of Airflow for all. Tests run in order and go on from each other. Time-outs are the shipped
ones, but for how soon a dead worker (until the scheduler's restart) and a dead scheduler are noticed.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from concord import steps
from concord.sandbox.airflow_home import resilience
from concord.sandbox.dirt import COLUMNS
from tests import tally
from tests.canaries import leaks
from tests.e2e.places import canaries, places, temp_folder
from tests.e2e.rig import FEED, FENCED, LINGERS, STOPS, WRITTEN, Delivery, Rig
from tests.faults.hashes import beliefs
from tests.rosters import Driver

if TYPE_CHECKING:
    from concord.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.full, pytest.mark.timeout(600)]

IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
}
"""A dead worker is noticed while we watch: until the scheduler is restarted with the shipped five minutes."""
SOON = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
}
"""A dead scheduler's tasks are taken over within half a minute instead of two."""
API_SERVER_AWAY_S = 60


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """Airflow with one delivery published, everything healthy."""
    from concord.sandbox.installation import Installation
    from concord.sandbox.state import State

    root = Path(tempfile.mkdtemp(prefix="concord-faults-"))
    failpoints = {"CONCORD_FAILPOINTS": LINGERS, "CONCORD_FAILPOINTS_LOG": str(root / "fired")}
    patch = pytest.MonkeyPatch()
    try:
        patch.setenv("TMPDIR", str(temp_folder(root)))
        state = State.create(root / "state", temporary=True)
        with Installation(
            state, say=print, extra=failpoints | IMPATIENT | SOON | {"CONCORD_LOST_AFTER_S": "10"}
        ) as running:
            root.chmod(0o711)
            rig = Rig(running, root / "fired")
            first = rig.next_file()
            assert rig.driver.day(first.content(), first.manifest.file_date, "approve").state == "published"
            running.get_ready()
            yield rig
    finally:
        patch.undo()
        shutil.rmtree(root, ignore_errors=True)


def injected() -> None:
    tally.count("faults", injected=1)


def fired() -> None:
    tally.count("faults", fired=1)


def recovered(delivery: Delivery) -> None:
    """The delivery's end is the undisturbed one; counts it."""
    delivery.assert_published_once()
    tally.count("faults", recovered=1)


def test_a_killed_supervisor_leaves_an_orphan_whose_late_commit_is_refused(rig: Rig) -> None:
    delivery = rig.open()
    injected()
    orphan = rig.at(FENCED)
    supervisor = orphan.parent()
    assert supervisor is not None
    supervisor.kill()
    rig.until(lambda: orphan.ppid() != supervisor.pid, "the supervisor lives", every_s=0.05)
    orphan.suspend()
    retry = rig.at(FENCED)
    assert orphan.is_running(), "the orphan lives while the retry is at work"
    assert retry.pid != orphan.pid
    fired()
    state, tasks = delivery.ended()
    assert (state, tasks["apply"], delivery.tries("apply")) == ("success", "success", 2)
    before = rig.driver.tables()
    rig.send_on(orphan)
    psutil.wait_procs([orphan], timeout=60)
    assert not orphan.is_running()
    assert rig.points_of(orphan) == [FENCED], "the fence stopped it before it wrote anything"
    assert rig.driver.tables() == before
    recovered(delivery)


def test_a_killed_task_is_tried_again(rig: Rig) -> None:
    delivery = rig.open()
    injected()
    task = rig.at(WRITTEN)
    task.kill()
    psutil.wait_procs([task], timeout=60)
    assert delivery.facts["state"] == "planned"
    fired()
    state, _ = delivery.ended()
    assert (state, delivery.tries("apply")) == ("success", 2)
    recovered(delivery)


def test_a_dead_schedulers_running_and_queued_runs_go_on_under_the_next(rig: Rig) -> None:
    delivery = rig.open()
    injected()
    rig.at(WRITTEN)
    rig.kill("scheduler")
    with rig.installation.airflow.api() as api:
        queued = api.trigger("concord_check")
        assert api.run("concord_check", queued)["state"] == "queued"
        fired()
        rig.installation.airflow.environment |= resilience() | SOON | {"CONCORD_FAILPOINTS": STOPS}
        assert rig.restart_dead() == ["airflow scheduler"]
        state, tasks = delivery.ended()
        assert (state, tasks["apply"]) == ("success", "success")
        assert api.wait("concord_check", queued, timeout_s=300) == "success"
    recovered(delivery)


def test_a_task_outlives_a_minute_without_api_server_and_says_so_afterwards(rig: Rig) -> None:
    delivery = rig.open()
    injected()
    task = rig.at(FENCED)
    rig.kill("api-server")
    away = time.monotonic()
    time.sleep(API_SERVER_AWAY_S * 2 / 3)
    assert task.is_running(), "Airflow's own settings kill it by now"
    fired()
    rig.send_on(task)
    rig.send_on(rig.at(WRITTEN))
    rig.until(lambda: delivery.facts["state"] == "applied", "it did not finish its work without the API server")
    time.sleep(max(0.0, away + API_SERVER_AWAY_S - time.monotonic()))
    assert rig.restart_dead() == ["airflow api-server"]
    state, _ = delivery.ended()
    assert (state, delivery.tries("apply")) == ("success", 1)
    recovered(delivery)


def test_postgres_crashing_right_before_the_commit_loses_nothing_and_writes_nothing_twice(rig: Rig) -> None:
    delivery = rig.open()
    injected()
    task = rig.at(WRITTEN)
    server: Any = rig.installation._server
    server.crash()
    assert "postgres" in rig.restart_dead()
    assert delivery.facts["state"] == "planned"
    fired()
    rig.send_on(task)
    state, _ = delivery.ended()
    assert (state, delivery.tries("apply")) == ("success", 2)
    recovered(delivery)


def test_a_scheduler_that_lives_and_does_nothing_is_replaced(rig: Rig) -> None:
    injected()
    hanging = rig.component("scheduler")
    psutil.Process(hanging.pid).suspend()
    delivery = rig.open()
    assert rig.restart_dead() == ["airflow scheduler"]
    assert not hanging.alive()
    fired()
    assert delivery.ended()[0] == "success"
    recovered(delivery)


def test_two_runs_of_one_delivery_at_once_publish_once(rig: Rig) -> None:
    delivery = rig.open()
    injected()
    scheduled = rig.at(FENCED)
    conf = {"delivery_id": delivery.delivery_id, "attempt": delivery.facts["attempt"]}
    with rig.installation.airflow.api() as api:
        by_hand = api.trigger(FEED.name, None, conf)
    manual = rig.at(FENCED)
    fired()
    rig.send_on(manual)
    rig.send_on(rig.at(WRITTEN))
    rig.send_on(scheduled)
    assert delivery.ended(by_hand)[0] == "success"
    assert delivery.ended()[0] == "success"
    recovered(delivery)


def test_a_run_that_somebody_marked_failed_is_replaced_by_another_attempt(rig: Rig) -> None:
    delivery = rig.open()
    injected()
    task = rig.at(FENCED)
    assert delivery.request("PATCH", "?update_mask=state", state="failed").is_success
    psutil.wait_procs([task], timeout=60)
    assert not task.is_running()
    assert delivery.facts["state"] == "planned", "the run ended without settling"
    fired()
    time.sleep(10)
    with rig.installation.airflow.api() as api:
        assert api.wait("concord_reconciler", api.trigger("concord_reconciler"), timeout_s=300) == "success"
    assert delivery.facts["attempt"] == 2
    lost, delivery.run_id = delivery.run_id, delivery.run_id.removesuffix("1") + "2"
    with rig.installation.airflow.api() as api:
        assert delivery.run_id in api.run(FEED.name, lost)["note"]
    assert delivery.ended()[0] == "success"
    recovered(delivery)


def test_the_nightly_check_is_red_and_names_a_spoilt_row_until_it_is_mended(rig: Rig) -> None:
    (spoilt,) = rig.driver.all("SELECT row_id, coverage_tier FROM core.eligibility ORDER BY row_id LIMIT 1")
    rig.spoil("UPDATE core.eligibility SET coverage_tier = 'spoilt' WHERE row_id = %s", spoilt["row_id"])
    assert rig.checked() == "failed"
    (incident,) = [found for found in rig.driver.incidents() if found["kind"] == "check"]
    assert incident["cause"] == "check:eligibility.hash"
    assert f"Ids: {spoilt['row_id']}." in incident["text"]
    rig.spoil("UPDATE core.eligibility SET coverage_tier = %s WHERE row_id = %s", *reversed(spoilt.values()))
    assert rig.checked() == "success"
    assert [found for found in rig.driver.incidents() if found["kind"] == "check"] == []


def test_after_all_of_it_the_tables_are_those_of_an_undisturbed_installation(rig: Rig, settings: Settings) -> None:
    ours = rig.driver.site.settings
    same_keys = replace(settings, seal_keys=ours.seal_keys, token_keys=ours.token_keys)
    undisturbed = Driver(FEED, steps.open_site(same_keys))
    for roster in rig.files:
        verdict = "approve" if roster is rig.files[0] else None
        assert undisturbed.day(roster.content(), roster.manifest.file_date, verdict).state == "published"
    assert beliefs(rig.driver) == beliefs(undisturbed)
    assert sum(map(len, beliefs(undisturbed))) > 600


def test_in_all_of_it_nobody_was_named(rig: Rig) -> None:
    secret = canaries([record for roster in rig.files for record in roster.records])
    looked = places(rig.installation)
    found = leaks(secret, looked)
    tally.count(
        "canaries", planted=len(secret), places=len(looked), searched=len(secret) * len(looked), hits=len(found)
    )
    assert len(looked) > 50, "nothing was searched"
    assert found == {}


def test_a_planted_name_is_found(rig: Rig) -> None:
    """Negative control."""
    person = dict(zip(COLUMNS, rig.files[0].records[5], strict=True))
    planted = rig.installation.state.airflow / "planted.log"
    planted.write_text(f"member {person['LASTNAME']}")
    found = leaks(canaries([rig.files[0].records[5]]), places(rig.installation))
    planted.unlink()
    tally.count("negative controls", tried=1, red=int("airflow/planted.log" in found))
    assert "airflow/planted.log" in found
