"""Delimited text: what parts its fields, what is quoted or escaped, and its table."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from concord.onboarding import by_values, profile, tables
from concord.onboarding.recognised import Dialect, Kind, Recognised, Type
from concord.onboarding.tables import Row, Table

DELIMITERS = ("\t", "|", ";", ",", "~", "^", "\x1f", "\x01")
QUOTINGS: tuple[tuple[str | None, str | None], ...] = (('"', None), ('"', "\\"), (None, None), (None, "\\"))
"""Quote and escape, the usual first."""
COMMENT = "#"
HEAD_LINES = 2_000
MARK = "REC"
"""The column of the mark, where there are several kinds of records."""


def recognise(text: str, encoding: str, why: str, delimiter: str | None = None) -> Recognised | None:
    """A sample of delimited text, its lines parted by LF; None where no ``delimiter`` parts its lines alike."""
    lines = text.replace("\r", " ").split("\n")
    delimiter = delimiter or delimiter_of([line for line in lines if line.strip()])
    if delimiter is None:
        return None
    comment = _comment(lines, delimiter)
    kept = "\n".join("" if comment and line.startswith(comment) else line for line in lines)
    quote, escape = _quoting("\n".join(kept.split("\n", HEAD_LINES)[:HEAD_LINES]), delimiter)
    numbered = _rows(kept, delimiter, quote, escape)
    if not numbered:
        return None
    table = tables.find([row for _, row in numbered])
    first = numbered[table.before][0]
    form = Dialect(
        delimiter, quote, escape, comment, preamble_lines=first - 1 if table.before else 0, marks=table.marks,
        counts=table.counts, counts_control=table.counts_control,
        ends_open=table.ends_open,
    )  # fmt: skip
    width = Counter(map(len, table.rows)).most_common(1)[0][0] if table.rows else 0
    found = Recognised(
        Kind.DELIMITED, encoding, form,
        rests_on=(why, f"{len(table.rows):,} of {len(numbered):,} records are of its {width} columns"),
        unsure=tuple(_unsure(encoding, table, quote)),
    )  # fmt: skip
    return _of_types(found, table) if table.types else _of_one(found, table)


def _unsure(encoding: str, table: Table, quote: str | None) -> Iterator[str]:
    if table.names is None:
        yield "there is no line of column names: what is each column?"
    if table.types:
        yield f"what are records of type {', '.join(table.types)}, and whose are those that follow the first?"
    if encoding == "cp1252":
        yield "is the encoding Windows-1252?"
    if table.ends_open:
        yield "can every line end in a delimiter, or none? the line of names does not, records do"
    if quote is None:
        yield "can a value hold the delimiter, and how is that written?"


def delimiter_of(lines: Sequence[str]) -> str | None:
    """The one that gives most lines the same number of fields, and more than one."""
    looked_at = lines[:HEAD_LINES]
    found = [(*_alike(looked_at, delimiter), delimiter) for delimiter in DELIMITERS]
    share, _, best = max(((*each[:2], each[2]) for each in found if each[1]), default=(0.0, 0, ""), key=lambda e: e[:2])
    return best if share > 0.5 else None


def _alike(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """The share of lines with as many delimiters as most have, and that number; of several kinds of records as most
    of the kind have."""
    widths = Counter((line.partition(delimiter)[0], line.count(delimiter)) for line in lines)
    marks = {mark for mark, _ in widths}
    if len(marks) > tables.MOST_TYPES + 2 or not all(map(tables.CONTROL_MARKS.fullmatch, marks)):
        widths = Counter(
            {("", width): count for width, count in Counter(line.count(delimiter) for line in lines).items()}
        )
        marks = {""}
    best = [max((count, width) for (of, width), count in widths.items() if of == mark) for mark in marks]
    return sum(count for count, _ in best) / max(len(lines), 1), max(best, default=(0, 0))[1]


def _comment(lines: Sequence[str], delimiter: str) -> str | None:
    """The mark of comments, where lines that begin with it have other widths than the table."""
    usual = Counter(line.count(delimiter) for line in lines).most_common(1)[0][0]
    marked = [line for line in lines if line.startswith(COMMENT)]
    is_comment = bool(marked) and all(line.count(delimiter) != usual for line in marked)
    return COMMENT if is_comment and len(marked) * 2 < len(lines) else None


def _quoting(text: str, delimiter: str) -> tuple[str | None, str | None]:
    """The quote and the escape that give the most rows of the usual width."""

    def alike(quoting: tuple[str | None, str | None]) -> int:
        return max(Counter(len(row) for _, row in _rows(text, delimiter, *quoting)).values(), default=0)

    return max(QUOTINGS, key=alike)


def _rows(text: str, delimiter: str, quote: str | None, escape: str | None) -> list[tuple[int, Row]]:
    """Rows that are not blank, each with the physical line on which it begins."""
    reader = csv.reader(
        io.StringIO(text), delimiter=delimiter, quotechar=quote or '"', escapechar=escape,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )  # fmt: skip
    rows, begins = [], 1
    with suppress(csv.Error):  # a quote that nobody closes swallows the file: another quoting reads more
        for row in reader:
            rows.append((begins, tuple(row)))
            begins = reader.line_num + 1
    return [(line, row) for line, row in rows if any(cell.strip() for cell in row)]


# ── names ──


def _of_one(found: Recognised, table: Table) -> Recognised:
    """With the file's names, or names for what its columns likely are."""
    if table.names is None:
        columns = list(zip(*table.rows, strict=True))
        return replace(found, has_names=False, names=by_values.names(columns, table.marks.is_any), rows=table.rows)
    names = tuple(cell.strip() for cell in table.names)
    is_sheet = len(names) > 1 and not names[-1] and not table.ends_open
    names = names[: max(place for place, name in enumerate(names, 1) if name)] if is_sheet else names
    return replace(found, form=replace(found.dialect, is_sheet=is_sheet), names=names, rows=table.rows)


def _of_types(found: Recognised, table: Table) -> Recognised:
    """The columns of all types under one name each; a dependent takes what tells a family from its subscriber."""
    kinds = {mark: _columns([row for row in table.rows if row[0] == mark]) for mark in table.types}
    parent, *others = table.types
    first = _named(parent, kinds[parent], {})
    types = [Type(parent, first)]
    for mark in others:
        names = _named(mark, kinds[mark], dict(zip(first, kinds[parent], strict=True)))
        carries = tuple(name for name in by_values.OF_A_FAMILY if name in first and name not in names)
        types.append(Type(mark, names, parent, carries))
    names = tuple(dict.fromkeys(name for kind in types for name in kind.names))
    rows = tuple(_carried(table.rows, types, names))
    return replace(found, has_names=False, names=names, rows=rows, form=replace(found.dialect, types=tuple(types)))


def _columns(rows: Sequence[Row]) -> list[Row]:
    """The columns of records of one type, those of another width left out."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    return list(zip(*(row for row in rows if len(row) == width), strict=True))


def _named(mark: str, columns: Sequence[Row], parents: Mapping[str, Row]) -> Row:
    """Names for a type's columns; where codes are those of a column of its parent, the name that they have there."""
    named = by_values.names(columns, has_mark=True)
    names = [f"{mark}_{name}" if name.startswith(by_values.UNNAMED) else name for name in named]
    for at, values in enumerate(columns):
        alike = [name for name, others in parents.items() if name not in names and _are_the_same(values, others)]
        if at and alike and named[at].startswith(by_values.UNNAMED):
            names[at] = alike[0]
    return MARK, *names[1:]


def _are_the_same(values: Row, others: Row) -> bool:
    codes, known = set(profile.code_table(values)), set(profile.code_table(others))
    return bool(codes & known) and len(codes & known) * 2 >= len(codes | known)


def _carried(rows: Sequence[Row], types: Sequence[Type], names: Row) -> Iterator[Row]:
    """Each row under the names of all types, with what it takes from its subscriber."""
    kinds, family = {kind.mark: kind for kind in types}, dict[str, str]()
    for row in rows:
        kind = kinds[row[0]]
        own = dict(zip(kind.names, row, strict=False))
        family = own if kind.parent is None else family
        taken = {name: family.get(name, "") for name in kind.carries}
        yield tuple((own | taken).get(name, "") for name in names)
