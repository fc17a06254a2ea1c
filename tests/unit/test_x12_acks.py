"""TA1 and 999: what they say, and that pyx12, who wrote none of it, finds nothing wrong with them."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.interchange import Fault, FunctionalGroup, Interchange, TransactionSet
from concord.publish.x12_acks import implementation_acknowledgement, is_ta1_wanted, ta1

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SET = TransactionSet("0001", "005010X220A1", "00", "R1", "RX", 3, 30, 4, 6)
GROUP = FunctionalGroup("17", "BE", "PLAN", "CONCORD", "005010X220A1", 1, (SET,))
SENT = Interchange("000000905", "ZZ", "PLAN", "30", "CONCORD", "261120", "0900", "00501", "P", True, groups=(GROUP,))
COUNT = Fault("x12.segment_count", "4", "SE")


def segments(content: bytes) -> list[list[str]]:
    return [each.split("*") for each in content.decode().replace("~\n", "~").split("~") if each]


def of(tag: str, content: bytes) -> list[list[str]]:
    return [each for each in segments(content) if each[0] == tag]


def with_sets(*sets: TransactionSet, **group: Any) -> Interchange:
    return replace(SENT, groups=(replace(GROUP, sets=sets, declared=len(sets), **group),))


BAD = replace(SET, control_number="0002", is_rejected=True, faults=(COUNT,))


@pytest.mark.parametrize(
    ("sets", "ik5", "ak9"),
    [
        ((SET,), [["IK5", "A"]], ["AK9", "A", "1", "1", "1"]),
        ((SET, BAD), [["IK5", "A"], ["IK5", "R", "4"]], ["AK9", "P", "2", "2", "1"]),
        ((BAD,), [["IK5", "R", "4"]], ["AK9", "R", "1", "1", "0"]),
        ((replace(SET, faults=(COUNT,)),), [["IK5", "E", "4"]], ["AK9", "E", "1", "1", "1"]),
    ],
)
def test_each_set_and_their_group_are_acknowledged(
    sets: tuple[TransactionSet, ...], ik5: list[list[str]], ak9: list[str]
) -> None:
    content = implementation_acknowledgement(with_sets(*sets), 7, NOW)
    assert (of("IK5", content), of("AK9", content)) == (ik5, [ak9])
    assert of("AK1", content) == [["AK1", "BE", "17", "005010X220A1"]]
    assert [each[2] for each in of("AK2", content)] == [each.control_number for each in sets]


def test_a_group_that_is_rejected_accepts_no_set() -> None:
    group = replace(GROUP, is_rejected=True, declared=3, faults=(Fault("x12.set_count", "5", "GE"),))
    content = implementation_acknowledgement(replace(SENT, groups=(group,)), 7, NOW)
    assert of("AK9", content) == [["AK9", "R", "3", "1", "0", "5"]]


def test_it_goes_back_to_whom_it_came_from_under_a_number_of_our_own() -> None:
    (isa,), (gs,) = (of(tag, implementation_acknowledgement(SENT, 7, NOW)) for tag in ("ISA", "GS"))
    assert (isa[5], isa[6].strip(), isa[7], isa[8].strip(), isa[13]) == ("30", "CONCORD", "ZZ", "PLAN", "000000007")
    assert gs[1:4] == ["FA", "CONCORD", "PLAN"]


@pytest.mark.parametrize(
    ("faults", "is_rejected", "said"),
    [
        ((), False, ["A", "000"]),
        ((Fault("x12.interchange_number", "001", "IEA"),), True, ["R", "001"]),
        ((Fault("x12.repeated_control_number", "025"),), True, ["R", "025"]),
    ],
)
def test_an_interchange_is_acknowledged_by_a_ta1(faults: tuple[Fault, ...], is_rejected: bool, said: list[str]) -> None:
    sent = replace(SENT, faults=faults, is_rejected=is_rejected)
    (found,) = of("TA1", ta1(sent, 8, NOW))
    assert found == ["TA1", "000000905", "261120", "0900", *said]


def test_a_ta1_is_sent_where_it_was_asked_for_or_says_something() -> None:
    quiet = replace(SENT, acknowledge=False)
    assert [is_ta1_wanted(each) for each in (SENT, quiet, replace(quiet, faults=(COUNT,)))] == [True, False, True]


def test_a_partners_values_cannot_break_out_of_their_element() -> None:
    content = implementation_acknowledgement(replace(SENT, sender="A*B~C^D:E\n\x07Ü"), 7, NOW)
    assert len(of("ISA", content)[0]) == 17
    assert len(content.split(b"~\n")[0]) == 105


# ── the oracle ──


def pyx12_says(content: bytes) -> tuple[bool, str]:
    """Whether pyx12 finds the document valid, and its errors."""
    import logging

    from pyx12 import params, x12n_document

    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ack.edi"
        path.write_bytes(content)
        out = io.StringIO()
        try:
            valid = x12n_document.x12n_document(params.params(), str(path), fd_997=out, fd_html=None)
        finally:
            logging.disable(logging.NOTSET)
    return bool(valid), out.getvalue()


CODES = st.sampled_from(["1", "2", "3", "4", "5"])
SETS = st.builds(
    lambda number, rejected, codes: replace(
        SET, control_number=f"{number:04d}", is_rejected=rejected,
        faults=tuple(Fault("x12.fault", code) for code in codes) if rejected else (),
    ),
    st.integers(1, 9999), st.booleans(), st.lists(CODES, min_size=1, max_size=7),
)  # fmt: skip
GROUPS = st.builds(
    lambda number, sets, rejected: replace(
        GROUP, control_number=str(number), sets=tuple(sets), declared=len(sets), is_rejected=rejected,
        faults=(Fault("x12.set_count", "5"),) if rejected else (),
    ),
    st.integers(1, 999_999_999), st.lists(SETS, min_size=1, max_size=4, unique_by=lambda each: each.control_number),
    st.booleans(),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(GROUPS, min_size=1, max_size=3), st.integers(1, 999_999_999))
def test_pyx12_finds_nothing_wrong_with_a_999(groups: list[FunctionalGroup], number: int) -> None:
    valid, errors = pyx12_says(implementation_acknowledgement(replace(SENT, groups=tuple(groups)), number, NOW))
    assert valid, errors


def test_pyx12_would_have_found_something() -> None:
    content = implementation_acknowledgement(SENT, 7, NOW)
    assert pyx12_says(content)[0]
    assert not pyx12_says(content.replace(b"AK9*A", b"AK9*Q"))[0]
