"""What of a file is not as its contract says: by columns, values, rules and bytes, and what to edit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from concord.contract import Codes, DateText, Delimited, Feed, FixedWidth, Framing, Xlsx
from concord.errors import ConcordError, DeliveryRejected
from concord.onboarding.meanings import meaning
from concord.onboarding.profile import MOST_CODES, date_formats, is_code, profile
from concord.onboarding.recognise import recognise
from concord.onboarding.recognised import Kind, Recognised

if TYPE_CHECKING:
    from concord.parse import Chunk, RowFile

MOST_CODES_SHOWN = 10
ONE_FOR_SEVERAL = "\x1f"
"""Stands for a delimiter of several characters, which csv cannot have."""
UNREAD = Recognised(Kind.UNKNOWN, has_names=False)
COMMON = 0.005
"""A rule that refuses a larger share of rows is news."""


class NothingToCompare(ConcordError):
    """The contract says nothing about columns."""


@dataclass(frozen=True)
class Change:
    """Something that changed: about what, what happened (no value but codes), and what to edit in the contract."""

    about: str
    happened: str
    edit: str


def changes(feed: Feed, path: Path, file_date: date | None, sequence: int | None = None) -> list[Change]:
    """Everything that is not as the contract says; empty for a file as agreed.

    ``file_date`` and ``sequence`` are what the file's name says; without a date it is of today. Raises
    :class:`NothingToCompare` for a feed without columns.
    """
    from concord.parse.opening import open_rows

    if not feed.has_columns:
        raise NothingToCompare(f"{feed.name} has no columns: `concord try {feed.name}` says what becomes of its files")
    data = path.read_bytes()
    found = list(_bytes(feed, data))
    try:
        with path.open("rb") as stream:
            file = open_rows(stream, feed, file_date=file_date, sequence=sequence)
            chunks = list(file)
            found += _columns(file)
            found += _rows(feed, chunks, file_date or datetime.now(UTC).date(), file)
    except DeliveryRejected as error:
        found.append(
            Change("the whole file", f"is rejected: {error}", "see the rule; ask the partner before the contract")
        )
        found += _renamed(feed, data)
    return found


def _bytes(feed: Feed, data: bytes) -> Iterator[Change]:
    """Encoding, delimiter, length of records, by what the bytes look like."""
    if isinstance(feed.format, FixedWidth):
        yield from _length(feed.format, data)
    form, seen = feed.format, recognise(data)
    if not isinstance(form, Delimited) or seen.kind is not Kind.DELIMITED:
        return
    if seen.dialect.delimiter != form.delimiter and len(form.delimiter) == 1:
        yield Change(
            "delimiter",
            f"is {seen.dialect.delimiter!r}, agreed is {form.delimiter!r}",
            f"delimiter={seen.dialect.delimiter!r}",
        )
    if (seen.encoding, form.encoding) == ("cp1252", "utf-8"):
        yield Change("encoding", f"it is no UTF-8 ({seen.rests_on[0]})", 'encoding="cp1252", once the partner says so')
    if (seen.encoding, form.encoding) == ("utf-8", "cp1252") and not data.isascii():
        yield Change("encoding", "is valid UTF-8: letters with marks would be read as two others", 'encoding="utf-8"')


def _length(form: FixedWidth, data: bytes) -> Iterator[Change]:
    from concord.onboarding.fixed import frame

    if form.by_characters:
        data = data.decode(form.encoding, "replace").encode("latin-1", "replace")
    framed = frame(data, form.encoding, form.length if form.framing is Framing.LENGTH else None)
    if framed is None or framed.framing is not form.framing or (form.short_ok and framed.length < form.length):
        return
    if framed.length != form.length:
        happened = f"have {framed.length} positions, agreed are {form.length}"
        yield Change("records", happened, "ask for the new layout; `concord new-feed --layout` reads it")


def _columns(file: RowFile) -> Iterator[Change]:
    drift = file.drift
    for name in drift.extra:
        yield Change(f"column {name}", "is new", f"map it, or ignored=(…, {name!r})")
    for name in drift.missing_optional:
        yield Change(f"column {name}", "is missing: what is held stays", "ask whether it was renamed")
    if drift.reordered:
        yield Change("columns", "stand in another order", "nothing: they are read by name")


def _rows(feed: Feed, chunks: Sequence[Chunk], as_of: date, file: RowFile) -> Iterator[Change]:
    """What rules refuse, of records and of values; new codes, and dates that another format fits."""
    from concord.validate import validate

    missing = frozenset(file.drift.missing_optional)
    refused = Counter(code for chunk in chunks for row in chunk.refused for code in row.reasons)
    for chunk in chunks:
        judged = validate(feed, chunk.frame, as_of=as_of, missing=missing)
        refused.update(code for codes in judged.rejected.reasons for code in codes)
    for name, mapping in feed.columns.items():
        if mapping.source not in missing and chunks and mapping.source in chunks[0].frame.columns:
            values = [value for chunk in chunks for value in chunk.frame[mapping.source].tolist()]
            yield from _values(name, mapping.source, mapping.read, values)
    yield from _refused(refused, sum(len(chunk.frame) + len(chunk.refused) for chunk in chunks))


def _values(name: str, source: str, read: object, values: Sequence[str]) -> Iterator[Change]:
    """New codes, and dates that another format fits."""
    if isinstance(read, Codes):
        known = {code.strip().upper() for code in read.table}
        new = Counter(value.strip().upper() for value in values if value.strip())
        often = [code for code, n in new.most_common() if code not in known and n > 1]
        if often:
            yield _new_codes(name, source, often)
    if isinstance(read, DateText):
        given = [value.strip() for value in values if value.strip()]
        fits = date_formats(given)
        if fits and not set(fits) & {form.replace("%-", "%") for form in read.formats}:
            yield Change(
                f"column {source}", f"holds dates as {' or '.join(fits)}", f"date_in({', '.join(map(repr, fits))})"
            )


def _new_codes(name: str, source: str, often: Sequence[str]) -> Change:
    """Values that no code table has; which ones only where they are codes themselves: columns change places."""
    if len(often) > MOST_CODES or not all(map(is_code, often)):
        happened = f"has {len(often)} values that the table has not, and that are no codes (none is shown)"
        return Change(f"column {source}", happened, "ask whether columns changed places")
    told, _ = meaning(name, often)
    happened = f"has {len(often)} codes that the table has not: {', '.join(often[:MOST_CODES_SHOWN])}"
    return Change(f"column {source}", happened, f"add {told or 'them'} once their meaning is known")


def _refused(reasons: Counter[str], rows: int) -> Iterator[Change]:
    for reason, count in reasons.most_common():
        if count > rows * COMMON:
            share = f"refuses {count:,} of {rows:,} rows ({count / rows:.1%})"
            yield Change(f"rule {reason}", share, "`concord try` says on which line it does first")


def _renamed(feed: Feed, data: bytes) -> Iterator[Change]:
    """Columns that are gone, and new ones whose values look like theirs were agreed to look.

    A line is only believed to hold names where most of them are the contract's: else it holds somebody's data.
    """
    seen = _by_layout(feed.format, data)
    wanted = {mapping.source: name for name, mapping in feed.columns.items()}
    gone = [source for source in wanted if source not in seen.names]
    if not seen.has_names or len(gone) * 2 > len(wanted):
        return
    for at, name in enumerate(seen.names):
        if not name or name in wanted or name in feed.ignored:
            continue
        looks = profile(name, [row[at] for row in seen.rows if at < len(row)])
        fits = [source for source in gone if _fits(feed, wanted[source], looks.kind, looks.reader)]
        if fits:
            yield Change(f"column {name}", f"is new, and may be what was {' or '.join(fits[:3])}", f'From("{name}", …)')


def _by_layout(form: object, data: bytes) -> Recognised:
    """What stands where the contract has its names and rows."""
    from concord.onboarding import dialects, workbooks

    if isinstance(form, Xlsx):
        return workbooks.recognise(data, form.sheet, form.header_row)
    if isinstance(form, Delimited) and not form.stated:
        text = data.decode(form.encoding, "replace").removeprefix("\ufeff").replace("\r\n", "\n")
        below = "\n".join(text.split("\n")[form.preamble_lines :])
        one = form.delimiter if len(form.delimiter) == 1 else ONE_FOR_SEVERAL
        return dialects.recognise(below.replace(form.delimiter, one), form.encoding, "", one) or UNREAD
    return UNREAD


def _fits(feed: Feed, canonical: str, kind: str, reader: str) -> bool:
    read = feed.columns[canonical].read
    pattern = getattr(read, "pattern", None)
    if isinstance(read, DateText):
        return kind == "date"
    if isinstance(read, Codes):
        return kind == "codes"
    return bool(pattern) and str(pattern)[2:-2] in reader
