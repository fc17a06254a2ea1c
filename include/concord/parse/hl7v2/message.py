"""One message as segments, fields, repetitions and components; nothing is interpreted yet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from concord.parse.hl7v2.charsets import charset, decoded
from concord.parse.hl7v2.refusal import Code, MessageRefused
from concord.parse.hl7v2.separators import NULL, Separators

MOST_REPETITIONS = 1_000
MOST_SEGMENTS = 20_000
"""Beyond these a message is no message, and reading it would take for ever."""
NAME = re.compile(r"[A-Z][A-Z0-9]{2}")


@dataclass(frozen=True)
class Encoding:
    """How the text of a message is to be read."""

    marks: Separators
    charset: str

    def text(self, raw: str) -> str:
        """A value as a person reads it: escapes resolved, blanks around it taken off."""
        return self.marks.unescape(raw, self.charset).strip()


@dataclass(frozen=True, slots=True)
class Composite:
    """One repetition of a field. ``part`` gives what was written: ``""`` left alone, ``'""'`` deleted."""

    raw: str = field(repr=False)
    encoding: Encoding

    @property
    def is_null(self) -> bool:
        """Whether all of it is to be deleted."""
        return self.raw.strip() == NULL

    def part(self, number: int, sub: int = 1) -> str:
        """Subcomponent ``sub`` of component ``number``, both from 1, as it was written."""
        if self.is_null:
            return NULL
        return _nth(_nth(self.raw, self.encoding.marks.component, number), self.encoding.marks.subcomponent, sub)

    def text(self, number: int, sub: int = 1) -> str:
        """The same as a person reads it; blank where it is to be deleted."""
        raw = self.part(number, sub).strip()
        return "" if raw == NULL else self.encoding.text(raw)

    def __bool__(self) -> bool:
        return bool(self.raw.strip(f" {self.encoding.marks.component}{self.encoding.marks.subcomponent}"))


def _nth(text: str, mark: str, number: int) -> str:
    parts = text.split(mark, number)
    return parts[number - 1] if len(parts) >= number else ""


@dataclass(frozen=True)
class Segment:
    """One segment; ``fields[n]`` is its field n, as it was written (of MSH too)."""

    name: str
    fields: list[str] = field(repr=False)
    encoding: Encoding

    def raw(self, number: int) -> str:
        """Field ``number`` as it was written; blank where the segment is shorter."""
        return self.fields[number] if number < len(self.fields) else ""

    def repetitions(self, number: int) -> list[Composite]:
        """The repetitions of field ``number`` that hold anything, ``'""'`` too.

        Raises :class:`MessageRefused` (``field.repetitions``) where there are too many to be meant.
        """
        raw = self.raw(number)
        if not raw:
            return []
        each = raw.split(self.encoding.marks.repetition, MOST_REPETITIONS)
        if len(each) > MOST_REPETITIONS:
            raise MessageRefused(Code.REPETITIONS)
        return [one for text in each if (one := Composite(text, self.encoding))]

    def first(self, number: int) -> Composite:
        """The first repetition of field ``number``."""
        return next(iter(self.repetitions(number)), None) or Composite("", self.encoding)

    def text(self, number: int, part: int = 1) -> str:
        """Component ``part`` of the first repetition of field ``number``, as a person reads it."""
        return self.first(number).text(part)


@dataclass(frozen=True)
class Message:
    """The segments of one message, the first of them MSH."""

    segments: tuple[Segment, ...]

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def named(self, name: str) -> list[Segment]:
        """The segments called ``name``, in order."""
        return [segment for segment in self.segments if segment.name == name]


def read(lines: list[bytes], default_charset: str) -> Message:
    """The message of ``lines`` (segments without line ends, the first MSH).

    Raises :class:`MessageRefused` with a code of ``message.*``, ``segment.malformed`` or ``segment.count``.
    """
    if len(lines) > MOST_SEGMENTS:
        raise MessageRefused(Code.SEGMENTS)
    codec = charset(lines[0], default_charset)
    texts = decoded(lines, codec)
    encoding = Encoding(Separators.of(texts[0]), codec)
    return Message(tuple(_segment(text, encoding) for text in texts))


def _segment(text: str, encoding: Encoding) -> Segment:
    name, *fields = text.split(encoding.marks.field)
    if not NAME.fullmatch(name.rstrip()):
        raise MessageRefused(Code.SEGMENT)
    own = [encoding.marks.field] if name == "MSH" else []  # MSH-1 is the separator itself
    return Segment(name.rstrip(), [name, *own, *fields], encoding)
