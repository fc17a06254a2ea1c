"""Seeded damage to workbooks, in their XML and in the zip around it: what spreadsheets, mail and malice do to them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from random import Random

from concord.sandbox.roster import COLUMNS, Employer
from concord.sandbox.writing import xlsx

AS_OF = date(2026, 11, 18)
ROWS = 5
SHEET, BOOK = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
ROW, CELL = re.compile(r"<row .*?</row>", re.DOTALL), re.compile(r"<c [^>]*?(?:/>|>.*?</c>)", re.DOTALL)
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'


@cache
def base() -> bytes:
    """A sound workbook of Acme's."""
    rows = [row for row in Employer(1, 20, start=AS_OF).day(1).records if "\n" not in row[10]]
    out = io.BytesIO()
    xlsx.write(out, [COLUMNS, *rows[:ROWS]])
    return out.getvalue()


@dataclass
class Book:
    """A workbook's parts; ``touched`` are rows (1 is the header) that are not what they were."""

    parts: dict[str, bytes]
    touched: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, data: bytes) -> Book:
        """A sound workbook, unpacked."""
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return cls({name: package.read(name) for name in package.namelist()})

    @property
    def sheet(self) -> str:
        """The XML of its sheet."""
        return self.parts[SHEET].decode()

    @sheet.setter
    def sheet(self, text: str) -> None:
        self.parts[SHEET] = text.encode("utf-8", "surrogatepass")

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
            for name, content in self.parts.items():
                package.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 1)
        return out.getvalue()


Accident = Callable[[Book, Random], None]
ByteAccident = Callable[[bytes, Random], bytes]


def _cell(content: str) -> Accident:
    """Puts ``content`` (of a ``c`` element, its reference is kept) in place of any cell of a row."""

    def accident(book: Book, random: Random) -> None:
        rows = ROW.findall(book.sheet)
        if len(rows) < 2:
            return
        at = random.randrange(1, len(rows))
        cells = CELL.findall(rows[at])
        if not cells:
            return
        old = random.choice(cells)
        found = re.search(r'r="([A-Z]+[0-9]+)"', old)
        book.touched.add(at + 1)
        new = content.replace("REF", found[1] if found else "A2")
        book.sheet = book.sheet.replace(rows[at], rows[at].replace(old, new, 1), 1)

    return accident


CELLS: dict[str, Accident] = {
    "formula": _cell('<c r="REF" t="str"><f>1+1</f><v>2</v></c>'),
    "formula_without_value": _cell('<c r="REF"><f>SUM(A1:A9)</f></c>'),
    "error": _cell('<c r="REF" t="e"><v>#REF!</v></c>'),
    "new_error": _cell('<c r="REF" t="e"><v>#FIELD!</v></c>'),
    "error_without_value": _cell('<c r="REF" t="e"/>'),
    "endless": _cell('<c r="REF"><v>1e400</v></c>'),
    "number": _cell('<c r="REF"><v>12345</v></c>'),
    "fraction": _cell('<c r="REF"><v>1.5E+22</v></c>'),
    "no_number": _cell('<c r="REF"><v>abc</v></c>'),
    "boolean": _cell('<c r="REF" t="b"><v>1</v></c>'),
    "iso_date": _cell('<c r="REF" t="d"><v>2026-02-30</v></c>'),
    "shared_string_that_is_not_there": _cell('<c r="REF" t="s"><v>99999</v></c>'),
    "unknown_type": _cell('<c r="REF" t="zzz"><v>1</v></c>'),
    "unknown_style": _cell('<c r="REF" s="9999"><v>1</v></c>'),
    "empty": _cell('<c r="REF"/>'),
    "lost": _cell(""),
    "line_break": _cell('<c r="REF" t="inlineStr"><is><t>a\nb</t></is></c>'),
    "markup": _cell('<c r="REF" t="inlineStr"><is><t>&lt;b&gt; =1+1 &amp;</t></is></c>'),
    "control_character": _cell('<c r="REF" t="inlineStr"><is><t>a_x0000_b</t></is></c>'),
    "other_script": _cell('<c r="REF" t="inlineStr"><is><t>١٢٣ ＡＢ</t></is></c>'),
    "rich_text": _cell('<c r="REF" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c>'),
}


def dropped_row(book: Book, random: Random) -> None:
    rows = ROW.findall(book.sheet)
    book.sheet = book.sheet.replace(random.choice(rows), "", 1) if rows else book.sheet


def repeated_row(book: Book, random: Random) -> None:
    rows = ROW.findall(book.sheet)
    if rows:
        row = random.choice(rows)
        book.sheet = book.sheet.replace(row, row + row, 1)


def far_row(book: Book, random: Random) -> None:
    """Row numbers that jump, go back, are none, or are beyond what a sheet has."""
    number = random.choice(("40", "1048576", "1048577", "999999999", "0", "-1", "x", "1"))
    book.sheet = book.sheet.replace(f'<row r="{random.randint(2, ROWS + 1)}"', f'<row r="{number}"', 1)


def far_cell(book: Book, random: Random) -> None:
    reference = random.choice(("XFD2", "XFE2", "ZZZZ2", "A99", "2", "é2", "A-1"))
    book.sheet = re.sub(rf'r="C{random.randint(2, ROWS + 1)}"', f'r="{reference}"', book.sheet, count=1)


def merged(book: Book, random: Random) -> None:
    area = random.choice(("A2:B3", "A1:X1", "A2:A2", "B3:A1", "A1:XFD1048576", "zzz"))
    book.sheet = book.sheet.replace(
        "</sheetData>", f'</sheetData><mergeCells count="1"><mergeCell ref="{area}"/></mergeCells>'
    )


def hidden_rows(book: Book, random: Random) -> None:
    book.sheet = book.sheet.replace("<row ", '<row hidden="1" ', random.choice((1, 9)))


def changed_header(book: Book, random: Random) -> None:
    book.sheet = book.sheet.replace(random.choice(COLUMNS), random.choice(("", "X", "empid", "EMPID")), 1)


def torn_xml(book: Book, random: Random) -> None:
    at = random.randrange(len(book.sheet))
    text = book.sheet
    book.sheet = random.choice((text[:at], text[:at] + "<", text[:at] + "&", text[:at] + text[at + 5 :], text + text))


def entity_bomb(book: Book, random: Random) -> None:
    book.sheet = re.sub(r"(<\?xml.*?\?>)?", lambda found: found[0] + BOMB, book.sheet, count=1).replace("HQ", "&b;")


def epoch_1904(book: Book, random: Random) -> None:
    book.parts[BOOK] = re.sub(rb"<workbookPr[^>]*/>", b'<workbookPr date1904="1"/>', book.parts[BOOK])


def hidden_sheet(book: Book, random: Random) -> None:
    state = random.choice((b"hidden", b"veryHidden", b"zzz"))
    book.parts[BOOK] = re.sub(rb'state="visible"', b'state="' + state + b'"', book.parts[BOOK])


def no_sheet(book: Book, random: Random) -> None:
    book.parts[BOOK] = re.sub(
        rb"<sheets>.*?</sheets>", random.choice((b"<sheets/>", b"")), book.parts[BOOK], flags=re.DOTALL
    )


def missing_part(book: Book, random: Random) -> None:
    book.parts.pop(random.choice(list(book.parts)))


def emptied_part(book: Book, random: Random) -> None:
    book.parts[random.choice(list(book.parts))] = random.choice((b"", b"<x/>", b"\0" * 20, b"<?xml version='1.0'?>"))


def macros(book: Book, random: Random) -> None:
    book.parts[random.choice(("xl/vbaProject.bin", "../../etc/passwd", "/abs", "xl/worksheets/../x"))] = b"\0" * 40


def zip_bomb(book: Book, random: Random) -> None:
    name = random.choice((SHEET, "xl/media/image1.png", "xl/sharedStrings.xml"))
    book.parts[name] = b" " * 6_000_000


def truncated(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def flipped_bits(data: bytes, random: Random) -> bytes:
    spoiled = bytearray(data)
    for _ in range(random.randint(1, 8)):
        spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
    return bytes(spoiled)


def encrypted_flag(data: bytes, random: Random) -> bytes:
    return data.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")


def another_thing(data: bytes, random: Random) -> bytes:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    return random.choice((b"", b"PK", old, b"a,b\n1,2\n", b"PK\x05\x06" + b"\0" * 18, data + b"\0" * 40, b"x" + data))


SHEETS: tuple[Accident, ...] = (
    dropped_row, repeated_row, far_row, far_cell, merged, hidden_rows, changed_header, torn_xml, entity_bomb,
    epoch_1904, hidden_sheet, no_sheet, missing_part, emptied_part, macros,
)  # fmt: skip
RARE: tuple[Accident, ...] = (zip_bomb,)
BYTES: tuple[ByteAccident, ...] = (truncated, flipped_bits, encrypted_flag, another_thing)


@dataclass(frozen=True)
class Mutant:
    """A damaged workbook; ``touched`` is None where any row may be another."""

    data: bytes
    accidents: tuple[str, ...]
    touched: frozenset[int] | None


def mutant(seed: int) -> Mutant:
    """The mutant of ``seed``."""
    random, book, names = Random(seed), Book.of(base()), []
    kinds = random.choices(("cells", "sheets", "bytes", "rare"), (55, 29, 15, 1), k=random.choice((1, 1, 1, 2, 3)))
    for kind in sorted(kinds, key=("cells", "sheets", "rare", "bytes").index):
        if kind == "cells":
            name = random.choice(list(CELLS))
            CELLS[name](book, random)
            names.append(name)
        elif kind != "bytes" and SHEET in book.parts and BOOK in book.parts:
            accident = random.choice(SHEETS if kind == "sheets" else RARE)
            accident(book, random)
            names.append(accident.__name__)
    data = book.data
    for _ in range(kinds.count("bytes")):
        byte_accident = random.choice(BYTES)
        data = byte_accident(data, random) if data else data
        names.append(byte_accident.__name__)
    return Mutant(data, tuple(names), frozenset(book.touched) if set(kinds) == {"cells"} else None)
