"""What cannot be promised of files in a drop: companions, parts and envelopes that contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from concord.contract.envelope import envelope_flaws
from concord.contract.source import ControlFile, SftpDrop

DATE = re.compile(r"\{date:[^}]*\}")
PLACEHOLDERS = re.compile(r"\{[^{}]*\}|[{}]")
IN_LINES = frozenset({"{file}", "{bytes}", "{records}", "{parts}"})
MOST_PARTS = 1_000
MOST_STARS = 3


def files(drop: SftpDrop, *, has_rows: bool) -> Iterator[tuple[str, str]]:
    """Contradictions of ``drop`` by field; ``has_rows`` where every record of its format is one row of a file."""
    control = drop.control.name if drop.control else None
    named = {"done_suffix": drop.done_suffix, "control": control, "checksum": drop.checksum}
    forms = {label: form for label, form in named.items() if form is not None}
    for label, form in forms.items():
        yield from _name(label, form, drop.pattern)
    if len(set(forms.values())) < len(forms):
        yield "source", "two companions have one name"
    if drop.control is not None:
        yield from _lines(drop.control, has_rows=has_rows)
    yield from _parts(drop, has_rows=has_rows)
    yield from envelope_flaws(drop.envelope)


def _name(label: str, form: str, pattern: str) -> Iterator[tuple[str, str]]:
    known = {"{name}", "{stem}"} | ({"{date}"} if DATE.search(pattern) else set())
    known |= {"{sequence}"} if "{sequence}" in pattern else set()
    unknown = set(PLACEHOLDERS.findall(form)) - known
    if unknown or "/" in form or not PLACEHOLDERS.sub("", form):
        yield f"source.{label}", f"a companion is named by text and {', '.join(sorted(known))}"


def _lines(control: ControlFile, *, has_rows: bool) -> Iterator[tuple[str, str]]:
    if not control.lines:
        yield "source.control", "says nothing: a file that only has to be there is done_suffix"
    for form in control.lines:
        found = PLACEHOLDERS.findall(form)
        if not set(found) <= IN_LINES or len(set(found)) < len(found) or form.count("*") > MOST_STARS:
            yield "source.control", f"a line has each of {', '.join(sorted(IN_LINES))} once, and {MOST_STARS} stars"
    if not has_rows and any("{records}" in form for form in control.lines):
        yield "source.control", "records can only be counted where each is a row"


def _parts(drop: SftpDrop, *, has_rows: bool) -> Iterator[tuple[str, str]]:
    if not drop.in_parts:
        if drop.parts is not None or "{parts}" in drop.pattern:
            yield "source.parts", "the pattern has no {part}"
        return
    if not has_rows:
        yield "source.pattern", "only rows can come in parts: this format has one file for a delivery"
    said = drop.control.lines if drop.control else ()
    counted = any(name in form for form in said for name in ("{parts}", "{file}"))
    if drop.parts is None and "{parts}" not in drop.pattern and not counted:
        yield "source.parts", "nothing says how many parts there are: parts, {parts} in the pattern, or a control file"
    if drop.counts_parts_by_control and drop.control is not None and not _is_shared(drop.control.name):
        yield (
            "source.control",
            "a control file that counts parts is one for all of them: named without {name} and {stem}",
        )
    if drop.parts is not None and not 2 <= drop.parts <= MOST_PARTS:
        yield "source.parts", f"must lie between 2 and {MOST_PARTS}"
    if drop.parts_within <= drop.stable_for:
        yield "source.parts_within", "must be longer than stable_for"


def _is_shared(form: str) -> bool:
    return bool(PLACEHOLDERS.search(form)) and "{name}" not in form and "{stem}" not in form
