"""Onboarding on samples that are not well-behaved: nothing of a person is told, and what is written can be loaded."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from concord.cli import app
from concord.onboarding.contract_text import contract
from concord.onboarding.profile import profile
from concord.onboarding.proposal import propose
from concord.onboarding.recognise import recognise
from concord.onboarding.recognised import Kind
from concord.parse.opening import open_rows
from concord.sandbox.cypress import Cypress
from concord.sandbox.granite import Granite
from concord.sandbox.roster import Employer
from tests.unit.test_onboarding import built

START = date(2026, 11, 18)
NUMBER = re.compile(r"(?!99)[0-9]{3}-?[0-9]{2}-?[0-9]{4}|H4005[0-9]{4}")
"""What no command may print of the samples below: social security and contract numbers (``999-99-9999`` is a shape)."""


def concord(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def new_feed(sample: Path, project: Path, name: str = "small_co") -> Result:
    return concord("new-feed", sample, "--name", name, "--partner", "small", "--project", project)


def text_below(project: Path) -> str:
    return "".join(path.read_text() for path in project.rglob("*.py"))


@pytest.fixture
def fixed(tmp_path: Path) -> Path:
    """An export in columns, with a blank between them and line ends."""
    path = tmp_path / "elig_20261118.txt"
    path.write_text(
        "".join(
            f"E{n:07d} {'SAMPLE' + chr(65 + n % 5):<10} {'KIM' + chr(65 + n % 7):<8} "
            f"198003{n % 28 + 1:02d} 20260101 40055{n:04d}\n"
            for n in range(40)
        )
    )
    return path


@pytest.fixture
def with_commas(tmp_path: Path) -> Path:
    """Fixed width that writes names as ``LAST, FIRST``: one comma a line, but not always at the same place."""
    path = tmp_path / "names_20261118.txt"
    path.write_text(
        "".join(
            f"E{n:07d}{'SAMPLE' + 'XY'[: n % 3] + ', KIM':<20}198003{n % 28 + 1:02d}40055{n:04d}\n" for n in range(40)
        )
    )
    return path


# ── what is written can be loaded ──


def test_a_contract_of_fixed_width_reads_its_sample(fixed: Path, tmp_path: Path) -> None:
    feed = built(contract(propose([fixed], "small_co", "small")), tmp_path)
    with fixed.open("rb") as stream:
        assert sum(len(chunk.frame) for chunk in open_rows(stream, feed, file_date=START)) == 40


def test_records_of_a_length_that_nothing_says_are_asked_about_and_nothing_is_written(tmp_path: Path) -> None:
    roster = Granite(5, 200, start=START).day(1)
    path = tmp_path / roster.file_name
    roster.write(path)
    path.write_bytes(path.read_bytes()[:-1])
    shown = new_feed(path, tmp_path / "project")
    assert (shown.exit_code, "how long is a record" in shown.output) == (1, True)
    assert text_below(tmp_path) == ""


@pytest.mark.parametrize("name", ["Small Co", "../../../small", "class", "9lives", 'x", partner="y'])
def test_a_name_that_is_none_of_a_module_is_refused(fixed: Path, tmp_path: Path, name: str) -> None:
    shown = new_feed(fixed, tmp_path / "a" / "project", name)
    assert shown.exit_code == 2
    assert text_below(tmp_path) == ""


def test_a_proposal_that_contradicts_itself_is_not_written(tmp_path: Path) -> None:
    """A module that cannot be loaded in ``include/feeds`` would stop every command of every feed."""
    path = tmp_path / "elig_20261118.csv"
    path.write_text("EMPID,DOB\n" + "".join(f"E{n:07d},1980-03-{n % 28 + 1:02d}\n" for n in range(30)))
    shown = new_feed(path, tmp_path / "project")
    assert (shown.exit_code, "nothing is written" in shown.output) == (2, True)
    assert text_below(tmp_path) == ""


def test_what_is_unsure_stands_where_it_is_in_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "elig_20261118.csv"
    rows = "".join(
        f"E{n:07d},Sample,Kim{'abc'[n % 3]},{n % 12 + 1:02d}/{n % 12 + 1:02d}/1980,01/13/2026\n" for n in range(30)
    )
    path.write_text("EMPID,LASTNAME,FIRSTNAME,DOB,COVEFF\n" + rows)
    source = contract(propose([path], "small_co", "small"))
    remarks = {
        line.split('"')[1]: f"{above}{line}" for above, line in pairwise(source.splitlines()) if ": From(" in line
    }
    assert "# unsure" in remarks["birth_date"], "day and month cannot be told apart"
    assert "# unsure" not in remarks["effective_from"].replace(remarks["birth_date"], "")
    built(source, tmp_path)


def test_a_code_that_nobody_knows_is_not_given_a_meaning(tmp_path: Path) -> None:
    """Rows with it are refused until the partner has said what it is: nobody becomes a subscriber by default."""
    path = tmp_path / "elig_20261118.csv"
    rows = "".join(
        f"E{n:07d},{('EE', 'ZZ')[n % 2]},Sample,Kim{'abc'[n % 3]},1980-03-{n % 28 + 1:02d},2026-01-01\n"
        for n in range(40)
    )
    path.write_text("EMPID,RELATION,LASTNAME,FIRSTNAME,DOB,COVEFF\n" + rows)
    source = contract(propose([path], "small_co", "small"))
    (line,) = [line for line in source.splitlines() if '"relationship_code": From(' in line]
    assert 'Codes({"EE": "18"})' in line
    assert "# unsure: what do ZZ mean?" in line
    built(source, tmp_path)


# ── no value of a sample is told ──


def test_commas_in_fixed_width_do_not_make_column_names_of_a_person(with_commas: Path, tmp_path: Path) -> None:
    assert recognise(with_commas.read_bytes()).kind is Kind.FIXED
    shown = new_feed(with_commas, tmp_path / "project")
    assert NUMBER.search(shown.output + text_below(tmp_path)) is None
    assert NUMBER.search(with_commas.read_text()), "a search that finds nothing proves nothing"


def test_numbers_of_a_family_are_no_codes_however_often_they_repeat(tmp_path: Path) -> None:
    path = tmp_path / "elig_20261118.csv"
    rows = "".join(
        f"E{n:07d},Sample,Kim{'abc'[n % 3]},H4005{n // 4:04d},1980-03-{n % 28 + 1:02d},2026-01-01\n" for n in range(80)
    )
    path.write_text("EMPID,LASTNAME,FIRSTNAME,CONTRACT,DOB,COVEFF\n" + rows)
    shown = new_feed(path, tmp_path / "project")
    assert shown.exit_code == 0, shown.output
    assert NUMBER.search(shown.output + text_below(tmp_path)) is None
    assert profile("PLAN", ["PPO-100", "HMO-20"] * 10).codes, "codes with few digits are still told"


def test_drift_tells_no_value_of_a_column_that_lost_its_place(tmp_path: Path) -> None:
    roster = Employer(5, 300, start=START).day(1)
    rows = list(csv.reader(io.StringIO(roster.content().decode())))
    names = rows[0]
    one, other = names.index("SSN"), names.index("RELATION")
    names[one], names[other] = names[other], names[one]
    swapped = io.StringIO()
    csv.writer(swapped, lineterminator="\n").writerows(rows)
    path = tmp_path / "ELIG_20261118.csv"
    path.write_text(swapped.getvalue())
    shown = concord("drift", "acme_eligibility", path, "--date", "2026-11-18")
    assert (shown.exit_code, "column RELATION" in shown.output) == (1, True)
    assert NUMBER.search(shown.output) is None


# ── recognising ──


def test_a_name_of_a_column_may_be_a_value_of_another(tmp_path: Path) -> None:
    """``MI`` is the middle initial, and Michigan."""
    rows = "".join(f"E{n:07d},Sample,Q,MI,1980-03-{n % 28 + 1:02d}\n" for n in range(30))
    found = recognise(f"EMPID,LASTNAME,MI,STATE,DOB\n{rows}".encode())
    assert (found.has_names, found.names[:2]) == (True, ("EMPID", "LASTNAME"))
    assert not recognise(rows.encode()).has_names


def test_utf_16_is_named_and_not_read_as_something_else() -> None:
    found = recognise("EMPID\tDOB\nE0000001\t1980-03-01\n".encode("utf-16"))
    assert (found.kind, found.names) == (Kind.UNKNOWN, ())
    assert "UTF-16" in found.unsure[0]


# ── drift ──


def test_drift_says_that_text_agreed_as_windows_1252_is_utf_8_now(tmp_path: Path) -> None:
    roster = Cypress(5, 300, start=START).day(1)
    path = tmp_path / "Cypress roster 2026-11-18.txt"
    path.write_bytes(roster.content().decode("cp1252").encode())
    shown = concord("drift", "cypress_eligibility", path, "--date", "2026-11-18")
    assert (shown.exit_code, "is valid UTF-8" in shown.output) == (1, True)


def test_drift_of_a_feed_without_columns_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "Patient.ndjson"
    path.write_text('{"resourceType": "Patient", "id": "1"}\n')
    shown = concord("drift", "lakeview_ehr", path)
    assert (shown.exit_code, "unexpected" in shown.output) == (2, False)
    assert "columns" in shown.output
