"""Turns the partner's text into canonical text, one reader of the contract at a time.

A blank stays ``""``; a value that cannot be read becomes :data:`UNREADABLE`, and the
schema refuses the row. What only fails a pattern, a length or a range stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from concord.contract import (
    Codes,
    DateText,
    Feed,
    From,
    Moment,
    Number,
    Reader,
    Reference,
    Ssn,
    Text,
    Whole,
    YesNo,
)
from concord.validate.dates import UNREADABLE, read_dates
from concord.validate.moments import read_moments

Texts = tuple[str, ...]
SEPARATORS = r"[ .()\-]"
LEADING_BLANKS = " \n\u00a0"
"""Stripped from the front of a text; a tab or carriage return stays, since there it makes a formula."""

LOGICAL_ID = r"\A[A-Za-z0-9.\-]{1,64}\z"
"""http://hl7.org/fhir/R4/datatypes.html#id"""
SSN_SHAPE = r"\A[0-9]{3}-?[0-9]{2}-?[0-9]{4}\z"
SSN_PLACEHOLDER = (
    # Never assigned (SSA POMS RM 10201.035), the dummies of advertisements, and what people type instead.
    r"\A(?:000|666|9)|\A...00|0000\z|\A(?:078051120|219099999|123456789|"
    + "|".join(f"{digit}{{9}}" for digit in range(1, 9))
    + r")\z"
)


def read_column(mapping: From, values: pa.Array, feed: Feed) -> tuple[pa.Array, dict[str, pa.Array]]:
    """Canonical text of one column, and flags (code → which rows) that do not reject a row.

    ``default`` replaces a blank and is canonical already.
    """
    said = feed.policy.sentinels
    sentinels = (*said, *feed.columnar.as_read(mapping.source, said))
    canonical, flags = READERS[type(mapping.read)](mapping.read, values, sentinels)
    if mapping.default is not None:
        canonical = pc.if_else(pc.equal(canonical, ""), mapping.default, canonical)
    return canonical, flags


def _text(read: Text, values: pa.Array, _: Texts) -> tuple[pa.Array, dict[str, pa.Array]]:
    text = pc.utf8_ltrim(pc.utf8_rtrim_whitespace(values), characters=LEADING_BLANKS)
    if read.digits_only:
        text = pc.replace_substring_regex(text, SEPARATORS, "")
    text = pc.utf8_upper(text) if read.upper else text
    return _padded(text, rf"\A[0-9]{{1,{read.pad_left - 1}}}\z", read.pad_left) if read.pad_left else (text, {})


def _padded(text: pa.Array, short: str, width: int) -> tuple[pa.Array, dict[str, pa.Array]]:
    """Gives what matches ``short`` its leading zeros back."""
    lost = pc.match_substring_regex(text, short)
    return pc.if_else(lost, pc.utf8_lpad(text, width, "0"), text), {"padded": lost}


def _date(read: DateText, values: pa.Array, sentinels: Texts) -> tuple[pa.Array, dict[str, pa.Array]]:
    return read_dates(values, read, sentinels)


def _codes(read: Codes, values: pa.Array, _: Texts) -> tuple[pa.Array, dict[str, pa.Array]]:
    encoded = values.dictionary_encode()
    table: Mapping[str, str] = {"": "", **{key.strip().upper(): code for key, code in read.table.items()}}
    given = (value.strip().upper() for value in encoded.dictionary.to_pylist())
    codes = pa.array([table.get(value, UNREADABLE) for value in given], values.type)
    return codes.take(encoded.indices), {}


def _whole(_read: Whole, values: pa.Array, _: Texts) -> tuple[pa.Array, dict[str, pa.Array]]:
    return pc.utf8_trim_whitespace(values), {}


def _ssn(read: Ssn, values: pa.Array, _: Texts) -> tuple[pa.Array, dict[str, pa.Array]]:
    text = pc.utf8_trim_whitespace(values)
    text, flags = _padded(text, r"\A[0-9]{7,8}\z", 9) if read.pad_left else (text, {})
    readable = pc.or_(pc.match_substring_regex(text, SSN_SHAPE), pc.equal(text, ""))
    digits = pc.if_else(readable, pc.replace_substring(text, "-", ""), UNREADABLE)
    placeholder = pc.and_(pc.match_substring_regex(digits, SSN_PLACEHOLDER), readable)
    return pc.if_else(placeholder, "", digits), flags | {"placeholder": placeholder}


def _moment(read: Moment, values: pa.Array, sentinels: Texts) -> tuple[pa.Array, dict[str, pa.Array]]:
    return read_moments(values, read, sentinels)


def _number(_read: Number, values: pa.Array, _: Texts) -> tuple[pa.Array, dict[str, pa.Array]]:
    return pc.utf8_trim_whitespace(values), {}


def _yes_no(read: YesNo, values: pa.Array, sentinels: Texts) -> tuple[pa.Array, dict[str, pa.Array]]:
    words = {**dict.fromkeys(read.yes, "true"), **dict.fromkeys(read.no, "false")}
    return _codes(Codes(words), values, sentinels)


def _reference(read: Reference, values: pa.Array, _: Texts) -> tuple[pa.Array, dict[str, pa.Array]]:
    text = pc.utf8_trim_whitespace(values)
    head, between = (pa.scalar(part, text.type) for part in (read.type, "/"))
    named = pc.binary_join_element_wise(head, text, between)
    found = pc.if_else(pc.match_substring_regex(text, LOGICAL_ID), named, UNREADABLE)
    return pc.if_else(pc.equal(text, ""), "", found), {}


READERS: Mapping[type[Reader], Callable[[Any, pa.Array, Texts], tuple[pa.Array, dict[str, pa.Array]]]] = {
    Text: _text,
    DateText: _date,
    Codes: _codes,
    Whole: _whole,
    Ssn: _ssn,
    Moment: _moment,
    Number: _number,
    YesNo: _yes_no,
    Reference: _reference,
}


@cache
def is_re2(pattern: str) -> bool:
    """Whether Arrow's regular expressions (RE2) take ``pattern``; look-around and back-references they do not."""
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid:
        return False
    return True
