"""What a sample is recognised as, what its columns are like, what is proposed, and that no value of it is told."""

from __future__ import annotations

import gzip
import importlib.util
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from concord.cli import app
from concord.contract import Feed, Stage
from concord.onboarding.contract_text import contract
from concord.onboarding.drift import changes
from concord.onboarding.meanings import guesses, meaning
from concord.onboarding.profile import code_table, common_pattern, date_formats, profile
from concord.onboarding.proposal import key_candidates, name_pattern, propose
from concord.onboarding.recognise import encoding_of, is_ebcdic, recognise
from concord.onboarding.recognised import Kind, Marks
from concord.parse.opening import open_rows
from concord.sandbox.borealis import Borealis
from concord.sandbox.cypress import Cypress
from concord.sandbox.people import CANARY
from concord.sandbox.roster import Employer
from tests.unit.acme_rows import ACME
from tests.unit.x12_files import full, member

START = date(2026, 11, 18)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("samples")
    found = {}
    for name, employer in (("acme", Employer), ("borealis", Borealis), ("cypress", Cypress)):
        roster = employer(5, 500, start=START).day(1)
        found[name] = folder / roster.file_name
        roster.write(found[name])
    return found


# ── recognising ──


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"A,B\n1,2\n3,4\n", Kind.DELIMITED),
        (b"A|B\n1|2\n3|4\n", Kind.DELIMITED),
        (full(member(1)), Kind.X12_834),
        (gzip.compress(b"x"), Kind.WRAPPED),
        (b"-----BEGIN PGP MESSAGE-----\n\nxx\n", Kind.WRAPPED),
        (b"".join(b"D%07dNAME%05d\n" % (n, n) for n in range(20)), Kind.FIXED),
        ("".join(f"D{n:07d}NAME      {n:05d}" for n in range(20)).encode("cp037"), Kind.FIXED),
        (b"", Kind.UNKNOWN),
    ],
    ids=["comma", "pipe", "834", "gzip", "pgp", "fixed", "ebcdic", "empty"],
)
def test_a_sample_is_recognised(data: bytes, kind: Kind) -> None:
    assert recognise(data).kind is kind


def test_ebcdic_is_told_by_its_bytes() -> None:
    text = "0012 SMITH      19800301   " * 20
    assert is_ebcdic(text.encode("cp037"))
    assert not is_ebcdic(text.encode())


def test_encoding_is_said_with_what_it_rests_on() -> None:
    assert encoding_of("Müller".encode("cp1252"))[0] == "cp1252"
    assert encoding_of("Müller".encode())[0] == "utf-8"
    assert "byte order mark" in encoding_of("\ufeffx".encode())[1]


def test_control_records_and_missing_names_are_seen(samples: dict[str, Path]) -> None:
    found = recognise(samples["borealis"].read_bytes())
    assert (found.dialect.marks, found.dialect.count_at) == (Marks("H", "D", "T"), 1)
    assert (found.has_names, bool(found.unsure)) == (False, True)
    plain = recognise(samples["acme"].read_bytes())
    assert (plain.dialect.marks, plain.has_names) == (Marks(), True)


# ── columns ──


def test_day_and_month_that_cannot_be_told_apart_are_never_guessed() -> None:
    assert date_formats(["01/02/2026", "03/04/2026"]) == ["%m/%d/%Y", "%d/%m/%Y"]
    assert date_formats(["01/02/2026", "03/24/2026"]) == ["%m/%d/%Y"]
    assert "which is it" in profile("D", ["01/02/2026", "03/04/2026"]).unsure
    assert profile("D", ["01/02/2026", "03/24/2026"]).unsure == ""
    assert date_formats(["99991231", "20260101"]) == ["%Y%m%d"]


def test_days_and_months_of_one_digit_are_read_as_they_are_written() -> None:
    assert profile("D", ["3/24/2026", "11/2/2026"]).reader == 'date_in("%-m/%-d/%Y")'
    assert profile("D", ["03/24/2026", "11/02/2026"]).reader == 'date_in("%m/%d/%Y")'


def test_codes_are_few_and_repeat() -> None:
    assert code_table(["A", "B"] * 10) == ("A", "B")
    assert code_table([f"NAME{n}" for n in range(30)]) == ()
    assert code_table(["A", "B"] * 100 + ["TYPO"]) == ("A", "B")


def test_a_pattern_fits_what_was_seen() -> None:
    assert common_pattern(["E0000001", "E0000002", "E0012345"]) == "E[0-9]{7}"
    assert common_pattern(["E1", "E12", "E123"]) == ""


def test_names_and_values_together_say_what_a_column_is() -> None:
    found = guesses([profile("Birth Date", ["1980-01-02"] * 9), profile("SEX", ["F", "M"] * 9), profile("X", ["q"])])
    assert [(each.canonical, each.confidence > 0.9) for each in found] == [("birth_date", True), ("gender_code", True)]
    (doubtful,) = guesses([profile("DOB", ["not a date", "neither"])])
    assert doubtful.confidence < 0.5


def test_unknown_codes_are_asked_for() -> None:
    assert meaning("relationship_code", ("EE", "ZZ")) == ({"EE": "18"}, ["ZZ"])


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("ELIG_20261118.csv", "ELIG_{date:%Y%m%d}.csv"),
        ("Roster 2026-11-18.txt", "Roster {date:%Y-%m-%d}.txt"),
        ("CHG_20261118_0042.txt", "CHG_{date:%Y%m%d}_{sequence}.txt"),
        ("elig.csv", "{date:%Y%m%d}_elig.csv"),
    ],
)
def test_a_files_name_is_a_pattern(name: str, pattern: str) -> None:
    assert name_pattern([name])[0] == pattern


# ── proposing ──


TOLD = {"ID": "subscriber_id", "NO": "person_code", "LINE": "coverage_line", "TEL": "phone"}


@pytest.mark.parametrize(
    ("names", "rows", "keys"),
    [
        (("ID", "NO"), ["1 1", "2 1", "3 2"], ("ID",)),
        (("ID", "NO", "LINE"), ["1 1 H", "1 1 D", "1 2 H", "2 1 H"], ("ID + NO + LINE",)),
        (("ID", "TEL"), ["1 5", "1 5", "2 6"], ()),
        (("ID", "TEL"), ["1 5", "1 6", "2 5"], ()),
        (("ID",), [*map(str, range(98)), "1", "2"], ("ID",)),
    ],
    ids=["one", "three", "none", "not by telephone", "nearly"],
)
def test_a_key_is_what_differs_in_nearly_every_row(
    names: tuple[str, ...], rows: list[str], keys: tuple[str, ...]
) -> None:
    columns = zip(*(row.split() for row in rows), strict=True)
    assert key_candidates(dict(zip(names, columns, strict=True)), TOLD) == keys


def built(source: str, folder: Path) -> Feed:
    path = folder / "proposed.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("proposed", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    feed: Feed = module.FEED
    return feed


NOT_IN_CYPRESS = {"middle_name", "address_line_2"}
RIGHT = {"acme": set(ACME.columns), "cypress": set(ACME.columns) - NOT_IN_CYPRESS}
"""Columns of which the proposal names the source that the real contract has."""


@pytest.mark.parametrize("name", list(RIGHT))
def test_the_mapping_of_a_file_with_names_is_that_of_its_contract(samples: dict[str, Path], name: str) -> None:
    from concord import catalogue

    real = catalogue.feed(f"{name}_eligibility").columns
    proposed = {guess.canonical: guess.profile.name for guess in propose([samples[name]], "x_feed", "xco").guesses}
    same = {
        canonical for canonical, source in proposed.items() if canonical in real and real[canonical].source == source
    }
    assert same >= RIGHT[name]


@pytest.mark.parametrize("name", ["acme", "borealis", "cypress"])
def test_what_is_written_is_a_contract_that_reads_its_sample(
    samples: dict[str, Path], name: str, tmp_path: Path
) -> None:
    feed = built(contract(propose([samples[name]], "proposed_feed", "proposed")), tmp_path)
    assert feed.stage is Stage.PILOT
    with samples[name].open("rb") as stream:
        read = sum(len(chunk.frame) for chunk in open_rows(stream, feed, file_date=START, sequence=401))
    assert read > 500


def test_an_834_is_proposed_by_its_usual_mapping(tmp_path: Path) -> None:
    path = tmp_path / "834_20261118.edi"
    path.write_bytes(full(member(1)))
    feed = built(contract(propose([path], "plan_834", "plan")), tmp_path)
    assert feed.says_its_mode


def invoked(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_command_writes_once_and_tells_no_value(samples: dict[str, Path], tmp_path: Path) -> None:
    call = ("new-feed", str(samples["acme"]), "--name", "small_co", "--partner", "small", "--project", str(tmp_path))
    first, second = invoked(*call), invoked(*call)
    assert (first.exit_code, second.exit_code, "already" in second.output) == (0, 2, True)
    written = "".join(path.read_text() for path in tmp_path.rglob("*.py"))
    assert CANARY.search(first.output + written) is None
    assert "Springfield" not in first.output
    assert CANARY.search(samples["acme"].read_text()), "a search that finds nothing proves nothing"


# ── drift ──


@pytest.mark.parametrize(
    ("old", "new", "about"),
    [
        ("EMPID", "WORKER", {"the whole file", "column WORKER"}),
        ("EMAIL", "E-MAIL", {"column E-MAIL", "column EMAIL"}),
        (",MEDICAL,", ",MEDIC,", {"column COVERAGE", "rule coverage_line.code"}),
    ],
)
def test_what_changed_is_told(samples: dict[str, Path], tmp_path: Path, old: str, new: str, about: set[str]) -> None:
    path = tmp_path / "changed.csv"
    path.write_text(samples["acme"].read_text().replace(old, new))
    assert {change.about for change in changes(ACME, path, START)} == about
    assert changes(ACME, samples["acme"], START) == []


def test_the_drift_command_says_as_agreed_or_what_is_not(samples: dict[str, Path], tmp_path: Path) -> None:
    good = invoked("drift", "acme_eligibility", str(samples["acme"]), "--date", "2026-11-18")
    path = tmp_path / "changed.csv"
    path.write_text(samples["acme"].read_text().replace("EMAIL", "E-MAIL"))
    bad = invoked("drift", "acme_eligibility", str(path), "--date", "2026-11-18")
    assert (good.exit_code, bad.exit_code, "as agreed" in good.output) == (0, 1, True)
    assert CANARY.search(bad.output) is None
