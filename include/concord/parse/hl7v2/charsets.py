"""From bytes to text, by MSH-18 (HL7 table 0211)."""

from __future__ import annotations

from collections.abc import Mapping

from concord.parse.hl7v2.refusal import Code, MessageRefused

CHARSETS: Mapping[str, str] = {
    "ASCII": "ascii",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    **{f"8859/{part}": f"iso8859-{part}" for part in (*range(1, 12), *range(13, 16))},
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
}
"""MSH-18 → Python's codec. ``UNICODE`` alone meant UCS-2 once; a file whose lines end in one byte is UTF-8."""


def charset(header: bytes, default: str) -> str:
    """The codec of a message with the segment MSH ``header``; ``default`` where MSH-18 is empty.

    MSH-18 repeats where a message changes its charset by escapes; the first is what it
    begins in. Raises :class:`MessageRefused` (``message.charset_unknown``).
    """
    fields = header.split(header[3:4]) if header[3:4] else []
    named = fields[17] if len(fields) > 17 else b""
    name = named.replace(b"^", b"~").split(b"~")[0].decode("ascii", "replace").strip().upper()
    if not name or name == '""':
        return default
    if name not in CHARSETS:
        raise MessageRefused(Code.CHARSET)
    return CHARSETS[name]


def decoded(segments: list[bytes], codec: str) -> list[str]:
    """``segments`` as text; raises :class:`MessageRefused` (``message.nul``, ``.framing``, ``.encoding``)."""
    whole = b"\r".join(segments)
    if b"\0" in whole:
        raise MessageRefused(Code.NUL)
    if b"\x0b" in whole or b"\x1c" in whole:
        raise MessageRefused(Code.FRAMING)
    try:
        text = whole.decode(codec)
    except UnicodeDecodeError:
        text = None  # its exception holds the bytes
    if text is None:
        raise MessageRefused(Code.ENCODING)
    return text.split("\r")
