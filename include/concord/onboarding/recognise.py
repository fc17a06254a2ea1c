"""What kind of file a sample is: format, encoding, dialect, and what the judgement rests on."""

from __future__ import annotations

import codecs
import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from concord.onboarding.recognised import Entry, Kind, Recognised
from concord.parse.xlsx.archive import COMPOUND_FILE

UTF_16 = "can it be sent as UTF-8? it is UTF-16, as spreadsheets save it"
NEVER_READ = {
    COMPOUND_FILE: "can it be sent as .xlsx without a password? it is an old workbook, or a locked one",
    codecs.BOM_UTF16_LE: UTF_16,
    codecs.BOM_UTF16_BE: UTF_16,
}
"""How what no contract reads begins, and what to ask."""
HEAD_BYTES = 4 << 20
EBCDIC_BLANK, EBCDIC_DIGITS = 0x40, range(0xF0, 0xFA)


def recognise(data: bytes, layout: Sequence[Entry] = ()) -> Recognised:
    """Looks at the bytes of a sample; ``layout`` is what the partner says stands where in records of fixed width."""
    from concord.onboarding import fixed, workbooks

    if wrapped := _wrapped(data):
        return Recognised(Kind.WRAPPED, rests_on=(wrapped,), unsure=(f"unwrap the sample first: it is {wrapped}",))
    if question := next((asked for mark, asked in NEVER_READ.items() if data.startswith(mark)), ""):
        return Recognised(Kind.UNKNOWN, unsure=(question,))
    if data.lstrip(b"\xef\xbb\xbf \r\n")[:3].upper() == b"ISA":
        return Recognised(Kind.X12_834, rests_on=("it begins with ISA",))
    if data[:4] == b"PK\x03\x04":
        return workbooks.recognise(data)
    if is_ebcdic(data):
        return fixed.recognise(data, "cp037", "blanks are X'40' and digits X'F0' to X'F9'", layout)
    return _text(data, layout)


def _text(data: bytes, layout: Sequence[Entry]) -> Recognised:
    from concord.onboarding import dialects, fixed

    encoding, why = encoding_of(data)
    text = data.decode(encoding, "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    if "\n" not in text and text.count("\r") > 1:
        return Recognised(Kind.UNKNOWN, unsure=("can lines end in LF? they end in a bare carriage return",))
    found = None if layout or fixed.stands_in_columns(text) else dialects.recognise(text, encoding, why)
    return found or fixed.recognise(data, encoding, why, layout)


def _wrapped(data: bytes) -> str:
    if data[:2] == b"\x1f\x8b":
        return "gzip"
    if data.lstrip().startswith(b"-----BEGIN PGP MESSAGE") or (
        data[:1] in (b"\x84", b"\x85", b"\xc1") and b"\n" not in data[:40] and not is_ebcdic(data)
    ):
        return "a PGP message"
    if data[:4] == b"PK\x03\x04":
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "" if "[Content_Types].xml" in archive.namelist() else "a zip archive"
    return ""


def is_ebcdic(data: bytes) -> bool:
    """Whether the bytes are a mainframe's: its blank and digits are common, and ASCII's blank and line ends are not."""
    counts = Counter(data[:HEAD_BYTES])
    total = max(sum(counts.values()), 1)
    digits = sum(counts[each] for each in EBCDIC_DIGITS)
    return counts[EBCDIC_BLANK] + digits > total * 0.3 and counts[0x20] + counts[0x0A] < total * 0.02


def encoding_of(data: bytes) -> tuple[str, str]:
    """The encoding of text, and what that rests on; never a guess between two that read it differently in ASCII."""
    if data.startswith(b"\xef\xbb\xbf"):
        return "utf-8", "a byte order mark"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252", "it is no UTF-8; most of what is not is Windows-1252: ask"
    return "utf-8", "all of it is ASCII" if data.isascii() else "all of it is valid UTF-8"
