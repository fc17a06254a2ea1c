"""Seeded damage to 834s, by somebody who knows their grammar.

A mutant is a file of the writer after one to three of these accidents: what a translator, a hand, a transfer or another
system does to a file. Accidents of members say which members they touched; after them envelopes are counted again
mostly, so that what is wrong is the member and nothing else. The same seed makes the same mutant.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from random import Random

from concord.sandbox.writing.members import loops, stream
from concord.sandbox.writing.x12_834 import Batch, Envelope, Separators, Totals, write

AS_OF = date(2026, 11, 18)
MARKS = (
    Separators(line_end="\n"), Separators(), Separators(line_end="\r\n"), Separators("|", "}", ">", "\n"),
    Separators("!", "`", "<", "\\", "\r\n"),
)  # fmt: skip
BASES = 40
HOSTILE: tuple[bytes, ...] = (
    b"", b" ", b"\t", b"NULL", b"nan", b"00000000", b"99991231", b"20260230", b"2026-01-05", b"20260101-20251231",
    b"20251231-20260101", b"-", b"=1+1", b"0", b"-1", b"x" * 300, b"9" * 40, b"\xc3\xa9", b"\xff\xfe", b"\xe9", b"\x07",
    b"\x1a", b"O'Brien", b"'; DROP TABLE core.member; --", b"../../etc/passwd", b"RX", b"030", b"024", b"XYZ", b"{0}",
    b"18", b"HLT", b"34", b"D8", b"RD8", b"ISA", b"INS", b"IEA", b"%s%n", b"\xf0\x9f\x98\x80", b"\xc2\xa0", b"\x00",
)  # fmt: skip
SETS = (b"ST", b"SE")


@dataclass
class Letter:
    """A file as segments of elements; what cannot be said in them is done to bytes afterwards."""

    marks: Separators
    segments: list[list[bytes]]
    touched: set[int] = field(default_factory=set)
    """Members, by their place in the sound file, that are not what they were."""
    owner: list[int] = field(default_factory=list)
    """For each segment, the member it belongs to; -1 for the envelope."""

    @classmethod
    def of(cls, data: bytes, marks: Separators) -> Letter:
        """A sound file, taken apart."""
        parts = [part.strip(b"\r\n") for part in data.split(marks.terminator.encode())]
        segments = [part.split(marks.element.encode()) for part in parts if part]
        owner, member, inside = [], -1, False
        for segment in segments:
            member += segment[0] == b"INS"
            inside = segment[0] == b"INS" or (inside and segment[0] not in (b"SE", b"ST"))
            owner.append(member if inside else -1)
        return cls(marks, segments, set(), owner)

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        end = (self.marks.terminator + self.marks.line_end).encode()
        return b"".join(self.marks.element.encode().join(segment) + end for segment in self.segments)

    def places(self, *tags: bytes) -> list[int]:
        """Segments with one of ``tags``, or all of members."""
        if tags:
            return [at for at, segment in enumerate(self.segments) if segment[0] in tags]
        return [at for at, owner in enumerate(self.owner) if owner >= 0]

    def touch(self, at: int) -> None:
        """The member of segment ``at`` is not what it was."""
        self.touched.add(self.owner[at])

    def remove(self, at: int) -> None:
        """Takes a segment away."""
        self.touch(at)
        del self.segments[at], self.owner[at]

    def insert(self, at: int, segment: list[bytes], owner: int) -> None:
        """Puts a segment in."""
        self.segments.insert(at, segment)
        self.owner.insert(at, owner)
        self.touched.add(owner)

    def recount(self) -> None:
        """Makes SE, GE, IEA and QTY true again."""
        begun = sets = groups = 0
        ids: list[bytes] = []
        totals: list[list[bytes]] = []
        for at, segment in enumerate(self.segments):
            tag = segment[0].upper()
            if tag == b"ISA":
                groups = 0
            elif tag == b"GS":
                sets, groups = 0, groups + 1
            elif tag == b"ST":
                begun, ids, totals, sets = at, [], [], sets + 1
            elif tag == b"QTY":
                totals.append(segment)
            elif tag == b"INS":
                ids.append(segment[1] if len(segment) > 1 else b"")
            elif tag == b"SE":
                segment[1:2] = [b"%d" % (at - begun + 1)]
                _say_totals(totals, ids)
            elif tag == b"GE":
                segment[1:2] = [b"%d" % sets]
            elif tag == b"IEA":
                segment[1:2] = [b"%d" % groups]


def _say_totals(totals: list[list[bytes]], ids: list[bytes]) -> None:
    own = sum(each.upper() == b"Y" for each in ids)
    for segment in totals:
        segment[2:] = [b"%d" % {b"TO": len(ids), b"ET": own}.get(segment[1], len(ids) - own)]


Accident = Callable[[Letter, Random], None]
ByteAccident = Callable[[bytes, Letter, Random], bytes]


def _any(letter: Letter, random: Random, *tags: bytes) -> int | None:
    places = letter.places(*tags)
    return random.choice(places) if places else None


def _element(letter: Letter, random: Random) -> tuple[int, int]:
    """A segment of a member, and one of its elements (not the tag)."""
    at = _any(letter, random)
    at = 0 if at is None else at
    letter.touch(at)
    if len(letter.segments[at]) == 1:
        letter.segments[at].append(b"")
    return at, random.randrange(1, len(letter.segments[at]))


# ── elements of members ──


def hostile_element(letter: Letter, random: Random) -> None:
    at, place = _element(letter, random)
    letter.segments[at][place] = random.choice(HOSTILE)


def emptied_element(letter: Letter, random: Random) -> None:
    at, place = _element(letter, random)
    letter.segments[at][place] = b""


def element_of_another(letter: Letter, random: Random) -> None:
    at, place = _element(letter, random)
    other = random.choice(letter.segments[1:] or letter.segments)
    letter.segments[at][place] = other[random.randrange(len(other))]


def changed_digit(letter: Letter, random: Random) -> None:
    at, place = _element(letter, random)
    value = bytearray(letter.segments[at][place])
    digits = [i for i, byte in enumerate(value) if 48 <= byte <= 57]
    if digits:
        value[random.choice(digits)] = 48 + random.randrange(10)
    letter.segments[at][place] = bytes(value)


def padded_element(letter: Letter, random: Random) -> None:
    at, place = _element(letter, random)
    letter.segments[at][place] = b" " + letter.segments[at][place] + b"  "


def separator_in_value(letter: Letter, random: Random) -> None:
    """Sub-element and repetition separators, where no composite or repetition is."""
    at, place = _element(letter, random)
    mark = random.choice((letter.marks.component, letter.marks.repetition)).encode()
    letter.segments[at][place] = letter.segments[at][place][:3] + mark + letter.segments[at][place][3:]


def added_element(letter: Letter, random: Random) -> None:
    at, place = _element(letter, random)
    letter.segments[at].insert(place, random.choice((b"", b"X", b"20260101")))


def dropped_element(letter: Letter, random: Random) -> None:
    at, place = _element(letter, random)
    del letter.segments[at][place]


def lower_case_id(letter: Letter, random: Random) -> None:
    at, _ = _element(letter, random)
    letter.segments[at][0] = letter.segments[at][0].lower()


def swapped_dates(letter: Letter, random: Random) -> None:
    """End before begin."""
    at = _any(letter, random, b"DTP")
    if at is not None:
        letter.touch(at)
        letter.segments[at][1:2] = [{b"348": b"349", b"349": b"348"}.get(letter.segments[at][1], b"348")]


def reversed_range(letter: Letter, random: Random) -> None:
    at = _any(letter, random, b"DTP")
    if at is not None:
        letter.touch(at)
        letter.segments[at][1:] = [
            b"348",
            b"RD8",
            random.choice((b"20261231-20260101", b"20260101-", b"-", b"20260101")),
        ]


def without_coverage_line(letter: Letter, random: Random) -> None:
    """HD without HD03."""
    at = _any(letter, random, b"HD")
    if at is not None:
        letter.touch(at)
        letter.segments[at][3:] = []


def huge_element(letter: Letter, random: Random) -> None:
    at, place = _element(letter, random)
    letter.segments[at][place] = b"A" * random.choice((65_600, 1_100_000))


# ── segments of members ──


def without_subscriber_id(letter: Letter, random: Random) -> None:
    at = next((at for at in letter.places(b"REF") if letter.segments[at][1:2] == [b"0F"]), None)
    if at is not None:
        letter.remove(at)


def two_subscriber_ids(letter: Letter, random: Random) -> None:
    at = next((at for at in letter.places(b"REF") if letter.segments[at][1:2] == [b"0F"]), None)
    if at is not None:
        letter.insert(at + 1, [b"REF", b"0F", b"E9999999"], letter.owner[at])


def dropped_segment(letter: Letter, random: Random) -> None:
    at = _any(letter, random)
    if at is not None and letter.segments[at][0].upper() != b"INS":
        letter.remove(at)


def repeated_segment(letter: Letter, random: Random) -> None:
    at = _any(letter, random)
    if at is not None and letter.segments[at][0].upper() != b"INS":
        letter.insert(at + 1, list(letter.segments[at]), letter.owner[at])


def unknown_segment(letter: Letter, random: Random) -> None:
    at = _any(letter, random)
    if at is not None:
        letter.insert(at + 1, random.choice(([b"ZZZ", b"1"], [b"X"], [b"LONGTAG", b"1"], [b"NTE", b"", b"a"])),
                      letter.owner[at])  # fmt: skip


def ls_without_le(letter: Letter, random: Random) -> None:
    at = _any(letter, random, b"LE")
    if at is not None:
        letter.remove(at)
    elif (at := _any(letter, random)) is not None and letter.segments[at][0] != b"INS":
        letter.insert(at, [b"LS", b"2700"], letter.owner[at])


def le_without_ls(letter: Letter, random: Random) -> None:
    at = _any(letter, random, b"LS")
    if at is not None:
        letter.remove(at)
    elif (at := _any(letter, random)) is not None and letter.segments[at][0] != b"INS":
        letter.insert(at, [b"LE", b"2700"], letter.owner[at])


def repeated_member(letter: Letter, random: Random) -> None:
    """Twice in one file; both are somebody whom nobody compares."""
    at = _any(letter, random)
    if at is not None:
        member = letter.owner[at]
        own = [place for place, owner in enumerate(letter.owner) if owner == member]
        copied = [list(letter.segments[place]) for place in own]
        for offset, segment in enumerate(copied):
            letter.insert(own[-1] + 1 + offset, segment, member)


def dropped_member(letter: Letter, random: Random) -> None:
    at = _any(letter, random)
    if at is not None:
        member = letter.owner[at]
        for place in reversed([place for place, owner in enumerate(letter.owner) if owner == member]):
            letter.remove(place)


def lost_ins(letter: Letter, random: Random) -> None:
    """Two members become one."""
    at = _any(letter, random, b"INS")
    if at is not None:
        letter.touched.add(letter.owner[at] - 1)
        letter.remove(at)


# ── envelopes ──


def _wrong(tag: bytes, place: int) -> Accident:
    def accident(letter: Letter, random: Random) -> None:
        at = _any(letter, random, tag)
        if at is not None and len(letter.segments[at]) > place:
            letter.segments[at][place] = random.choice((b"", b"0", b"999", b"x", letter.segments[at][place] + b"1"))

    accident.__name__ = f"wrong_{tag.decode().lower()}{place:02d}"
    return accident


def _lost(tag: bytes) -> Accident:
    def accident(letter: Letter, random: Random) -> None:
        at = _any(letter, random, tag)
        if at is not None:
            letter.remove(at)

    accident.__name__ = f"lost_{tag.decode().lower()}"
    return accident


def wrong_total(letter: Letter, random: Random) -> None:
    at = _any(letter, random, b"QTY")
    if at is not None:
        letter.segments[at][2:] = [random.choice((b"0", b"9999", b"", b"x"))]


def other_purpose(letter: Letter, random: Random) -> None:
    for at in letter.places(b"BGN")[: random.choice((1, 9))]:
        letter.segments[at][8:] = [random.choice((b"2", b"4", b"RX", b"", b"ZZ"))]


def repeated_envelope(letter: Letter, random: Random) -> None:
    at = _any(letter, random, b"ST", b"SE", b"GS", b"GE", b"IEA", b"ISA", b"BGN")
    if at is not None:
        letter.insert(at, list(letter.segments[at]), -1)


def moved_segment(letter: Letter, random: Random) -> None:
    at = random.randrange(len(letter.segments))
    segment, owner = letter.segments[at], letter.owner[at]
    letter.remove(at)
    letter.insert(random.randint(0, len(letter.segments)), segment, owner)


def unpadded_isa(letter: Letter, random: Random) -> None:
    """A translator that trims: ISA has not its 106 bytes."""
    for at in letter.places(b"ISA"):
        letter.segments[at] = [part.strip() or b" " for part in letter.segments[at]]


def isa_of_wrong_length(letter: Letter, random: Random) -> None:
    at = _any(letter, random, b"ISA")
    if at is not None and len(letter.segments[at]) > 8:
        letter.segments[at][random.choice((2, 4, 6, 8))] += random.choice((b" ", b"  ", b"X" * 40))


def another_sender(letter: Letter, random: Random) -> None:
    at = _any(letter, random, b"ISA")
    if at is not None and len(letter.segments[at]) > 8:
        letter.segments[at][random.choice((6, 8))] = b"SOMEBODY       "


def other_transaction(letter: Letter, random: Random) -> None:
    at = _any(letter, random, b"ST", b"GS")
    if at is not None:
        letter.segments[at][1:2] = [random.choice((b"837", b"820", b"HC", b""))]


# ── bytes ──


def truncated(data: bytes, letter: Letter, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def lost_head(data: bytes, letter: Letter, random: Random) -> bytes:
    return data[random.randint(0, len(data)) :]


def flipped_bits(data: bytes, letter: Letter, random: Random) -> bytes:
    spoiled = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if spoiled:
            spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
    return bytes(spoiled)


def inserted_bytes(data: bytes, letter: Letter, random: Random) -> bytes:
    marks = letter.marks
    element, terminator, noise = (
        marks.element.encode(),
        marks.terminator.encode(),
        random.randbytes(random.randint(1, 64)),
    )
    piece = random.choice(
        (b"\0", b"\r\n", b" ", b"\x1a", b"\xff", element, terminator, b"ISA", b"ISA" + element, noise)
    )
    at = random.randint(0, len(data))
    return data[:at] + piece + data[at:]


def _at(data: bytes, mark: bytes, random: Random) -> int:
    return data.find(mark, random.randint(0, max(len(data) - 1, 0)))


def lost_terminator(data: bytes, letter: Letter, random: Random) -> bytes:
    at = _at(data, letter.marks.terminator.encode(), random)
    return data[:at] + data[at + 1 :] if at >= 0 else data


def second_terminator(data: bytes, letter: Letter, random: Random) -> bytes:
    at = _at(data, letter.marks.terminator.encode(), random)
    return data[:at] + letter.marks.terminator.encode() * 2 + data[at + 1 :] if at >= 0 else data


def lost_separator(data: bytes, letter: Letter, random: Random) -> bytes:
    at = _at(data, letter.marks.element.encode(), random)
    return data[:at] + data[at + 1 :] if at >= 0 else data


def mixed_separators(data: bytes, letter: Letter, random: Random) -> bytes:
    """Two systems wrote it: other separators from somewhere on."""
    at = random.randint(0, len(data))
    own = random.choice((letter.marks.element, letter.marks.terminator)).encode()
    return data[:at] + data[at:].replace(own, random.choice((b"|", b"~", b"*", b"\n", b"^")))


def other_line_ends(data: bytes, letter: Letter, random: Random) -> bytes:
    mark = letter.marks.terminator.encode()
    return data.replace(mark, mark + random.choice((b"\r\n", b"\n\n", b"\r", b" ", b"\r\r\n", b"\0")))


def broken_lines(data: bytes, letter: Letter, random: Random) -> bytes:
    """Lines of eighty characters, as a terminal's file transfer makes them."""
    return b"\n".join(data[at : at + 80] for at in range(0, len(data), 80))


def glued_interchanges(data: bytes, letter: Letter, random: Random) -> bytes:
    return data.rstrip() + base(random.randrange(BASES))[0]


def sent_twice_in_one(data: bytes, letter: Letter, random: Random) -> bytes:
    return data + data


def garbage_between(data: bytes, letter: Letter, random: Random) -> bytes:
    piece = random.choice((b"-- end of file --\n", b"\0" * 30, b"REF*0F*X~", b"ISA", b"ISA*00*~", b"  INS*Y*18~\n"))
    return random.choice((piece + data, data + piece, data + piece + base(random.randrange(BASES))[0]))


def byte_order_mark(data: bytes, letter: Letter, random: Random) -> bytes:
    return random.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xef\xbb\xbf\xef\xbb\xbf")) + data


def other_encoding(data: bytes, letter: Letter, random: Random) -> bytes:
    return data.decode("latin-1").encode(
        random.choice(("utf-16", "utf-16-le", "cp037", "utf-8-sig", "utf-8")), "replace"
    )


def lower_case(data: bytes, letter: Letter, random: Random) -> bytes:
    return data.lower()


def another_thing(data: bytes, letter: Letter, random: Random) -> bytes:
    return random.choice(
        (b"", b"\n", b"~", b"\0" * 512, b"ISA", data[:105], data[:107], b"<html>503</html>", b"a,b\n1,2\n")
    )


MEMBERS: tuple[Accident, ...] = (
    hostile_element, hostile_element, emptied_element, element_of_another, changed_digit, padded_element,
    separator_in_value, added_element, dropped_element, lower_case_id, swapped_dates, reversed_range,
    without_coverage_line, without_subscriber_id, two_subscriber_ids, dropped_segment, repeated_segment,
    unknown_segment, ls_without_le, le_without_ls, repeated_member, dropped_member, lost_ins,
)  # fmt: skip
RARE: tuple[Accident, ...] = (huge_element,)
ENVELOPES: tuple[Accident, ...] = (
    *(_wrong(tag, place) for tag in (b"SE", b"GE", b"IEA") for place in (1, 2)), _wrong(b"ISA", 13), _wrong(b"GS", 6),
    _wrong(b"GS", 8), _wrong(b"ST", 2), _wrong(b"ISA", 15), _wrong(b"ISA", 11), _wrong(b"BGN", 2),
    *(_lost(tag) for tag in (b"ISA", b"GS", b"ST", b"BGN", b"SE", b"GE", b"IEA", b"N1")), wrong_total, other_purpose,
    repeated_envelope, moved_segment, unpadded_isa, isa_of_wrong_length, another_sender, other_transaction,
)  # fmt: skip
BYTES: tuple[ByteAccident, ...] = (
    truncated, lost_head, flipped_bits, inserted_bytes, lost_terminator, second_terminator, lost_separator,
    mixed_separators, other_line_ends, broken_lines, glued_interchanges, sent_twice_in_one, garbage_between,
    byte_order_mark, other_encoding, lower_case, another_thing,
)  # fmt: skip


@cache
def base(number: int) -> tuple[bytes, Separators]:
    """A sound file of two to nine members, in one to three sets of one or two groups."""
    random = Random(f"base|{number}")
    marks = MARKS[number % len(MARKS)]
    groups: list[list[Batch]] = []
    for group in range(random.choice((1, 1, 2))):
        groups.append([_batch(random, number * 100 + group * 10 + at) for at in range(random.choice((1, 1, 2)))])
    out = io.BytesIO()
    write(out, Envelope(number + 1, AS_OF, sender="MERIDIAN", separators=marks), groups)
    return out.getvalue(), marks


def _batch(random: Random, seed: int) -> Batch:
    members = list(_members(random, seed))
    return Batch(members, totals=Totals.of(members) if random.random() < 0.5 else None)


def _members(random: Random, seed: int) -> Iterator[object]:
    from dataclasses import replace

    for each in loops(stream(seed, random.randint(2, 4), AS_OF), seed=seed):
        yield replace(each, group="MHP10001")


@dataclass(frozen=True)
class Mutant:
    """A damaged file. ``touched`` is None where any member of it may be another."""

    data: bytes
    base: int
    accidents: tuple[str, ...]
    touched: frozenset[int] | None


def mutant(seed: int) -> Mutant:
    """The mutant of ``seed``."""
    random = Random(seed)
    number = random.randrange(BASES)
    letter = Letter.of(*base(number))
    kinds = random.choices((MEMBERS, ENVELOPES, BYTES, RARE), (50, 25, 24, 1), k=random.choice((1, 1, 1, 2, 3)))
    names = []
    for kind in sorted((kind for kind in kinds if kind is not BYTES), key=lambda kind: kind is ENVELOPES):
        if kind is ENVELOPES and MEMBERS in kinds and not names.count("recount"):
            letter.recount()
        accident = random.choice(kind)
        accident(letter, random)
        names.append(accident.__name__)
    harmless = ENVELOPES not in kinds and BYTES not in kinds and RARE not in kinds and random.random() < 0.8
    if harmless:
        letter.recount()
    data = letter.data
    for _ in range(kinds.count(BYTES)):
        byte_accident = random.choice(BYTES)
        data = byte_accident(data, letter, random)
        names.append(byte_accident.__name__)
    return Mutant(data, number, tuple(names), frozenset(letter.touched) if harmless else None)
