"""A proposal as the source of a contract, in the style of ``include/feeds``, and the skeleton of its test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from concord.entities import ELIGIBILITY, MEMBER
from concord.onboarding.meanings import CERTAIN, Guess, meaning
from concord.onboarding.proposal import BOUNDED, INSTEAD, REQUIRED, Proposal
from concord.onboarding.recognise import Kind

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
CANONICAL_CODES = {"relationship_code": "18", "gender_code": "U", "coverage_line": "HLT", "coverage_tier": "EMP",
                   "maintenance_action": "change"}  # fmt: skip
DATES = {column.name for entity in (MEMBER, ELIGIBILITY) for column in entity.columns if column.kind.value == "date"}

UNKNOWN_CODE = "?"
"""Stands in a table of codes of which none is known."""
DATE_FORMAT = "%Y%m%d"
"""Of a column that must be dates and has none that can be told."""


def contract(proposal: Proposal) -> str:
    """The source of the proposed contract."""
    if proposal.sample.kind is Kind.X12_834:
        body = _x12(proposal)
        names = {*ALWAYS, "X12834", "columns_834"}
    else:
        body = _tabular(proposal)
        known = ("Codes", "Control", "Delimited", "FixedColumn", "FixedWidth", "From", "Ssn", "Text", "Whole", "Xlsx",
                 "date_in", "OrderBy")  # fmt: skip
        names = {*ALWAYS, *(name for name in known if f"{name}(" in body)}
        names |= {"Positions"} if "Positions." in body else set()
    questions = "\n".join(f"- {question}" for question in proposal.questions).replace('"""', "'''").replace("\\", "/")
    imports = "\n".join(f"    {name}," for name in sorted(names, key=lambda each: (each[0].islower(), each)))
    head = HEAD.format(title=proposal.partner.capitalize(), questions=questions, imports=imports)
    return f"{head}\n{body}"


def _x12(proposal: Proposal) -> str:
    return "\n".join([*_feed(proposal, "X12834()"), "    columns=columns_834(),", *_end()])


def _tabular(proposal: Proposal) -> str:
    lines = [*_feed(proposal, _format(proposal)), "    columns={"]
    mapped = [f'        "{guess.canonical}": {_mapping(guess)},{_doubt(guess)}' for guess in proposal.guesses]
    lines += map(_with_cells, mapped) if proposal.sample.kind is Kind.XLSX else mapped
    lines += ["    },", *_constants(proposal), f"    ignored={_tuple(proposal.others)},", *_end()]
    return "\n".join(lines)


def _with_cells(mapping: str) -> str:
    """A date of a workbook may be typed as text, or be a cell that is a date."""
    return re.sub(r'date_in\((?!"%Y-%m-%d")("[^"]+")', r'date_in(\1, "%Y-%m-%d"', mapping)


def _feed(proposal: Proposal, form: str) -> Iterator[str]:
    mode = "DELTA" if proposal.is_delta else "FULL"
    order = "    order=OrderBy(file_date=True, sequence=True),\n" if "{sequence}" in proposal.pattern else ""
    yield "FEED = Feed("
    yield f'    name="{proposal.name}",\n    partner="{proposal.partner}",'
    yield '    about=__doc__ or "",\n    owner="eligibility",'
    pattern = json.dumps(proposal.pattern)
    yield f'    source=SftpDrop(conn_id="{proposal.partner}_sftp", directory="/outbound", pattern={pattern}),'
    yield '    schedule=Daily(at="05:30", tz="America/New_York", expected_by="07:00"),  # unsure: when does it come?'
    unsure = "  # unsure: what stands at which position?" if proposal.sample.kind is Kind.FIXED else ""
    yield f"    format={form},{unsure}"
    yield f"    mode=Mode.{mode},  # unsure: everybody, or what changed?"
    yield f"{order}    stage=Stage.PILOT,"


def _end() -> Iterator[str]:
    yield '    policy=Policy(),\n    tags=("eligibility",),\n)\n'


def _format(proposal: Proposal) -> str:
    sample = proposal.sample
    if sample.kind is Kind.XLSX:
        return "Xlsx()"
    if sample.kind is Kind.FIXED:
        length = sample.record_length or 0
        stops = [*sample.starts[1:], length]
        columns = ", ".join(
            f'FixedColumn("{name}", {first + 1}, {stop - first})'
            for name, first, stop in zip(sample.names, sample.starts, stops, strict=True)
        )
        by = ", positions=Positions.CHARACTERS" if sample.encoding == "utf-8" else ""
        return f'FixedWidth(({columns},), encoding="{sample.encoding}"{by})'
    parts = [f"delimiter={json.dumps(sample.delimiter)}"] if sample.delimiter != "," else []
    parts += [f'encoding="{sample.encoding}"'] if sample.encoding != "utf-8" else []
    parts += [f"names={_tuple(sample.names)}"] if not sample.has_names else []
    parts += ["spreadsheet=True"] if sample.is_sheet else []
    marks = {"header": sample.header_mark, "detail": sample.detail_mark, "trailer": sample.trailer_mark}
    told = ", ".join(f'{name}="{mark}"' for name, mark in marks.items() if mark)
    told += f", count_field={sample.count_at}" if sample.trailer_mark and sample.count_at != 1 else ""
    parts += [f"control=Control({told})"] if sample.header_mark or sample.trailer_mark else []
    return f"Delimited({', '.join(parts)})"


def _mapping(guess: Guess) -> str:
    required = ", required=True" if guess.canonical in REQUIRED and guess.profile.filled > 0 else ""
    return f"From({json.dumps(guess.profile.name)}, {_reader(guess)}{required})"


def _doubt(guess: Guess) -> str:
    """A comment behind a column that somebody has to look at, and why."""
    if guess.profile.unsure:
        return f"  # unsure: {guess.profile.unsure}"
    unknown = meaning(guess.canonical, guess.profile.codes)[1] if guess.canonical in CANONICAL_CODES else []
    if unknown:
        return f"  # unsure: what do {' '.join(', '.join(unknown).split())} mean?"
    return "" if guess.confidence >= CERTAIN else "  # unsure: is it this column?"


def _reader(guess: Guess) -> str:
    """The reader of a column, as its canonical column needs it."""
    profile, name = guess.profile, guess.canonical
    if name in CANONICAL_CODES:
        known, _ = meaning(name, profile.codes)
        return f"Codes({json.dumps(known or {UNKNOWN_CODE: CANONICAL_CODES[name]})})"
    if name in DATES:
        return profile.reader if profile.kind == "date" else f'date_in("{DATE_FORMAT}")'
    if name == "ssn":
        return "Ssn()"
    if name == "birth_sequence":
        return "Whole(1, 9)"
    if profile.kind == "codes" or (name in BOUNDED and "\\A" not in profile.reader):
        return 'Text(r"\\A[A-Za-z0-9 _-]{1,20}\\Z")'
    return profile.reader if profile.reader.startswith("Text") else "Text()"


def _constants(proposal: Proposal) -> Iterator[str]:
    told = {name: INSTEAD[name] for name in proposal.missing if name in INSTEAD}
    if told:
        yield f"    constants={json.dumps(told)},  # unsure: nothing in the sample says them"


def _tuple(names: list[str] | tuple[str, ...]) -> str:
    return f"({', '.join(json.dumps(name) for name in names)}{',' if len(names) == 1 else ''})"


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
