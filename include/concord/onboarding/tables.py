"""Where the table is in rows of cells: lines before it, its names, control records, kinds of records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from concord.onboarding.meanings import is_known
from concord.onboarding.profile import LONGEST_CODE, is_code, shape_of
from concord.onboarding.recognised import Marks

CONTROL_MARKS = re.compile(r"[A-Z0-9]{1,4}")
USUAL_MARKS = re.compile(r"H(D|DR|EAD)?|T(R|L|LR|RL|RLR|OT)?|F(T|TR)?|EOF|END|[0-9]{1,2}")
MOST_TYPES = 6
FEWEST_OF_A_TYPE = 3
DIFFERENT = 0.25
"""The share of columns that look otherwise in records of another type."""

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """``before`` rows stand in front of the table; ``rows`` are its records, without names and control records.

    ``ends_open`` where records end in a delimiter and the line of names, which is in ``before`` then, does not.
    """

    before: int
    names: Row | None
    marks: Marks
    counts: tuple[tuple[str | None, int], ...]
    counts_control: bool
    types: tuple[str, ...]
    rows: tuple[Row, ...]
    ends_open: bool = False


def find(rows: Sequence[Row]) -> Table:
    """The table in ``rows``, none of which is blank."""
    types = types_of(rows)
    widths = {len(row) for row in rows if row[0] in types} if types else {_usual(rows)}
    header, before = _in_front(rows, widths)
    body = list(rows[before + (header is not None) :])
    trailer = body[-1] if len(body) > 1 and is_control(body[-1], body[:-1], widths) else None
    body = body[:-1] if trailer else body
    ends_open = not types and before > 0 and not has_names(body) and _ends_open(rows[before - 1 :], widths)
    named = not types and not ends_open and has_names(body)
    names = (*rows[before - 1], "") if ends_open else body[0] if named else None
    details = tuple(row for row in body[named:] if (row[0] in types if types else len(row) in widths))
    marks = {row[0] for row in details}
    detail = next(iter(marks)) if (header or trailer) and len(marks) == 1 else None
    told = Marks(header, detail, trailer[0] if trailer else None)
    counts, counts_control = counts_in(trailer or (), details, types, bool(header) + bool(trailer))
    return Table(before, names, told, counts, counts_control, types, details, ends_open)


def _ends_open(rows: Sequence[Row], widths: set[int]) -> bool:
    """Whether the first row has names, and all others one blank field more."""
    first, *others = rows
    is_wider = {len(first) + 1} == widths and all(not row[-1] for row in others if len(row) in widths)
    return is_wider and has_names([first, *(row[:-1] for row in others)])


def _usual(rows: Sequence[Row]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0] if rows else 0


def _in_front(rows: Sequence[Row], widths: set[int]) -> tuple[str | None, int]:
    """The mark of the header record, and how many rows stand in front of it, or of the table."""
    first = next((at for at, row in enumerate(rows) if len(row) in widths), 0)
    if first + 1 < len(rows) and is_control(rows[first], rows[first + 1 :], widths) and not _names(rows[first]):
        return rows[first][0], first
    if first and is_control(rows[first - 1], rows[first:], widths):
        return rows[first - 1][0], first - 1
    return None, first


def is_control(row: Row, others: Sequence[Row], widths: set[int]) -> bool:
    """Whether a row is a control record: a mark that no other has, and another width, or hardly anything in it.

    Where the others have no marks, it has to be a usual one: ``LEE`` is a person in a row of broken quoting.
    """
    firsts = Counter(other[0] for other in others)
    pattern = CONTROL_MARKS if len(firsts) <= MOST_TYPES else USUAL_MARKS
    is_marked = pattern.fullmatch(row[0]) is not None and row[0] not in firsts
    return is_marked and len(others) > 1 and (len(row) not in widths or sum(map(bool, row)) * 2 < len(row))


def counts_in(
    trailer: Sequence[str], details: Sequence[Row], types: Sequence[str], controls: int
) -> tuple[tuple[tuple[str | None, int], ...], bool]:
    """Where a trailer counts the records, of each type or of all, and whether control records are counted too."""
    numbers = {at: int(cell) for at, cell in enumerate(trailer) if at and cell.strip().isdecimal()}
    of_types = Counter(row[0] for row in details)
    found: dict[str, int] = {}
    for mark in types:
        free = (at for at, number in numbers.items() if number == of_types[mark] and at not in found.values())
        found[mark] = next(free, -1)
    if types and min(found.values()) > 0:
        return tuple(found.items()), False
    for count in (len(details), len(details) + controls):
        if places := [at for at, number in numbers.items() if number == count]:
            return ((None, places[0]),), count != len(details)
    return (), False


def has_names(rows: Sequence[Row]) -> bool:
    """Names begin with no digit, hold no number of a person, and stand nowhere else but where we know most of them."""
    first = rows[0] if rows else ()
    again = any(set(first) & set(row) - {""} for row in rows[1:50])
    named = [cell for cell in first if cell.strip()]
    return _names(first) and (not again or sum(map(is_known, named)) * 2 > len(named))


def _names(row: Row) -> bool:
    named = [cell.strip() for cell in row if cell.strip()]
    plain = all(not cell[:1].isdigit() and is_code(cell[:LONGEST_CODE]) for cell in named)
    return bool(named) and plain and len(set(named)) == len(named)


def types_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The marks of several kinds of records, the first one's first: few, each often, and not alike in their columns."""
    marks = Counter(row[0] for row in rows if CONTROL_MARKS.fullmatch(row[0]))
    often = [mark for mark, count in marks.items() if count >= FEWEST_OF_A_TYPE]
    if not 1 < len(often) <= MOST_TYPES or len(rows) - sum(marks[mark] for mark in often) > 2:
        return ()
    return tuple(often) if _are_different([[row for row in rows if row[0] == mark] for mark in often]) else ()


def _are_different(kinds: Sequence[Sequence[Row]]) -> bool:
    """Whether records of one kind have another width than those of another, or other looks in many columns."""
    if len({_usual(rows) for rows in kinds}) > 1:
        return True
    looks = [[_look([row[at] for row in rows if at < len(row)]) for at in range(_usual(rows))] for rows in kinds]
    return any(
        sum(one != other for one, other in zip(looks[0], look, strict=True)) > len(look) * DIFFERENT
        for look in looks[1:]
    )


def _look(values: Sequence[str]) -> str:
    """What most values are like, whatever their length."""
    return re.sub(r"(.)\1+", r"\1", shape_of([value for value in values if value.strip()]))
