"""A batch of mutants: each counted by what became of it, all of them within memory (Linux)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz.reader import Outcome
from tests.tally import count

MOST_MEMORY = 512 << 20
"""What a batch may take beyond what the process had; the largest mutant has about 2 MB."""


def complaints(subject: str, judged: Iterable[tuple[Outcome, list[str]]]) -> list[str]:
    """What is wrong with mutants, as they are judged one after the other; ``subject`` is what the tally calls them."""
    found: list[str] = []
    before = forget_peak()
    for outcome, sentences in judged:
        found += sentences
        count(subject, tried=1, unaccounted=len(sentences), **{outcome.verdict: 1})
    if peak() - before > MOST_MEMORY:
        found.append(f"the batch took {(peak() - before) >> 20} MB")
    return found


def peak() -> int:
    """The most memory the process had since :func:`forget_peak`, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) << 10


def forget_peak() -> int:
    """Makes what the process has now its peak; returns it."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()
