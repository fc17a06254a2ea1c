"""Runs every named file of every feed's folder and compares it with the folder's ``expected.toml``."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from concord import catalogue
from concord.contract import Delimited, Feed
from concord.errors import DeliveryRejected
from concord.parse import line_accounting
from concord.parse.opening import open_rows
from concord.stage import to_copy_text
from concord.transform import transform
from concord.validate import validate
from tests.kinds import RECORDS, ROWS

HERE = Path(__file__).parent
FOLDERS = sorted(path.parent for path in HERE.glob("*/expected.toml"))


def expectations(folder: Path) -> dict[str, Any]:
    """The table of ``folder``: fixture name → what it must get, and the file's ``as_of`` and ``sequence``."""
    return tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))


CASES = [
    pytest.param(folder, name, wanted, id=f"{folder.name}/{name}")
    for folder in FOLDERS
    for name, wanted in expectations(folder).items()
    if isinstance(wanted, dict)
]


def fixture(folder: Path, name: str) -> Path:
    """The file called ``name``, with the suffix that the feed's files have."""
    opened = Path(catalogue.feed(folder.name).source.pattern.removesuffix(".pgp"))
    return folder / f"{name}{opened.suffix}"


def read(feed: Feed, data: bytes, as_of: date, sequence: int | None) -> dict[str, Any]:
    """What becomes of a file, in the words of ``expected.toml``; checks that no line is lost or counted twice."""
    delivery = open_rows(BytesIO(data), feed, file_date=as_of, sequence=sequence)
    accepted, reasons, flags, lines = 0, Counter[str](), Counter[str](), Counter[str]()
    for chunk in delivery:
        missing = frozenset(delivery.drift.missing_optional)
        verdict = validate(feed, chunk.frame, as_of=as_of, missing=missing)
        to_copy_text(transform(feed, verdict.accepted))
        accepted += len(verdict.accepted)
        reasons.update(code for codes in verdict.rejected.reasons for code in codes)
        reasons.update(code for refused in chunk.refused for code in refused.reasons)
        flags += verdict.flags
        lines.update(line_accounting(chunk))
    assert sum(lines.values()) == delivery.line_count
    if isinstance(feed.format, Delimited):
        assert delivery.line_count == data.count(b"\n")
    drift = {name: value for name, value in vars(delivery.drift).items() if value}
    found = {"accepted": accepted, "reasons": reasons, "flags": flags, "drift": drift, "ignored": lines["ignored"]}
    return {name: value for name, value in found.items() if value or name == "accepted"}


@pytest.mark.parametrize(("folder", "name", "wanted"), CASES)
def test_a_named_file_gets_what_its_feed_promises(folder: Path, name: str, wanted: dict[str, Any]) -> None:
    feed = catalogue.feed(folder.name)
    as_of, sequence = expectations(folder)["as_of"], expectations(folder).get("sequence")
    data = fixture(folder, name).read_bytes()
    if code := wanted.get("rejected"):
        with pytest.raises(DeliveryRejected) as caught:
            read(feed, data, as_of, sequence)
        assert caught.value.code == code
        assert wanted.get("names", "") in str(caught.value)
    else:
        drift = {k: tuple(v) if isinstance(v, list) else v for k, v in wanted.get("drift", {}).items()}
        assert read(feed, data, as_of, sequence) == wanted | ({"drift": drift} if drift else {})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_has_an_expectation_and_every_expectation_a_file(folder: Path) -> None:
    named = {name for name, wanted in expectations(folder).items() if isinstance(wanted, dict)}
    assert {path for path in folder.iterdir() if path.name != "expected.toml"} == {fixture(folder, n) for n in named}


def test_every_feed_with_columns_has_a_folder_of_fixtures_with_a_good_file() -> None:
    assert {folder.name for folder in FOLDERS} == set(ROWS)
    assert all("good" in expectations(folder) for folder in FOLDERS)


def test_a_feed_has_columns_or_records() -> None:
    """Another kind would be tested by nobody."""
    assert {*ROWS, *RECORDS} == set(catalogue.feeds())
    assert not set(ROWS) & set(RECORDS)
