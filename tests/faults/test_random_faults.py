"""Killed at any moment, and broken twice in one night: by chance, with seeds.

A failure names its seed; ``CONCORD_FAULT_SEED`` starts another campaign.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.faults.matrix import MATRIX
from tests.faults.nights import Nights
from tests.faults.test_crash_matrix import compared
from tests.tally import count

pytestmark = pytest.mark.full

FIRST = int(os.environ.get("CONCORD_FAULT_SEED", "0"))
KILLS = range(FIRST, FIRST + 25)
PAIRS = range(FIRST, FIRST + 25)
EXPORT_KILLS = range(FIRST, FIRST + 6)
TURNS = 20
AT_WORK = ("arriving", "queued", "held", "unanswered", "dead end", "lost")
"""Nights in which much happens."""


@pytest.mark.parametrize("seed", KILLS)
def test_a_process_killed_at_any_moment_is_made_up_for(nights: Nights, tmp_path: Path, seed: int) -> None:
    chance = random.Random(f"kill {seed}")
    killed_at_any_moment(nights, tmp_path, chance, chance.choice(AT_WORK))


@pytest.mark.parametrize("seed", EXPORT_KILLS)
@pytest.mark.parametrize("night", ["exporting", "refusing", "crawling", "linking"])
def test_an_export_a_crawl_and_a_linking_killed_at_any_moment_are_made_up_for(
    nights: Nights, tmp_path: Path, night: str, seed: int
) -> None:
    killed_at_any_moment(nights, tmp_path, random.Random(f"export {night} {seed}"), night)


def killed_at_any_moment(nights: Nights, tmp_path: Path, chance: random.Random, night: str) -> None:
    """A death at a moment of the night by ``chance``."""
    expected = nights.expected(night)
    for turn in range(TURNS):  # the night may be over sooner than the last time: then nothing was killed
        folder = tmp_path / str(turn)
        folder.mkdir()
        moment = chance.uniform(0, nights.seconds[night])
        clock = nights.live(night, folder, kill_after=moment)
        if clock.fired:
            break
    print(f"{night}, {clock.fired} after {moment:.3f} s")
    assert clock.fired, "nothing was killed"
    count("faults", injected=1, fired=1)
    compared(nights, night, clock, expected)


def pair(chance: random.Random, night: str) -> tuple[str, str]:
    """Two different faults of one night: the second bites where the first is recovered from."""
    names = [name for name, nights in MATRIX.items() if night in nights]
    first, second = chance.sample(names, 2)
    return f"{first}={chance.choice(MATRIX[first][night])}", f"{second}={chance.choice(MATRIX[second][night])}"


@pytest.mark.parametrize("seed", PAIRS)
def test_two_faults_in_one_night_are_made_up_for(nights: Nights, tmp_path: Path, seed: int) -> None:
    chance = random.Random(f"pair {seed}")
    night = chance.choice(
        ("arriving", "landed", "staged", "planned", "held", "applied", "dead end", "rotating", "exporting")
    )
    expected = nights.expected(night)
    for turn in range(TURNS):  # a night that goes on from where the first struck may not come by the second any more
        folder = tmp_path / str(turn)
        folder.mkdir()
        faults = pair(chance, night)
        clock = nights.live(night, folder, faults=faults)
        print(f"seed {seed}: {night}, {faults}, fired {clock.fired}")
        count("faults", injected=len(clock.fired), fired=len(clock.fired))
        compared(nights, night, clock, expected)
        if len(clock.fired) == len(faults):
            return
    raise AssertionError("no two faults fired in one night")
