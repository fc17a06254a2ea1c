"""What ``concord new-feed`` writes beside a contract: an invented file that it reads, and what becomes of it."""

from __future__ import annotations

import csv
import re
import runpy
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from concord.contract import Feed, Framing
from concord.onboarding import invented as inventing
from concord.onboarding.proposal import propose
from concord.onboarding.recognised import Recognised
from concord.onboarding.writing import write
from concord.sandbox.borealis import Borealis
from concord.sandbox.cypress import Cypress
from concord.sandbox.granite import Granite
from concord.sandbox.roster import Employer
from concord.sandbox.writing import xlsx
from tests.feeds.test_fixtures import read
from tests.unit import onboarding_samples as shapes
from tests.unit.x12_files import full, member

START = date(2026, 11, 18)
OF_NOBODY = {b"000000001", b"123456789", b"987654321"}
"""In an 834: its control number, its sponsor, its payer."""
NUMBER = re.compile(rb"[0-9]{9}|[0-9]{3}-[0-9]{2}-[0-9]{4}")


def employer(kind: type[Any]) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        roster = kind(5, 300, start=START).day(1)
        roster.write(folder / roster.file_name)
        return folder / roster.file_name

    return made


def workbook(folder: Path) -> Path:
    text = employer(Employer)(folder).read_text(encoding="utf-8")
    path = folder / "Roster 2026-11-18.xlsx"
    with path.open("wb") as out:
        xlsx.write(out, csv.reader(text.splitlines()[:80]))
    return path


def in_columns(encoding: str) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        lines = (f"E{n:07d} SAMPLE{'ABCDEFGH'[n % 8]}  KIM   19{60 + n % 40}0301 20260101 " for n in range(60))
        path = folder / "ELIG.D20261118.DAT"
        path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
        return path

    return made


def enrollments(folder: Path) -> Path:
    path = folder / "834_20261118.edi"
    path.write_bytes(full(member(1)))
    return path


def of(make: Callable[[], bytes], name: str) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        (folder / name).write_bytes(make())
        return folder / name

    return made


SAMPLES: dict[str, Callable[[Path], Path]] = {
    "comma": employer(Employer), "control records": employer(Borealis), "tabs": employer(Cypress),
    "workbook": workbook, "columns": in_columns("ascii"), "ebcdic": in_columns("cp037"), "834": enrollments,
    "preamble": of(shapes.with_preamble, "changes_20261118.csv"),
    "open": of(shapes.with_open_ends, "open_20261118.txt"),
    "types": of(shapes.of_types, "elig_20261118.txt"),
    "titled": of(shapes.titled_workbook, "Roster 2026-11-18.xlsx"), "mainframe": employer(Granite),
    "words": of(lambda: shapes.mainframe(Framing.DESCRIPTOR), "elig_20261118.dat"),
}  # fmt: skip


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return SAMPLES[request.param](tmp_path)


def written(sample: Path, project: Path) -> tuple[Feed, Path]:
    """The contract and the folder of its fixtures."""
    write(propose([sample], "proposed_feed", "proposed"), project)
    feed = runpy.run_path(str(project / "include" / "feeds" / "proposed_feed.py"))["FEED"]
    return feed, project / "tests" / "feeds" / "proposed_feed"


def test_the_invented_file_gets_what_is_written_beside_it(sample: Path, tmp_path: Path) -> None:
    feed, folder = written(sample, tmp_path / "project")
    told = tomllib.loads((folder / "expected.toml").read_text())
    (good,) = folder.glob("good*")
    assert good.suffix == Path(feed.drop.pattern).suffix
    assert read(feed, good.read_bytes(), told["as_of"], None) == told["good"]
    assert told["good"]["accepted"] >= inventing.PEOPLE


def test_nobody_of_the_sample_is_in_it(sample: Path, tmp_path: Path) -> None:
    _, folder = written(sample, tmp_path / "project")
    theirs = set(NUMBER.findall(sample.read_bytes()))
    ours = set().union(*(NUMBER.findall(path.read_bytes()) for path in folder.iterdir()))
    assert theirs & ours <= OF_NOBODY


def test_what_nobody_can_read_yet_is_written_as_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a file that its contract refuses is not called good."""
    lines = inventing._lines

    def broken(sample: Recognised, rows: list[dict[str, str]]) -> bytes:
        return lines(sample, [row | {"DOB": ""} for row in rows])

    monkeypatch.setattr(inventing, "_lines", broken)
    _, folder = written(employer(Employer)(tmp_path), tmp_path / "project")
    told = tomllib.loads((folder / "expected.toml").read_text())
    assert told["good"] == {"accepted": 0, "reasons": {"birth_date.required": 5}}
