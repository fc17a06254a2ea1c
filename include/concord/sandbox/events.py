"""What happens at an employer between two files: few, ordinary things, one per family and day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from concord.sandbox.people import MEDICAL_PLANS, Family, Line, Person, canary, family, ssn, street

SMALL = 300
"""Below so many families one large one would make up for too big a share: only small ones change."""


@dataclass
class Done:
    """What was done: events by name, and the families concerned."""

    counts: Counter[str] = field(default_factory=Counter)
    touched: set[int] = field(default_factory=set)

    def note(self, event: str, number: int) -> None:
        """Family ``number`` had ``event``."""
        self.counts[event] += 1
        self.touched.add(number)


@dataclass(frozen=True)
class Day:
    """When it happens, and by which chance."""

    as_of: date
    seed: int
    rng: Random


@dataclass(frozen=True)
class Event:
    """One thing that may happen to a family; None from ``happen`` means the family is gone.

    ``rate`` is the share of all families; ``fits`` says to which it can happen.
    """

    name: str
    rate: float
    fits: Callable[[Family, date], bool]
    happen: Callable[[Family, Day], Family | None]


def apply(families: dict[int, Family], seed: int, as_of: date, rng: Random) -> tuple[dict[int, Family], Done]:
    """The families a day later. At least one of each event happens where any family fits it."""
    done, now, day = Done(), dict(families), Day(as_of, seed, rng)
    # The last families never leave: losses at the file's tail look like a truncation.
    numbers = list(families)[: -max(1, len(families) // 50)]
    if len(families) < SMALL:
        numbers = [number for number in numbers if len(families[number]) <= 2]
    rng.shuffle(numbers)
    for event in EVENTS:
        wanted = max(1, round(len(families) * event.rate))
        fitting = (n for n in numbers if n not in done.touched and event.fits(now[n], as_of))
        for number in [number for number, _ in zip(fitting, range(wanted), strict=False)]:
            _happen(event, number, now, day)
            done.note(event.name, number)
    _joins(now, day, done)
    return now, done


def _happen(event: Event, number: int, now: dict[int, Family], day: Day) -> None:
    after = event.happen(now[number], day)
    if after is None:
        del now[number]
    else:
        now[number] = after


def _joins(now: dict[int, Family], day: Day, done: Done) -> None:
    """New hires get the next employee ids; every other one starts on the first of the next month."""
    next_month = (day.as_of.replace(day=1) + timedelta(days=32)).replace(day=1)
    number = max(now)
    for turn in range(max(1, round(len(now) * 0.006))):
        number += 1
        first_day = next_month if turn % 2 else day.as_of
        now[number] = family(day.seed, number, day.rng.choice((1, 1, 2, 3)), day.as_of, joins=first_day)
        done.note("join", number)


# ── to whom ────────────────────────────────────────────────────────────────────


def _ordinary(household: Family, as_of: date) -> bool:
    """Everybody has one open span per line that has begun: no past spans, no known ends."""
    return all(line.end is None and line.start <= as_of for person in household for line in person.lines)


def _has_dependents(household: Family, as_of: date) -> bool:
    return len(household) > 1 and _ordinary(household, as_of)


def _can_grow(household: Family, as_of: date) -> bool:
    return 2 <= len(household) <= 5 and _ordinary(household, as_of)


def _lacks_ssn(household: Family, as_of: date) -> bool:
    return any(not person.ssn for person in household) and _ordinary(household, as_of)


def _began_lately(household: Family, as_of: date) -> bool:
    """Within 80 days: corrections reach back less than the contract's limit of 90."""
    lately = as_of - timedelta(days=80) < household[0].lines[0].start < as_of - timedelta(days=15)
    return lately and len(household) == 1 and _ordinary(household, as_of)


def _began_long_ago(household: Family, as_of: date) -> bool:
    return household[0].lines[0].start < as_of - timedelta(days=100) and _ordinary(household, as_of)


def _told_ended(household: Family, as_of: date) -> bool:
    """Everybody's only spans have ended, as the employer said."""
    return all(line.end is not None and line.end < as_of for person in household for line in person.lines)


# ── what ───────────────────────────────────────────────────────────────────────


def _lines(household: Family, change: Callable[[Line], Line]) -> Family:
    return tuple(replace(person, lines=tuple(change(line) for line in person.lines)) for person in household)


def _number(household: Family) -> int:
    return int(household[0].employee_id[1:])


def _leave(_household: Family, _day: Day) -> None:
    """Gone without a word: the file just does not have them any more."""


def _dependent_leaves(household: Family, _day: Day) -> Family:
    return household[:-1]


def _end_told(household: Family, day: Day) -> Family:
    """The employer writes the last covered day, some days late."""
    last_day = day.as_of - timedelta(days=day.rng.randrange(3, 25))
    return _lines(household, lambda line: replace(line, end=last_day))


def _take_back_end(household: Family, _day: Day) -> Family:
    return _lines(household, lambda line: replace(line, end=None))


def _change_plan(household: Family, day: Day) -> Family:
    plan = day.rng.choice([plan for plan in MEDICAL_PLANS if plan != household[0].lines[0].plan])
    return _lines(household, lambda line: replace(line, plan=plan) if line.coverage == "MEDICAL" else line)


def _move(household: Family, day: Day) -> Family:
    home = street(canary(day.seed, _number(household) * 10 + 9), day.rng)
    phone = f"555{day.rng.randrange(10**7):07d}"
    return tuple(replace(person, street=home, phone=phone) for person in household)


def _correct_start(household: Family, day: Day) -> Family:
    days = timedelta(days=day.rng.choice((-7, -3, 3, 7)))
    return _lines(household, lambda line: replace(line, start=line.start + days))


def _birth(household: Family, day: Day) -> Family:
    """Twins, equal but for first name, person code and birth sequence; no SSN yet."""
    born = day.as_of - timedelta(days=day.rng.randrange(1, 20))
    return household + tuple(_newborn(household, day, born, turn) for turn in (1, 2))


def _newborn(household: Family, day: Day, born: date, turn: int) -> Person:
    parent, position = household[0], int(household[-1].code) + turn
    return replace(
        parent,
        code=f"{position:02d}",
        relation="CH",
        first=f"Twinqx{canary(day.seed, _number(household) * 10 + position - 1)}",
        middle="",
        born=born,
        birth_sequence=str(turn),
        ssn="",
        email="",
        lines=tuple(replace(line, start=born) for line in parent.lines),
    )


def _learn_ssn(household: Family, day: Day) -> Family:
    base = _number(household) * 10 - 1
    return tuple(replace(person, ssn=person.ssn or ssn(day.seed, base + int(person.code))) for person in household)


EVENTS = (
    Event("leave", 0.003, _ordinary, _leave),
    Event("dependent_leaves", 0.002, _has_dependents, _dependent_leaves),
    Event("correct_start", 0.002, _began_lately, _correct_start),
    Event("end_told", 0.002, _began_long_ago, _end_told),
    Event("end_taken_back", 0.002, _told_ended, _take_back_end),
    Event("birth", 0.001, _can_grow, _birth),
    Event("learn_ssn", 0.001, _lacks_ssn, _learn_ssn),
    Event("change_plan", 0.008, _ordinary, _change_plan),
    Event("move", 0.006, _ordinary, _move),
)
