"""What the longer tests count across processes: faults, mutants, canaries, negative controls.

A test calls :func:`count` for what it really did; ``python -m tests.tally`` prints the
sums after all of them, and fails where a promise is broken. Without ``CONCORD_TALLY``
(a file) counting does nothing, so that a single test can be run by itself.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import ParamSpec

P = ParamSpec("P")

MUTANTS = ("mutants", "mutants of 834", "mutants of fixed width", "mutants of workbooks", "mutants of dialects")
"""Damaged files of the feeds with delimited text, and of each other format."""
SUBJECTS = {
    "faults": ("injected", "fired", "recovered", "violations"),
    **dict.fromkeys(MUTANTS, ("tried", "accepted", "quarantined", "rejected", "unaccounted")),
    "canaries": ("planted", "places", "searched", "hits"),
    "negative controls": ("tried", "red"),
}
"""Subjects and what is counted of each, in the order they are printed."""

Sums = Mapping[str, Counter[str]]


def count(subject: str, **counts: int) -> None:
    """Adds to the sums of ``subject``: ``count("faults", injected=1, fired=1)``."""
    unknown = set(counts) - set(SUBJECTS[subject])
    if unknown:
        raise ValueError(f"{subject}: {sorted(unknown)} is not counted")
    path = os.environ.get("CONCORD_TALLY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:  # one short write: appends of several processes do not mix
            file.write(json.dumps({"subject": subject, **counts}) + "\n")


def negative_control(test: Callable[P, None]) -> Callable[P, None]:
    """A test that switches a guard off and sees the trouble: counted as tried, and as red when it did see it."""

    @wraps(test)
    def counted(*args: P.args, **kwargs: P.kwargs) -> None:
        count("negative controls", tried=1)
        test(*args, **kwargs)
        count("negative controls", red=1)

    return counted


def sums(path: Path) -> Sums:
    """The sums of a tally file by subject."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        found[entry.pop("subject")].update(entry)
    return found


def broken(found: Sums) -> list[str]:
    """What must hold of the sums and does not: sentences, none when all is well."""
    faults, mutants = found["faults"], sum((found[subject] for subject in MUTANTS), Counter[str]())
    outcomes = mutants["accepted"] + mutants["quarantined"] + mutants["rejected"]
    rules = {
        "something was not counted at all": all(found[subject].total() for subject in SUBJECTS),
        "a fault did not fire": faults["injected"] == faults["fired"],
        "a fault was not recovered from": faults["fired"] == faults["recovered"],
        "an invariant was violated": faults["violations"] == 0,
        "a mutant came to no outcome": mutants["tried"] == outcomes,
        "a line was not accounted for": mutants["unaccounted"] == 0,
        "a canary was found": found["canaries"]["hits"] == 0,
        "a negative control stayed green": found["negative controls"]["tried"] == found["negative controls"]["red"],
    }
    return [sentence for sentence, holds in rules.items() if not holds]


def main(path: str) -> int:
    """Prints the sums; returns 1 where something is broken."""
    found = defaultdict(Counter, sums(Path(path)))
    for subject, names in SUBJECTS.items():
        print(f"{subject}: " + " · ".join(f"{name} {found[subject][name]:,}" for name in names))
    wrong = broken(found)
    for sentence in wrong:
        print(f"BROKEN: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
