"""The four processes of the sandbox's Airflow are started again when they end; here they only sleep."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from concord.sandbox import airflow
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
