"""An independent count of an 834: bytes split at the terminator that ISA shows, tags looked at, nothing else.

Nothing of Concord's reader is used. Where a file is so torn that it cannot be split in one way (interchanges with other
separators, an ISA in the middle of a segment, something between interchanges), members are not counted, only accounted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.fuzz.counter import accounts
from tests.fuzz.reader import Outcome
from tests.fuzz.x12_mutator import Mutant

LONGEST = 65_536
"""Of a longer segment nobody needs to know where it ends: it may be cut, and count twice."""
BLANK = b" \t\r\n\0\x1a\x0b\x0c"


@dataclass(frozen=True)
class Counted:
    """How many segments there are, and which of them begin a member."""

    segments: int
    members: frozenset[int]


def counted(data: bytes) -> Counted | None:
    """The count of a file; None where it cannot be split in one way."""
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip(BLANK)
    marks = {_marks(data[at:]) for at in _places(data)}
    if data[:3].upper() != b"ISA" or len(marks) != 1 or (mark := marks.pop()) is None:
        return None
    element, terminator = mark
    segments = [segment for part in data.split(terminator) if (segment := part.strip(BLANK))]
    tags = [segment.split(element)[0].upper() for segment in segments]
    if max(map(len, segments)) > LONGEST or not _is_plain(tags, len(_places(data))):
        return None
    return Counted(len(segments), frozenset(at for at, tag in enumerate(tags, 1) if tag == b"INS"))


def _places(data: bytes) -> list[int]:
    upper, places, at = data.upper(), [], 0
    while (at := upper.find(b"ISA", at)) >= 0:
        places.append(at)
        at += 3
    return places


def _marks(isa: bytes) -> tuple[bytes, bytes] | None:
    """Element separator and terminator of an ISA of the standard's 106 bytes."""
    if len(isa) < 106 or isa[103:104] != isa[3:4] or isa[:106].count(isa[3:4]) != 16:
        return None
    element, component, terminator = isa[3:4], isa[104:105], isa[105:106]
    is_sound = len({element, component, terminator}) == 3 and not (element + component + terminator).isalnum()
    return (element, terminator) if is_sound and terminator not in (b" ", b"\0") else None


def _is_plain(tags: list[bytes], interchanges: int) -> bool:
    """Whether every ISA is a segment, the first is the file's, and each other follows an IEA, which ends the file."""
    begins = [at for at, tag in enumerate(tags) if tag == b"ISA"]
    ends = [at for at, tag in enumerate(tags) if tag == b"IEA"]
    follows = all(tags[at - 1] == b"IEA" for at in begins[1:])
    return len(begins) == interchanges and follows and all(at + 1 == len(tags) or tags[at + 1] == b"ISA" for at in ends)


def wrong(mutant: Mutant, outcome: Outcome) -> Iterator[str]:
    """Everything that does not add up in what became of a mutant."""
    yield from accounts(outcome.line_count, outcome)
    told = counted(mutant.data)
    if told is None:
        return
    if outcome.line_count != told.segments:
        yield f"{outcome.line_count} segments counted, {told.segments} are there"
    firsts = {record.line for record in outcome.records if record.became != "control"}
    if lost := sorted(told.members - firsts)[:5]:
        yield f"members at segments {lost} begin no record"
    owned = {
        line for record in outcome.records if record.became != "control" for line in _later(record.line, record.lines)
    }
    if inside := sorted(told.members & owned)[:5]:
        yield f"members at segments {inside} are within another's record"


def _later(line: int, lines: int) -> range:
    return range(line + 1, line + lines)
