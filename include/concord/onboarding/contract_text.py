"""A proposal as the source of a contract, in the style of ``include/feeds``, and the skeleton of its test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from concord.entities import ELIGIBILITY, MEMBER
from concord.onboarding.form_text import form_text
from concord.onboarding.meanings import CERTAIN, Guess, meaning
from concord.onboarding.profile import Profile
from concord.onboarding.proposal import BOUNDED, INSTEAD, REQUIRED, Proposal, is_partly
from concord.onboarding.recognised import Kind
from concord.onboarding.source_text import LINE, Told, rendered, texts

HEAD = '''"""{title} sends … (say what, how often, by when, and what it means that somebody is missing).

Proposed from a sample by `concord new-feed`. Before it goes live, ask the partner:

{questions}
"""

from __future__ import annotations

from concord.contract import (
{imports}
)
'''
ALWAYS = ("Daily", "Feed", "Mode", "Policy", "SftpDrop", "Stage")
CALLED = ("Codes", "Control", "Delimited", "FixedColumn", "FixedControl", "FixedWidth", "From", "OrderBy", "Place",
          "RecordType", "Ssn", "Text", "TypeTotals", "Whole", "Xlsx", "date_in", "filler")  # fmt: skip
ENUMS = ("Coding", "Framing", "Positions")
CANONICAL_CODES = {"relationship_code": "18", "gender_code": "U", "coverage_line": "HLT", "coverage_tier": "EMP",
                   "maintenance_action": "change"}  # fmt: skip
OF_ITS_OWN = {"ssn": "Ssn()", "birth_sequence": "Whole(1, 9)"}
OF_A_PERSON = ("last_name", "first_name", "middle_name", "city", "address_line_1", "address_line_2")
"""Of these nobody can say in which characters they are written."""
DATES = {column.name for entity in (MEMBER, ELIGIBILITY) for column in entity.columns if column.kind.value == "date"}

UNKNOWN_CODE = "?"
"""Stands in a table of codes of which none is known."""


def contract(proposal: Proposal) -> str:
    """The source of the proposed contract."""
    if proposal.sample.kind is Kind.X12_834:
        body = _x12(proposal)
        names = {*ALWAYS, "X12834", "columns_834"}
    else:
        body = _tabular(proposal)
        names = {*ALWAYS, *(name for name in CALLED if re.search(rf"\b{name}\(", body))}
        names |= {name for name in ENUMS if f"{name}." in body}
    questions = "\n".join(f"- {question}" for question in proposal.questions).replace('"""', "'''").replace("\\", "/")
    imports = "\n".join(f"    {name}," for name in sorted(names, key=lambda each: (each[0].islower(), each)))
    head = HEAD.format(title=proposal.partner.capitalize(), questions=questions, imports=imports)
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in f"{head}\n{body}")


def _x12(proposal: Proposal) -> str:
    return "\n".join([*_feed(proposal), "    columns=columns_834(),", *_end()])


def _tabular(proposal: Proposal) -> str:
    lines = [*_feed(proposal), "    columns={"]
    for guess in proposal.guesses:
        mapping = f'        "{guess.canonical}": {_mapping(guess, proposal.date_format)},'
        lines += _remarked(_with_cells(mapping) if proposal.sample.kind is Kind.XLSX else mapping, _doubt(guess))
    lines += ["    },", *_constants(proposal), *_ignored(proposal.others), *_end()]
    return "\n".join(lines)


def _remarked(line: str, remark: str) -> Iterator[str]:
    """A remark stands behind its line, or above it where it is too long."""
    if not remark or ("\n" not in line and len(f"{line}  {remark}") <= LINE):
        yield f"{line}  {remark}".rstrip()
    else:
        yield " " * (len(line) - len(line.lstrip())) + remark
        yield line


def _ignored(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"    {rendered(Told('ignored', texts(names)), 4)},"


def _with_cells(mapping: str) -> str:
    """A date of a workbook may be typed as text, or be a cell that is a date."""
    return re.sub(r'date_in\((?!"%Y-%m-%d")("[^"]+")', r'date_in(\1, "%Y-%m-%d"', mapping)


def _feed(proposal: Proposal) -> Iterator[str]:
    mode = "DELTA" if proposal.is_delta else "FULL"
    order = "    order=OrderBy(file_date=True, sequence=True),\n" if "{sequence}" in proposal.pattern else ""
    yield "FEED = Feed("
    yield f'    name="{proposal.name}",\n    partner="{proposal.partner}",'
    yield '    about=__doc__ or "",\n    owner="eligibility",'
    pattern = json.dumps(proposal.pattern)
    yield f'    source=SftpDrop(conn_id="{proposal.partner}_sftp", directory="/outbound", pattern={pattern}),'
    yield '    schedule=Daily(at="05:30", tz="America/New_York", expected_by="07:00"),  # unsure: when does it come?'
    is_told = proposal.sample.kind is not Kind.FIXED or proposal.sample.has_names
    remark = "" if is_told else "# unsure: what stands at which position?"
    yield from _remarked(f"    {rendered(Told('format', form_text(proposal.sample)), 4)},", remark)
    yield f"    mode=Mode.{mode},  # unsure: everybody, or what changed?"
    yield f"{order}    stage=Stage.PILOT,"


def _end() -> Iterator[str]:
    yield '    policy=Policy(),\n    tags=("eligibility",),\n)\n'


def _mapping(guess: Guess, date_format: str) -> str:
    required = ", required=True" if guess.canonical in REQUIRED and guess.profile.filled > 0 else ""
    default = f", default={json.dumps(INSTEAD[guess.canonical])}" if is_partly(guess) else ""
    return f"From({json.dumps(guess.profile.name)}, {_reader(guess, date_format)}{required}{default})"


def _doubt(guess: Guess) -> str:
    """A comment behind a column that somebody has to look at, and why."""
    if is_partly(guess):
        return "# unsure: what does it mean where it is blank?"
    if guess.profile.unsure:
        return f"# unsure: {guess.profile.unsure}"
    unknown = meaning(guess.canonical, guess.profile.codes)[1] if guess.canonical in CANONICAL_CODES else []
    if unknown:
        return f"# unsure: what do {' '.join(', '.join(unknown).split())} mean?"
    return "" if guess.confidence >= CERTAIN else "# unsure: is it this column?"


def _reader(guess: Guess, date_format: str) -> str:
    """The reader of a column, as its canonical column needs it."""
    profile, name = guess.profile, guess.canonical
    if name in CANONICAL_CODES:
        known, _ = meaning(name, profile.codes)
        return f"Codes({json.dumps(known or {UNKNOWN_CODE: CANONICAL_CODES[name]})})"
    if name in DATES:
        return profile.reader if profile.kind == "date" else f'date_in("{date_format}")'
    return OF_ITS_OWN.get(name) or _text(profile, name)


def _text(profile: Profile, name: str) -> str:
    if name in OF_A_PERSON:
        return profile.reader if profile.reader.startswith("Text(max") else "Text(max_length=60)"
    if profile.kind == "codes" or (name in BOUNDED and "\\A" not in profile.reader):
        return r'Text(r"\A[A-Za-z0-9 _-]{1,20}\Z")'
    return profile.reader if profile.reader.startswith("Text") else "Text()"


def _constants(proposal: Proposal) -> Iterator[str]:
    told = {name: INSTEAD[name] for name in proposal.missing if name in INSTEAD}
    if told:
        yield from _remarked(f"    constants={json.dumps(told)},", "# unsure: nothing in the sample says them")


def test_skeleton(proposal: Proposal) -> str:
    """A test that runs the contract over an invented file; it fails until somebody says what is right."""
    return f'''"""What becomes of files of {proposal.name}: invented ones, never a partner's."""

from __future__ import annotations

from concord.catalogue import feed


def test_the_contract_is_a_pilot_until_the_partners_answers_are_in_it() -> None:
    contract = feed("{proposal.name}")
    assert (contract.partner, contract.stage.value) == ("{proposal.partner}", "pilot")
    assert contract.columns.keys() >= {{"subscriber_id", "birth_date"}}
'''
