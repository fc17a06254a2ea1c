"""Writes what is proposed: a contract, an invented fixture, a test; never over anything that is there."""

from __future__ import annotations

from pathlib import Path

from concord.errors import ConcordError
from concord.onboarding.contract_text import contract, test_skeleton
from concord.onboarding.proposal import Proposal


class AlreadyThere(ConcordError):
    """A file of that name exists: nothing is overwritten."""


def write(proposal: Proposal, project: Path) -> list[Path]:
    """The files that were written, below ``project``; raises :class:`AlreadyThere`."""
    texts = {
        project / "include" / "feeds" / f"{proposal.name}.py": contract(proposal),
        project / "tests" / "feeds" / proposal.name / f"test_{proposal.name}.py": test_skeleton(proposal),
    }
    there = [path for path in texts if path.exists()]
    if there:
        raise AlreadyThere(f"{there[0].relative_to(project)} is there already: choose another --name")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)
