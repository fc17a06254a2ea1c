"""Our verdict on real 834s beside pyx12's, and why they differ: ``python -m tests.x12_verdicts`` writes the page.

pyx12 judges a file by the implementation guide; the reader asks whether members and coverages can be told without a
guess, since partners send dialects. Every difference has its sentence in :data:`EXPLAINED`.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "x12_verdicts.md"
SECONDS = 60
EXPLAINED = {
    r"Segment DTP\*358 not found": "a date that the guide does not have in this loop: nothing is read from it, and who "
    "is covered from when can be told all the same",
}
"""Patterns of what pyx12 says of a file, and why that is no reason to refuse its members."""


@dataclass(frozen=True)
class Compared:
    """One file: our word and counts, pyx12's word and what it says."""

    name: str
    ours: str
    members: int
    coverages: int
    theirs: str
    said: tuple[str, ...]


def corpus() -> list[Path]:
    """The real files; none where ``CONCORD_CORPUS`` is unset."""
    root = os.environ.get("CONCORD_CORPUS")
    return sorted((Path(root) / "x12_834").iterdir()) if root else []


def compared(path: Path) -> Compared:
    """Both verdicts on one file."""
    from concord.onboarding.envelopes import verdict

    with path.open("rb") as stream:
        ours = verdict(stream)
    theirs, said = pyx12_verdict(path)
    return Compared(path.name, ours.word, ours.members, ours.coverages, theirs, said)


def pyx12_verdict(path: Path) -> tuple[str, tuple[str, ...]]:
    """``accepted``, ``rejected`` or ``crashed`` by pyx12, in a process of its own; and what it says, without values."""
    command = [sys.executable, "-m", "tests.x12_verdicts", "--judge", str(path)]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "too slow", ()
    if answer.returncode or not answer.stdout:
        return "crashed", ()
    found = json.loads(answer.stdout.splitlines()[-1])
    return found["verdict"], tuple(found["said"])


def judge(path: str) -> None:
    """What the child does: pyx12's word as JSON on the last line."""
    from pyx12 import params, x12n_document

    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger("pyx12").addHandler(handler)
    logging.getLogger("pyx12").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "file.834"
        copy.write_bytes(Path(path).read_bytes())
        valid = x12n_document.x12n_document(params.params(), str(copy), fd_997=io.StringIO(), fd_html=None)
    said = dict.fromkeys(filter(None, map(plain, heard.getvalue().splitlines())))
    print(json.dumps({"verdict": "accepted" if valid else "rejected", "said": list(said)}))


def plain(line: str) -> str:
    """A sentence of pyx12 without places and values."""
    line = re.sub(r"^Line:\d+ [A-Z0-9:]+ ?-? ?", "", line.strip())
    line = re.sub(r"len\(.*", "", re.sub(r"\([^()]*\)\s*$", "", line))
    return re.sub(r"\s+", " ", line).strip(" .:-")


def explanation(said: str) -> str | None:
    """Why a sentence of pyx12's is not ours."""
    return next((why for pattern, why in EXPLAINED.items() if re.search(pattern, said)), None)


def page() -> str:
    """The page of ``docs``."""
    return "\n".join([*_head(), *(_row(each) for each in map(compared, corpus())), ""])


def _head() -> Iterator[str]:
    yield "<!-- Written by `python -m tests.x12_verdicts`: do not edit. -->\n"
    yield "# Real 834s: our verdict and pyx12's\n"
    yield (__doc__ or "").split("\n\n")[1].split("Every difference")[0].strip() + "\n"
    yield "| file | members | coverages | ours | pyx12 | pyx12 says | why it is no reason for us |"
    yield "|---|---|---|---|---|---|---|"


def _row(each: Compared) -> str:
    why = dict.fromkeys(filter(None, map(explanation, each.said)))
    cells = (each.name, each.members, each.coverages, each.ours, each.theirs, "; ".join(each.said), "; ".join(why))
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--judge"]:
        judge(sys.argv[2])
    else:
        PAGE.write_text(page(), encoding="utf-8")
