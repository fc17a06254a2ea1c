"""Failpoints themselves: silent when nobody asks, exact when somebody does, clear when asked nonsense."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from concord import failpoint as module
from concord.errors import SourceUnavailable
from concord.failpoint import BadFailpoint, failpoint


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    module._seen.clear()
    monkeypatch.delenv(module.FAULTS, raising=False)


def faulty(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(module.FAULTS, text)


def test_nothing_happens_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    failpoint("apply.committed")
    faulty(monkeypatch, "stage.begun=raise")
    failpoint("apply.committed")


def test_the_named_time_fires_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    faulty(monkeypatch, "stage.begun=raise:SourceUnavailable@3; apply.committed=enospc")
    failpoint("stage.begun")
    failpoint("stage.begun")
    with pytest.raises(SourceUnavailable, match=r"stage\.begun"):
        failpoint("stage.begun")
    failpoint("stage.begun")
    with pytest.raises(OSError, match="No space") as caught:
        failpoint("apply.committed")
    assert caught.value.errno == errno.ENOSPC


def test_one_place_may_have_two_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    faulty(monkeypatch, "a.b=raise;a.b=exit@2")
    with pytest.raises(OSError, match=r"failpoint a\.b"):
        failpoint("a.b")
    with pytest.raises(SystemExit):
        failpoint("a.b")


@pytest.mark.parametrize(("action", "status"), [("kill", -signal.SIGKILL), ("exit", 143)])
def test_a_firing_is_on_record_before_it_ends_the_process(tmp_path: Path, action: str, status: int) -> None:
    log = tmp_path / "fired"
    environment = {**os.environ, module.FAULTS: f"a.b={action}", module.LOG: str(log)}
    program = "from concord.failpoint import failpoint; failpoint('a.b'); print('survived')"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (status, b"")
    name, fired, _ = log.read_text().split()
    assert (name, fired) == ("a.b", action)


@pytest.mark.parametrize(
    "text",
    [
        "apply.committed", "=kill", "a.b=explode", "a.b=kill@0", "a.b=kill@x", "a.b=sleep", "a.b=sleep:long",
        "a.b=raise:KeyError", "a.b=raise:DeliveryRejected", "a.b=raise:annotations", "a.b=kill:9", "a.b=kill a.c=kill",
    ],
)  # fmt: skip
def test_a_specification_that_makes_no_sense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    faulty(monkeypatch, f"stage.begun=kill;{text}")
    with pytest.raises(BadFailpoint, match="CONCORD_FAILPOINTS"):
        failpoint("somewhere.else")
