"""Writes what is proposed: a contract, an invented fixture, a test; never over anything that is there."""

from __future__ import annotations

import keyword
import re
import runpy
import tempfile
from pathlib import Path

from concord.contract import Feed
from concord.errors import ConcordError, ContractError
from concord.onboarding.contract_text import contract, test_skeleton
from concord.onboarding.invented import invented
from concord.onboarding.proposal import Proposal

NAME = re.compile(r"[a-z][a-z0-9_]{2,39}")


class AlreadyThere(ConcordError):
    """A file of that name exists: nothing is overwritten."""


class NotWritten(ConcordError):
    """What is proposed is no contract yet."""


def named(text: str, what: str) -> str:
    """A name that a module and a connection can have; raises :class:`NotWritten` for another."""
    if NAME.fullmatch(text) is None or keyword.iskeyword(text):
        raise NotWritten(f"{what} has 3 to 40 small letters, digits and underscores, a letter first: choose another")
    return text


def write(proposal: Proposal, project: Path) -> list[Path]:
    """The files that were written, below ``project``; raises :class:`AlreadyThere` and :class:`NotWritten`.

    A contract that cannot be loaded stops every command of every feed: it is loaded before it is written.
    """
    source = contract(proposal)
    texts = {
        project / "include" / "feeds" / f"{proposal.name}.py": source,
        project / "tests" / "feeds" / proposal.name / f"test_{proposal.name}.py": test_skeleton(proposal),
    }
    there = [path for path in texts if path.exists()]
    if there:
        raise AlreadyThere(f"{there[0].relative_to(project)} is there already: choose another --name")
    made = invented(proposal, _load(source))
    fixtures = project / "tests" / "feeds" / proposal.name
    files = {path: text.encode() for path, text in texts.items()}
    files[fixtures / "expected.toml"] = made.expected.encode()
    files[fixtures / f"good{Path(proposal.pattern).suffix}"] = made.data
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return list(files)


def _load(source: str) -> Feed:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "proposed.py"
        path.write_text(source, encoding="utf-8")
        try:
            feed: Feed = runpy.run_path(str(path))["FEED"]
        except ContractError as error:
            why = str(error)
        else:
            return feed
    raise NotWritten(f"nothing is written, since the sample lacks what a contract needs: {why}")
