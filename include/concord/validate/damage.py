"""What a spreadsheet does to values, and what it leaves of them.

``repaired``: look-alikes that mean what they look like (no-break spaces, curly quotes,
invisible characters) are read so, and flagged. ``damaged``: values of which a part is
gone (``1.23E+08``, ``########``, ``5-Jan``) are named and refuse their row, since
nobody can say what stood there. Only for feeds whose contract says ``spreadsheet``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from concord.contract import Codes, Number, Reader, Text

DAMAGED = "\ufffc"
"""Stands in a canonical column for a damaged value; its row is always rejected, by the damage's own reason."""

INVISIBLE = "[\u00ad\u200b-\u200f\u2060\ufeff]"
LOOK_ALIKES = (
    ("[\u00a0\u2007\u202f]", " "),
    ("[\u2018\u2019\u201b]", "'"),
    ("[\u201c\u201d\u201f]", '"'),
    (INVISIBLE, ""),
)
"""Pattern and what it is read as, in order."""

MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
FOLLOWS = bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")
"""What the second byte of a letter in UTF-8 looks like in cp1252."""
EVERYWHERE = {
    "hashes": r"\A#{3,}\z",
    "cell_error": r"(?s)\A(?:=#.*|#(?:[¡¿]?\p{Lu}[\p{Lu}0-9/_]*[!?]|N/A|NV|GETTING_DATA))\z",
    "mojibake": f"[\u00c2\u00c3][{FOLLOWS}]|\u00e2\u20ac",
}
"""Rule → pattern of what is left of a value in any column: too narrow a column, a formula that failed (``=#…`` is a
workbook's cell of an error, whichever it is), UTF-8 read as another encoding."""
IN_CODES = {
    "scientific": r"\A[+-]?[0-9]+(?:[.,][0-9]+)?[Ee][+-]?[0-9]{1,3}\z",
    "decimal": r"\A[0-9]+[.,]0+\z",
    "thousands": r"\A[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\z",
    "day_month": rf"(?i)\A(?:[0-9]{{1,2}}-{MONTH}|{MONTH}-[0-9]{{2}})\z",
}
"""The same for ids, codes, numbers and dates; in a name or a street such a text may be meant."""


def repaired(values: pa.Array) -> tuple[pa.Array, dict[str, pa.Array]]:
    """``values`` with look-alikes replaced; flags ``look_alike`` (blanks, quotes) and ``invisible``."""
    encoded = values.dictionary_encode()
    text = encoded.dictionary
    seen: dict[str, pa.Array] = {}
    for pattern, plain in LOOK_ALIKES:
        kind = "look_alike" if plain else "invisible"
        found = pc.match_substring_regex(text, pattern)
        seen[kind] = pc.or_(seen[kind], found) if kind in seen else found
        text = pc.replace_substring_regex(text, pattern, plain)
    if not any(pc.any(mask).as_py() for mask in seen.values()):
        return values, {}
    return text.take(encoded.indices), {kind: mask.take(encoded.indices) for kind, mask in seen.items()}


def damaged(read: Reader, values: pa.Array) -> dict[str, pa.Array]:
    """Rule → which of ``values`` are damaged by it; only rules that some value breaks."""
    encoded = values.dictionary_encode()
    text = pc.utf8_trim_whitespace(encoded.dictionary)
    found = {rule: pc.match_substring_regex(text, pattern) for rule, pattern in _patterns(read)}
    if isinstance(read, Codes):  # a code that the table knows is no damage, whatever it looks like
        known = pa.array([key.strip().upper() for key in read.table], text.type)
        meant = pc.is_in(pc.utf8_upper(text), known)
        found = {rule: pc.and_not(mask, meant) for rule, mask in found.items()}
    return {rule: mask.take(encoded.indices) for rule, mask in found.items() if pc.any(mask).as_py()}


def _patterns(read: Reader) -> Iterator[tuple[str, str]]:
    yield from EVERYWHERE.items()
    if not isinstance(read, Text) or read.pattern is not None:
        meant = {"decimal"} if isinstance(read, Number) else set()
        yield from ((rule, pattern) for rule, pattern in IN_CODES.items() if rule not in meant)
