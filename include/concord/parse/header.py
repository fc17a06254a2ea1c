"""Reads the header of a delimited file and compares it with the contract.

No message quotes the header: a file that lacks one begins with somebody's row.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence

from concord.contract import Delimited, Feed
from concord.contract.delimited import folded
from concord.errors import DeliveryRejected
from concord.parse import Drift
from concord.parse.blocks import BlockReader
from concord.parse.grammar import Dialect

BOM = b"\xef\xbb\xbf"
OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")
BARE_RETURNS = ("structure.line_ends", "lines end in a bare carriage return")
DELIMITERS = (",", ";", "\t", "|", ":", "~", "^")


def skip_byte_order_mark(reader: BlockReader, layout: Delimited) -> None:
    """Takes a UTF-8 byte order mark; raises :class:`DeliveryRejected` for an empty file or one in another encoding.

    A mark of UTF-8 where another encoding was agreed means that somebody saved the file
    in it: every letter beyond ASCII would be read as two others.
    """
    start = reader.peek(lambda data: len(data) >= len(BOM))
    if start.startswith(OTHER_BOMS):
        raise DeliveryRejected("structure.encoding", "the file is in UTF-16")
    if start.startswith(BOM):
        if codecs.lookup(layout.encoding).name != "utf-8":
            raise DeliveryRejected("structure.encoding", f"the file says it is UTF-8, agreed is {layout.encoding}")
        reader.take(len(BOM))
        start = reader.peek(bool)
    if not start:
        raise DeliveryRejected("structure.empty", "the file has no byte of content")


def take_line(reader: BlockReader, layout: Delimited) -> bytes:
    """The next physical line without its line end; raises :class:`DeliveryRejected` where there is no sound one."""
    limit = layout.max_record_bytes
    data = reader.peek(lambda known: b"\n" in known or len(known) > limit)
    line, end, _ = data[: limit + 2].partition(b"\n")
    if b"\r" in line.removesuffix(b"\r"):
        raise DeliveryRejected(*BARE_RETURNS)
    if not end and not data:
        raise DeliveryRejected("structure.empty", "the file has no header line")
    if not end and len(data) > limit:
        raise DeliveryRejected("structure.header", f"the header is longer than {limit} bytes")
    if not end:
        raise DeliveryRejected("structure.no_final_terminator", "the file ends inside its header")
    reader.take(len(line) + 1)
    return line.removesuffix(b"\r")


def fields(line: bytes, layout: Delimited) -> list[str]:
    """The stripped fields of a header or control line; raises :class:`DeliveryRejected` where it cannot be read."""
    try:
        rows = _rows(line, layout)
    except UnicodeDecodeError:
        rows = None
        code, problem = "structure.encoding", f"the header is not text in {layout.encoding}"
    except csv.Error:
        rows = None
        code, problem = "structure.header", "the header's quoting is broken"
    if rows is None:
        raise DeliveryRejected(code, problem)
    return [field.strip() for field in rows[0]] if rows else []


def _rows(line: bytes, layout: Delimited) -> list[list[str]]:
    """The line as the csv module reads it, where it knows the dialect; raises ``csv.Error`` as it does."""
    text = line.decode(layout.encoding)
    if len(layout.delimiter) == 1 and layout.inner_quotes == "doubled":
        reader = csv.reader(
            [text],
            delimiter=layout.delimiter,
            quotechar=layout.quote,
            escapechar=layout.escape,
            quoting=csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE,
            strict=True,
        )
        return list(reader)
    spoken = dialect(layout)
    found = spoken.grammar.fields(text.encode())
    if not found:
        raise csv.Error
    return [[spoken.value(field).decode() for field in found]]


def dialect(layout: Delimited) -> Dialect:
    """What tells the fields of ``layout``, in bytes."""
    delimiter, quote, escape = (mark.encode() for mark in (layout.delimiter, layout.quote or "", layout.escape or ""))
    return Dialect(delimiter, quote, escape, layout.inner_quotes == "literal")


def column_names(feed: Feed, header: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns, in file order; raises :class:`DeliveryRejected` (``structure.*``).

    A delimiter at the end of the line gives a last column without a name, which every record then has too. A
    spreadsheet may have several of them.
    """
    names = tuple(_as_agreed(feed, header) if feed.layout.header_case == "folded" else header)
    if len(names) > feed.layout.max_columns:
        raise DeliveryRejected("structure.too_many_columns", f"{len(names)} columns, {feed.layout.max_columns} allowed")
    refuse_wrong_delimiter(feed, names)
    refuse_duplicates(names, among=sources(feed))
    refuse_missing(feed, names)
    refuse_duplicates(_named(names, feed), among=names)
    return names


def _as_agreed(feed: Feed, header: Sequence[str]) -> list[str]:
    """The names as the contract writes them, whatever their case and blanks."""
    agreed = {folded(name): name for name in (*feed.ignored, *sources(feed))}
    return [agreed.get(folded(name), name) for name in header]


def _named(names: Sequence[str], feed: Feed) -> Sequence[str]:
    """The columns without what has no name at the end: one column, in a spreadsheet any number."""
    if not feed.columnar.is_spreadsheet:
        return names[:-1] if ends_open(names) else names
    return names[: max((position for position, name in enumerate(names, 1) if name), default=0)]


def ends_open(names: Sequence[str]) -> bool:
    """Whether the line of these names ends in a delimiter, and so every line: what is behind it must be blank."""
    return len(names) > 1 and not names[-1]


def refuse_wrong_delimiter(feed: Feed, names: Sequence[str]) -> None:
    """Raises ``structure.delimiter`` where the header reads well with another delimiter only."""
    wanted = required_sources(feed)
    if len(names) > 1 + ends_open(names) or wanted <= set(names):
        return
    for other in DELIMITERS:
        pieces = {piece.strip(f" {feed.layout.quote or ''}") for piece in names[0].split(other)} if names else set()
        if other != feed.layout.delimiter and len(pieces) > 1 and pieces & wanted:
            raise DeliveryRejected("structure.delimiter", f"expected {feed.layout.delimiter!r}, found {other!r}")


def refuse_duplicates(names: Sequence[str], *, among: Sequence[str]) -> None:
    """Raises ``structure.duplicate_column`` where a name ``among`` these stands twice, by position."""
    for position, name in enumerate(names, 1):
        first = names.index(name) + 1
        if first < position and name in among:
            raise DeliveryRejected("structure.duplicate_column", f"columns {first} and {position} have one name")


def refuse_missing(feed: Feed, names: Sequence[str]) -> None:
    """Raises ``structure.missing_column`` naming every required column of the contract that is not there."""
    missing = [source for source in dict.fromkeys(sources(feed)) if source in required_sources(feed) - set(names)]
    if missing:
        raise DeliveryRejected("structure.missing_column", f"required by the contract: {', '.join(missing)}")


def sources(feed: Feed) -> tuple[str, ...]:
    """The source columns the contract reads, each once, in contract order."""
    return tuple(dict.fromkeys(mapping.source for mapping in feed.columns.values()))


def required_sources(feed: Feed) -> set[str]:
    """The source columns that must be in every file."""
    return {mapping.source for mapping in feed.columns.values() if not mapping.optional_column}


def drift(feed: Feed, names: Sequence[str]) -> Drift:
    """How the header differs from the contract: extra and missing optional columns, and their order.

    The order promised is that of the contract's ``columns``; where a contract states the columns, no file has another.
    """
    wanted, given = sources(feed), set(names)
    in_both = [name for name in names if name in wanted]
    extra = tuple(name for name in _named(names, feed) if name not in wanted and name not in feed.ignored)
    missing = tuple(name for name in wanted if name not in given)
    promised_order = [name for name in wanted if name in given]
    return Drift(extra, missing, reordered=not feed.columnar.stated and in_both != promised_order)
