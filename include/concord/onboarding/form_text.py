"""What a sample was recognised as, as the ``format`` of a contract."""

from __future__ import annotations

import json
from collections.abc import Iterator

from concord.contract import Coding, Framing
from concord.onboarding.recognised import Dialect, Kind, Marks, Piece, Recognised, Records, Sheet
from concord.onboarding.source_text import Call, Source, Told, call, texts, told


def form_text(sample: Recognised) -> Call:
    """The source of the format."""
    if sample.kind is Kind.X12_834:
        return call("X12834")
    if sample.kind is Kind.XLSX:
        return call("Xlsx", *_sheet(sample.sheet))
    if sample.kind is Kind.FIXED:
        return call("FixedWidth", *_records(sample, sample.records))
    return call("Delimited", *_dialect(sample, sample.dialect))


def _sheet(sheet: Sheet) -> list[Told]:
    return told(
        sheet=None if sheet.name is None else json.dumps(sheet.name),
        header_row=None if sheet.header_row == 1 else str(sheet.header_row),
    )


# ── delimited ──


def _dialect(sample: Recognised, form: Dialect) -> list[Told]:
    return told(
        delimiter=None if form.delimiter == "," else json.dumps(form.delimiter),
        quote="None" if form.quote is None else None,
        escape=None if form.escape is None else json.dumps(form.escape),
        encoding=None if sample.encoding == "utf-8" else json.dumps(sample.encoding),
        names=texts(sample.names) if not form.types and (form.ends_open or not sample.has_names) else None,
        types=call("", *_types(form)) if form.types else None,
        preamble_lines=str(form.preamble_lines) if form.preamble_lines else None,
        comment=None if form.comment is None else json.dumps(form.comment),
        spreadsheet="True" if form.is_sheet else None,
        control=call("Control", *_control(form)) if form.marks.is_any else None,
    )


def _types(form: Dialect) -> Iterator[Call]:
    for kind in form.types:
        belongs = told(
            parent=json.dumps(kind.parent) if kind.parent else None,
            carries=texts(kind.carries) if kind.carries else None,
        )
        yield call("RecordType", json.dumps(kind.mark), texts(kind.names), *belongs)


def _control(form: Dialect) -> list[Told]:
    marks = form.marks if not form.types else Marks(form.marks.header, None, form.marks.trailer)
    by_type = [call("TypeTotals", json.dumps(mark), str(at)) for mark, at in form.counts if mark is not None]
    return _marks(marks) + told(
        count_field=str(form.count_at) if form.marks.trailer and form.count_at != 1 else None,
        count_includes_control="True" if form.counts_control else None,
        by_type=call("", *by_type) if by_type else None,
    )


def _marks(marks: Marks) -> list[Told]:
    return told(
        header=json.dumps(marks.header) if marks.header else None,
        detail=json.dumps(marks.detail) if marks.detail else None,
        trailer=json.dumps(marks.trailer) if marks.trailer else None,
    )


# ── fixed width ──


def _records(sample: Recognised, form: Records) -> list[Source]:
    columns = [_column(name, piece) for name, piece in zip(sample.names, form.pieces, strict=True)]
    is_longer = form.length != max((piece.stop for piece in form.pieces), default=0)
    return [
        call("", *columns),
        *told(
            record_length=str(form.length) if is_longer else None,
            encoding=json.dumps(sample.encoding),
            framing=None if form.framing is Framing.LINES else f"Framing.{form.framing.name}",
            positions="Positions.CHARACTERS" if sample.encoding == "utf-8" else None,
            control=call("FixedControl", *_fixed_control(form)) if form.marks.is_any else None,
        ),
    ]


def _fixed_control(form: Records) -> list[Told]:
    place = call("Place", str(form.count[0] + 1), str(form.count[1] - form.count[0])) if form.count else None
    return _marks(form.marks) + told(count_at=place, count_includes_control="True" if form.counts_control else None)


def _column(name: str, piece: Piece) -> Call:
    place = (str(piece.start + 1), str(piece.stop - piece.start))
    coding = told(
        coding=None if piece.coding is Coding.TEXT else f"Coding.{piece.coding.name}",
        decimals=str(piece.decimals) if piece.decimals else None,
    )
    return call("FixedColumn", json.dumps(name), *place, *coding) if name else call("filler", *place)
