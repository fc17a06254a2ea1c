"""Kill it anywhere: whatever breaks, the morning is as if nothing had.

Every failpoint of the source is tried in a night of its own. The night goes on as
Airflow, the reconciler and the people would, and has to come to what it comes to
without the fault: equal tables, events and accounts, and nothing left lying about.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.clockwork import Clockwork
from tests.faults.matrix import EVERY_DAY, MATRIX, names_in_source, tries
from tests.faults.nights import NIGHTS, Nights
from tests.faults.outcome import Result
from tests.tally import count

RARE = [one for one in tries() if one not in EVERY_DAY]


def survived(nights: Nights, night: str, folder: Path, *faults: str) -> None:
    """Lives a night with the faults and compares the morning with one without; counts what happened."""
    expected = nights.expected(night)
    count("faults", injected=len(faults))
    clock = nights.live(night, folder, faults=faults)
    assert sorted(clock.fired) == sorted(faults), "a fault did not fire"
    count("faults", fired=len(faults))
    compared(nights, night, clock, expected)


def compared(nights: Nights, night: str, clock: Clockwork, expected: Result) -> None:
    """The morning is sound, as without the faults, and nobody had to act on what nobody was told of."""
    findings = nights.findings(night)
    count("faults", violations=len(findings))
    assert findings == []
    assert nights.result() == expected
    assert_asked_once(nights, night, clock)
    assert clock.in_the_dark == [], "somebody acted on what nobody was told of"
    count("faults", recovered=len(clock.fired))


def assert_asked_once(nights: Nights, night: str, clock: Clockwork) -> None:
    """The server made the night's exports and has forgotten them; one more only where its answer was lost."""
    answers = sum(fault.startswith(("export.kicked_off", "ask=SIGKILL")) for fault in clock.fired)
    assert (nights.ehr.exports, nights.ehr.jobs) == (NIGHTS[night].exports + nights.ehr.lost, 0)
    assert nights.ehr.lost <= answers


def test_every_failpoint_of_the_source_is_tried_and_no_other() -> None:
    assert set(names_in_source()) == set(MATRIX)


def test_every_failpoint_is_killed_at() -> None:
    assert all("kill" in actions for nights in MATRIX.values() for actions in nights.values())


def test_a_name_that_is_not_a_literal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("from concord.failpoint import failpoint\nname = 'a.b'\nfailpoint(name)\n")
    with pytest.raises(ValueError, match=r"bad\.py:3"):
        names_in_source(tmp_path)


@pytest.mark.parametrize(("night", "fault"), EVERY_DAY)
def test_what_is_killed_is_made_up_for(nights: Nights, tmp_path: Path, night: str, fault: str) -> None:
    survived(nights, night, tmp_path, fault)


@pytest.mark.full
@pytest.mark.parametrize(("night", "fault"), RARE)
def test_whatever_breaks_the_morning_is_as_if_nothing_had(
    nights: Nights, tmp_path: Path, night: str, fault: str
) -> None:
    survived(nights, night, tmp_path, fault)


@pytest.mark.full
@pytest.mark.parametrize("night", NIGHTS)
def test_a_night_comes_to_the_same_twice(nights: Nights, tmp_path: Path, night: str) -> None:
    """Else a difference after a fault would say nothing."""
    expected = nights.expected(night)
    nights.live(night, tmp_path)
    assert (nights.findings(night), nights.result()) == ([], expected)
