"""Postgres goes away, is busy, is set up otherwise: a step fails clean, and its retry comes to the same tables."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from concord import postgres
from concord.errors import BaseMoved, DatabaseUnavailable
from tests import tally
from tests.faults.hashes import beliefs
from tests.faults.proxy import Do, Fault, Way
from tests.faults.wire import ORDINARY, STEPS, Trouble, Wire
from tests.playground import Playground
from tests.rosters import FRI, THU, Driver, employee, lax

LEASE, COMMIT = b"UPDATE ops.lease", b"COMMIT"


@pytest.fixture(scope="session")
def clean(first_day: Playground, template: Any) -> list[list[str]]:
    """What the tables say after Thursday without a fault."""
    from concord.steps import open_site

    first_day.put_back("first_day")
    driver = Driver(lax(), open_site(first_day.settings))
    with Wire.strung(driver, template.admin_url) as wire:
        wire.night("none")
        return beliefs(driver)


@pytest.fixture
def wire(clean: list[list[str]], acme: Driver, template: Any) -> Iterator[Wire]:
    """Acme on Thursday morning, Postgres behind the proxy."""
    with Wire.strung(acme, template.admin_url) as found:
        yield found


def assert_recovered(wire: Wire, clean: list[list[str]], *, fired: bool) -> None:
    """The fault fired, and nobody can tell afterwards."""
    assert fired
    findings = wire.findings()
    recovered = beliefs(wire.quick) == clean
    tally.count("faults", injected=1, fired=1, recovered=int(recovered), violations=len(findings))
    assert findings == []
    assert recovered


# ── connections that end ───────────────────────────────────────────────────────

MIDDLES = {"stage": b"COPY ", "plan": b"INSERT INTO ops.plan_row", "apply": b"INSERT INTO ops.outbox"}


@pytest.mark.parametrize(
    "step", ["stage", pytest.param("plan", marks=pytest.mark.full), pytest.param("apply", marks=pytest.mark.full)]
)
def test_a_session_that_is_terminated_in_the_middle_wrote_nothing(
    wire: Wire, clean: list[list[str]], step: str
) -> None:
    raised = wire.night(step, Fault(Do.GO_ON, words=(MIDDLES[step],), then=wire.terminate))
    assert isinstance(raised, DatabaseUnavailable)
    assert_recovered(wire, clean, fired=bool(wire.proxy.fired["go on"]))


def test_the_outcome_of_a_commit_whose_answer_was_lost_is_looked_up(wire: Wire, clean: list[list[str]]) -> None:
    raised = wire.night("apply", Fault(Do.LOSE_REPLY, words=(LEASE, COMMIT, LEASE, COMMIT)))
    assert isinstance(raised, DatabaseUnavailable)
    assert_recovered(wire, clean, fired=bool(wire.proxy.fired["lose reply"]))


@pytest.mark.full
@pytest.mark.parametrize(
    ("step", "fault"),
    [*((step, Fault(Do.LOSE_REPLY)) for step in STEPS), ("apply", Fault(Do.RESET, before=True))],
    ids=[*(f"{step}, its answer" for step in STEPS), "apply, itself"],
)
def test_every_commit_of_every_step_may_be_lost_or_its_answer(
    first_day: Playground, wire: Wire, clean: list[list[str]], step: str, fault: Fault
) -> None:
    number = 1
    while True:
        first_day.put_back("first_day")
        raised = wire.night(step, replace(fault, words=(COMMIT,) * number))
        if not wire.proxy.fired:
            break
        assert isinstance(raised, DatabaseUnavailable)
        assert_recovered(wire, clean, fired=True)
        number += 1
    assert number > 1


@pytest.mark.full
@pytest.mark.parametrize("seed", range(8))
def test_a_connection_may_be_reset_at_any_byte_of_any_step(wire: Wire, clean: list[list[str]], seed: int) -> None:
    step = [*STEPS][seed % len(STEPS)]
    said = random.Random(seed).randrange(12_000 if step in ("plan", "apply") else 2_500)
    raised = wire.night(step, Fault(Do.RESET, after_bytes=said))
    assert isinstance(raised, DatabaseUnavailable), f"seed {seed}: {step} says fewer than {said} bytes"
    assert_recovered(wire, clean, fired=bool(wire.proxy.fired["reset"]))


@pytest.mark.full
def test_a_server_that_is_down_is_tried_again(wire: Wire, clean: list[list[str]]) -> None:
    @contextmanager
    def down() -> Iterator[None]:
        wire.proxy.is_down = True
        yield
        wire.proxy.is_down = False

    assert isinstance(wire.night("stage", down), DatabaseUnavailable)
    assert_recovered(wire, clean, fired=bool(wire.proxy.fired["down"]))


# ── somebody else ──────────────────────────────────────────────────────────────


def in_the_way(wire: Wire, statement: str, **settings: str) -> Trouble:
    """Somebody's open transaction, while our role's sessions have these settings."""

    @contextmanager
    def held() -> Iterator[None]:
        with set_up(wire, "ROLE concord_loader IN", settings), psycopg.connect(admin_url(wire)) as other:
            other.execute(statement)  # type: ignore[arg-type]
            yield

    return held


def admin_url(wire: Wire) -> str:
    info = wire.admin.info
    return f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"


@contextmanager
def set_up(wire: Wire, whose: str, settings: Mapping[str, str]) -> Iterator[None]:
    """ALTER (ROLE … IN) DATABASE … SET, and back."""
    name = wire.admin.info.dbname
    for setting, value in settings.items():
        wire.admin.execute(f"ALTER {whose} DATABASE {name} SET {setting} = {value}")
    try:
        yield
    finally:
        wire.admin.execute(f"ALTER {whose} DATABASE {name} RESET ALL")


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        pytest.param({"lock_timeout": "'200ms'"}, "55P03"),
        pytest.param({"lock_timeout": "0", "statement_timeout": "'300ms'"}, "57014", marks=pytest.mark.full),
    ],
    ids=["lock_timeout", "statement_timeout"],
)
def test_a_lock_that_somebody_holds_is_waited_for_and_then_left(
    wire: Wire, clean: list[list[str]], settings: dict[str, str], state: str
) -> None:
    raised = wire.night("apply", in_the_way(wire, "LOCK TABLE core.eligibility IN SHARE MODE", **settings))
    assert isinstance(raised, DatabaseUnavailable)
    assert state in str(raised)
    assert_recovered(wire, clean, fired=True)


@pytest.mark.full
def test_an_analyst_who_reads_is_in_nobodys_way(wire: Wire, clean: list[list[str]]) -> None:
    reads = "SELECT count(*) FROM core.eligibility, core.member, core.eligibility_history"
    with in_the_way(wire, reads, lock_timeout="'200ms'")():
        assert wire.night("none") is None
    assert beliefs(wire.quick) == clean


@pytest.mark.full
def test_a_deadlock_is_tried_again(wire: Wire, clean: list[list[str]]) -> None:
    with psycopg.connect(admin_url(wire)) as other:
        delivered = wire.quick.deliver([*ORDINARY], THU)
        for step in ("stage", "plan"):
            wire.do(step, delivered)
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("SELECT FROM ops.delivery WHERE delivery_id = %s FOR UPDATE", (delivered,))
        wire.proxy.clear()
        wire.proxy.up = Way(fault=Fault(Do.GO_ON, words=(b"FOR UPDATE",), then=lambda: reach_for_the_lease(other)))
        raised = wire.failure("apply", delivered)
    assert "40P01" in str(raised)
    for step in ("apply", "settle"):
        wire.do(step, delivered)
    assert_recovered(wire, clean, fired=bool(wire.proxy.fired["go on"]))


def reach_for_the_lease(other: psycopg.Connection[Any]) -> None:
    """From a thread, once the apply has it and goes on to the delivery."""
    reach = "SELECT FROM ops.lease FOR UPDATE"
    threading.Timer(0.2, lambda: other.execute(reach)).start()


@pytest.mark.full
def test_of_two_feeds_that_bring_the_same_new_person_at_once_one_looks_again(wire: Wire, template: Any) -> None:
    other = replace(wire.quick, feed=replace(wire.quick.feed, name="acme_second"))
    other.begin([employee(20)], THU)
    with Wire.strung(other, template.admin_url) as slow:
        first, second = (
            slow.quick.deliver([employee(20), employee(30)], FRI),
            wire.quick.deliver([*ORDINARY, employee(30)], FRI),
        )
        for step in ("stage", "plan"):
            slow.do(step, first)
            wire.do(step, second)
        slow.proxy.up = Way(
            fault=Fault(Do.GO_ON, words=(LEASE, COMMIT, LEASE, COMMIT), before=True, then=lambda: wait_for_a_lock(wire))
        )
        raised: list[BaseException | None] = []
        writer = threading.Thread(target=lambda: raised.append(slow.failure("apply", first)))
        writer.start()
        time.sleep(0.5)
        moved = watch_plans(wire, second)
        writer.join(30)
        slow.do("settle", first)
    assert wire.do("apply", second)["state"] == "applied"
    assert wire.do("settle", second)["state"] == "published"
    assert (raised, moved, slow.proxy.fired["go on"]) == ([None], 2, 1)
    assert wire.findings() == []
    tally.count("faults", injected=1, fired=1, recovered=1)


def wait_for_a_lock(wire: Wire, within_s: float = 20) -> None:
    """Until one of our sessions waits for another."""
    until = time.monotonic() + within_s
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(admin_url(wire), autocommit=True) as looking:
        while not looking.execute(waits).fetchone():
            assert time.monotonic() < until
            time.sleep(0.02)


def watch_plans(wire: Wire, delivery_id: str) -> int:
    """Applies; returns how many plans it took."""
    wire.do("apply", delivery_id)
    return int(wire.quick.all("SELECT count(*) AS n FROM ops.plan WHERE delivery_id = %s", delivery_id)[0]["n"])


def test_a_key_that_somebody_else_wrote_first_is_a_reason_to_look_again() -> None:
    with pytest.raises(BaseMoved), postgres.without_values():
        raise psycopg.errors.UniqueViolation("Key (ssn)=(400-55-0001) already exists")


@pytest.mark.full
def test_no_connection_left_is_a_clean_error(wire: Wire, clean: list[list[str]]) -> None:
    @contextmanager
    def full() -> Iterator[None]:
        wire.admin.execute("ALTER ROLE concord_loader CONNECTION LIMIT 0")
        yield
        wire.admin.execute("ALTER ROLE concord_loader CONNECTION LIMIT -1")

    assert isinstance(wire.night("plan", full), DatabaseUnavailable)
    assert_recovered(wire, clean, fired=True)


@pytest.mark.full
def test_a_transaction_that_was_idle_for_too_long_is_tried_again(wire: Wire, clean: list[list[str]]) -> None:
    """As after a long SIGSTOP of the process: the server has ended the session."""
    pause = Fault(Do.GO_ON, words=(b"INSERT INTO ops.outbox",), then=lambda: time.sleep(1))
    with set_up(wire, "ROLE concord_loader IN", {"idle_in_transaction_session_timeout": "'300ms'"}):
        raised = wire.night("apply", pause)
    assert isinstance(raised, DatabaseUnavailable)
    assert_recovered(wire, clean, fired=bool(wire.proxy.fired["go on"]))


# ── a server that is set up otherwise ──────────────────────────────────────────

ODD = {
    "TimeZone": "'Pacific/Kiritimati'", "DateStyle": "'SQL, DMY'", "IntervalStyle": "'sql_standard'",
    "bytea_output": "'escape'", "extra_float_digits": "-5", "client_encoding": "'LATIN1'", "array_nulls": "off",
    "transform_null_equals": "on", "standard_conforming_strings": "off", "search_path": "'pg_temp'",
    "default_transaction_isolation": "'serializable'",
}  # fmt: skip


def digest(driver: Driver) -> str:
    """Of the newest plan."""
    return str(driver.all("SELECT digest FROM ops.plan ORDER BY plan_id DESC LIMIT 1")[0]["digest"])


def fresh(driver: Driver) -> Driver:
    """The same with a connection of its own, made now."""
    driver.site.close()  # type: ignore[attr-defined]
    return driver


def test_settings_of_the_database_or_the_role_change_neither_tables_nor_digest(
    first_day: Playground, wire: Wire, clean: list[list[str]]
) -> None:
    assert set(ODD) == set(postgres.PINNED)
    wire.night("none")
    usual = digest(wire.quick)
    first_day.put_back("first_day")
    with set_up(wire, "", ODD), set_up(wire, "ROLE concord_loader IN", ODD):
        fresh(wire.quick)
        wire.night("none")
        assert digest(wire.quick) == usual
        assert_recovered(wire, clean, fired=True)
    fresh(wire.quick)


@pytest.mark.full
def test_without_the_pins_a_date_style_stops_every_step(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PINNED", {"TimeZone": "UTC"})
    with set_up(wire, "", {"DateStyle": "'SQL, DMY'"}), pytest.raises(NotImplementedError):
        wire.night("none")
    tally.count("negative controls", tried=1, red=1)


@pytest.mark.full
def test_a_standby_that_is_not_yet_the_primary_is_tried_again(wire: Wire, clean: list[list[str]]) -> None:
    raised = wire.night("apply", lambda: set_up(wire, "", {"default_transaction_read_only": "on"}))
    assert "25006" in str(raised)
    assert_recovered(wire, clean, fired=True)


def test_options_of_the_url_are_kept_beside_the_pins(wire: Wire) -> None:
    url = wire.quick.site.settings.loader_url + "?options=-c%20work_mem%3D7MB"
    with ExitStack() as stack:
        connection = stack.enter_context(postgres.connect(url))
        row = connection.execute(
            "SELECT current_setting('work_mem') AS w, current_setting('DateStyle') AS d"
        ).fetchone()
    assert row == {"w": "7MB", "d": "ISO, YMD"}
