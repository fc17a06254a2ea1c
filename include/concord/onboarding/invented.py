"""An invented file in the form of a proposal, with what its contract makes of it: the first fixture of a feed.

Nothing of a sample is in it but codes and the look of identifiers: who is in it, the sandbox made up.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from concord.contract import Coding, Feed, Framing
from concord.errors import DeliveryRejected
from concord.onboarding import contract_text
from concord.onboarding.fixed import DESCRIPTOR
from concord.onboarding.meanings import meaning
from concord.onboarding.profile import Profile
from concord.onboarding.proposal import Proposal
from concord.onboarding.recognised import Dialect, Kind, Piece, Recognised, Records
from concord.sandbox.people import Person, family
from concord.sandbox.writing import delimited, members, x12_834, xlsx
from concord.sandbox.writing.fixed_width import packed

PEOPLE = 5
DAY = date(2026, 11, 18)
SEED = 1
FIRST_CLASS = re.compile(r"(\[[^\]]+\]|.)(?:\{([0-9]+)\})?")
OWN_VALUES: dict[str, Callable[[Person], str]] = {
    "last_name": lambda who: who.last,
    "first_name": lambda who: who.first,
    "middle_name": lambda who: who.middle,
    "address_line_1": lambda who: who.street.partition("\n")[0],
    "city": lambda who: who.city[0],
    "state_code": lambda who: who.city[1],
    "postal_code": lambda who: who.city[2],
    "email": lambda who: who.email,
    "phone": lambda who: who.phone,
    "ssn": lambda who: who.ssn,
}
DATES: dict[str, Callable[[Person], date]] = {
    "birth_date": lambda who: who.born,
    "hire_date": lambda who: who.hired,
    "effective_from": lambda _: date(2026, 1, 1),
}
FIRST = {"person_code": "01", "relationship_code": "18", "maintenance_action": "add"}
"""Everybody is a subscriber, and new."""


@dataclass(frozen=True)
class Invented:
    """A file and what becomes of it, in the words of ``expected.toml``."""

    data: bytes = field(repr=False)
    expected: str


def invented(proposal: Proposal, feed: Feed) -> Invented:
    """A file of ``PEOPLE`` persons that ``feed``, as proposed, reads."""
    data = _834() if proposal.sample.kind is Kind.X12_834 else _tabular(proposal)
    return Invented(data, _expected(feed, data))


def _people() -> list[Person]:
    return [family(SEED, number, 1, DAY)[0] for number in range(1, PEOPLE + 1)]


def _834() -> bytes:
    out = io.BytesIO()
    loops = members.loops([tuple(_people())])
    x12_834.write(out, x12_834.Envelope(day=DAY), [[x12_834.Batch(loops)]])
    return out.getvalue()


# ── rows ──


def _tabular(proposal: Proposal) -> bytes:
    canonical = {guess.profile.name: guess.canonical for guess in proposal.guesses}
    rows = [
        {
            each.name: _value(each, canonical.get(each.name), who, number, proposal.date_format)
            for each in proposal.profiles
        }
        for number, who in enumerate(_people(), start=1)
    ]
    write = {Kind.XLSX: _workbook, Kind.FIXED: _records}.get(proposal.sample.kind, _lines)
    return write(proposal.sample, rows)


def _value(profile: Profile, canonical: str | None, who: Person, number: int, date_format: str) -> str:
    """What stands in a column; blank where nothing is made of it."""
    if canonical is None:
        return ""
    if profile.kind == "date" or canonical in contract_text.DATES:
        form = profile.shape if profile.kind == "date" else date_format
        return DATES[canonical](who).strftime(form) if canonical in DATES else ""
    if profile.codes or canonical in contract_text.CANONICAL_CODES:
        return _code(canonical, profile.codes or (contract_text.UNKNOWN_CODE,), number)
    if pattern := _pattern(profile):
        return _like(pattern, number)
    return OWN_VALUES[canonical](who) if canonical in OWN_VALUES else f"{number:05d}"


def _code(canonical: str, codes: Sequence[str], number: int) -> str:
    known, _ = meaning(canonical, codes)
    if canonical in FIRST:
        return next((code for code, meant in known.items() if meant == FIRST[canonical]), codes[0])
    return list(known or codes)[number % len(known or codes)]


def _pattern(profile: Profile) -> str:
    found = re.search(r"\\A(.*)\\Z", profile.reader)
    return found[1] if found else ""


def _like(pattern: str, number: int) -> str:
    """A value that ``pattern``, as the profile of a column has it, fits; another for each number."""
    parts = [(one, int(times or 1)) for one, times in FIRST_CLASS.findall(pattern)]
    marks = [one for one, times in parts for _ in range(times)]
    digits = str(number).zfill(len(marks))[-len(marks) :]
    return "".join(_mark(mark, digit) for mark, digit in zip(marks, digits, strict=True))


def _mark(mark: str, digit: str) -> str:
    if mark == "[A-Z]":
        return "ABCDEFGHIJ"[int(digit)]
    if mark == "[-]":
        return "-"
    return digit if mark.startswith("[") else mark


# ── forms ──


def _lines(sample: Recognised, rows: list[dict[str, str]]) -> bytes:
    """Delimited text: what stands before the table, its names, records of the first type, control records."""
    form, out = sample.dialect, io.BytesIO()
    names = form.types[0].names if form.types else sample.names
    body = [[*(row.get(name, "") for name in names), *[""] * form.is_sheet] for row in rows]
    if mark := form.types[0].mark if form.types else form.marks.detail:
        body = [[mark, *row[1:]] for row in body]
    named = [[*names, *[""] * form.is_sheet]] if sample.has_names and not form.ends_open else []
    head = [["Invented"]] * form.preamble_lines + ([[form.marks.header]] if form.marks.header else [])
    tail = [_trailer(form, len(rows))] if form.marks.trailer else []
    dialect = delimited.Dialect(form.delimiter, form.quote, form.escape, encoding=sample.encoding)
    delimited.write(out, dialect, [*head, *named, *body, *tail])
    return out.getvalue()


def _trailer(form: Dialect, count: int) -> list[str]:
    """With the number of records of the first type, which all of them are; none is of another."""
    fields = [form.marks.trailer or "", *[""] * max((at for _, at in form.counts), default=0)]
    for mark, at in form.counts:
        told = count if mark is None or mark == form.types[0].mark else 0
        fields[at] = str(told + (1 + bool(form.marks.header)) * form.counts_control)
    return fields


def _workbook(sample: Recognised, rows: list[dict[str, str]]) -> bytes:
    out, sheet = io.BytesIO(), sample.sheet
    above = [["Invented"]] * (sheet.header_row - 1)
    table = [list(sample.names), *([row.get(name, "") for name in sample.names] for row in rows)]
    xlsx.write(out, [*above, *table], sheet=sheet.name or "Roster")
    return out.getvalue()


def _records(sample: Recognised, rows: list[dict[str, str]]) -> bytes:
    """Fixed width: records of the sample's length, parted as they are there."""
    form = sample.records
    head = [_control(form, form.marks.header, sample.encoding)] if form.marks.header else []
    tail = [_control(form, form.marks.trailer, sample.encoding, len(rows))] if form.marks.trailer else []
    body = [_record(sample, row) for row in rows]
    return b"".join(_framed(record, form.framing, sample.encoding) for record in (*head, *body, *tail))


def _record(sample: Recognised, row: dict[str, str]) -> bytes:
    form = sample.records
    parts = [
        _part(row.get(name, ""), piece, sample.encoding) for name, piece in zip(sample.names, form.pieces, strict=True)
    ]
    mark = (form.marks.detail or "").encode(sample.encoding)
    whole = b"".join(parts)
    return mark + whole[len(mark) :] + " ".encode(sample.encoding) * (form.length - form.pieces[-1].stop)


def _part(value: str, piece: Piece, encoding: str) -> bytes:
    size = piece.stop - piece.start
    digits = re.sub(r"[^0-9]", "", value)
    if piece.coding is Coding.PACKED:
        return packed(int(digits or 0), 2 * size - 1)
    text = digits.zfill(size) if piece.coding is Coding.ZONED else value.ljust(size)
    return text[:size].encode(encoding, "replace")


def _control(form: Records, mark: str, encoding: str, count: int = 0) -> bytes:
    record = mark.ljust(form.length)
    if mark == form.marks.trailer and form.count:
        start, stop = form.count
        number = count + (1 + bool(form.marks.header)) * form.counts_control
        record = record[:start] + str(number).zfill(stop - start) + record[stop:]
    return record.encode(encoding)


def _framed(record: bytes, framing: Framing, encoding: str) -> bytes:
    if framing is Framing.DESCRIPTOR:
        return (len(record) + DESCRIPTOR).to_bytes(2, "big") + b"\0\0" + record
    return record + ("\n".encode(encoding) if framing is Framing.LINES else b"")


# ── what becomes of it ──


def _expected(feed: Feed, data: bytes) -> str:
    return "\n".join(["# What each file of this folder must get. All persons are invented.", *_outcome(feed, data), ""])


def _outcome(feed: Feed, data: bytes) -> Iterator[str]:
    """The table ``[good]`` as the contract has it today: what is refused waits for the partner's answers."""
    from concord.parse import line_accounting
    from concord.parse.opening import open_rows
    from concord.validate import validate

    yield f"as_of = {DAY}\n\n[good]"
    accepted, reasons, flags, ignored = 0, Counter[str](), Counter[str](), 0
    try:
        for chunk in open_rows(io.BytesIO(data), feed, file_date=DAY, sequence=None):
            verdict = validate(feed, chunk.frame, as_of=DAY, missing=frozenset())
            accepted += len(verdict.accepted)
            reasons.update(code for codes in verdict.rejected.reasons for code in codes)
            reasons.update(code for refused in chunk.refused for code in refused.reasons)
            flags.update(verdict.flags)
            ignored += line_accounting(chunk).get("ignored", 0)
    except DeliveryRejected as error:
        yield f'rejected = "{error.code}"'
        return
    yield f"accepted = {accepted}"
    for name, told in (("reasons", reasons), ("flags", flags)):
        if told:
            counts = ", ".join(f'"{code}" = {count}' for code, count in sorted(told.items()))
            yield f"{name} = {{ {counts} }}"
    if ignored:
        yield f"ignored = {ignored}"
