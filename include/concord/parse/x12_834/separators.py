"""The separators of an interchange, read from its ISA segment (X12.5)."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_ISA = 300
"""Of an ISA whose elements are not padded to their fixed lengths, or padded too much."""
ELEMENTS = 16


@dataclass(frozen=True)
class Separators:
    """One byte each; ``repetition`` is None where the version has none (before 00402: ISA11 is ``U``)."""

    element: int
    component: int
    terminator: int
    repetition: int | None

    @property
    def text(self) -> str:
        """Element, repetition, component, terminator; a blank where there is no repetition."""
        return "".join(chr(each) for each in (self.element, self.repetition or 32, self.component, self.terminator))


def read_separators(data: bytes) -> Separators | None:
    """The separators of the ISA that ``data`` begins with; None where they cannot be told without a guess.

    The sixteenth element separator is followed by the component separator and the terminator, however long the
    elements before are.
    """
    element = data[3] if len(data) > 3 else 0
    at = 3
    for _ in range(ELEMENTS - 1):
        at = data.find(element, at + 1, LONGEST_ISA)
        if at < 0:
            return None
    if at + 2 >= len(data):
        return None
    component, terminator = data[at + 1], data[at + 2]
    marks = {element, component, terminator}
    if len(marks) != 3 or any(_is_text(each) for each in marks):
        return None
    fields = data[:at].split(bytes([element]))
    repetition = fields[11][0] if len(fields[11]) == 1 and not _is_text(fields[11][0]) else None
    return Separators(element, component, terminator, repetition if repetition not in marks else None)


def _is_text(byte: int) -> bool:
    return bytes([byte]).isalnum() or byte >= 128 or byte in (0, 32)
