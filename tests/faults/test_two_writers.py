"""Two processes at work on one feed: stopped and going on, orphaned, at once. One publishes.

Airflow can run two attempts of one task at the same time, and its own state keeps neither
from writing. What does is in Postgres: the fence, the delivery's state, the plan's base and
digest, the decision. Each is switched off once, to see that it is needed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from concord.errors import Fenced
from concord.steps.arriving import run_of
from tests.faults.clockwork import Clockwork, tried_again
from tests.faults.nights import Nights
from tests.faults.worker import Outcome, Process
from tests.tally import count

pytestmark = pytest.mark.full

PLACES = {
    "landed": ("stage.opened", "stage.begun", "stage.chunk_copied", "stage.quarantined", "stage.before_commit"),
    "staged": ("plan.staged", "plan.decided", "plan.guarded", "plan.before_commit", "plan.committed"),
    "planned": (
        "apply.fence_taken", "apply.lease_held", "apply.versions_closed", "apply.events_written", "apply.before_commit",
        "apply.committed",
    ),
    "applied": ("settle.published", "stage.table_dropped"),
}  # fmt: skip
"""Where the first of two writers stands still, by night."""
STEP = {"landed": "stage", "staged": "plan", "planned": "apply", "applied": "settle", "reworded": "apply"}
STOPS = [(night, place) for night, places in PLACES.items() for place in places]
SLOW = (
    ("landed", "stage.begun"), ("staged", "plan.decided"), ("planned", "apply.fence_taken"),
    ("planned", "apply.lease_held"), ("planned", "apply.before_commit"), ("applied", "settle.published"),
)  # fmt: skip
LAYERS = ("fence", "state", "base", "edge", "event")
"""What keeps a second apply of one plan from writing, in the order it is met."""


@pytest.fixture(autouse=True)
def impatient(nights: Nights) -> Iterator[None]:
    """The loader's limits in this database, shorter than in production: a stopped holder loses its transaction soon."""
    name = nights.playground.connection.info.dbname
    limits = {"idle_in_transaction_session_timeout": "1200ms", "lock_timeout": "400ms"}
    for limit, value in limits.items():
        nights.playground.connection.execute(f"ALTER ROLE concord_loader IN DATABASE {name} SET {limit} = '{value}'")
    yield
    nights.playground.connection.execute(f"ALTER ROLE concord_loader IN DATABASE {name} RESET ALL")


def first_of_two(nights: Nights, clock: Clockwork, step: str, fault: str = "", off: tuple[str, ...] = ()) -> Process:
    """A process of the step that is due, with a fault of its own; the clockwork does not know of it."""
    conf = clock.queue[0] if clock.queue else run_of(nights.unfinished()[0])["conf"]
    return Process(replace(clock.job(step, **conf), failpoints=fault, controls=off))


def until_fired(clock: Clockwork) -> None:
    """Waits until the fault of the other process is on record."""
    deadline = time.monotonic() + 30
    while not clock.lines():
        assert time.monotonic() < deadline, "the fault did not fire"
        time.sleep(0.005)


def gone_on(process: Process, clock: Clockwork) -> Outcome:
    """How the first writer ends; Airflow tries it again where the table says so."""
    process.go_on()
    outcome = process.outcome()
    if not outcome.ok and tried_again(outcome.error):
        clock.task(outcome.step, **{name: process.job.arguments[name] for name in ("delivery_id", "attempt")})
    return outcome


def same_as_with_one(nights: Nights, night: str, clock: Clockwork) -> bool:
    """Whether the morning is the one of a night with one writer; counts it as recovered."""
    nights.live_on(clock)
    findings = nights.findings()
    same = nights.result() == nights.clean[night]
    count("faults", violations=len(findings), recovered=int(same and not findings))
    assert findings == []
    return same


@pytest.mark.parametrize(("night", "place"), STOPS)
def test_a_writer_that_was_stopped_and_goes_on_late_changes_nothing(
    nights: Nights, tmp_path: Path, night: str, place: str
) -> None:
    nights.expected(night)
    clock = nights.evening(night, tmp_path)
    first = first_of_two(nights, clock, STEP[night], f"{place}=stop")
    count("faults", injected=1)
    until_fired(clock)
    count("faults", fired=1)
    clock.work()
    gone_on(first, clock)
    assert same_as_with_one(nights, night, clock)


@pytest.mark.parametrize(("night", "place"), SLOW)
def test_an_orphan_that_is_only_slow_changes_nothing(nights: Nights, tmp_path: Path, night: str, place: str) -> None:
    """Its supervisor is gone; it wakes up in the middle of its twin's work."""
    nights.expected(night)
    clock = nights.evening(night, tmp_path)
    first = first_of_two(nights, clock, STEP[night], f"{place}=sleep:0.15")
    count("faults", injected=1)
    until_fired(clock)
    count("faults", fired=1)
    clock.work()
    gone_on(first, clock)
    assert same_as_with_one(nights, night, clock)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("night", STEP)
def test_two_attempts_of_a_task_at_once_come_to_one(nights: Nights, tmp_path: Path, night: str, seed: int) -> None:
    chance = random.Random(f"{night} {seed}")
    nights.expected(night)
    clock = nights.evening(night, tmp_path)
    count("faults", injected=1, fired=1)
    first = first_of_two(nights, clock, STEP[night])
    time.sleep(chance.uniform(0, 0.05))
    clock.work()
    gone_on(first, clock)
    assert same_as_with_one(nights, night, clock)


@pytest.mark.parametrize("seed", range(4))
def test_two_deliveries_of_one_feed_at_once_come_to_an_order(nights: Nights, tmp_path: Path, seed: int) -> None:
    """Somebody opened the second by hand while the first was at work: a full takes the place of an older one."""
    chance = random.Random(seed)
    clock = nights.evening("two days", tmp_path)
    count("faults", injected=1, fired=1)
    older, newer = nights.unfinished()
    runs = [Process(clock.job("apply", **run_of(one)["conf"])) for one in (older, newer)]
    if chance.random() < 0.5:
        runs[0].stop()
        time.sleep(chance.uniform(0.02, 0.1))
    for process in runs:
        gone_on(process, clock)
    clock.queue.clear()
    for one in (older, newer):
        clock.task("settle", **run_of(one)["conf"])
    nights.live_on(clock)
    assert nights.findings() == []
    states = nights.result().states
    assert states["published"] in (2, 3), states
    assert states["published"] + states["superseded"] + states["compared"] == 3, states
    assert nights.result().tables["eligibility"][0] == 18
    count("faults", recovered=1)


# ── what each check is worth ──


@contextmanager
def stripped(nights: Nights, layers: tuple[str, ...]) -> Iterator[None]:
    """The database without those of its own two layers: the state machine's edges, one event per row and delivery."""
    database = nights.playground.connection
    if "edge" in layers:
        database.execute("INSERT INTO ops.legal_edge VALUES ('applied', 'applied'), ('published', 'applied')")
    if "event" in layers:
        database.execute("ALTER TABLE ops.outbox DROP CONSTRAINT outbox_delivery_id_entity_row_id_key")
    try:
        yield
    finally:
        nights.begin("reworded")
        database.execute(
            "DELETE FROM ops.legal_edge WHERE to_state = 'applied' AND from_state IN ('applied', 'published')"
        )
        if "event" in layers:
            database.execute("ALTER TABLE ops.outbox ADD UNIQUE (delivery_id, entity, row_id)")


def woken_late(nights: Nights, folder: Path, off: tuple[str, ...]) -> tuple[bool, Outcome]:
    """Applies once while another writer stands still after taking its fence; whether there was one publish."""
    expected = nights.expected("reworded")
    with stripped(nights, off):
        clock = nights.evening("reworded", folder)
        own = tuple(layer for layer in off if layer not in ("edge", "event"))
        first = first_of_two(nights, clock, "apply", "apply.fence_taken=stop", own)
        until_fired(clock)
        assert clock.task("apply", **clock.queue[0]).value["state"] == "applied"
        first.go_on()
        outcome = first.outcome()
        return nights.result().applies == expected.applies and nights.findings() == [], outcome


def test_the_fence_is_what_refuses_the_late_writer(nights: Nights, tmp_path: Path) -> None:
    once, outcome = woken_late(nights, tmp_path, ())
    assert (once, outcome.error) == (True, Fenced)
    assert "no longer the newest" in outcome.text


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_alone_keeps_a_plan_from_being_written_twice(nights: Nights, tmp_path: Path, layer: str) -> None:
    once, _ = woken_late(nights, tmp_path, tuple(other for other in LAYERS if other != layer))
    assert once


def test_without_the_fence_and_what_is_behind_it_the_double_publish_is_found(nights: Nights, tmp_path: Path) -> None:
    once, outcome = woken_late(nights, tmp_path, LAYERS)
    assert outcome.ok, outcome
    assert not once
    assert (nights.result().applies, nights.findings()) != ((2, 2, 2), [])
    count("negative controls", tried=1, red=int(not once))


def passed(nights: Nights, folder: Path, off: tuple[str, ...]) -> bool:
    """An older delivery is approved and applied after a newer one was planned; whether the morning is sound."""
    clock = nights.evening("passed", folder)
    older, newer = (run_of(one)["conf"] for one in nights.unfinished())
    digest = nights.playground.connection.execute(
        "SELECT digest FROM ops.plan WHERE delivery_id = %s", (older["delivery_id"],)
    ).fetchone()["digest"]
    assert clock.answer(older["delivery_id"], digest).ok
    assert clock.task("apply", **older).value["state"] == "applied"
    outcome = Process(replace(clock.job("apply", **newer), controls=off)).outcome()
    assert outcome.ok, outcome
    return nights.findings() == []


@pytest.mark.parametrize("off", [(), ("base",)])
def test_a_plan_is_not_written_to_tables_that_moved(nights: Nights, tmp_path: Path, off: tuple[str, ...]) -> None:
    controlled(off, is_sound=passed(nights, tmp_path, off))


def controlled(off: tuple[str, ...], *, is_sound: bool) -> None:
    """With the check all is well; without it the trouble is seen."""
    assert is_sound is not bool(off)
    if off:
        count("negative controls", tried=1, red=int(not is_sound))


@pytest.mark.parametrize("off", [(), ("digest",)])
def test_a_plan_that_was_altered_is_not_written(nights: Nights, tmp_path: Path, off: tuple[str, ...]) -> None:
    expected = nights.expected("planned")
    clock = nights.evening("planned", tmp_path)
    newest = "plan_id = (SELECT max(plan_id) FROM ops.plan)"
    altered = f"UPDATE ops.plan_row SET to_after = '2027-01-31' WHERE action = 'end' AND {newest}"
    nights.playground.connection.execute(altered)
    assert Process(replace(clock.job("apply", **clock.queue[0]), controls=off)).outcome().ok
    clock.work()
    nights.live_on(clock)
    assert {finding.code for finding in nights.findings()} >= {"plan.digest"}, "the altered plan stays on record"
    controlled(off, is_sound=nights.result() == expected)


@pytest.mark.parametrize("off", [(), ("decision",)])
def test_a_held_plan_is_not_written_because_a_second_writer_did_not_wait(
    nights: Nights, tmp_path: Path, off: tuple[str, ...]
) -> None:
    """One writer's run waits for a person; another's apply is started by hand."""
    before = nights.expected("declined").tables
    clock = nights.evening("held", tmp_path)
    conf = clock.queue[0]
    assert clock.task("stage", **conf).ok
    assert clock.task("plan", **conf).value["held"]
    outcome = Process(replace(clock.job("apply", **conf), controls=off)).outcome()
    assert outcome.value["state"] == ("applied" if off else "held")
    controlled(off, is_sound=nights.findings() == [] and nights.result().tables == before)


@pytest.mark.parametrize("off", [(), ("late staging",)])
def test_a_staging_that_wakes_up_late_does_not_take_the_place_of_a_newer_one(
    nights: Nights, tmp_path: Path, off: tuple[str, ...]
) -> None:
    expected = nights.expected("landed")
    clock = nights.evening("landed", tmp_path)
    conf = clock.queue[0]
    first = first_of_two(nights, clock, "stage", "stage.begun=stop", off)
    until_fired(clock)
    assert clock.task("stage", **conf).ok
    assert clock.task("plan", **conf).ok
    first.go_on()
    outcome = first.outcome()
    assert (outcome.error is Fenced) is not bool(off)
    assert clock.task("apply", **conf).ok
    clock.task("settle", **conf)
    controlled(off, is_sound=nights.findings() == [] and nights.result().tables == expected.tables)
