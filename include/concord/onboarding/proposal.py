"""A proposed contract: what a sample says, what is likely meant, and what has to be asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from concord.entities import ELIGIBILITY, MEMBER
from concord.onboarding import by_values
from concord.onboarding.meanings import CERTAIN, WANTED, Guess, guesses, meaning, plain
from concord.onboarding.profile import NEARLY_ALL, Profile, profile, settled
from concord.onboarding.recognise import recognise
from concord.onboarding.recognised import Entry, Kind, Recognised

REQUIRED = tuple(
    dict.fromkeys(column.name for entity in (MEMBER, ELIGIBILITY) for column in entity.columns if column.required)
)
INSTEAD = {"person_code": "01", "relationship_code": "18", "coverage_line": "HLT", "group_id": "GROUP1"}
"""What a required column says where no column of the sample does: a constant that has to be asked for."""
DATE_IN_NAME = re.compile(r"(?<![0-9])(20[0-9]{2})(-?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])(?![0-9])")
NUMBER_IN_NAME = re.compile(r"(?<=[_.-])[0-9]{1,9}(?=[_.])")
QUESTIONS = (
    "is it everybody each time, or only what changed? what does it mean that somebody is missing?",
    "is an end date the last day with coverage, or the first without?",
)
"""Of every partner: no sample answers them."""
QUESTIONS_834 = (
    "which version and companion guide is it, and who are ISA06 and ISA08?",
    "do ISA13, GS06 and ST02 count on without a gap, only grow, or mean nothing?",
    "what tells the persons of a family apart: REF*23, another number, or only name and birth date?",
    "what do 001, 021, 024, 025 and 030 mean in INS03 and HD01, and BGN08 in the header?",
    "does a member who leaves come with 024, or is he missing from the next file?",
    "do you want a TA1, a 999, or a report of refused members, and in which folder?",
)
"""What no 834 says of itself."""
IDS, BESIDE_IDS = ("subscriber_id", "ssn"), ("person_code", "birth_date", "first_name", "coverage_line", "plan_code")
"""What a key can be made of."""
MOST_KEYS = 4
PROFILED = 20_000
"""So many values show what a column is like; keys are looked for in all."""
HARDLY = 0.1
"""How sure a column is that only stands where one has to be."""
BOUNDED = ("group_id", "coverage_line")
"""Scopes are shown to people: their readers are bounded."""


@dataclass(frozen=True)
class Proposal:
    """A contract that a data engineer finishes: what each column likely is, and what has to be asked."""

    name: str
    partner: str
    sample: Recognised = field(repr=False)
    profiles: tuple[Profile, ...]
    guesses: tuple[Guess, ...]
    pattern: str
    is_delta: bool
    keys: tuple[str, ...]
    questions: tuple[str, ...]

    @property
    def others(self) -> list[str]:
        """Columns of the sample that nothing is made of."""
        used = {guess.profile.name for guess in self.guesses}
        return [each.name for each in self.profiles if each.name and each.name not in used]

    @property
    def date_format(self) -> str:
        """How dates are written in a column that must be dates and has none that can be told: as in the others."""
        dated = [each.shape for each in self.profiles if each.kind == "date"]
        return max(dated, key=dated.count, default="%Y%m%d")

    @property
    def missing(self) -> list[str]:
        """Required canonical columns that no column of the sample gives."""
        return [name for name in REQUIRED if name not in {guess.canonical for guess in self.guesses}]


def propose(samples: Sequence[Path], name: str, partner: str, layout: Sequence[Entry] = ()) -> Proposal:
    """Reads samples of one feed; the first says what they are, all of them what their columns are like.

    ``layout`` is what the partner says stands where in records of fixed width.
    """
    read = [recognise(path.read_bytes(), layout) for path in samples]
    sample = read[0]
    alike = [other for other in read if (other.kind, other.names) == (sample.kind, sample.names)]
    rows = [row for other in alike for row in other.rows]
    columns = {each: [row[at] if at < len(row) else "" for row in rows] for at, each in enumerate(sample.names) if each}
    profiles = settled([profile(each, values[:PROFILED]) for each, values in columns.items()])
    by_name = guesses(profiles) if sample.has_names else [_by_value(each) for each in guesses(profiles)]
    found = in_order(completed(by_name, profiles, columns), sample.names)
    pattern, asked = name_pattern([path.name for path in samples])
    is_delta = any(guess.canonical == "maintenance_action" for guess in found)
    keys = key_candidates(columns, {guess.profile.name: guess.canonical for guess in found})
    own = QUESTIONS_834 if sample.kind is Kind.X12_834 else _questions(found, differ=len(alike) < len(read))
    questions = [*sample.unsure, *asked, *own, *QUESTIONS]
    return Proposal(
        name, partner, sample, tuple(profiles), found, pattern, is_delta, keys,
        tuple(dict.fromkeys(questions)),
    )  # fmt: skip


def _by_value(guess: Guess) -> Guess:
    """A guess of a column that was named for what it is like: no surer than its values make it."""
    return replace(guess, confidence=by_values.CONFIDENCE.get(guess.canonical, HARDLY))


def completed(
    found: Sequence[Guess], profiles: Sequence[Profile], columns: Mapping[str, Sequence[str]]
) -> tuple[Guess, ...]:
    """With a column for each required one that no name tells: by its values; without a constant, the next free."""
    whole = list(found)
    used = {guess.profile.name for guess in whole}
    free = [each for each in profiles if each.name not in used]
    likely = by_values.likely([tuple(columns[each.name]) for each in free], has_mark=False)
    names = {guess.canonical for guess in whole}
    whole += [_by_value(Guess(name, free[at], 1)) for at, name in likely.items() if name in {*REQUIRED} - names]
    for name in REQUIRED:
        if name in INSTEAD or name in {guess.canonical for guess in whole}:
            continue
        used = {guess.profile.name for guess in whole}
        free = [each for each in profiles if each.name and each.name not in used]
        fits = [each for each in free if (each.kind == "date") == (WANTED.get(name) == "date")]
        if fits or free:
            whole.append(Guess(name, (fits or free)[0], HARDLY))
    return tuple(whole)


def in_order(found: Sequence[Guess], names: Sequence[str]) -> tuple[Guess, ...]:
    """As the columns stand in the file: another order than a contract's is drift."""
    return tuple(sorted(found, key=lambda guess: names.index(guess.profile.name)))


def key_candidates(values: Mapping[str, Sequence[str]], told: Mapping[str, str]) -> tuple[str, ...]:
    """Columns that are filled and different in nearly every row; where none is, the fewest that are so together.

    Only an id and what tells a person or a coverage are put together (``told``: name → canonical column): a street and
    a phone number differ in every row too.
    """
    ids, others = ([name for name in values if told.get(name) in wanted] for wanted in (IDS, BESIDE_IDS))
    for count in range(len(others) + 1):
        together = [(one, *more) for one in ids for more in combinations(others, count)]
        groups = together if count else [(name,) for name in values]
        if found := [" + ".join(group) for group in groups if _differs([values[name] for name in group])]:
            return tuple(found[:MOST_KEYS])
    return ()


def _differs(columns: Sequence[Sequence[str]]) -> bool:
    rows = list(zip(*columns, strict=True))
    return bool(rows) and len({row for row in rows if all(row)}) >= len(rows) * NEARLY_ALL


def name_pattern(names: Sequence[str]) -> tuple[str, list[str]]:
    """The pattern of a drop from file names, and what cannot be told."""
    name = names[0]
    dated = DATE_IN_NAME.search(name)
    if dated is None:
        return f"{{date:%Y%m%d}}_{name}", ["where in a file's name is its date?"]
    form = "%Y-%m-%d" if dated[2] else "%Y%m%d"
    head, tail = name[: dated.start()], name[dated.end() :]
    numbered = NUMBER_IN_NAME.search(tail)
    if numbered is not None and len(numbered[0]) != 6:
        tail = f"{tail[: numbered.start()]}{{sequence}}{tail[numbered.end() :]}"
    elif numbered is not None:
        tail = f"{tail[: numbered.start()]}*{tail[numbered.end() :]}"
    asked = ["is the number in a file's name a sequence without gaps, or a time?"] if numbered is not None else []
    return f"{head}{{date:{form}}}{tail}", asked


def is_partly(guess: Guess) -> bool:
    """Whether many rows lack what a constant can say: a subscriber's record has no number of a dependent."""
    return guess.canonical in INSTEAD and 0 < guess.profile.filled < NEARLY_ALL


def _questions(found: Sequence[Guess], *, differ: bool) -> Iterator[str]:
    if differ:
        yield "the samples do not have the same columns: which are of this feed?"
    for guess in found:
        if guess.profile.unsure:
            yield f"{guess.profile.name}: {guess.profile.unsure}"
        if guess.confidence < CERTAIN:
            yield f"{guess.profile.name}: is it the {guess.canonical.replace('_', ' ')}?"
        if is_partly(guess):
            yield f"{guess.profile.name}: what does it mean where it is blank?"
        _, unknown = meaning(guess.canonical, guess.profile.codes)
        if unknown and guess.canonical in ("relationship_code", "coverage_line", "coverage_tier", "maintenance_action"):
            yield f"{guess.profile.name}: what do {', '.join(unknown)} mean?"
    names = {guess.canonical for guess in found}
    for column in REQUIRED:
        if column not in names:
            yield f"nothing looks like the {column.replace('_', ' ')}: where is it, or is it always the same?"


def default_name(path: Path) -> str:
    """A feed's name from a file's: letters in front of what differs each day."""
    words = re.findall(r"[A-Za-z]+", path.stem)
    return "_".join(plain(word).lower() for word in words[:3]) or "partner_feed"


def is_tabular(kind: Kind) -> bool:
    """Whether columns can be proposed."""
    return kind in (Kind.DELIMITED, Kind.XLSX, Kind.FIXED)
