"""Tiny writers of workbooks for tests; all persons are invented."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from concord.contract import DateText, Feed, From, Xlsx
from tests.unit.acme_rows import ACME, ROW

NAMES = tuple(ROW)
ISO = DateText(("%Y-%m-%d", "%m/%d/%Y"))
MAPPING = {
    name: replace(mapping, read=ISO) if isinstance(mapping.read, DateText) else mapping
    for name, mapping in ACME.columns.items()
}


def sheet(form: Xlsx | None = None, *, columns: Mapping[str, From] | None = None, **changes: Any) -> Feed:
    """Acme's contract as a workbook; ``changes`` are of the format."""
    return replace(ACME, format=replace(form or Xlsx(), **changes), columns=dict(columns or MAPPING))


def people(count: int) -> list[list[Any]]:
    """Rows of different employees, in the order of :data:`NAMES`."""
    return [cells(EMPID=f"E{number:07d}") for number in range(count)]


def cells(**values: Any) -> list[Any]:
    """A row of cells, sound but for ``values``."""
    return [value if value != "" else None for value in (ROW | values).values()]


def book(
    rows: Sequence[Sequence[Any]] = (),
    change: Callable[[Worksheet], None] | None = None,
    *,
    names: Sequence[Any] = NAMES,
    above: Sequence[Sequence[Any]] = (),
    epoch: Any = None,
) -> bytes:
    """A workbook of one sheet: ``above``, names, ``rows`` (one sound row if none are given), then ``change``."""
    made = Workbook()
    if epoch is not None:
        made.epoch = epoch
    active = made.active
    assert isinstance(active, Worksheet)
    for each in (*above, names, *(rows or [cells()])):
        active.append(list(each))
    if change is not None:
        change(active)
    return saved(made)


def saved(made: Workbook) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def repacked(
    data: bytes, change: Callable[[str, bytes], bytes | None], extra: Mapping[str, bytes] | None = None
) -> bytes:
    """The same archive with members changed, left out (None) and added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
        for name, content in (extra or {}).items():
            new.writestr(name, content)
    return out.getvalue()


def in_sheet(old: str, new: str) -> Callable[[str, bytes], bytes]:
    """A change of the first sheet's markup."""

    def change(name: str, content: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return content
        assert old.encode() in content
        return content.replace(old.encode(), new.encode(), 1)

    return change


INLINE = re.compile(rb't="inlineStr"><is><t([^>]*)>([^<]*)</t></is>')
SHARED_TYPE = (
    b'<Override PartName="/xl/sharedStrings.xml" '
    b'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
)


def shared(data: bytes) -> bytes:
    """The same workbook as Excel writes it: texts in a table of their own, once each."""
    found: dict[bytes, int] = {}

    def numbered(text: re.Match[bytes]) -> bytes:
        return b't="s"><v>%d</v>' % found.setdefault(b"<t%b>%b</t>" % (text[1], text[2]), len(found))

    def change(name: str, content: bytes) -> bytes:
        if name == "[Content_Types].xml":
            return content.replace(b"</Types>", SHARED_TYPE)
        return INLINE.sub(numbered, content) if name == "xl/worksheets/sheet1.xml" else content

    changed = repacked(data, change)
    strings = b"".join(b"<si>%b</si>" % text for text in found)
    table = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%b</sst>' % strings
    return repacked(changed, lambda _, content: content, {"xl/sharedStrings.xml": table})
