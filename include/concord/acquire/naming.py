"""What a partner's file name says, read by the pattern of the drop.

Names come from outside. A name that could mislead a path, a shell, a log or a
reader is refused before the pattern sees it; the pattern then is a plain
regular expression over the whole name. PURE: no I/O, no clock.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from concord.contract import SftpDrop
from concord.errors import ContractError

LONGEST_NAME_BYTES = 255
MOST_STARS = 3
TOKEN = re.compile(r"\{date:(?P<date>[^{}]*)\}|(?P<number>\{(?:sequence|parts?)\})|(?P<star>\*)|(?P<brace>[{}])")
NUMBERS = {
    "{sequence}": "(?P<sequence>[0-9]{1,18})",
    "{part}": "(?P<part>[0-9]{1,4})",
    "{parts}": "(?P<parts>[0-9]{1,4})",
}
DIRECTIVES = {
    "%Y": "[0-9]{4}", "%y": "[0-9]{2}", "%m": "[0-9]{2}", "%d": "[0-9]{2}", "%j": "[0-9]{3}",
    "%b": "[A-Za-z]{3}", "%H": "[0-9]{2}", "%M": "[0-9]{2}", "%S": "[0-9]{2}", "%%": "%",
}  # fmt: skip


@dataclass(frozen=True)
class DropName:
    """What a matching name says; None where the pattern has no such part.

    ``whole`` is the name without its part numbers: equal for all files of a delivery, and of no other. ``texts`` are
    date and sequence as they stand in it.
    """

    file_date: date | None
    sequence: int | None
    part: int | None = None
    parts: int | None = None
    whole: str = field(default="", compare=False, repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class NameMatcher:
    """Reads names by a drop's pattern; raises :class:`ContractError` where the pattern is none.

    ``{date:%Y%m%d}`` is a date, ``{sequence}`` one to eighteen ASCII digits, ``{part}`` and ``{parts}`` one to
    four, ``*`` anything (also nothing). All else stands for itself, upper and lower case apart.
    """

    pattern: str
    owner: str = "-"

    def __post_init__(self) -> None:
        _ = self.expression

    def read(self, name: str) -> DropName | None:
        """What ``name`` says, or None when it is not of this drop.

        Raises ValueError, without the name, when it matches but its date is no date.
        """
        match = self.expression.fullmatch(name)
        if match is None:
            return None
        said = {label: text for label, text in match.groupdict().items() if text is not None}
        numbers = {label: int(said[label]) for label in ("sequence", "part", "parts") if label in said}
        return DropName(
            self._date(said.get("date")),
            numbers.get("sequence"),
            numbers.get("part"),
            numbers.get("parts"),
            _without(match, ("part", "parts")),
            {label: said[label] for label in ("date", "sequence") if label in said},
        )

    def _date(self, text: str | None) -> date | None:
        if text is None:
            return None
        try:
            return datetime.strptime(text, self.date_format).date()  # noqa: DTZ007
        except ValueError:
            pass
        raise ValueError("the date in the name is no date")

    @cached_property
    def date_format(self) -> str:
        """The strptime format inside ``{date:…}``; empty when there is none."""
        return next((token["date"] for token in TOKEN.finditer(self.pattern) if token["date"] is not None), "")

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The pattern as a regular expression over the whole name."""
        parts, at = [], 0
        for token in TOKEN.finditer(self.pattern):
            parts += [re.escape(self.pattern[at : token.start()]), self._part(token)]
            at = token.end()
        self._check(parts)
        return re.compile("".join([*parts, re.escape(self.pattern[at:])]))

    def _part(self, token: re.Match[str]) -> str:
        if token["date"] is not None:
            return f"(?P<date>{self._digits(token['date'])})"
        if token["number"]:
            return NUMBERS[token["number"]]
        if token["star"]:
            return ".*?"
        raise self._wrong("a brace that opens neither {date:…} nor {sequence}, {part}, {parts}")

    def _digits(self, date_format: str) -> str:
        pieces = re.split(r"(%.?)", date_format)
        unknown = [piece for piece in pieces[1::2] if piece not in DIRECTIVES]
        if unknown or len(pieces) == 1:
            raise self._wrong(f"{{date:…}} takes {' '.join(DIRECTIVES)}")
        return "".join(DIRECTIVES.get(piece) or re.escape(piece) for piece in pieces)

    def _check(self, parts: list[str]) -> None:
        for label in ("date", "sequence", "part", "parts"):
            if sum(part.startswith(f"(?P<{label}>") for part in parts) > 1:
                raise self._wrong(f"{{{label}}} stands twice")
        # Each star multiplies the ways a long name can be tried.
        if parts.count(".*?") > MOST_STARS:
            raise self._wrong(f"more than {MOST_STARS} stars")

    def _wrong(self, message: str) -> ContractError:
        return ContractError(self.owner, "source.pattern", message)


def _without(match: re.Match[str], labels: Iterable[str]) -> str:
    """The name without the text of ``labels``; a slash, which no name has, stands in their place."""
    name, spans = match.string, sorted(match.span(label) for label in labels if match.groupdict().get(label))
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(name)]
    return "/".join(name[end:start] for end, start in zip(ends, starts, strict=True))


def matcher(drop: SftpDrop) -> NameMatcher:
    """The reader of names of ``drop``; raises :class:`ContractError` naming its connection."""
    return NameMatcher(drop.pattern, drop.conn_id)


def plain_name(raw: bytes) -> str | None:
    """``raw`` as text when it is an ordinary file name, else None.

    Refused: over 255 bytes, not UTF-8, ``.`` and ``..``, slashes and backslashes, a
    leading dash, and every control, format (right-to-left override, zero width),
    private or line-separating character.
    """
    try:
        name = raw.decode("utf-8") if len(raw) <= LONGEST_NAME_BYTES else ""
    except UnicodeDecodeError:
        return None
    if name in ("", ".", "..") or name.startswith("-") or any(map(_misleads, name)):
        return None
    return name


def _misleads(character: str) -> bool:
    return character in "/\\" or unicodedata.category(character) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def without_temporary(name: str, temporary: tuple[str, ...]) -> str | None:
    """The name that a temporary ``name`` will have once it is written; None when it is not temporary."""
    suffix = next((suffix for suffix in temporary if name.lower().endswith(suffix.lower())), None)
    return name[: -len(suffix)] if suffix else None
