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

from concord.contract import Feed
from concord.errors import DeliveryRejected
from concord.onboarding import contract_text
from concord.onboarding.meanings import meaning
from concord.onboarding.profile import Profile
from concord.onboarding.proposal import Proposal
from concord.onboarding.recognise import Kind, Recognised
from concord.sandbox.people import Person, family
from concord.sandbox.writing import delimited, members, x12_834, xlsx
from concord.sandbox.writing.delimited import Dialect

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
        [_value(each, canonical.get(each.name), who, number) for each in proposal.profiles]
        for number, who in enumerate(_people(), start=1)
    ]
    write = {Kind.XLSX: _workbook, Kind.FIXED: _records}.get(proposal.sample.kind, _lines)
    return write(proposal, rows)


def _value(profile: Profile, canonical: str | None, who: Person, number: int) -> str:
    """What stands in a column; blank where nothing is made of it."""
    if canonical is None:
        return ""
    if profile.kind == "date" or canonical in contract_text.DATES:
        form = profile.shape if profile.kind == "date" else contract_text.DATE_FORMAT
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


def _lines(proposal: Proposal, rows: list[list[str]]) -> bytes:
    sample, out = proposal.sample, io.BytesIO()
    named = [list(sample.names)] if sample.has_names else []
    body = [[*row, *[""] * sample.is_sheet] for row in (*named, *rows)]
    if sample.detail_mark:
        body[len(named) :] = [[sample.detail_mark, *row[1:]] for row in body[len(named) :]]
    head = [[sample.header_mark]] if sample.header_mark else []
    tail = [_trailer(sample, len(rows))] if sample.trailer_mark else []
    delimited.write(out, Dialect(sample.delimiter, encoding=sample.encoding), [*head, *body, *tail])
    return out.getvalue()


def _trailer(sample: Recognised, count: int) -> list[str]:
    fields = [sample.trailer_mark or "", *[""] * (sample.count_at or 0)]
    if sample.count_at:
        fields[sample.count_at] = str(count)
    return fields


def _workbook(proposal: Proposal, rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    xlsx.write(out, [list(proposal.sample.names), *rows])
    return out.getvalue()


def _records(proposal: Proposal, rows: list[list[str]]) -> bytes:
    sample = proposal.sample
    stops = [*sample.starts[1:], sample.record_length or 0]
    widths = [stop - start for start, stop in zip(sample.starts, stops, strict=True)]
    lines = ("".join(value.ljust(width)[:width] for value, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode(sample.encoding, "replace")


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
