"""Seeded damage to fixed-width files: text mode, wrong code pages, lost bytes, packed fields of letters."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from random import Random

from concord.sandbox.granite import FIELDS, LENGTH, Granite
from concord.sandbox.writing.fixed_width import Field, Kind, write

AS_OF = date(2026, 11, 18)
BASES = 12
TEXT_FIELDS = tuple(
    Field(field.name, 9 if field.name == "SSN" else 7, Kind.NUMBER) if field.kind is Kind.PACKED else field
    for field in FIELDS
)
"""Granite's fields without packed ones, for files of lines."""
LINE_LENGTH = sum(field.length for field in TEXT_FIELDS)


@dataclass(frozen=True)
class Shape:
    """How a file is written: ``end`` is what follows a record."""

    name: str
    encoding: str
    end: bytes
    length: int
    fields: tuple[Field, ...]


SHAPES = (
    Shape("length", "cp037", b"", LENGTH, FIELDS),
    Shape("ebcdic lines", "cp037", b"\x15", LINE_LENGTH, TEXT_FIELDS),
    Shape("lines", "latin-1", b"\n", LINE_LENGTH, TEXT_FIELDS),
    Shape("windows lines", "latin-1", b"\r\n", LINE_LENGTH, TEXT_FIELDS),
)


@cache
def base(number: int) -> tuple[bytes, Shape]:
    """A sound file of six persons."""
    shape = SHAPES[number % len(SHAPES)]
    rows = Granite(number + 1, 6, start=AS_OF).day(1).records
    out = io.BytesIO()

    def control(text: str) -> bytes:
        return text.ljust(shape.length).encode(shape.encoding)

    write(
        out, shape.fields, rows, encoding=shape.encoding, line_end=shape.end.decode(shape.encoding) or None,
        header=control(f"H{'GRANITE':<10}{AS_OF:%Y%m%d}"), trailer=lambda count: control(f"T{count:09d}"),
    )  # fmt: skip
    return out.getvalue(), shape


@dataclass
class Deck:
    """Records; ``touched`` are those (by place in the sound file) that are not what they were."""

    shape: Shape
    records: list[bytes]
    touched: set[int]

    @classmethod
    def of(cls, data: bytes, shape: Shape) -> Deck:
        """A sound file, cut at its lengths."""
        step = shape.length + len(shape.end)
        return cls(shape, [data[at : at + shape.length] for at in range(0, len(data), step)], set())

    def detail(self, random: Random) -> int:
        """Any detail; it will not be what it was."""
        at = random.randrange(1, max(len(self.records) - 1, 2))
        self.touched.add(at)
        return at

    def overwrite(self, at: int, place: int, piece: bytes) -> None:
        """Puts ``piece`` over the bytes at ``place``."""
        old = self.records[at]
        self.records[at] = (old[:place] + piece + old[place + len(piece) :])[: len(old)]

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return b"".join(record + self.shape.end for record in self.records)


Accident = Callable[[Deck, Random], None]
ByteAccident = Callable[[bytes, Deck, Random], bytes]
VALUES = (
    "99999999",
    "00000000",
    "20260230",
    "        ",
    "NULL",
    "=1+1",
    "#REF!",
    "Ñ",
    "é",
    "X",
    "ZZ",
    "9",
    "-1",
    "{",
    "}",
)
BAD = (b"\x00", b"\xff", b"\x1a", b"\x3f", b"\xa1", b"\x40", b"\x20", b"\x09", b"\xc1", b"\x81")


def other_value(deck: Deck, random: Random) -> None:
    at = deck.detail(random)
    place = random.randrange(deck.shape.length)
    deck.overwrite(at, place, random.choice(VALUES).encode(deck.shape.encoding, "replace"))


def changed_digit(deck: Deck, random: Random) -> None:
    at, digit = deck.detail(random), str(random.randrange(10)).encode(deck.shape.encoding)
    deck.overwrite(at, random.randrange(deck.shape.length), digit)


def spoiled_byte(deck: Deck, random: Random) -> None:
    at = deck.detail(random)
    deck.overwrite(at, random.randrange(deck.shape.length), random.choice(BAD))


def broken_packed(deck: Deck, random: Random) -> None:
    """Nibbles that are no digits, no sign, blanks, another code page's zeros."""
    at, place = deck.detail(random), random.choice((1, 90))
    deck.overwrite(
        at, place, random.choice((b"\xaa\xbb", b"\x40\x40\x40\x40", b"\x00\x00\x00\x00", b"\xf0\xf0", b"\x20"))
    )


def other_code_page(deck: Deck, random: Random) -> None:
    """One record in ASCII, or in EBCDIC where all are ASCII."""
    at = deck.detail(random)
    other = "latin-1" if deck.shape.encoding == "cp037" else "cp037"
    deck.records[at] = deck.records[at].decode(deck.shape.encoding).encode(other)


def shifted_record(deck: Deck, random: Random) -> None:
    at, place = deck.detail(random), random.randrange(deck.shape.length)
    old, blank = deck.records[at], " ".encode(deck.shape.encoding)
    deck.records[at] = (old[:place] + blank + old[place:])[: len(old)]


def short_line(deck: Deck, random: Random) -> None:
    at = deck.detail(random)
    deck.records[at] = deck.records[at][: random.randrange(deck.shape.length)]


def long_line(deck: Deck, random: Random) -> None:
    at = deck.detail(random)
    deck.records[at] += random.choice((b"X", deck.records[at], b"A" * 70_000))


def repeated_record(deck: Deck, random: Random) -> None:
    at = deck.detail(random)
    deck.records.insert(at, deck.records[at])


def dropped_record(deck: Deck, random: Random) -> None:
    at = random.randrange(len(deck.records))
    del deck.records[at]


def moved_record(deck: Deck, random: Random) -> None:
    record = deck.records.pop(random.randrange(len(deck.records)))
    deck.records.insert(random.randint(0, len(deck.records)), record)


def wrong_control(deck: Deck, random: Random) -> None:
    if deck.records:
        at = random.choice((0, -1)) % len(deck.records)
        deck.overwrite(at, random.randrange(20), random.choice(VALUES).encode(deck.shape.encoding, "replace"))


def truncated(data: bytes, deck: Deck, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def lost_head(data: bytes, deck: Deck, random: Random) -> bytes:
    return data[random.randint(0, len(data)) :]


def lost_byte(data: bytes, deck: Deck, random: Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + data[at + random.randint(1, 3) :]


def inserted_bytes(data: bytes, deck: Deck, random: Random) -> bytes:
    at = random.randint(0, len(data))
    return (
        data[:at]
        + random.choice((*BAD, b"\r", b"\n", b"\x15", b"\x25", random.randbytes(random.randint(1, 64))))
        + data[at:]
    )


def flipped_bits(data: bytes, deck: Deck, random: Random) -> bytes:
    spoiled = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if spoiled:
            spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
    return bytes(spoiled)


def lost_line_ends(data: bytes, deck: Deck, random: Random) -> bytes:
    end = deck.shape.end
    return data.replace(end, b"", random.choice((1, 3, -1))) if end else data


def other_line_ends(data: bytes, deck: Deck, random: Random) -> bytes:
    end, other = deck.shape.end, random.choice((b"\r\n", b"\n", b"\r", b"\x15", b"\x25", b"\x0d\x25", b"\n\n"))
    return data.replace(end, other) if end else other.join(data[i : i + LENGTH] for i in range(0, len(data), LENGTH))


def text_mode(data: bytes, deck: Deck, random: Random) -> bytes:
    """Transferred as text: the whole in another code page, packed bytes too."""
    pair = random.choice((("cp037", "latin-1"), ("latin-1", "cp037"), ("latin-1", "utf-8"), ("latin-1", "utf-16")))
    return data.decode(pair[0]).encode(pair[1], "replace")


def glued(data: bytes, deck: Deck, random: Random) -> bytes:
    return data + data


def end_of_file(data: bytes, deck: Deck, random: Random) -> bytes:
    return data + random.choice((b"\x1a", b"\x3f", b"\x1a\x1a", b"\x00", b"\n", b"\x40"))


def another_thing(data: bytes, deck: Deck, random: Random) -> bytes:
    return random.choice(
        (b"", b"\n", b"\x00" * 900, b"\x40" * 900, b"<html>503</html>\n", data[:LENGTH], b"PK\x03\x04")
    )


RECORDS: tuple[Accident, ...] = (
    other_value, changed_digit, spoiled_byte, broken_packed, other_code_page, shifted_record,
)  # fmt: skip
DECKS: tuple[Accident, ...] = (
    short_line, long_line, repeated_record, dropped_record, moved_record, wrong_control,
)  # fmt: skip
BYTES: tuple[ByteAccident, ...] = (
    truncated, lost_head, lost_byte, inserted_bytes, flipped_bits, lost_line_ends, other_line_ends, text_mode, glued,
    end_of_file, another_thing,
)  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A damaged file; ``touched`` is None where any record may be another."""

    data: bytes
    base: int
    accidents: tuple[str, ...]
    touched: frozenset[int] | None


def mutant(seed: int) -> Mutant:
    """The mutant of ``seed``."""
    random = Random(seed)
    number = random.randrange(BASES)
    deck = Deck.of(*base(number))
    kinds = random.choices((RECORDS, DECKS, BYTES), (50, 20, 30), k=random.choice((1, 1, 1, 2, 3)))
    names = []
    for kind in sorted((kind for kind in kinds if kind is not BYTES), key=lambda kind: kind is DECKS):
        accident = random.choice(kind)
        accident(deck, random)
        names.append(accident.__name__)
    data = deck.data
    for _ in range(kinds.count(BYTES)):
        byte_accident = random.choice(BYTES)
        data = byte_accident(data, deck, random)
        names.append(byte_accident.__name__)
    harmless = BYTES not in kinds and DECKS not in kinds
    return Mutant(data, number, tuple(names), frozenset(deck.touched) if harmless else None)
