"""A line is one JSON value that every reader reads alike, or it is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from concord.parse.fhir.json_lines import DEEPEST, NotJson, Number, read_json

CORPUS = os.environ.get("CONCORD_CORPUS")


def refused(raw: bytes) -> str:
    with pytest.raises(NotJson) as raised:
        read_json(raw)
    assert raised.value.__cause__ is None
    return raised.value.code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"a":', "record.json"),
        (b"{'a':1}", "record.json"),
        (b'{"a":1}{"b":2}', "record.json"),
        (b'{"a":1,}', "record.json"),
        (b'{"a":01}', "record.json"),
        (b'{"a":+1}', "record.json"),
        (b'{"a":"\t"}', "record.json"),
        (b"<html>Gateway</html>", "record.json"),
        (b"\x1f\x8b\x08", "record.encoding"),
        (b'{"a":NaN}', "json.number"),
        (b'{"a":[Infinity]}', "json.number"),
        (b'{"a":-Infinity}', "json.number"),
        (b'{"a":1,"a":1}', "json.duplicate_key"),
        (b'{"a":{"b":1,"b":2}}', "json.duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "json.duplicate_key"),
        (b'{"a":"M\xfcller"}', "record.encoding"),
        (b'{"a":"\xed\xa0\x80"}', "record.encoding"),
        (b'{"a":"\\ud800"}', "record.encoding"),
        (b'{"\\udc00":1}', "record.encoding"),
        (b'{"a":"\x00"}', "record.nul"),
        (b'{"a":"\\u0000"}', "record.nul"),
        (b'{"a":"\\\\\\u0000"}', "record.nul"),
        ('{"a":1}'.encode("utf-16"), "record.nul"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw: bytes, code: str) -> None:
    assert refused(raw) == code


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a":"\\\\u0000"}', {"a": "\\u0000"}),
        (b'{"a":"\\\\ud800"}', {"a": "\\ud800"}),
        (' {"a":"Müller"} \r'.encode(), {"a": "Müller"}),
        (b"[]", []),
    ],
)
def test_what_only_looks_odd_is_read(raw: bytes, value: object) -> None:
    assert read_json(raw) == value


@pytest.mark.parametrize("text", ["1.10", "1", "-0", "1E400", "9" * 6000])
def test_a_number_keeps_its_text_and_is_no_text(text: str) -> None:
    value = read_json(b'{"a":%b}' % text.encode())
    assert value == {"a": text}
    assert isinstance(value, dict)
    assert type(value["a"]) is Number


def test_depth_has_a_bound_that_does_not_depend_on_the_caller() -> None:
    def nested(depth: int) -> bytes:
        return b"[" * depth + b"]" * depth

    assert read_json(nested(DEEPEST))
    assert refused(nested(DEEPEST + 1)) == "json.depth"
    assert refused(b"[" * 1_000_000) == "json.depth"
    assert refused(b'{"a":' * 100_000) == "json.depth"


def test_brackets_in_texts_are_not_depth() -> None:
    assert read_json(b'{"a":"%b","b":"\\"%b"}' % (b"[" * 500, b"{" * 500))


@pytest.mark.timeout(10)
def test_an_open_text_full_of_quotes_takes_linear_time() -> None:
    assert refused(b'{"a":"' + b'\\"' * 2_000_000 + b"[" * 100) == "record.json"


@pytest.mark.skipif(CORPUS is None, reason="CONCORD_CORPUS is not set")
def test_the_json_test_suite_agrees() -> None:
    folder = Path(CORPUS or "") / "json_test_suite"
    ours = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
    """Valid by the letter of RFC 8259, refused here."""
    taken, refused_ = [], []
    for file in sorted(folder.glob("[ny]_*.json")):
        try:
            read_json(file.read_bytes())
        except NotJson as flaw:
            refused_.append((file.name, flaw.code))
        else:
            taken.append(file.name)
    assert [name for name in taken if name.startswith("n_")] == []
    wrongly = {name for name, code in refused_ if name.startswith("y_") and code != "record.nul"}
    assert wrongly <= ours
    assert len(taken) > 40
