"""Rules about the names that partners give their files."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.acquire.naming import DropName, NameMatcher, matcher, plain_name, without_temporary
from concord.contract import SftpDrop
from concord.errors import ContractError

ACME = NameMatcher("ELIG_{date:%Y%m%d}*.csv")


@pytest.mark.parametrize(
    ("pattern", "name", "file_date", "sequence"),
    [
        ("ELIG_{date:%Y%m%d}*.csv", "ELIG_20261120.csv", date(2026, 11, 20), None),
        ("ELIG_{date:%Y%m%d}*.csv", "ELIG_20261120_resend.csv", date(2026, 11, 20), None),
        ("E{date:%d-%b-%y}.txt", "E20-Nov-26.txt", date(2026, 11, 20), None),
        ("E{date:%Y%j}.txt", "E2026324.txt", date(2026, 11, 20), None),
        ("E{date:%Y%m%d%H%M%S}.txt", "E20261120235959.txt", date(2026, 11, 20), None),
        ("D_{date:%Y%m%d}_{sequence}.csv", "D_20261120_0042.csv", date(2026, 11, 20), 42),
        ("*{sequence}.csv", "change0017.csv", None, 17),
        ("roster (new).csv", "roster (new).csv", None, None),
    ],
)
def test_a_name_says_its_date_and_sequence(
    pattern: str, name: str, file_date: date | None, sequence: int | None
) -> None:
    assert NameMatcher(pattern).read(name) == DropName(file_date, sequence)


@pytest.mark.parametrize(
    "name",
    [
        "elig_20261120.csv",
        "ELIG_20261120.csv.part",
        "xELIG_20261120.csv",
        "ELIG_20261120.csv\n",
        "ELIG_20261120xcsv",
        "ELIG_٢٠٢٦١١٢٠.csv",
        "",
    ],
)
def test_another_name_is_not_of_the_drop(name: str) -> None:
    assert ACME.read(name) is None


@pytest.mark.parametrize("digits", ["20261399", "20260230", "00000000"])
def test_a_date_that_is_none_is_told_apart_from_another_name_and_is_not_quoted(digits: str) -> None:
    with pytest.raises(ValueError, match="no date") as caught:
        ACME.read(f"ELIG_{digits}.csv")
    assert digits not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "pattern",
    ["{dat}.csv", "a{", "{date:%Q}.csv", "{date:}.csv", "{date:%}.csv", "{sequence}{sequence}", "*a*b*c*",
     "{date:%Y}{date:%m}"],
)  # fmt: skip
def test_a_pattern_that_cannot_be_read_is_an_error_of_the_contract(pattern: str) -> None:
    with pytest.raises(ContractError, match=r"acme_sftp.*source\.pattern"):
        matcher(SftpDrop("acme_sftp", "/outbound", pattern, timedelta(seconds=1)))


HOSTILE = [
    b"", b".", b"..", b"../../etc/passwd", b"/etc/passwd", b"a/b", b"..\\x", b"a\0b", b"a\nb.csv", b"a\rb", b"\x1b[2J",
    b"-rf", "ELIG\u202evsc.exe".encode(), "a\u200bb".encode(), "a\u2028b".encode(), b"M\xfcller.csv", b"\xed\xa0\x80",
    b"A" * 256, b"A" * 4096,
]  # fmt: skip


@pytest.mark.parametrize("raw", HOSTILE)
def test_a_name_that_misleads_is_refused(raw: bytes) -> None:
    assert plain_name(raw) is None


@pytest.mark.parametrize("name", ["ELIG_20261120.csv", "Müller (1).csv", "会員.csv", "a b.csv", "A" * 255, ".hidden"])
def test_an_ordinary_name_is_kept_as_it_is(name: str) -> None:
    assert plain_name(name.encode()) == name


@given(st.binary(max_size=300))
def test_no_name_that_passes_can_leave_a_directory_or_break_a_line(raw: bytes) -> None:
    name = plain_name(raw)
    if name is not None:
        assert name.isprintable() or " " in name or "\u3000" in name or "\xa0" in name
        assert not {"/", "\\", "\0"} & set(name)
        assert name not in (".", "..")
        assert name.splitlines() == [name]


@given(st.dates(min_value=date(1900, 1, 1)), st.integers(0, 10**18 - 1))
def test_what_was_written_into_a_name_is_read_from_it(day: date, sequence: int) -> None:
    read = NameMatcher("X{date:%Y%m%d}-{sequence}.csv").read(f"X{day:%Y%m%d}-{sequence}.csv")
    assert read == DropName(day, sequence)


def test_a_temporary_name_tells_what_it_will_be() -> None:
    temporary = (".tmp", ".part")
    assert without_temporary("ELIG_20261120.csv.PART", temporary) == "ELIG_20261120.csv"
    assert without_temporary("ELIG_20261120.csv", temporary) is None
