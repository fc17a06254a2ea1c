"""What is generated, written and read again is what was generated, whatever the format's options."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.contract import Coding, Feed, FixedColumn, FixedWidth, Framing, From, Positions, Text
from concord.parse.fixed_width import FixedWidthFile
from concord.parse.x12_834 import X12834File
from concord.sandbox.writing import fixed_width
from concord.sandbox.writing.fixed_width import Field, Kind
from concord.sandbox.writing.loops import MemberLoop
from concord.sandbox.writing.members import loops, stream
from concord.sandbox.writing.x12_834 import Batch, Envelope, Separators, Totals, write
from tests.unit.acme_rows import ACME
from tests.unit.x12_files import feed as feed_834

AS_OF = date(2026, 11, 18)
MARKS = (
    Separators(), Separators(line_end="\n"), Separators(line_end="\r\n"), Separators("|", "}", ">", "\n"),
    Separators("!", "`", "<", "\\", "\r\n"), Separators("\t", "^", ":", "'"),
)  # fmt: skip
SETTINGS = settings(max_examples=40, deadline=None)


def rows_of(file: Any) -> pd.DataFrame:
    chunks = list(file)
    assert [each for chunk in chunks for each in chunk.refused] == []
    return pd.concat([chunk.frame for chunk in chunks], ignore_index=True)


def compact(day: date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


def wanted(member: MemberLoop) -> list[dict[str, str]]:
    """The rows of a member, taken from what was meant and not from what was written."""
    references, dates, contacts = dict(member.references), dict(member.dates), dict(member.contacts)
    person = {
        "INS02": member.relationship, "INS08": member.employment, "INS13": member.confidentiality,
        "INS17": member.birth_sequence, "REF*0F": member.subscriber_id, "REF*Q4": references.get("Q4", ""),
        "person": references.get("23", ""), "NM103": member.name.last, "NM104": member.name.first,
        "ssn": member.name.ssn, "DMG02": compact(member.born), "DMG03": member.sex,
        "N401": member.address.city if member.address else "", "PER*TE": contacts.get("TE", ""),
        "PER*EM": contacts.get("EM", ""), "DTP*336": compact(dates.get("336")), "group": member.group,
        "NM1*31/N401": member.mailing.city if member.mailing else "",
        "NM1*70/NM103": member.former.last if member.former else "",
    }  # fmt: skip
    return [
        person | {
            "line": each.line, "HD04": each.plan, "HD05": each.tier, "effective": compact(each.start),
            "end": compact(each.end), "HD/AMT*P3": each.premium,
            "COB01": each.benefits[0].order if each.benefits else "",
        }
        for each in member.coverages
    ]  # fmt: skip


@SETTINGS
@given(
    seed=st.integers(0, 10_000), count=st.integers(1, 12), marks=st.sampled_from(MARKS), sets=st.integers(1, 3),
    groups=st.integers(1, 2), interchanges=st.integers(1, 2), totals=st.booleans(),
    block=st.sampled_from((300, 1_000, 4 << 20)),
)  # fmt: skip
def test_members_of_an_834_come_back(
    seed: int, count: int, marks: Separators, sets: int, groups: int, interchanges: int, totals: bool, block: int
) -> None:
    members = list(loops(stream(seed, count, AS_OF), seed=seed))
    batch = Batch(members, totals=Totals.of(members) if totals else None)
    out = io.BytesIO()
    for number in range(interchanges):
        write(out, Envelope(number + 1, separators=marks), [[batch] * sets] * groups)
    expected = [row for each in members for row in wanted(each)] * (sets * groups * interchanges)
    sources = {name: From(name, Text()) for name in expected[0]}
    feed = feed_834()
    object.__setattr__(feed, "columns", sources)  # a mapping of names to themselves is no contract
    out.seek(0)
    read = rows_of(X12834File(out, feed, block_bytes=block))
    pd.testing.assert_frame_equal(read, pd.DataFrame(expected, dtype="str")[list(read.columns)], check_dtype=False)


# ── fixed width ──

LAYOUT = (
    Field("TEXT", 12), Field("PLAIN", 6, Kind.NUMBER), Field("ZONED", 5, Kind.ZONED), Field("LAST", 7),
    Field("UNSIGNED", 4, Kind.ZONED, signed=False),
)  # fmt: skip
PACKED = (*LAYOUT, Field("PACKED", 4, Kind.PACKED), Field("BARE", 3, Kind.PACKED, signed=False))
CODINGS = {Kind.ZONED: Coding.ZONED, Kind.PACKED: Coding.PACKED}
WORDS = st.text("ABCxyz áñßÜ-'0", max_size=12).map(str.strip)


def layout_of(fields: Sequence[Field]) -> tuple[FixedColumn, ...]:
    columns, at = [], 1
    for field in fields:
        padding = "0" if field.kind in CODINGS else " "
        columns.append(
            FixedColumn(field.name, at, field.length, coding=CODINGS.get(field.kind, Coding.TEXT), padding=padding)
        )
        at += field.length
    return tuple(columns)


def fixed_feed(fields: Sequence[Field], **form: Any) -> Feed:
    feed = replace(ACME)
    object.__setattr__(feed, "format", FixedWidth(layout_of(fields), **form))
    object.__setattr__(feed, "columns", {field.name: From(field.name, Text()) for field in fields})
    return feed


def values(digits: int, *, signed: bool = True) -> st.SearchStrategy[str]:
    return st.integers(-(10**digits) + 1 if signed else 0, 10**digits - 1).map(str)


@SETTINGS
@given(
    rows=st.lists(
        st.tuples(WORDS, values(6, signed=False), values(5), WORDS.map(lambda text: text[:7].strip()),
                  values(4, signed=False), values(7), values(5, signed=False)),
        min_size=1, max_size=8,
    ),
    form=st.sampled_from(("lines", "windows", "characters", "ebcdic", "ebcdic lines")),
    size=st.sampled_from((40, 97, 4 << 20)),
)  # fmt: skip
def test_fixed_rows_come_back(rows: list[tuple[str, ...]], form: str, size: int) -> None:
    encoding = {"characters": "utf-8", "ebcdic": "cp037", "ebcdic lines": "cp037"}.get(form, "latin-1")
    fields = PACKED if form == "ebcdic" else LAYOUT
    end = {"ebcdic": None, "windows": "\r\n", "ebcdic lines": "\x85"}.get(form, "\n")
    out = io.BytesIO()
    told = [row[: len(fields)] for row in rows]
    fixed_width.write(out, fields, told, encoding=encoding, line_end=end)
    out.seek(0)
    framing = Framing.LENGTH if form == "ebcdic" else Framing.LINES
    positions = Positions.CHARACTERS if form == "characters" else None
    feed = fixed_feed(fields, encoding=encoding, framing=framing, positions=positions)
    read = rows_of(FixedWidthFile(out, feed, block_bytes=size))
    expected = [[value.zfill(6) if at == 1 else value for at, value in enumerate(row)] for row in told]
    assert read.values.tolist() == expected
