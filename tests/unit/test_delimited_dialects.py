"""Delimited text in every dialect a partner may have: read as it was written, and no line lost when it is broken."""

from __future__ import annotations

import csv
import io
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.contract import Delimited, Feed
from concord.errors import DeliveryRejected
from concord.parse import Chunk
from concord.parse import flaws as judging
from concord.parse import marks as module
from concord.parse.delimited import DelimitedFile
from concord.parse.flaws import Layout
from concord.parse.grammar import Dialect
from concord.parse.header import dialect
from concord.parse.marks import marks
from concord.parse.rereading import RereadRecords
from concord.parse.values import _read_table, cut
from tests.unit.acme_rows import ROW, acme, row

DIALECTS: dict[str, dict[str, Any]] = {
    "no quote": {"delimiter": "|", "quote": None},
    "two bars": {"delimiter": "||"},
    "tilde bar": {"delimiter": "~|~", "quote": None},
    "unit separator": {"delimiter": "\x1f", "quote": None},
    "start of heading": {"delimiter": "\x01", "quote": "'"},
    "escapes in quotes": {"escape": "\\"},
    "escapes without quotes": {"delimiter": "|", "quote": None, "escape": "\\"},
    "escapes and two bars": {"delimiter": "||", "quote": None, "escape": "\\"},
    "quotes that are not doubled": {"inner_quotes": "literal"},
    "cp1252 and two bars": {"delimiter": "||", "encoding": "cp1252"},
}
EVERY = pytest.mark.parametrize("form", [pytest.param(Delimited(**d), id=name) for name, d in DIALECTS.items()])


def written(values: list[str], form: Delimited) -> str:
    """A record as the dialect has it, written by nothing of Concord's."""
    return form.delimiter.join(_field(value, form) for value in values)


def _field(value: str, form: Delimited) -> str:
    if form.escape is not None:
        special = {*form.delimiter, form.escape, form.quote}
        value = "".join(form.escape + sign if sign in special else sign for sign in value)
        return f"{form.quote}{value}{form.quote}" if form.quote else value
    if form.quote is None:
        return value
    return (
        form.quote
        + (value if form.inner_quotes == "literal" else value.replace(form.quote, 2 * form.quote))
        + form.quote
    )


def bytes_of(form: Delimited, *rows: dict[str, str], end: str = "\n") -> bytes:
    records = [list(ROW), *([values[name] for name in ROW] for values in rows)]
    return "".join(written(record, form) + end for record in records).encode(form.encoding)


def parse(data: bytes, form: Delimited, **options: int) -> tuple[DelimitedFile, list[Chunk]]:
    delivery = DelimitedFile(io.BytesIO(data), acme(format=form), **options)
    return delivery, list(delivery)


def account(chunks: list[Chunk]) -> dict[int, str]:
    """What became of each line; a line that is accounted for twice fails."""
    found: dict[int, str] = {}
    for chunk in chunks:
        spans = [*zip(chunk.line.tolist(), chunk.lines.tolist(), ["row"] * len(chunk.line), strict=True)]
        spans += [(each.line, each.lines, ",".join(each.reasons)) for each in chunk.refused]
        spans += [(each.line, each.lines, each.reason) for each in chunk.ignored]
        spans += [(line, 1, "control") for line in chunk.control]
        for first, count, what in spans:
            for line in range(first, first + count):
                assert line not in found
                found[line] = what
    return found


HARD = {
    "no quote": 'O"Brien, "Jr"',
    "two bars": 'a|b "c" ,',
    "tilde bar": 'a~b|c~ "',
    "escapes in quotes": 'a,b "c" \\ d\\',
    "escapes without quotes": 'a|b "c" \\ d\\',
    "escapes and two bars": "a||b|c \\",
    "quotes that are not doubled": 'O"Brien, "Jr',
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", DIALECTS)
def test_values_are_read_as_they_were_written(name: str, end: str) -> None:
    form = Delimited(**DIALECTS[name])
    values = row(LASTNAME=HARD.get(name, "Peña"), COVEND="")
    _, (chunk,) = parse(bytes_of(form, row(), values, end=end), form)
    assert not chunk.refused
    assert chunk.frame.to_dict("records") == [row(), values]


def alphabet(form: Delimited) -> st.SearchStrategy[str]:
    signs = "ab\\\"'|~, ñ\x1f"
    if form.quote is None and form.escape is None:
        signs = "".join(sign for sign in signs if sign not in form.delimiter)
    if form.inner_quotes == "literal":
        signs = signs.replace(",", "")
    return st.text(st.sampled_from(signs), max_size=6)


@EVERY
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read(form: Delimited, data: st.DataObject) -> None:
    texts = st.lists(alphabet(form), min_size=3, max_size=3)
    rows = [row(LASTNAME=a, STREET=b, COVEND=c) for a, b, c in data.draw(st.lists(texts, min_size=1, max_size=5))]
    _, (chunk,) = parse(bytes_of(form, *rows), form)
    assert not chunk.refused
    assert chunk.frame.to_dict("records") == rows


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.text(st.sampled_from('ab\\",|\n'), max_size=5), min_size=3, max_size=3), min_size=1),
    st.booleans(),
)
def test_what_the_csv_module_writes_with_escapes_is_read(table: list[list[str]], quoted: bool) -> None:
    """The independent writer; line ends only in quotes."""
    form = Delimited(escape="\\", quote='"')
    text = io.StringIO()
    writer = csv.writer(text, escapechar="\\", doublequote=False, quoting=csv.QUOTE_ALL, lineterminator="\n")
    cells = [[cell if quoted else cell.replace("\n", "") for cell in cells] for cells in table]
    rows = [row(LASTNAME=a, STREET=b, CITY=c) for a, b, c in cells]
    writer.writerows([list(ROW), *([values[name] for name in ROW] for values in rows)])
    _, chunks = parse(text.getvalue().encode(), form)
    read = [values for chunk in chunks for values in chunk.frame.to_dict("records")]
    refused = {reason for chunk in chunks for each in chunk.refused for reason in each.reasons}
    assert refused <= {"record.escape"}
    assert read == rows or refused


def test_an_escape_with_nothing_to_escape_refuses_its_line_alone() -> None:
    form = Delimited(delimiter="|", quote=None, escape="\\")
    data = bytes_of(form, row(COVEND="x"), row()).replace(b"|x\n", b"|x\\\n")
    _, (chunk,) = parse(data, form)
    assert [(each.line, each.reasons) for each in chunk.refused] == [(2, ("record.escape",))]
    assert len(chunk.frame) == 1


@pytest.mark.parametrize("name", ['"O"Brien, x"', '"O"Brien', 'O"Brien', '"a", b"'])
def test_literal_quotes_are_read_where_one_reading_is_possible(name: str) -> None:
    form = Delimited(inner_quotes="literal")
    data = bytes_of(form, row(), row()).replace(b'"Testman"', name.encode(), 1)
    _, (chunk,) = parse(data, form)
    sound = name == '"O"Brien, x"'
    assert [each.reasons for each in chunk.refused] == ([] if sound else [("record.quote",)])
    assert len(chunk.frame) == 1 + sound
    assert not sound or chunk.frame["LASTNAME"][0] == 'O"Brien, x'


def test_without_the_contracts_word_inner_quotes_are_refused() -> None:
    """Negative control, and what was agreed before."""
    data = bytes_of(Delimited(inner_quotes="literal"), row(LASTNAME='O"Brien'))
    with_word, without = Delimited(inner_quotes="literal"), Delimited()
    assert len(parse(data, with_word)[1][0].frame) == 1
    assert [each.reasons for each in parse(data, without)[1][0].refused] == [("record.quote",)]


def test_without_telling_overlaps_apart_a_bar_of_a_value_would_be_a_delimiter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: ``a|||b`` has one delimiter, and two places where one could begin."""
    form = Delimited(delimiter="||", quote=None)
    data = bytes_of(form, row(STREET="|x"))
    assert parse(data, form)[1][0].frame["STREET"][0] == "|x"
    monkeypatch.setattr(module, "_apart", lambda found, _width: found)
    assert parse(data, form)[1][0].refused


def test_without_looking_at_escapes_a_line_would_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    form = Delimited(escape="\\")
    data = bytes_of(form, row(LASTNAME='O"Brien'))
    assert not parse(data, form)[1][0].refused
    monkeypatch.setattr(module, "_escapes", lambda buffer, _escape: np.flatnonzero(buffer > 255))
    assert parse(data, form)[1][0].refused


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from('ab",|\\ñ'), max_size=6), min_size=3, max_size=3), st.sampled_from(["", "\\"]))
def test_what_is_cut_here_is_what_arrow_reads(values: list[str], escape: str) -> None:
    form = Delimited(escape=escape or None)
    spoken = dialect(form)
    data = (written(values, form) + "\n").encode() * 2
    layout = Layout(spoken.delimiter, spoken.quote, 3, "utf-8", 1 << 20, escape=spoken.escape)
    arrow = _read_table(data, layout, 3, ["0", "1", "2"], False)
    assert cut(data, spoken, 3, [0, 1, 2]).to_pydict() == arrow.to_pydict()
    assert [column[0] for column in arrow.to_pydict().values()] == values


@pytest.mark.parametrize(
    "spoken", [Dialect(b",", b'"'), Dialect(b"||", b'"', b"\\"), Dialect(b"|", b"", b"\\")], ids=str
)
@settings(max_examples=100, deadline=None)
@given(text=st.text(st.sampled_from('a",|\\'), max_size=12))
def test_one_record_and_whole_blocks_are_judged_alike(spoken: Dialect, text: str) -> None:
    raw = text.encode()
    buffer = np.frombuffer(raw + b"\n", dtype=np.uint8)
    found = marks(buffer, spoken, np.array([len(buffer)]))
    layout = Layout(spoken.delimiter, spoken.quote, 1, "utf-8", 1 << 20, escape=spoken.escape)
    view = judging.View(buffer, layout, np.array([0]), np.array([len(raw)]), found)
    broken = len(found.quotes) % 2 or int(view.flaws(np.zeros(0, np.int64))[0]) & (
        judging.Flaw.QUOTE | judging.Flaw.ESCAPE
    )
    count = spoken.grammar.count(raw)
    assert bool(count) == (not broken)
    assert not count or count == view.fields[0] == len(spoken.grammar.fields(raw))


# ── lines that are no rows ─────────────────────────────────────────────────────


def test_a_preamble_and_comments_are_ignored_with_their_reasons() -> None:
    form = Delimited(preamble_lines=2, comment="#")
    body = bytes_of(form, row(), row()).splitlines(keepends=True)
    data = b'Report "of, today\n\n# it"s mine\n' + body[0] + b'# "half\n' + body[1] + b"#\n" + body[2]
    delivery, chunks = parse(data, form)
    assert account(chunks) == {
        1: "preamble", 2: "preamble", 3: "comment", 4: "control", 5: "comment", 6: "row", 7: "comment", 8: "row",
    }  # fmt: skip
    assert delivery.line_count == 8


def test_without_the_contracts_word_a_comment_is_a_broken_record() -> None:
    """Negative control."""
    data = bytes_of(Delimited(), row()) + b"# made by hand\n"
    assert [each.reasons for each in parse(data, Delimited())[1][0].refused] == [("record.field_count",)]


def test_a_line_of_a_quoted_value_that_looks_like_a_comment_is_none() -> None:
    form = Delimited(comment="#")
    _, (chunk,) = parse(bytes_of(form, row(STREET="1 Sample Way\n# 5")), form)
    assert chunk.frame["STREET"][0] == "1 Sample Way\n# 5"


@pytest.mark.parametrize("final_newline", [True, False])
@pytest.mark.parametrize("block_bytes", [64, 100, 1 << 20])
def test_one_end_mark_is_ignored_and_accounted_for(final_newline: bool, block_bytes: int) -> None:
    form = Delimited(final_newline=final_newline)
    delivery, chunks = parse(bytes_of(form, row(), end="\r\n") + b"\x1a", form, block_bytes=block_bytes)
    assert account(chunks) == {1: "control", 2: "row", 3: "end_mark"}
    assert delivery.line_count == 3


def test_two_end_marks_are_no_end() -> None:
    with pytest.raises(DeliveryRejected, match=r"structure\.no_final_terminator"):
        parse(bytes_of(Delimited(), row()) + b"\x1a\x1a", Delimited())


def test_names_are_found_whatever_their_case_and_blanks() -> None:
    form = Delimited(header_case="folded")
    data = bytes_of(form, row()).replace(b"EMPID", b" EmpId ", 1).replace(b"DOB", b"dob", 1)
    delivery, (chunk,) = parse(data, form)
    assert (delivery.columns, bool(delivery.drift)) == (tuple(ROW), False)
    assert chunk.frame.to_dict("records") == [row()]
    with pytest.raises(DeliveryRejected, match=r"structure\.missing_column"):
        parse(data, Delimited())
    with pytest.raises(DeliveryRejected, match=r"structure\.duplicate_column"):
        parse(data.replace(b"CITY", b"empid", 1), form)


# ── mutants ────────────────────────────────────────────────────────────────────


def mutant(data: bytes, seed: int) -> bytes:
    random = Random(seed)
    spoiled = bytearray(data)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(spoiled))
        sign = random.choice(b'"\\|~,\n\r\x00\xff\x1a#\x1f\x01EeD')
        if random.random() < 0.5:
            spoiled[at] = sign
        elif random.random() < 0.5:
            spoiled.insert(at, sign)
        else:
            del spoiled[at]
    return bytes(spoiled)


@EVERY
def test_three_hundred_mutants_are_accounted_for_whatever_the_size_of_blocks(form: Delimited) -> None:
    good = bytes_of(form, *(row(EMPID=f"E{number:07d}") for number in range(12)))
    read = 0
    for seed in range(300):
        data = mutant(good, seed)
        outcomes = []
        for block_bytes in (1 << 20, 150):
            if block_bytes == 150 and seed % 3:
                continue
            try:
                delivery, chunks = parse(data, form, block_bytes=block_bytes)
            except DeliveryRejected:
                outcomes.append({})
                continue
            outcomes.append(account(chunks))
            lines = data.count(b"\n") + (not data.endswith(b"\n"))
            assert sorted(outcomes[-1]) == list(range(1, lines + 1)), seed
            assert delivery.line_count == lines
        assert outcomes[0] == outcomes[-1], seed
        read += bool(outcomes[0])
    assert read > 100


@EVERY
def test_what_was_refused_is_read_again_by_itself(form: Delimited) -> None:
    good = bytes_of(form, row(), row(LASTNAME="Second")).splitlines()[1:]
    again = RereadRecords(tuple(ROW), good, acme(format=form), chunk_rows=100)
    assert [name for chunk in again for name in chunk.frame["LASTNAME"]] == ["Testman", "Second"]


def test_the_feed_says_its_dialect() -> None:
    feed: Feed = acme(format=Delimited(delimiter="\x1f", quote=None, escape="\\", preamble_lines=3, comment="#"))
    assert feed.format.phrase == (  # type: ignore[union-attr]
        "delimiter `0x1F`, utf-8; no quoting; escape `\\`; 3 lines before the content; comments after `#`"
    )
