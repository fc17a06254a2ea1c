"""What can happen to an export besides a death at one place: a lost answer, two workers, a token, a key, Postgres.

The crash matrix has the deaths. Here two attempts of one task meet, or what lies outside
the process changes under its hands; the server is asked for one export all the same.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from concord import check
from concord.errors import DatabaseUnavailable, DeliveryRejected, Fenced
from concord.settings import Settings
from concord.steps import Site, open_site
from tests.exports import Hospital
from tests.faults.clockwork import Clockwork, tried_again
from tests.faults.ehr import MAKERS, Ehr, exporting, hospital_of
from tests.faults.nights import Nights
from tests.faults.test_crash_matrix import assert_asked_once
from tests.faults.worker import Outcome, Process
from tests.tally import count

FETCHING = (
    "fetch.begun", "landing.key_persisted", "landing.chunk_written", "landing.object_moved", "export.file_sealed",
    "export.file_landed", "fetch.sealed", "fetch.before_commit", "fetch.committed", "export.cancelled",
    "export.part_dropped",
)  # fmt: skip
"""Where a worker that lands an export stands still."""
ASKING = ("export.before_commit", "export.wanted", "export.kicked_off", "export.started")
LOOKING = ("export.polled", "export.ready")


# ── an answer that was lost ──


@dataclass
class Lost:
    """A hospital whose server began an export; the process that asked died before it could write down which."""

    clock: Clockwork
    ehr: Ehr
    hospital: Hospital
    delivery_id: str

    def look(self) -> Outcome:
        """The wait's next look."""
        return self.clock.once("await_export", delivery_id=self.delivery_id, access=self.ehr.access)

    def ask(self) -> Any:
        """The next watch run's first task."""
        return self.clock.task("ask", access=self.ehr.access).value

    def all(self, statement: Any) -> list[dict[str, Any]]:
        return self.hospital.driver.all(statement)

    def finish(self) -> None:
        """The server has it ready; it is landed, approved and in the tables."""
        self.clock.watch()
        (run,) = self.hospital.reconcile("approve")
        assert run.state == "published"
        assert self.hospital.counts() == self.ehr.server.population.truth(1).counts
        assert self.ehr.jobs == 0


@pytest.fixture(params=MAKERS)
def lost(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Lost]:
    contract = exporting(request.param)
    with hospital_of(MAKERS[request.param]) as ehr:
        clock = Clockwork(contract, site.settings, tmp_path, ehr.access, faults=("export.kicked_off=kill",))
        count("faults", injected=1)
        (delivery_id,) = clock.task("ask", access=ehr.access).value
        assert clock.fired == ["export.kicked_off=kill"]
        count("faults", fired=1)
        yield Lost(clock, ehr, ehr.at(contract, site), delivery_id)


def test_a_lost_answer_costs_time_and_nothing_else(lost: Lost) -> None:
    """The server is busy with an export that nobody can ask for, until its time there is over."""
    assert (lost.ehr.exports, lost.ehr.server.stats.refused_kick_offs) == (1, 1)
    seen = lost.look().value
    assert (seen["state"], seen["progress"]) == ("running", "the server is busy")
    assert seen["wait_s"] > 0
    assert lost.ask() == [lost.delivery_id], "the next watch run waits for the same one"
    assert (lost.ehr.exports, lost.ehr.jobs) == (1, 1)
    assert lost.hospital.states() == ["discovered"]
    assert lost.all("SELECT state, status_url_sealed FROM ops.export") == [
        {"state": "wanted", "status_url_sealed": None}
    ]
    assert lost.hospital.driver.incidents() == []
    lost.ehr.forget_jobs()
    assert lost.look().value["progress"] == "begun"
    lost.finish()
    assert lost.hospital.states() == ["published"]
    assert lost.ehr.exports == 2
    assert check.run(lost.hospital.site) == []
    count("faults", recovered=1)


def test_a_server_that_stays_busy_with_it_is_given_up_and_the_next_export_makes_it_good(lost: Lost) -> None:
    lost.hospital.driver.do("UPDATE ops.export SET wanted_at = wanted_at - interval '8 days'")
    outcome = lost.look()
    assert outcome.error is DeliveryRejected
    assert "export.patience" in outcome.text
    assert lost.hospital.states() == ["rejected"]
    assert lost.all("SELECT state, over_reason FROM ops.export") == [
        {"state": "over", "over_reason": "export.patience"}
    ]
    (incident,) = lost.hospital.driver.incidents()
    assert (incident["kind"], incident["delivery_id"]) == ("rejected", lost.delivery_id)
    assert check.run(lost.hospital.site) == []
    lost.ehr.forget_jobs()
    lost.finish()
    assert lost.hospital.states() == ["superseded", "published"]
    assert lost.hospital.driver.incidents() == []
    count("faults", recovered=1)


# ── two workers ──


def job_of(nights: Nights, clock: Clockwork, step: str, fault: str = "", off: tuple[str, ...] = ()) -> Process:
    """A process of a watch DAG's task, with a fault of its own; the clockwork does not know of it."""
    which = {} if step == "ask" else {"delivery_id": nights.on_its_way()}
    return Process(replace(clock.job(step, access=nights.ehr.access, **which), failpoints=fault, controls=off))


def until_stopped(process: Process) -> None:
    """Waits until the process stands still; told to go on before, it would never."""
    deadline, status = time.monotonic() + 30, Path(f"/proc/{process.pid}/status")
    while "State:\tT" not in status.read_text():
        assert time.monotonic() < deadline, "the fault did not fire"
        time.sleep(0.005)


def gone_on(process: Process, clock: Clockwork) -> Outcome:
    """How the first one ends; Airflow tries it again where the table says so, but not to ask after all is done."""
    process.go_on()
    outcome = process.outcome()
    if not outcome.ok and outcome.step != "ask":
        assert tried_again(outcome.error), outcome
        assert clock.task(outcome.step, **{k: v for k, v in process.job.arguments.items() if k != "feed"}).ok
    return outcome


def assert_as_with_one(nights: Nights, night: str, clock: Clockwork) -> None:
    """The morning is that of a night with one worker, and people were told nothing else."""
    clock.due()
    clock.work()
    nights.live_on(clock)
    findings = nights.findings(night)
    count("faults", violations=len(findings))
    assert findings == []
    assert nights.result() == nights.clean[night]
    assert_asked_once(nights, night, clock)
    count("faults", recovered=1)


@pytest.fixture
def impatient(nights: Nights) -> Iterator[None]:
    """A stopped holder loses its transaction soon, and whoever waits for it is told soon."""
    name = nights.playground.connection.info.dbname
    limits = {"idle_in_transaction_session_timeout": "1200ms", "lock_timeout": "400ms"}
    for limit, value in limits.items():
        nights.playground.connection.execute(f"ALTER ROLE concord_loader IN DATABASE {name} SET {limit} = '{value}'")
    yield
    nights.playground.connection.execute(f"ALTER ROLE concord_loader IN DATABASE {name} RESET ALL")


STOPS = [
    *(pytest.param("exported", "fetch_export", place, marks=pytest.mark.full) for place in FETCHING),
    *(pytest.param("running", "await_export", place, marks=pytest.mark.full) for place in LOOKING),
    *(pytest.param("exporting", "ask", place, marks=pytest.mark.full) for place in ASKING),
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("night", "step", "place"), STOPS)
def test_a_worker_that_was_stopped_and_goes_on_late_changes_nothing(
    nights: Nights, tmp_path: Path, night: str, step: str, place: str
) -> None:
    nights.expected(night)
    nights.begin(night)
    clock = nights.clockwork(night, tmp_path)
    first = job_of(nights, clock, step, f"{place}=stop")
    count("faults", injected=1)
    until_stopped(first)
    count("faults", fired=1)
    clock.watch()
    clock.due()
    clock.work()
    gone_on(first, clock)
    assert_as_with_one(nights, night, clock)


@pytest.mark.full
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("pause", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_two_workers_land_one_export_at_once(nights: Nights, tmp_path: Path, pause: float) -> None:
    nights.expected("exported")
    nights.begin("exported")
    clock = nights.clockwork("exported", tmp_path)
    count("faults", injected=1, fired=1)
    first = job_of(nights, clock, "fetch_export")
    time.sleep(pause)
    clock.watch()
    gone_on(first, clock)
    assert_as_with_one(nights, "exported", clock)


LATE = "fetch.begun=stop"


@pytest.mark.parametrize("off", [(), ("late fetch",)])
def test_a_worker_that_comes_late_is_not_red(nights: Nights, tmp_path: Path, off: tuple[str, ...]) -> None:
    """Its files are gone by then, at the server and in landing, and all is well; without the look it says otherwise."""
    nights.begin("exported")
    clock = nights.clockwork("exported", tmp_path)
    first = job_of(nights, clock, "fetch_export", LATE, off)
    until_stopped(first)
    clock.watch()
    first.go_on()
    outcome = first.outcome()
    assert outcome.ok is not bool(off), outcome
    assert nights.result().states["rejected"] == 0
    if off:
        count("negative controls", tried=1, red=int(not outcome.ok))
    else:
        assert outcome.value["state"] == "landed"


@pytest.mark.full
@pytest.mark.parametrize("off", [(), ("export cancelled",)])
def test_who_is_told_late_that_the_server_began_takes_it_back(
    nights: Nights, tmp_path: Path, off: tuple[str, ...]
) -> None:
    """Its export is complete at the server, which therefore begins another one for somebody else."""
    nights.begin("exporting")
    clock = nights.clockwork("exporting", tmp_path)
    first = job_of(nights, clock, "ask", "export.kicked_off=stop", off)
    until_stopped(first)
    for job in nights.ehr.server.hospital.jobs.values():
        job.complete = True
    assert clock.task("ask", access=nights.ehr.access).ok
    assert nights.ehr.jobs == 2
    first.go_on()
    assert first.outcome().error is Fenced
    assert nights.ehr.jobs == (2 if off else 1), "nobody would ever end the second"
    if off:
        count("negative controls", tried=1, red=int(nights.ehr.jobs == 2))


# ── what lies outside ──


@pytest.mark.full
@pytest.mark.parametrize(("night", "step", "place"), [
    ("exporting", "ask", "export.kicked_off"), ("exporting", "ask", "export.started"),
    ("running", "await_export", "export.polled"), ("exported", "fetch_export", "export.file_sealed"),
    ("exported", "fetch_export", "export.file_landed"), ("exported", "fetch_export", "fetch.sealed"),
    ("exported", "fetch_export", "export.cancelled"),
])  # fmt: skip
def test_postgres_may_be_started_again_at_any_moment_of_an_export(
    nights: Nights, tmp_path: Path, night: str, step: str, place: str
) -> None:
    """All sessions end; the server's answer to a kick-off is not lost with them."""
    nights.expected(night)
    nights.begin(night)
    clock = nights.clockwork(night, tmp_path)
    count("faults", injected=1)
    first = job_of(nights, clock, step, f"{place}=stop")
    until_stopped(first)
    count("faults", fired=1)
    ended = nights.playground.connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) AS ended FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'concord_loader'"
    ).fetchall()
    assert ended
    outcome = gone_on(first, clock)
    assert outcome.ok or outcome.error is DatabaseUnavailable
    clock.watch()
    assert_as_with_one(nights, night, clock)


@pytest.mark.full
@pytest.mark.parametrize("faults", [(), ("export.file_landed=kill@4",)], ids=["alone", "and a death"])
def test_a_token_that_dies_in_mid_download_is_minted_anew(
    nights: Nights, tmp_path: Path, faults: tuple[str, ...]
) -> None:
    nights.expected("exported")
    nights.begin("exported")
    nights.ehr.server.faults.token_lives_requests = 6
    nights.playground.connection.execute("UPDATE ops.access_token SET sealed = NULL")  # it was minted to live on
    before = nights.ehr.server.stats.refused_requests
    clock = nights.clockwork("exported", tmp_path, faults=faults)
    count("faults", injected=1 + len(faults))
    clock.watch()
    assert nights.ehr.server.stats.refused_requests > before
    assert clock.fired == list(faults)
    count("faults", fired=1 + len(faults), recovered=len(faults))
    assert_as_with_one(nights, "exported", clock)


@pytest.mark.full
@pytest.mark.parametrize("off", [(), ("stored key",)])
def test_keys_may_be_rotated_while_an_export_is_half_landed(
    site: Site, settings: Settings, tmp_path: Path, off: tuple[str, ...]
) -> None:
    """What was landed opens under the new keys; the old ones are gone before the rest comes."""
    contract = exporting()
    fresh = {"next": secrets.token_bytes(32)}
    with hospital_of() as ehr:
        clock = Clockwork(contract, settings, tmp_path, ehr.access)
        hospital = ehr.at(contract, site)
        (delivery_id,) = hospital.ask()
        hospital.wait(delivery_id)
        clock.faults = ("export.file_landed=kill@6",)
        assert not clock.once("fetch_export", delivery_id=delivery_id, access=ehr.access).ok
        clock.settings = replace(settings, seal_keys=fresh | settings.seal_keys)
        assert clock.task("rewrap").ok
        clock.settings = replace(settings, seal_keys=fresh)
        job = clock.job("fetch_export", delivery_id=delivery_id, access=ehr.access)
        outcome = Process(replace(job, controls=off)).outcome()
        if off:
            count("negative controls", tried=1, red=int(not outcome.ok))
            assert not outcome.ok
            return
        assert outcome.value["state"] == "landed", outcome
        assert ehr.exports == 1
        new_site = open_site(clock.settings)
        (run,) = ehr.at(contract, new_site).reconcile("approve")
        assert run.state == "published"


def test_the_faults_of_a_server_do_not_outlive_their_night(nights: Nights) -> None:
    """Else a test would depend on the one before."""
    nights.begin("exporting")
    nights.ehr.server.faults.token_lives_requests = 1
    nights.ehr.server.day = 9
    nights.begin("exporting")
    assert (nights.ehr.server.faults.token_lives_requests, nights.ehr.server.day) == (None, 2)
    assert nights.ehr.exports == 0
