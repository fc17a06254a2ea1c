"""The second line of defence for logs: blanks what looks like an SSN, e-mail or phone number.

The first line is that nobody logs values. This one catches what third-party
libraries put into their messages and tracebacks. It errs on the side of
blanking: a bare number of nine digits goes, even if it was a count of bytes.
"""

from __future__ import annotations

import logging
import re
from typing import Final

_DASH = r"[-. \u00a0\u2010-\u2015]"
_NO_DIGIT_BEFORE, _NO_DIGIT_AFTER = r"(?<!\d)", r"(?!\d)"
_AREA, _EXCHANGE = rf"(?:\([2-9]\d\d\) ?|[2-9]\d\d{_DASH})", r"[2-9]\d\d"
"""North American numbers: neither begins with 0 or 1, so that epoch seconds stay readable."""

_NO_HEX_BEFORE, _NO_HEX_AFTER = r"(?<![0-9a-f])", r"(?![0-9a-f])"
"""Bare digits inside lower-case hex are part of a hash or token, which must stay readable."""

SHAPES: Final = (
    # The look-behind lets the search start once per word: linear time on a long line without @.
    ("[email]", re.compile(r"(?<![\w.+%'-])[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")),
    ("[ssn]", re.compile(rf"{_NO_DIGIT_BEFORE}\d{{3}}{_DASH}\d{{2}}{_DASH}\d{{4}}{_NO_DIGIT_AFTER}")),
    ("[ssn]", re.compile(rf"{_NO_HEX_BEFORE}\d{{9}}{_NO_HEX_AFTER}")),
    ("[phone]", re.compile(rf"{_NO_DIGIT_BEFORE}(?:\+?1{_DASH}?)?{_AREA}{_EXCHANGE}{_DASH}?\d{{4}}{_NO_DIGIT_AFTER}")),
    ("[phone]", re.compile(rf"{_NO_HEX_BEFORE}\+?1?[2-9]\d\d{_EXCHANGE}\d{{4}}{_NO_HEX_AFTER}")),
)
"""What a shape is replaced by, and the shape; in order."""


def redacted(text: str) -> str:
    """``text`` with everything SSN-, e-mail- and phone-shaped replaced by its kind in brackets."""
    for name, shape in SHAPES:
        text = shape.sub(name, text)
    return text


class RedactionFilter(logging.Filter):
    """Blanks records in place: message with its arguments, traceback and stack text.

    Put it on *handlers*: a filter on a logger does not see the records of the
    loggers below it. The traceback becomes text (``exc_text``), since the
    exception itself would be formatted again by the next handler.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: a record is blanked, never dropped."""
        record.msg, record.args = redacted(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
        if record.exc_text:
            record.exc_text = redacted(record.exc_text)
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
        return True


def _message(record: logging.LogRecord) -> str:
    """The message with its arguments; without them where they do not fit, since logging would print them to stderr."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 — an argument's __str__ may raise anything
        return f"{record.msg} [arguments left out: they do not fit the message]"


def guard_logs() -> None:
    """Puts the filter on every handler of the root logger that has none yet; to be called where a task begins."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(present, RedactionFilter) for present in handler.filters):
            handler.addFilter(RedactionFilter())
