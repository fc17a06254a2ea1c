"""The four processes of the sandbox's Airflow are started again when they end; here they only sleep."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from concord.sandbox import airflow, liveness
from concord.sandbox.airflow import COMPONENTS, LocalAirflow
from concord.sandbox.airflow_home import AirflowHome
from concord.sandbox.processes import Child, start

PARENT = "import subprocess, time; subprocess.Popen(['sleep', '60']); print(flush=True); time.sleep(60)"


@pytest.fixture
def sleeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAirflow]:
    """An Airflow whose processes sleep, each with a child of its own."""
    home = AirflowHome.create(tmp_path, database_url="postgresql://a@b/c", project=tmp_path)
    local = LocalAirflow(home)

    def asleep(name: str, _arguments: tuple[str, ...]) -> Child:
        return start(f"airflow {name}", [sys.executable, "-c", PARENT], log=tmp_path / f"{name}.log")

    monkeypatch.setattr(local, "_start", asleep)
    monkeypatch.setattr(local, "finish_migration", lambda: None)
    monkeypatch.setattr(airflow, "RESTART_PAUSE_S", 0.0)
    local.start()
    yield local
    local.stop()


def scheduler(local: LocalAirflow) -> Child:
    return next(child for child in local.children if child.name == "airflow scheduler")


def killed(child: Child) -> list[psutil.Process]:
    """Kills a process alone; returns what it leaves behind."""
    while not child.log.read_text():
        assert child.alive()
    left = psutil.Process(child.pid).children()
    os.kill(child.pid, signal.SIGKILL)
    child.process.wait()
    return left


def test_what_lives_is_left_alone(sleeping: LocalAirflow) -> None:
    before = sleeping.pids()
    assert sleeping.restart_ended() == []
    assert sleeping.pids() == before
    assert len(before) == len(COMPONENTS)


def test_what_ended_is_started_again_and_what_it_left_is_gone(sleeping: LocalAirflow) -> None:
    before = sleeping.pids()
    left = killed(scheduler(sleeping))
    assert left
    assert sleeping.restart_ended() == ["airflow scheduler"]
    assert not any(process.is_running() for process in left)
    changed = {name for name, identity in sleeping.pids().items() if before[name] != identity}
    assert changed == {"airflow scheduler"}
    assert len(sleeping.children) == len(COMPONENTS)


def test_what_cannot_start_does_not_keep_the_machine_busy(
    sleeping: LocalAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow, "RESTART_PAUSE_S", 3600.0)
    killed(scheduler(sleeping))
    assert sleeping.restart_ended() == []
    assert not scheduler(sleeping).alive()


ALL = {"api_server", "metadatabase", "scheduler", "dag_processor", "triggerer"}


class Looks:
    """What each look at Airflow's health finds, and how late it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.well, self.now = ALL, 1000.0
        monkeypatch.setattr(liveness, "healthy", lambda _: self.well)
        monkeypatch.setattr(liveness.time, "monotonic", lambda: self.now)
        self.liveness = liveness.Liveness("http://127.0.0.1")

    def after(self, seconds: float, well: set[str]) -> list[str]:
        self.now, self.well = self.now + seconds, well
        return self.liveness.hung()


def test_what_is_unwell_for_long_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    assert looks.after(0, ALL) == []
    assert looks.after(60, ALL - {"scheduler"}) == []
    assert looks.after(89, ALL - {"scheduler"}) == []
    assert looks.after(6, ALL - {"scheduler"}) == ["scheduler"]
    assert looks.after(6, ALL - {"scheduler"}) == [], "it has just been started again"


def test_what_was_well_meanwhile_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    assert looks.after(0, ALL - {"triggerer"}) == []
    assert looks.after(60, ALL) == []
    assert looks.after(60, ALL - {"triggerer"}) == []
    assert looks.after(60, ALL - {"triggerer"}) == []


def test_nobody_is_judged_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    assert [looks.after(60, {"api_server"}) for _ in range(5)] == [[]] * 5


def test_an_api_server_that_does_not_answer_hangs_and_hides_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    assert looks.after(0, set()) == []
    assert looks.after(90, set()) == ["api-server"]


def test_it_does_not_look_at_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    assert looks.after(0, set()) == []
    assert looks.after(90, set()) == ["api-server"]
    looks.liveness = liveness.Liveness("http://127.0.0.1")
    assert looks.after(0, set()) == []
    monkeypatch.setattr(liveness, "LOOK_EVERY_S", 1000.0)
    assert looks.after(90, set()) == []


def test_health_is_what_airflow_says_of_itself() -> None:
    answer = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "unhealthy"}, "triggerer": None}
    with httpx.Client(
        base_url="http://a", transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    ) as c:
        assert liveness.healthy(c) == {"api_server", "metadatabase"}
    with httpx.Client(base_url="http://a", transport=httpx.MockTransport(lambda _: httpx.Response(500))) as c:
        assert liveness.healthy(c) == set()


def test_what_hangs_is_started_again(sleeping: LocalAirflow, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sleeping.pids()
    assert sleeping.restart_hung() == []
    monkeypatch.setattr(liveness.Liveness, "hung", lambda _: ["scheduler"])
    os.kill(scheduler(sleeping).pid, signal.SIGSTOP)
    monkeypatch.setattr(airflow, "HANGING_PATIENCE_S", 0.1)
    assert sleeping.restart_hung() == ["airflow scheduler"]
    assert {name for name, identity in sleeping.pids().items() if before[name] != identity} == {"airflow scheduler"}
