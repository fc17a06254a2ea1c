"""Fixed width: how records are told apart, which of them are control records, and what stands where in the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from concord.contract import Coding, Framing
from concord.onboarding import by_values, positions
from concord.onboarding.dialects import delimiter_of
from concord.onboarding.profile import NEARLY_ALL
from concord.onboarding.recognised import Entry, Kind, Marks, Piece, Recognised, Records

FEWEST_LINES = 10
"""Fewer lines are as long as each other by chance."""
FEWEST_RECORDS, LONGEST, RECORDS_LOOKED_AT = 5, 8_192, 2_000
AS_GOOD = 0.005
"""Records of twice the length stand in columns as well: the shortest length that is as good as the best."""
EBCDIC_BLANK = b"\x40"
EBCDIC_ENDS = (b"\x15", b"\x25")
"""NEL and LF (CDRA)."""
DESCRIPTOR = 4
LONGEST_MARK = 3
MOST = 0.8
END_OF_FILE = b"\x1a\x3f"


@dataclass(frozen=True)
class Framed:
    """The records of a file as bytes, without what parts them, and the length that they have (or most of them)."""

    records: tuple[bytes, ...]
    framing: Framing
    length: int
    why: str


def recognise(data: bytes, encoding: str, why: str, layout: Sequence[Entry] = ()) -> Recognised:
    """A sample of fixed width; by the partner's ``layout`` where there is one."""
    if not data.strip():
        return Recognised(Kind.UNKNOWN, unsure=("the file is empty",))
    if encoding == "utf-8":
        data, encoding = data.decode("utf-8").encode("latin-1", "replace"), "latin-1"  # positions are characters
        return replace(recognise(data, encoding, why, layout), encoding="utf-8")
    stated = max((entry.piece.stop for entry in layout), default=None)
    framed = frame(data, encoding, stated)
    if framed is None:
        unsure = ("how long is a record, and what stands where in it? (--layout FILE)",)
        return Recognised(Kind.FIXED, encoding, rests_on=(why, "records have no line ends"), unsure=unsure)
    whole = [record for record in framed.records if len(record) == framed.length]
    marks, details = control(whole, encoding)
    pieces = tuple(entry.piece for entry in layout) or positions.pieces(details, encoding, len(marks.detail or ""))
    rows = tuple(tuple(value(record, piece, encoding) for piece in pieces) for record in details)
    names = _names(layout, rows, marks)
    form = _counted(
        Records(pieces, framed.length, framed.framing, marks), whole[-1].decode(encoding, "replace"), len(details)
    )
    asked = () if layout else ("where does each column begin? positions are proposed by what stands in them",)
    return Recognised(
        Kind.FIXED, encoding, form, names, bool(layout), rests_on=(why, framed.why), unsure=asked, rows=rows
    )


def _counted(form: Records, trailer: str, details: int) -> Records:
    """With the place of the count in the trailer, and whether control records are in it."""
    if form.marks.trailer is None:
        return form
    after, with_control = len(form.marks.trailer), details + 1 + (form.marks.header is not None)
    for numbers in (range(details, details + 1), range(with_control, with_control + 1)):
        found = count_in(trailer[after:], numbers)
        if found:
            start, stop = found
            return replace(form, count=(start + after, stop + after), counts_control=details not in numbers)
    return form


def _names(layout: Sequence[Entry], rows: Sequence[tuple[str, ...]], marks: Marks) -> tuple[str, ...]:
    if layout:
        return tuple(entry.name for entry in layout)
    return by_values.names(list(zip(*rows, strict=True)), marks.detail is not None)


def stands_in_columns(text: str) -> bool:
    """Lines of one length whose marks stand now here, now there: commas in ``LAST, FIRST`` part no columns."""
    lines = [line for line in text.splitlines()[:RECORDS_LOOKED_AT] if line.strip()]
    delimiter = delimiter_of(lines)
    if delimiter is None or len(lines) < FEWEST_LINES or len({len(line) for line in lines}) > 1:
        return False
    return len({tuple(at for at, char in enumerate(line) if char == delimiter) for line in lines}) > 1


# ── one record from the next ──


def frame(data: bytes, encoding: str, stated: int | None = None) -> Framed | None:
    """How records are told apart, or None where nothing says it; ``stated`` is the length of a layout."""
    ways = (_descriptors(data), _lines(data, encoding), _equal(data.rstrip(END_OF_FILE), encoding, stated))
    return next((found for found in ways if found is not None), None)


def _descriptors(data: bytes) -> Framed | None:
    """RECFM=V with record descriptor words: each says how far the next one is (z/OS DFSMS Using Data Sets)."""
    records, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        if length <= DESCRIPTOR or data[at + 2 : at + DESCRIPTOR] != b"\0\0" or at + length > len(data):
            return None
        records.append(data[at + DESCRIPTOR : at + length])
        at += length
    length, _ = Counter(map(len, records)).most_common(1)[0]
    return Framed(
        tuple(records), Framing.DESCRIPTOR, length, f"{len(records):,} record descriptor words lead to the end"
    )


def _lines(data: bytes, encoding: str) -> Framed | None:
    """Lines of which nearly all have one length; packed numbers hold bytes that look like a mainframe's line ends."""
    is_ebcdic = " ".encode(encoding) == EBCDIC_BLANK
    for end in EBCDIC_ENDS if is_ebcdic else (b"\n",):
        lines = [line.removesuffix(b"\r") for line in data.rstrip(END_OF_FILE).split(end)]
        lengths = Counter(len(line) for line in lines if line.strip())
        length, count = lengths.most_common(1)[0] if lengths else (0, 0)
        if len(lines) > 2 and count > lengths.total() * (NEARLY_ALL if is_ebcdic else MOST) and lengths.total() > 1:
            why = f"{count:,} of {lengths.total():,} lines have {length} characters"
            return Framed(tuple(line for line in lines if line.strip()), Framing.LINES, length, why)
    return None


def _equal(data: bytes, encoding: str, stated: int | None) -> Framed | None:
    """RECFM=F: the length at which positions hold the same kind of characters in all records."""
    length = stated if stated and len(data) % stated == 0 else period(data, encoding)
    if length is None:
        return None
    count = len(data) // length
    records = tuple(data[at : at + length] for at in range(0, count * length, length))
    return Framed(
        records,
        Framing.LENGTH,
        length,
        f"{len(data):,} bytes are {count:,} records of {length} bytes, without line ends",
    )


def period(data: bytes, encoding: str) -> int | None:
    """The length of records that nothing parts, or None where no length that the file is a multiple of stands out."""
    kinds = np.frombuffer(positions.kinds_of_bytes(encoding), dtype=np.uint8)[np.frombuffer(data, dtype=np.uint8)]
    lengths = [
        n for n in range(FEWEST_RECORDS * 2, min(LONGEST, len(data) // FEWEST_RECORDS) + 1) if len(data) % n == 0
    ]
    scores = {length: _alike(kinds, length) for length in lengths}
    best = max(scores.values(), default=0.0)
    if not scores or best < positions.ALIKE or best - float(np.median(list(scores.values()))) < AS_GOOD:
        return None
    return next(length for length in lengths if scores[length] >= best - AS_GOOD)


def _alike(kinds: np.ndarray, length: int) -> float:
    """The mean over positions of the share of the commonest kind of character."""
    rows = kinds[: len(kinds) // length * length].reshape(-1, length)[:RECORDS_LOOKED_AT]
    shares = [(rows == kind).mean(axis=0) for kind in positions.KINDS]
    return float(np.max(shares, axis=0).mean())


# ── control records ──


def control(records: Sequence[bytes], encoding: str) -> tuple[Marks, list[bytes]]:
    """The marks of header and trailer, where all records but the first or the last begin alike; and those."""
    for length in range(1, LONGEST_MARK + 1):
        begins = [record[:length].decode(encoding, "replace") for record in records]
        (detail, count), *_ = Counter(begins).most_common(1)
        odd = [at for at, mark in enumerate(begins) if mark != detail]
        if count > 1 and odd and set(odd) <= {0, len(begins) - 1} and all(begins[at].strip() for at in odd):
            told = Marks(begins[0] if 0 in odd else None, detail, begins[-1] if len(begins) - 1 in odd else None)
            return told, [record for at, record in enumerate(records) if at not in odd]
    return Marks(), list(records)


def count_in(trailer: str, numbers: range) -> tuple[int, int] | None:
    """The positions in a trailer where one of ``numbers`` stands, with the zeros in front of it."""
    for run in re.finditer(r"[0-9]+", trailer):
        for start in range(run.start(), run.end()):
            for stop in range(run.end(), start, -1):
                if int(trailer[start:stop]) in numbers:
                    return start, stop
    return None


# ── values ──


def value(record: bytes, piece: Piece, encoding: str) -> str:
    """What stands in a column, as text; a packed number's digits."""
    part = record[piece.start : piece.stop]
    if piece.coding is Coding.PACKED:
        return part.hex()[:-1]
    return part.decode(encoding, "replace").strip(" \0")
