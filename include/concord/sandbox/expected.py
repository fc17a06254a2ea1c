"""What reconciling a generated file must find: a model of the generator's simple cases only.

Written from the action table of the specification and sharing no code with the
reconciler, so that the two can be compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Set
from datetime import date, datetime

from concord.sandbox.dirt import Key, Record, key

START, END = 22, 23
ATTRIBUTES = (17, 18, 20, 21)
"""Positions of group, division, plan and tier."""


class Believed:
    """The coverage spans of the employer that were accepted so far, by key and start as written.

    ``absences`` is how often in a row somebody must be missing from a full file to have
    left; 0 for change files, in which nobody is missing.
    """

    def __init__(self, absences: int = 1) -> None:
        self._spans: dict[Key, dict[str, Record]] = {}
        self._absences = absences
        self._missing: Counter[Key] = Counter()

    def update(self, records: list[Record], refused: frozenset[Key], as_of: date) -> dict[str, int]:
        """Takes a file in; counts its spans by what must happen to them. Rows of ``refused`` keys change nothing."""
        incoming: dict[Key, dict[str, Record]] = defaultdict(dict)
        for record in records:
            if key(record) not in refused:
                incoming[key(record)][record[START]] = record
        found: Counter[str] = Counter()
        for each, spans in incoming.items():
            found.update(_verdicts(self._spans.get(each, {}), spans, as_of))
        gone = self._gone(incoming.keys() | refused)
        found["ended"] += sum(_open(span, as_of) for each in gone for span in self._spans[each].values())
        kept = {each: spans for each, spans in self._spans.items() if each not in gone}
        self._spans = kept | dict(incoming)
        return {name: count for name, count in found.items() if count}

    def _gone(self, present: Set[Key]) -> set[Key]:
        """Who was missing often enough, this file included."""
        for each in present & self._missing.keys():
            del self._missing[each]
        self._missing.update(self._spans.keys() - present)
        gone = {each for each, times in self._missing.items() if self._absences and times >= self._absences}
        for each in gone:
            del self._missing[each]
        return gone


def _verdicts(held: dict[str, Record], incoming: dict[str, Record], as_of: date) -> list[str]:
    """One verdict per incoming span: matched by start; a lone span that moved is a corrected start."""
    moved = len(held) == len(incoming) == 1 and held.keys() != incoming.keys()
    return [
        _verdict(held[start], record, as_of) if start in held else "corrected" if moved else "added"
        for start, record in incoming.items()
    ]


def _verdict(held: Record, record: Record, as_of: date) -> str:
    if held[END] != record[END]:
        return "ended" if _open(held, as_of) else "reinstated"
    same = all(held[position] == record[position] for position in ATTRIBUTES)
    return "unchanged" if same else "changed"


def _open(record: Record, as_of: date) -> bool:
    """Whether coverage goes on after ``as_of``."""
    return not record[END] or datetime.strptime(record[END], "%m/%d/%Y").date() >= as_of  # noqa: DTZ007 - a calendar date
