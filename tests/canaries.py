"""Looks for values of persons where none may be: plain, sliced, and in the clothes they travel in.

Every synthetic person carries canaries (:data:`concord.sandbox.people.CANARY` in names, streets
and e-mail), and numbers and dates that are known. A text is looked at as it is, reversed,
unquoted, and with everything in it that may be base64 or hexadecimal (which is how Postgres
prints ``bytea``) decoded.

A whole installation holds much that is encrypted or random, so that what is looked for must be
improbable there: the canaries of known persons, not their shape, in one case; and no number
inside a digest.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import unquote_plus

from concord.sandbox.people import CANARY

WORD = re.compile(f"(?=({CANARY.pattern}))", re.IGNORECASE)
"""Also where two overlap."""
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}")
HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
DIGEST = re.compile(
    r"(?<![0-9a-f])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{16,})(?![0-9a-f])",
    re.IGNORECASE,
)
"""A hash, a sealed value, a UUID: its digits are by chance those of somebody's number now and then."""
NUMBER = re.compile(r"(?<!\d)\d(?:[-. ()]{0,2}\d){7,}(?!\d)")
WRITTEN_DATE = re.compile(r"(?<!\d)(?:\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{4}|\d\d\.\d\d\.\d{4}|\d{8})(?!\d)")
PYTHON_DATE = re.compile(r"date\((\d{4}), (\d\d?), (\d\d?)\)")
FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d", "%m%d%Y")
SLICE = 7
"""Letters of a canary that already tell it; a number counts whole: logs are full of digits."""
MARKED = 25
"""Persons whose canaries are looked for in slices as well: with thousands, chance would find some."""


@dataclass(frozen=True)
class Canaries:
    """What must not be found: words and slices (lower case), numbers (digits only), ids as written, dates of birth."""

    words: frozenset[str]
    slices: frozenset[str]
    numbers: frozenset[str]
    ids: frozenset[str]
    born: frozenset[date]

    @classmethod
    def of(
        cls,
        *,
        words: Iterable[str] = (),
        numbers: Iterable[str] = (),
        ids: Iterable[str] = (),
        born: Iterable[date] = (),
    ) -> Canaries:
        """From values as partners write them; only births before 2010, since later dates stand in logs of today."""
        found = sorted({match.lower() for word in words for match in WORD.findall(word)})
        slices = {word[at : at + SLICE] for word in found[:MARKED] for at in range(len(word) - SLICE + 1)}
        digits = {re.sub(r"\D", "", number) for number in numbers}
        return cls(
            frozenset(found),
            frozenset(slices),
            frozenset(number for number in digits if len(number) >= 9),
            frozenset(ids),
            frozenset(day for day in born if day.year < 2010),
        )

    def __len__(self) -> int:
        """How many values are looked for."""
        return len(self.words) + len(self.slices) + len(self.numbers) + len(self.ids) + len(self.born)

    def found(self, text: str) -> set[str]:
        """Kinds of values that ``text`` carries: ``word``, ``number``, ``id``, ``born``, with how they were written."""
        return {f"{kind} ({how})" for how, view in views(text) for kind in self._kinds(view)}

    def _kinds(self, text: str) -> Iterator[str]:
        if any(self._is_word(match) for match in WORD.findall(text)) or self._has_slice(text):
            yield "word"
        if any(self._is_number(match) for match in NUMBER.findall(text)):
            yield "number"
        if any(match in self.ids for match in re.findall(r"[A-Za-z]{0,4}\d{5,12}", text)):
            yield "id"
        if any(day in self.born for day in dates(text)):
            yield "born"

    def _is_word(self, written: str) -> bool:
        return (written[2:].islower() or written[2:].isupper()) and written.lower() in self.words

    def _has_slice(self, text: str) -> bool:
        return any(each in text or each.upper() in text for each in self.slices)

    def _is_number(self, written: str) -> bool:
        digits = re.sub(r"\D", "", written)
        return any(digits[at : at + size] in self.numbers for size in (9, 10) for at in range(len(digits) - size + 1))


def views(text: str) -> Iterator[tuple[str, str]]:
    """How a text may be read: (how, text)."""
    legible = DIGEST.sub(" ", text)
    yield "plain", legible
    yield "reversed", legible[::-1]
    if "%" in text:
        yield "unquoted", unquote_plus(text)
    yield "base64", "\n".join(_from_base64(text))
    yield "hexadecimal", "\n".join(_from_hexadecimal(text))


def _from_base64(text: str) -> Iterator[str]:
    """What every run of base64 letters decodes to, wherever its groups of four begin."""
    for run in set(BASE64.findall(text)):
        plain = run.replace("-", "+").replace("_", "/")
        for start in range(4):
            part = plain[start:] if (len(plain) - start) % 4 != 1 else plain[start:-1]
            yield base64.b64decode(part + "=" * (-len(part) % 4)).decode("latin-1")


def _from_hexadecimal(text: str) -> Iterator[str]:
    for run in set(HEXADECIMAL.findall(text)):
        for start in (0, 1):
            part = run[start : start + (len(run) - start) // 2 * 2]
            yield binascii.unhexlify(part).decode("latin-1")


def dates(text: str) -> Iterator[date]:
    """Every date that stands in ``text`` in a usual form; an ambiguous one both ways."""
    for written in set(WRITTEN_DATE.findall(text)):
        for form in FORMATS:
            try:
                yield datetime.strptime(written, form).date()  # noqa: DTZ007 — a day, not an instant
            except ValueError:
                continue
    for year, month, day in set(PYTHON_DATE.findall(text)):
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:
            continue


def leaks(canaries: Canaries, places: Mapping[str, str]) -> dict[str, set[str]]:
    """Place → what was found there; names of places are looked at as well."""
    looked = ((name, canaries.found(text) | canaries.found(name)) for name, text in places.items())
    return {name: found for name, found in looked if found}
