"""Dates and patterns mean exactly what the contract says, in fast kernels as in the standard library."""

from __future__ import annotations

import re
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.contract import DateText
from concord.validate.dates import UNREADABLE, parse, read_dates
from concord.validate.schema import matcher


def read(text: str, how: DateText) -> list[str]:
    """What becomes of one date, without sentinels."""
    found, _ = read_dates(pa.array([text], pa.large_string()), how, ())
    return list(found.to_pylist())


def test_an_unknown_format_code_is_refused() -> None:
    with pytest.raises(ValueError, match="Z"):
        read("x", DateText(("%Y%Z",)))


@pytest.mark.parametrize(
    ("form", "text", "iso"),
    [
        ("%Y%m%d", "20260228", "2026-02-28"),
        ("%Y%m%d", "20260230", UNREADABLE),
        ("%d.%m.%Y", "05.02.2026", "2026-02-05"),
        ("%-m/%-d/%Y", "2/5/2026", "2026-02-05"),
        ("%-m/%-d/%Y", "02/30/2026", UNREADABLE),
        ("%d-%b-%Y", "05-Feb-2026", "2026-02-05"),
        ("%m/%d/%y", "02/05/26", "2026-02-05"),
        ("%Y-%m-%d %H:%M:%S", "2026-02-05 23:59:59", "2026-02-05"),
        ("%Y-%m-%d", "9999-12-30", "9999-12-30"),
        ("%Y-%m-%d", "9999-12-31", UNREADABLE),  # has no next day; the policy's sentinels are asked first
        ("%Y-%m-%d", "0000-01-01", UNREADABLE),
        ("%Y-%m-%d", "0001-01-01", "0001-01-01"),
    ],
)
def test_a_date_format_is_read_strictly(form: str, text: str, iso: str) -> None:
    assert read(text, DateText((form,))) == [iso]


def test_formats_are_tried_in_order() -> None:
    formats = DateText(("%m/%d/%Y", "%d/%m/%Y"))  # which no contract may have together
    assert [*read("01/02/2026", formats), *read("13/02/2026", formats)] == ["2026-01-02", "2026-02-13"]


digits = st.integers(0, 99).map(lambda n: f"{n:02d}")


@given(st.lists(st.tuples(st.integers(0, 9999).map(lambda n: f"{n:04d}"), digits, digits), min_size=1, max_size=30))
def test_dates_are_what_the_standard_library_says(parts: list[tuple[str, str, str]]) -> None:
    texts = [f"{month}/{day}/{year}" for year, month, day in parts]

    def expected(text: str) -> date | None:
        try:
            return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007
        except ValueError:
            return None

    assert parse(pa.array(texts, pa.large_string()), ("%m/%d/%Y",)).to_pylist() == [expected(text) for text in texts]


def test_without_the_look_at_the_day_february_30_would_become_march_2() -> None:
    """Negative control: Arrow's strptime rolls over, which is why the day is compared."""
    assert pc.strptime(pa.array(["02/30/2026"]), format="%m/%d/%Y", unit="s").to_pylist() == [datetime(2026, 3, 2)]  # noqa: DTZ001
    assert parse(pa.array(["02/30/2026"]), ("%m/%d/%Y",)).to_pylist() == [None]


PATTERNS = [
    r"\AE[0-9]{3}\Z", r"[A-Z]{2}", r"\A[^@ ]+@[^@ ]+[.][^@ ]+\Z", r"a|ab", r"(?!00)[0-9]{2}", r"([0-9])\1", r"\\Z?",
]  # fmt: skip


@given(st.sampled_from(PATTERNS), st.text(st.sampled_from("E019AZab@. \n٣\\Z"), max_size=6))
def test_patterns_mean_in_arrow_what_they_mean_in_python(pattern: str, text: str) -> None:
    verdict = matcher(pattern)(pa.array([text], pa.large_string())).to_pylist()
    assert verdict == [text == "" or re.fullmatch(pattern, text) is not None]
