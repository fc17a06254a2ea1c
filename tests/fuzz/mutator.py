"""Seeded damage to delimited files, by somebody who knows their grammar.

A mutant is the good file of a feed after one to three of these accidents. Each is
what a partner, an export tool, a spreadsheet, a mainframe job or a line does to a
file; blind bytes come last. The same seed makes the same mutant.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from concord.contract import Feed

HOSTILE_CELLS: tuple[str, ...] = (
    "", " ", "\t", "\u00a0", "\u200b", "NULL", "NA", "nan", "None", "inf", "-", "?", "#REF!", "########", "0", "-1",
    "1e5", "4.00551E+08", "00000000", "9999-12-31", "12/31/9999", "1900-01-00", "02/30/2026", "13/13/2013",
    "31/12/2026", "5-Jan", "45,123", "１２３", "١٢٣", "=1+1", "@SUM(A1)", "+1", "'0123", "O'Brien", "Ñandú", "Ωmega",
    "😀", "\u202egnp.exe", "\ufeff", "\ufffd", "e\u0301", "\x07", "\x1a", "\x1b[31m", "\x0b", "\x0c", "\x85", "\u2028",
    "x" * 300, "9" * 40, "%s%n", "{0}", "$(id)", "'; DROP TABLE core.member; --", "../../etc/passwd", "<b>", "\\N",
    "\\.", "\\", "{a,b}", 'a"b', '"', '""', '"""', "true", "18", "01", "HLT", "ADD", "T", "H", "TRL", "2026-11-22",
)  # fmt: skip
BAD_BYTES: tuple[bytes, ...] = (
    b"\x00", b"\xff", b"\xfe\xff", b"\xc3", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x81", b"\x9d",
    b"\x1a", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b'"', b",", b"|", b"\t", b"\\", b"\x85", b"\xa0",
)  # fmt: skip


@dataclass
class Sheet:
    """A file as lines of cells; what cannot be said in cells is done to ``data`` afterwards."""

    feed: Feed
    lines: list[list[bytes]]
    newline: bytes = b"\n"
    last_newline: bool = True

    @classmethod
    def of(cls, feed: Feed, data: bytes) -> Sheet:
        """A good file, split at its delimiter (good files have no delimiter or line end inside quotes)."""
        delimiter = feed.format.delimiter.encode()
        newline = b"\r\n" if b"\r\n" in data else b"\n"
        return cls(feed, [line.split(delimiter) for line in data.removesuffix(newline).split(newline)], newline)

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        delimiter = self.feed.format.delimiter.encode()
        text = self.newline.join(delimiter.join(cells) for cells in self.lines)
        return text + (self.newline if self.last_newline else b"")

    def line(self, random: Random) -> list[bytes]:
        """Any line: mostly a row, sometimes a header or a control record. Emptied files get one."""
        if not self.lines:
            self.lines.append([b""])
        return random.choice(self.lines)

    def place(self, random: Random) -> tuple[list[bytes], int]:
        """A line and the place of one of its cells."""
        cells = self.line(random)
        if not cells:
            cells.append(b"")
        return cells, random.randrange(len(cells))


Accident = Callable[[Sheet, Random], None]
"""Damages lines and cells in place."""
ByteAccident = Callable[[bytes, Random], bytes]
"""Damages bytes."""


# ── cells ──


def hostile_cell(sheet: Sheet, random: Random) -> None:
    cells, at = sheet.place(random)
    cells[at] = random.choice(HOSTILE_CELLS).encode(sheet.feed.format.encoding, "replace")


def cell_of_another_column(sheet: Sheet, random: Random) -> None:
    (cells, at), (others, other) = sheet.place(random), sheet.place(random)
    cells[at] = others[other]


def spoiled_character(sheet: Sheet, random: Random) -> None:
    cells, at = sheet.place(random)
    where = random.randint(0, len(cells[at]))
    cells[at] = cells[at][:where] + random.choice(BAD_BYTES) + cells[at][where + random.randint(0, 1) :]


def padded_cell(sheet: Sheet, random: Random) -> None:
    cells, at = sheet.place(random)
    cells[at] = b" " * random.randint(0, 3) + cells[at] + b" " * random.randint(1, 3)


def quoted_cell(sheet: Sheet, random: Random) -> None:
    """Sound quoting, also of a delimiter, a line end, or a quote."""
    cells, at = sheet.place(random)
    inside = random.choice((cells[at], cells[at] + sheet.feed.format.delimiter.encode(), b"a\nb", b"a\r\nb", b'a""b'))
    cells[at] = b'"' + inside + b'"'


def stray_quote(sheet: Sheet, random: Random) -> None:
    cells, at = sheet.place(random)
    where = random.randint(0, len(cells[at]))
    cells[at] = cells[at][:where] + b'"' + cells[at][where:]


def huge_cell(sheet: Sheet, random: Random) -> None:
    cells, at = sheet.place(random)
    cells[at] = b"A" * random.choice((65_537, 1_048_577))


def shifted_day(sheet: Sheet, random: Random) -> None:
    """A digit becomes another: dates, ids and codes that are almost right."""
    cells, at = sheet.place(random)
    digits = [i for i, byte in enumerate(cells[at]) if chr(byte).isdigit()]
    if digits:
        where = random.choice(digits)
        cells[at] = cells[at][:where] + str(random.randint(0, 9)).encode() + cells[at][where + 1 :]


# ── lines ──


def dropped_cell(sheet: Sheet, random: Random) -> None:
    cells, at = sheet.place(random)
    del cells[at]


def added_cell(sheet: Sheet, random: Random) -> None:
    cells, at = sheet.place(random)
    cells.insert(random.choice((at, len(cells))), random.choice((b"", b"x", b"01/01/2026")))


def swapped_cells(sheet: Sheet, random: Random) -> None:
    cells = sheet.line(random)
    a, b = (random.randrange(max(len(cells), 1)) for _ in range(2))
    if cells:
        cells[a], cells[b] = cells[b], cells[a]


def repeated_line(sheet: Sheet, random: Random) -> None:
    sheet.lines.insert(random.randint(0, len(sheet.lines)), list(sheet.line(random)))


def dropped_line(sheet: Sheet, random: Random) -> None:
    sheet.lines.remove(sheet.line(random))


def moved_line(sheet: Sheet, random: Random) -> None:
    line = sheet.line(random)
    sheet.lines.remove(line)
    sheet.lines.insert(random.randint(0, len(sheet.lines)), line)


def glued_lines(sheet: Sheet, random: Random) -> None:
    """A lost line end: two records in one line."""
    at = random.randrange(max(len(sheet.lines) - 1, 1))
    if at + 1 < len(sheet.lines):
        sheet.lines[at : at + 2] = [sheet.lines[at] + sheet.lines[at + 1]]


def cut_line(sheet: Sheet, random: Random) -> None:
    """A line end too many: one record in two lines."""
    at = random.randrange(max(len(sheet.lines), 1))
    if at < len(sheet.lines):
        where = random.randint(0, len(sheet.lines[at]))
        sheet.lines[at : at + 1] = [sheet.lines[at][:where], sheet.lines[at][where:]]


def empty_line(sheet: Sheet, random: Random) -> None:
    sheet.lines.insert(random.randint(0, len(sheet.lines)), [random.choice((b"", b" ", b"\t", b"\r", b'""'))])


def unfinished_quote(sheet: Sheet, random: Random) -> None:
    cells, at = sheet.place(random)
    cells[at] = b'"' + cells[at]


# ── the head and the whole ──


def spoiled_header(sheet: Sheet, random: Random) -> None:
    cells = next((line for line in sheet.lines if len(line) > 3), sheet.line(random))
    at = random.randrange(max(len(cells), 1))
    if cells:
        name = cells[at]
        cells[at] = random.choice((name.lower(), name + b" ", b"", name + name, cells[0], b"EXTRA", b'"' + name + b'"'))


def reordered_columns(sheet: Sheet, random: Random) -> None:
    width = max((len(line) for line in sheet.lines), default=0)
    order = random.sample(range(width), width)
    sheet.lines = [[line[i] for i in order] if len(line) == width else line for line in sheet.lines]


def dropped_column(sheet: Sheet, random: Random) -> None:
    width = max((len(line) for line in sheet.lines), default=0)
    at = random.randrange(max(width, 1))
    sheet.lines = [line[:at] + line[at + 1 :] if len(line) == width else line for line in sheet.lines]


def added_column(sheet: Sheet, random: Random) -> None:
    width = max((len(line) for line in sheet.lines), default=0)
    sheet.lines = [[*line, b"X"] if len(line) == width else line for line in sheet.lines]


def many_columns(sheet: Sheet, random: Random) -> None:
    sheet.lines = [[*line, *(b"X%d" % i for i in range(5_000))] for line in sheet.lines]


def other_line_ends(sheet: Sheet, random: Random) -> None:
    sheet.newline = random.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b"\x0b", b"\x85", b"\x1e"))


def no_last_line_end(sheet: Sheet, random: Random) -> None:
    sheet.last_newline = False


def truncated(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def lost_head(data: bytes, random: Random) -> bytes:
    return data[random.randint(0, len(data)) :]


def flipped_bits(data: bytes, random: Random) -> bytes:
    spoiled = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if spoiled:
            spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
    return bytes(spoiled)


def inserted_bytes(data: bytes, random: Random) -> bytes:
    where = random.randint(0, len(data))
    return data[:where] + random.choice((*BAD_BYTES, random.randbytes(random.randint(1, 64)))) + data[where:]


def other_delimiter(data: bytes, random: Random) -> bytes:
    return data.replace(random.choice((b",", b"|", b"\t")), random.choice((b";", b"|", b",", b"\t")))


def other_encoding(data: bytes, random: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(random.choice(("utf-16", "utf-16-le", "utf-32", "cp037", "cp1252", "utf-8-sig")), "replace")


def byte_order_mark(data: bytes, random: Random) -> bytes:
    return random.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf\xef\xbb\xbf")) + data


def sent_twice_in_one(data: bytes, random: Random) -> bytes:
    return data + data


def another_thing(data: bytes, random: Random) -> bytes:
    """No such file at all."""
    html = b"<html><body>503 Service Unavailable</body></html>\n"
    return random.choice(
        (b"", b"\n", b"\r\n" * 40, b"\x00" * 512, html, gzip.compress(data), b"PK\x03\x04" + data[:64])
    )


CELLS: tuple[Accident, ...] = (
    hostile_cell, cell_of_another_column, spoiled_character, padded_cell, quoted_cell, shifted_day,
)  # fmt: skip
LINES: tuple[Accident, ...] = (
    stray_quote, unfinished_quote, dropped_cell, added_cell, swapped_cells, repeated_line, dropped_line, moved_line,
    glued_lines, cut_line, empty_line,
)  # fmt: skip
WHOLE: tuple[Accident, ...] = (
    spoiled_header, reordered_columns, dropped_column, added_column, other_line_ends, no_last_line_end,
)  # fmt: skip
RARE: tuple[Accident, ...] = (huge_cell, many_columns)
"""Cost a hundred times as much as the others."""
BYTES: tuple[ByteAccident, ...] = (
    truncated, lost_head, flipped_bits, inserted_bytes, other_delimiter, other_encoding, byte_order_mark,
    sent_twice_in_one, another_thing,
)  # fmt: skip


def mutant(feed: Feed, good: bytes, seed: int) -> tuple[bytes, list[str]]:
    """The mutant of ``seed``, and the names of its accidents."""
    random = Random(seed)
    sheet = Sheet.of(feed, good)
    kinds = random.choices((CELLS, LINES, WHOLE, RARE, BYTES), (45, 30, 9, 1, 15), k=random.choice((1, 1, 1, 2, 3)))
    names = []
    for accidents in kinds:
        if accidents is not BYTES:
            accident = random.choice(accidents)
            accident(sheet, random)
            names.append(accident.__name__)
    data = sheet.data
    for _ in range(sum(accidents is BYTES for accidents in kinds)):
        byte_accident = random.choice(BYTES)
        data = byte_accident(data, random)
        names.append(byte_accident.__name__)
    return data, names
