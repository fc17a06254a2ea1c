"""``concord try``: the plan that production would make, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from concord.cli import app
from concord.sandbox.people import CANARY
from concord.sandbox.roster import Employer
from tests.unit.x12_files import full, interchange, member, text, transaction

GOOD = Path(__file__).parents[1] / "feeds" / "acme_eligibility" / "good.csv"
pytestmark = pytest.mark.timeout(240)


def tried(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["try", *arguments])


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("acme")
    employer = Employer(3, 400, start=date(2026, 11, 18))
    paths = [folder / employer.day(number).file_name for number in (1, 2)]
    for number, path in enumerate(paths, start=1):
        employer.day(number).write(path)
    return paths


def test_a_day_after_another_is_planned_as_in_production_and_nothing_is_left(
    days: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    expected = Employer(3, 400, start=date(2026, 11, 18))
    expected.day(1)
    counts = expected.day(2).manifest.expected
    shown = tried("acme_eligibility", "--after", str(days[0]), str(days[1]))
    assert shown.exit_code == 1, shown.output
    assert f"is {'published'}" in shown.output
    added = next(line for line in shown.output.splitlines() if line.startswith("│ add "))
    assert added.split("│")[3].strip() == str(counts["added"])
    assert CANARY.search(shown.output) is None
    assert CANARY.search(days[1].read_text()), "a search that finds nothing proves nothing"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_breaks_the_contract_is_rejected_with_its_rule(tmp_path: Path) -> None:
    path = tmp_path / "ELIG_20261118.csv"
    path.write_text("EMPID\nE0000001\n")
    shown = tried("acme_eligibility", str(path))
    assert (shown.exit_code, "structure.missing_column" in shown.output) == (1, True)


def test_an_earlier_file_that_is_rejected_is_no_success(tmp_path: Path) -> None:
    """What is planned then is planned against a state that lacks it."""
    bad, good = tmp_path / "ELIG_20261118.csv", tmp_path / "ELIG_20261119.csv"
    bad.write_text("EMPID\nE0000001\n")
    good.write_bytes(GOOD.read_bytes())
    alone, after = tried("acme_eligibility", str(good)), tried("acme_eligibility", "--after", str(bad), str(good))
    assert (alone.exit_code, after.exit_code) == (0, 1), after.output


def test_a_format_is_tried_without_a_contract(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.834", tmp_path / "bad.834"
    good.write_bytes(full(member(1), member(2)))
    torn = transaction(member(3))
    torn[-1] = "SE*99*0001"
    bad.write_bytes(text(*interchange(torn, transaction(member(4), number="0002"))))
    shown = tried("--format", "x12_834", str(good))
    assert (shown.exit_code, "accepted" in shown.output) == (0, True)
    shown = tried("--format", "x12_834", str(good), str(bad))
    assert shown.exit_code == 1
    assert "x12.segment_count" in shown.output
    assert "partly" in shown.output


@pytest.mark.parametrize(
    "arguments", [("--format", "x12_834", "/no/such"), ("--format", "pdf", "x"), ("acme_eligibility",)]
)
def test_what_cannot_be_tried_is_one_line(arguments: tuple[str, ...]) -> None:
    shown = tried(*arguments)
    assert shown.exit_code == 2
    assert "Traceback" not in shown.output


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_when_it_is_interrupted_or_its_terminal_goes(
    days: list[Path], tmp_path: Path, by: signal.Signals
) -> None:
    """What Postgres wrote so far holds members as plaintext."""
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    tmp_path.chmod(0o711)
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from concord.cli import app; app()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program, "try", "acme_eligibility", str(days[0])],
        env={**inherited, "TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while running.poll() is None and not list(tmp_path.glob("concord-try-*/landing")):
        time.sleep(0.05)
    assert running.poll() is None, "it was over before it could be interrupted"
    running.send_signal(by)
    assert running.wait(timeout=60) != 0
    assert list(tmp_path.iterdir()) == []
