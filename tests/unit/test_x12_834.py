"""The 834 reader: loops, separators, actions, envelopes, and an account of every segment."""

from __future__ import annotations

import os
import re
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.contract import Feed, From, Mode, Text
from concord.errors import ContractError, DeliveryRejected
from concord.parse.x12_834 import reread
from tests.unit.x12_files import (
    FEED,
    accounted,
    chunks,
    feed,
    full,
    interchange,
    member,
    opened,
    refusals,
    rows,
    text,
    transaction,
)

CORPUS = os.environ.get("CONCORD_CORPUS")
SAMPLES = sorted((Path(CORPUS) / "x12_834").iterdir()) if CORPUS else []
TWO = full(
    member(1),
    member(2, code="02", hd=("HD*030**HLT*P*FAM", "DTP*348*D8*20260101", "HD*030**DEN*D*FAM", "DTP*348*D8*20260201")),
)


def column(name: str, read: Text | None = None) -> dict[str, From]:
    """One more source column, in a canonical column that nothing else needs."""
    return {"division_code": From(name, read or Text())}


def said(data: bytes, source: str, contract: Feed = FEED) -> list[str]:
    agreed = feed(column(source))
    return rows(data, agreed)[source].tolist()


def rejection(data: bytes, contract: Feed = FEED) -> DeliveryRejected:
    with pytest.raises(DeliveryRejected) as caught:
        chunks(data, contract)
    return caught.value


# ── rows ──


def test_a_member_has_a_row_for_each_coverage_and_they_share_its_segments() -> None:
    found = rows(TWO)
    assert found[["REF*0F", "person", "line", "HD04", "effective"]].values.tolist() == [
        ["M000001", "01", "HLT", "PPO1", "20260101"],
        ["M000002", "02", "HLT", "P", "20260101"],
        ["M000002", "02", "DEN", "D", "20260201"],
    ]
    assert found[["at", "owns"]].values.tolist() == [[7, 10], [17, 10], [27, 2]]
    assert accounted(chunks(TWO)) == list(range(1, opened(TWO)._survey.line_count + 1))


def test_a_member_without_coverage_is_a_row_without_coverage() -> None:
    (found,) = rows(full(member(1, hd=("-",)))).to_dict("records")
    assert (found["line"], found["HD01"], found["effective"], found["NM103"]) == ("", "", "", "SAMPLEA")


def test_an_hd_that_means_no_coverage_is_none() -> None:
    (found,) = rows(full(member(1, hd=("HD*032**HLT",)), action="2")).to_dict("records")
    assert (found["line"], found["action"]) == ("", "audit")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("NM1*31/N301", "PO BOX 7"),
        ("NM1*70/NM109", "400550999"),
        ("HD/REF*1L", "HG7"),
        ("HD/AMT*P3", "12.50"),
        ("COB01", "P"),
        ("PER*HP", "5555550101"),
        ("LUI02", "SPA"),
        ("N1*IN/N104", "987654321"),
        ("HEADER/REF*38", "MASTER"),
        ("BGN02", "R0001"),
        ("DTP*336", "20200101"),
        ("HD/DTP*303", "20260301"),
        ("DTP*303", ""),
    ],
)
def test_an_element_is_taken_from_its_own_loop(source: str, expected: str) -> None:
    more = (
        "LUI*LE*SPA", "NM1*31*1", "N3*PO BOX 7", "N4*DOVER*DE*19901", "NM1*70*1*OLD*NAME****34*400550999",
        "DMG*D8*19700101*M",
    )  # fmt: skip
    hd = (
        "HD*030**HLT*PPO1*FAM", "DTP*348*D8*20260101", "DTP*303*D8*20260301", "AMT*P3*12.50", "REF*1L*HG7",
        "LX*1", "NM1*P3*1*DOC*TOR****SV*143766", "N3*2 CLINIC RD", "COB*P*890111*5", "REF*60*X", "NM1*IN*2*OTHER",
        "LS*2700", "LX*1", "N1*75*CATEGORY", "REF*17*ABC", "DTP*007*D8*19990101", "LE*2700",
    )  # fmt: skip
    own = member(1, more=more, hd=hd)
    own[4:4] = ["DTP*336*D8*20200101"]
    own[6:6] = ["PER*IP**TE*5555550100*HP*5555550101"]
    data = full(own, header=("REF*38*MASTER",))
    assert said(data, source) == [expected]
    whole = rows(data)
    assert whole[["N301", "DMG02", "effective", "NM103"]].values.tolist() == [
        ["1 ELM ST", "19800311", "20260101", "SAMPLEA"]
    ]


def test_what_stands_between_ls_and_le_is_no_coverage_and_no_reference() -> None:
    own = [*member(1), "LS*2700", "LX*1", "N1*75*X", "REF*23*99", "HD*021**DEN", "LE*2700"]
    assert rows(full(own))[["person", "line"]].values.tolist() == [["01", "HLT"]]


def test_two_values_of_one_reference_refuse_that_row_only() -> None:
    own = member(1)
    own[3:3] = ["REF*23*02"]
    assert refusals(full(own, member(2))) == [("x12.repeated_reference",)]
    own[3] = "REF*23*01"
    assert refusals(full(own, member(2))) == []


def test_a_range_of_dates_says_begin_and_end() -> None:
    (found,) = rows(full(member(1, hd=("HD*030**HLT*P*FAM", "DTP*348*RD8*20260101-20261231")))).to_dict("records")
    assert (found["effective"], found["end"]) == ("20260101", "20261231")


def test_the_first_of_repeated_elements_counts() -> None:
    own = [each.replace("INS*Y*18*030*XN*A***FT", "INS*Y*18*030*XN*A***FT^PT") for each in member(1)]
    assert rows(full(own))["INS08"].tolist() == ["FT"]


# ── actions ──


@pytest.mark.parametrize(
    ("ins03", "hd01", "in_changes", "in_replacement"),
    [
        ("001", "021", "add", ""), ("030", "030", "audit", ""), ("001", "024", "end", "end"),
        ("024", "030", "end", "end"),
        ("001", "002", "cancel", "cancel"), ("025", "025", "reinstate", ""), ("001", "026", "change", ""),
        ("024", "-", "end", "end"), ("001", "-", "change", ""), ("021", "-", "add", ""), ("001", "999", "", ""),
    ],
)  # fmt: skip
def test_member_and_coverage_act_on_their_own_levels(
    ins03: str, hd01: str, in_changes: str, in_replacement: str
) -> None:
    hd = ("-",) if hd01 == "-" else (f"HD*{hd01}**HLT*P*FAM", "DTP*348*D8*20260101")
    own = member(1, ins=f"INS*Y*18*{ins03}*XN*A***FT", hd=hd)
    found = [rows(full(own, action=action))["action"].tolist() for action in ("2", "RX")]
    assert found == [[in_changes], [in_replacement]]


def test_a_member_who_leaves_while_coverage_is_added_contradicts_itself() -> None:
    own = member(1, ins="INS*Y*18*024*XN*A***FT", hd=("HD*021**HLT", "DTP*348*D8*20260101"))
    assert refusals(full(own, member(2), action="2")) == [("x12.actions_disagree",)]
    assert refusals(full(own, member(2), action="RX")) == []


def test_an_end_without_its_own_date_takes_the_members() -> None:
    own = member(1, ins="INS*Y*18*024*XN*A***TE", hd=("HD*024**HLT", "DTP*348*D8*20260101"))
    own[4:4] = ["DTP*357*D8*20261130"]
    assert rows(full(own, action="2"))["end"].tolist() == ["20261130"]
    own[0] = "INS*Y*18*001*XN*A***FT"
    own[-2] = "HD*001**HLT"
    assert rows(full(own, action="2"))["end"].tolist() == [""]


def test_a_coverage_without_a_line_is_refused() -> None:
    assert refusals(full(member(1, hd=("HD*030", "DTP*348*D8*20260101")), member(2))) == [("x12.no_coverage_line",)]


# ── what a delivery says it is ──


@pytest.mark.parametrize(
    ("action", "mode"), [("RX", Mode.FULL), ("2", Mode.DELTA), ("4", Mode.COMPARE), ("", Mode.FULL)]
)
def test_bgn08_says_what_the_file_is(action: str, mode: Mode) -> None:
    assert opened(full(member(1), action=action)).said.mode is mode


def test_a_verify_file_replaces_where_that_was_agreed() -> None:
    agreed = feed(verify_file_policy="treat_as_replace")
    assert opened(full(member(1), action="4"), agreed).said.mode is Mode.FULL


def test_a_test_interchange_says_so() -> None:
    sent = [text(*interchange(transaction(member(1)), usage=usage)) for usage in "TP"]
    assert [opened(each).said.is_test for each in sent] == [True, False]


def test_sets_of_two_kinds_are_no_delivery() -> None:
    sets = transaction(member(1)), transaction(member(2), action="2", number="0002")
    assert rejection(text(*interchange(*sets))).code == "x12.mixed_purpose"


# ── envelopes ──


def test_a_wrong_count_rejects_its_set_and_not_the_other() -> None:
    bad = transaction(member(1), member(2))
    bad[-1] = "SE*99*0001"
    data = text(*interchange(bad, transaction(member(3), number="0002")))
    file = opened(data)
    found = list(file)
    assert [row.reasons for chunk in found for row in chunk.refused] == [("x12.set_rejected",)] * 2
    assert sum(len(chunk.frame) for chunk in found) == 1
    (sent,) = file.said.interchanges
    first, second = sent.groups[0].sets
    assert [(each.is_rejected, [(f.code, f.x12_code) for f in each.faults]) for each in (first, second)] == [
        (True, [("x12.segment_count", "4")]), (False, []),
    ]  # fmt: skip
    assert accounted(found) == list(range(1, file.line_count + 1))


@pytest.mark.parametrize(
    ("at", "instead", "code", "x12_code"),
    [
        (-1, "IEA*7*000000001", "x12.group_count", "021"),
        (-1, "IEA*1*000000009", "x12.interchange_number", "001"),
        (-2, "GE*2*1", "x12.set_count", "5"),
        (-2, "GE*1*2", "x12.group_number", "4"),
        (-3, "SE*5*0001", "x12.segment_count", "4"),
        (1, "GS*HP*PLAN*CONCORD*20261118*0900*1*X*005010X221A1", "x12.not_834", "1"),
        (2, "ST*999*0001*005010X231A1", "x12.not_834", "1"),
    ],
)
def test_what_is_wrong_with_an_envelope_is_named_with_its_code(at: int, instead: str, code: str, x12_code: str) -> None:
    segments = interchange(transaction(member(1)))
    segments[at] = instead
    error = rejection(text(*segments))
    (sent,) = error.interchanges
    faults = [
        *sent.faults,
        *(f for g in sent.groups for f in g.faults),
        *(f for g in sent.groups for s in g.sets for f in s.faults),
    ]
    assert error.code == code
    assert (code, x12_code) in [(fault.code, fault.x12_code) for fault in faults]


def test_member_totals_of_the_header_are_believed() -> None:
    header = ("QTY*TO*2", "QTY*ET*1", "QTY*DT*1")
    right = full(member(1), member(1, code="02"), header=header)
    assert len(rows(right)) == 2
    assert rejection(full(member(1), header=header)).code == "x12.member_total"


def test_two_interchanges_with_separators_of_their_own() -> None:
    first = text(*interchange(transaction(member(1))))
    second = first.translate(bytes.maketrans(b"*~^:", b"|\x1c!>"))
    found = rows(first + b"\r\n" + second)
    assert found["NM103"].tolist() == ["SAMPLEA", "SAMPLEA"]


def test_one_truncated_interchange_does_not_take_the_next_with_it() -> None:
    whole = text(*interchange(transaction(member(2)), number=2))
    cut = text(*interchange(transaction(member(1))))[:-60]
    found = chunks(cut + whole)
    assert ([row.reasons for c in found for row in c.refused], sum(len(c.frame) for c in found)) == (
        [("x12.interchange_rejected",)], 1,
    )  # fmt: skip


def test_what_stands_outside_of_interchanges_is_kept() -> None:
    found = chunks(b"INS*Y*18~REF*0F*1~" + full(member(1)))
    (kept,) = [row for chunk in found for row in chunk.refused]
    assert (kept.reasons, kept.raw[:5]) == (("x12.outside_interchange",), b"INS*Y")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "structure.empty"),
        (b"  \r\n", "structure.empty"),
        (b"EMPID,NAME\n1,2\n", "x12.no_interchange"),
        (text(*interchange(transaction())), "structure.no_rows"),
    ],
)
def test_no_834_is_rejected(data: bytes, code: str) -> None:
    assert rejection(data).code == code


@pytest.mark.parametrize("terms", [{"senders": ("OTHER",)}, {"versions": ("004010X095A1",)}, {"receivers": ("OTHER",)}])
def test_who_was_not_agreed_on_is_rejected(terms: dict[str, tuple[str, ...]]) -> None:
    assert rejection(full(member(1)), feed(**terms)).code in ("x12.sender", "x12.version", "x12.receiver")
    assert len(rows(full(member(1)), feed(senders=("PLAN",), receivers=("CONCORD",), versions=("005010X220A1",)))) == 1


# ── bytes ──


@pytest.mark.parametrize("end", ["~", "~\n", "~\r\n", "\n", "\r\n", "'\n"])
def test_any_line_end_gives_the_same_rows(end: str) -> None:
    segments = interchange(transaction(member(1), member(2)))
    pd.testing.assert_frame_equal(rows(text(*segments, end=end)), rows(text(*segments)))


def test_a_byte_order_mark_and_blank_lines_before_are_no_segments() -> None:
    assert rows(b"\xef\xbb\xbf\r\n\r\n" + TWO)["at"].tolist() == rows(TWO)["at"].tolist()


@pytest.mark.parametrize(("byte", "reason"), [(b"\xff", "record.encoding"), (b"\0", "record.nul")])
def test_bytes_that_are_no_text_refuse_their_member_only(byte: bytes, reason: str) -> None:
    data = full(member(1), member(2)).replace(b"SAMPLEA", b"SAM" + byte + b"PLE")
    assert refusals(data) == [(reason,)]
    assert rows(data)["NM103"].tolist() == ["SAMPLEB"]


def test_a_member_that_is_too_long_is_refused_alone() -> None:
    long = member(1, more=["REF*ZZ*" + "X" * 900 for _ in range(20)])
    agreed = feed(max_segment_bytes=1_000, max_member_bytes=2_000)
    found = chunks(full(long, member(2)), agreed, block_bytes=500)
    assert {reason for c in found for row in c.refused for reason in row.reasons} == {"record.too_long"}
    assert [name for c in found for name in c.frame["NM103"]] == ["SAMPLEB"]
    assert accounted(found) == list(range(1, accounted(found)[-1] + 1))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3_000))
def test_where_blocks_begin_does_not_matter(size: int) -> None:
    pd.testing.assert_frame_equal(rows(TWO, block_bytes=size), rows(TWO))


# ── persons ──


def test_a_made_person_code_is_stable_and_tells_twins_apart() -> None:
    agreed = feed(person_code=None)
    twins = [
        member(1, code=code, ins=f"INS*N*19*030*XN*A*********N{'*' * 3}{seq}") for code, seq in (("02", 1), ("02", 2))
    ]
    twins[1] = [each.replace("KIM02", "KAY02") for each in twins[1]]
    codes = rows(full(member(1), *twins), agreed)["person"].tolist()
    again = rows(full(twins[1], member(1)), agreed)["person"].tolist()
    assert (codes[0], len(set(codes)), again) == ("01", 3, [codes[2], "01"])
    assert all(re.fullmatch("D[0-9A-F]{4}", code) for code in codes[1:])


# ── read again ──


def test_a_row_can_be_read_again_from_what_is_kept_of_it() -> None:
    (chunk,) = [each for each in chunks(TWO) if len(each.frame)]
    again = reread([chunk.raw(at) for at in range(3)], chunk.lines.tolist(), FEED)
    found = pd.concat([each.frame for each in again], ignore_index=True)
    pd.testing.assert_frame_equal(found, chunk.frame)
    lines = [
        line
        for each in reread([chunk.raw(at) for at in range(3)], chunk.lines.tolist(), FEED)
        for line in each.line.tolist()
    ]
    assert lines == [2, 12, 22]
    assert again.line_count == 1 + 22


def test_what_a_rejected_set_kept_is_read_without_its_envelope() -> None:
    bad = transaction(member(1), member(2))
    bad[-1] = "SE*99*0001"
    data = text(*interchange(bad, transaction(member(3), number="0002")))
    kept = [row for chunk in chunks(data) for row in chunk.refused]
    again = reread([row.raw for row in kept], [row.lines for row in kept], FEED)
    assert [name for chunk in again for name in chunk.frame["NM103"]] == ["SAMPLEA", "SAMPLEB"]


# ── contracts ──


@pytest.mark.parametrize(
    "terms",
    [
        {"verify_file_policy": "maybe"}, {"control_numbers": "sometimes"}, {"person_code": "person"},
        {"max_segment_bytes": 10}, {"person_code": "no such thing"},
    ],
)  # fmt: skip
def test_terms_that_contradict_themselves_cannot_be_agreed(terms: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        feed(**terms)


def test_a_source_column_has_to_be_an_element() -> None:
    with pytest.raises(ContractError):
        feed(column("HD-03"))


# ── real files ──


@pytest.mark.skipif(not SAMPLES, reason="CONCORD_CORPUS is not set")
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_real_files_are_read_and_every_segment_is_accounted_for(sample: Path) -> None:
    data = sample.read_bytes()
    file = opened(data, feed(person_code=None))
    found = list(file)
    segments = [each for each in re.split(rb"~\s*", data.strip()) if each]
    members = sum(each.startswith(b"INS*") for each in segments)
    assert accounted(found) == list(range(1, len(segments) + 1))
    assert len({row["at"] for row in rows(data, feed(person_code=None)).to_dict("records")}) == members
    assert [refused for chunk in found for refused in chunk.refused] == []


@pytest.mark.parametrize("seed", range(30))
def test_damaged_bytes_cost_no_exception_and_no_segment(seed: int) -> None:
    rng, data = Random(seed), bytearray(full(*(member(n) for n in range(1, 6))))
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] = rng.choice(b"*~\n\0\xffAIS0^:")
    try:
        found = chunks(bytes(data))
    except DeliveryRejected:
        return
    lines = accounted(found)
    assert lines == list(range(1, len(lines) + 1))


def test_a_nul_refuses_the_member_that_has_it_whatever_the_blocks() -> None:
    """Not the one before, which ends a block, and none for what only stands between two segments."""
    people = [member(number) for number in range(1, 9)]
    people[4][4] = people[4][4].replace("SAMPLE", "SAM\0PLE")
    data = full(*people)
    for size in (300, 500, 700, 900, 4 << 20):
        refused = [each for chunk in chunks(data, block_bytes=size) for each in chunk.refused]
        assert [each.reasons for each in refused] == [("record.nul",)]
        assert b"SAM\0PLE" in refused[0].raw
    assert refusals(full(*people[:4]).replace(b"~\n", b"~\0")) == []


@pytest.mark.parametrize("place", ["behind SE", "behind GE"])
def test_a_member_behind_a_set_is_of_none(place: str) -> None:
    segments = interchange(transaction(member(1)))
    at = -2 if place == "behind SE" else -1
    segments[at:at] = member(2)
    assert refusals(text(*segments)) == [("x12.no_set",)]
    assert rows(text(*segments))["NM103"].tolist() == ["SAMPLEA"]


@pytest.mark.parametrize("size", [500, 1_000, 5_000, 4 << 20])
def test_both_passes_count_a_segment_that_is_too_long_once(size: int) -> None:
    """Whatever the blocks: else lines differ, and a rejected set lends its verdict to the next."""
    long = transaction(member(1), member(3, more=["REF*ZZ*" + "X" * 40_000]))
    bad = transaction(member(4), number="0002")
    bad[-1] = "SE*99*0002"
    data = text(*interchange(long, bad, transaction(member(5), number="0003")))
    agreed = feed(max_segment_bytes=600, max_member_bytes=60_000)
    found = chunks(data, agreed, block_bytes=size)
    assert [name for chunk in found for name in chunk.frame["NM103"]] == ["SAMPLEA", "SAMPLEE"]
    assert [each.reasons for chunk in found for each in chunk.refused] == [("record.too_long",), ("x12.set_rejected",)]


@pytest.mark.parametrize("size", [200, 300, 500, 700, 3_000])
@pytest.mark.parametrize("much", [30, 200, 1_000])
def test_what_is_outside_takes_no_interchange_along_wherever_blocks_end(size: int, much: int) -> None:
    first, second = (text(*interchange(transaction(member(n), member(n + 2)), number=n)) for n in (1, 2))
    file = opened(first + b"no interchange, " * much + second, block_bytes=size)
    assert sum(len(chunk.frame) for chunk in file) == 4
    assert file.line_count == file._survey.line_count


def test_many_sets_take_no_quadratic_time() -> None:
    data = text(*interchange(*(transaction(member(1), number=f"{number:06d}") for number in range(3_000))))
    (sent,) = opened(data).said.interchanges
    assert len(sent.groups[0].sets) == 3_000


def test_a_line_end_inside_a_segment_is_not_read_as_part_of_a_value() -> None:
    people = [member(1), member(2)]
    people[0][4] = people[0][4].replace("SAMPLE", "SAM\r\nPLE")
    assert refusals(full(*people)) == [("x12.line_break",)]
    assert rows(full(*people))["NM103"].tolist() == ["SAMPLEB"]


def test_a_tag_that_a_line_end_tears_rejects_its_set() -> None:
    """The dependent's coverage would be the subscriber's."""
    own = member(1, code="02", hd=("HD*030**VIS*V1*FAM", "DTP*348*D8*20260101"))
    own[0] = own[0].replace("INS", "IN\nS")
    sets = transaction(member(1), own), transaction(member(3), number="0002")
    assert refusals(text(*interchange(*sets))) == [("x12.set_rejected", "x12.line_break")]
    assert rows(text(*interchange(*sets)))["NM103"].tolist() == ["SAMPLEC"]


def test_reporting_categories_that_nothing_ends_take_no_coverage_along() -> None:
    own = [*member(1), "LS*2700", "LX*1", "N1*75*X", "REF*23*99", "HD*030**DEN*D*FAM", "DTP*348*D8*20260201"]
    found = rows(full(own, member(2)))
    assert found[["person", "line", "effective"]].values.tolist() == [
        ["01", "HLT", "20260101"], ["01", "DEN", "20260201"], ["01", "HLT", "20260101"],
    ]  # fmt: skip
