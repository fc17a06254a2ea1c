"""Separators and escapes of one message, as its MSH-1 and MSH-2 give them (HL7 §2.5.4, §2.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from concord.parse.hl7v2.refusal import Code, MessageRefused

NULL = '""'
"""HL7 §2.5.3.2: the value is to be deleted; an empty one is to be left as it is."""
RECOMMENDED = r"^~\&"
FORMAT = re.compile(r"\.(?:br|sp|sk|ce)(?:[+-]?\d+)?", re.IGNORECASE)
"""Formatting commands that begin a new line, for a reader of text (HL7 §2.7.6)."""


@dataclass(frozen=True)
class Separators:
    """One character each; ``escape`` and ``truncation`` (from 2.7) are blank where a sender has none."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @classmethod
    def of(cls, header: str) -> Separators:
        """The separators of a segment MSH; raises :class:`MessageRefused` (``message.separators``).

        A sender that names fewer than four gets the recommended ones for the rest, unless
        such a character already means something else.
        """
        mark = header[3:4]
        encoding = header[4:].split(mark, 1)[0] if mark else ""
        rest = RECOMMENDED[len(encoding) :] if len(encoding) >= 2 else "?"
        marks = mark + encoding + "".join(each for each in rest if each not in mark + encoding)
        sound = 5 <= len(marks) <= 6 and len(set(marks)) == len(marks)
        if not sound or any(each.isalnum() or each == '"' or not " " < each < "\x7f" for each in marks):
            raise MessageRefused(Code.SEPARATORS)
        return cls(*marks)

    def unescape(self, text: str, charset: str) -> str:
        """``text`` with its escapes resolved; one that is not known, or is no text, stays as it was written."""
        if not self.escape or self.escape not in text:
            return text
        return _escapes(self.escape).sub(lambda match: self._resolved(match, charset), text)

    def _resolved(self, match: re.Match[str], charset: str) -> str:
        command = match[1]
        plain = {
            "F": self.field, "S": self.component, "T": self.subcomponent, "R": self.repetition, "E": self.escape,
            "P": self.truncation or "#", "H": "", "N": "",
        }  # fmt: skip
        if command in plain:
            return plain[command]
        if command[0] == "X":
            return _bytes(command[1:], charset) or match[0]
        return "\n" if FORMAT.fullmatch(command) else ""


@cache
def _escapes(mark: str) -> re.Pattern[str]:
    """What an escape may hold; anything else between two marks is text (a path, for instance)."""
    known = r"[FSTREPHN]|X(?:[0-9A-Fa-f]{2})+|\.[A-Za-z]{2}(?:[+-]?\d+)?|Z[0-9A-Za-z]*"
    return re.compile(f"{re.escape(mark)}({known}){re.escape(mark)}")


def _bytes(digits: str, charset: str) -> str:
    """Hexadecimal bytes as text; blank where they are none, or would be control characters."""
    try:
        text = bytes.fromhex(digits).decode(charset).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return ""
    return text if all(each.isprintable() or each in "\n\t" for each in text) else ""
