"""How the text of an ADT message is read: separators, escapes, charsets, timestamps, null and empty."""

from __future__ import annotations

from dataclasses import replace

import pytest

from concord.parse.hl7v2.message import read
from concord.parse.hl7v2.moments import read_moment
from concord.parse.hl7v2.separators import Separators
from tests.unit.hl7v2_messages import OPTIONS, PID, ZONE, message, msh, parse, patient, pid, reasons, rows

# ── separators and escapes ─────────────────────────────────────────────────────


def test_separators_are_the_messages_own() -> None:
    usual = message("A08", PID).decode()
    table = str.maketrans({"|": "*", "^": ":", "~": "!", "\\": "/", "&": "%"})
    (other,) = rows(parse(usual.translate(table).encode()))
    (row,) = rows(parse(usual.encode()))
    assert other == row
    assert (row["last_name"], row["ssn"]) == ("Testman", "400550101")


@pytest.mark.parametrize("encoding", ["^~", "^~\\", r"^~\&", r"^~\&#"])
def test_separators_that_are_not_named_are_the_recommended_ones(encoding: str) -> None:
    data = message("A08", PID).replace(rb"|^~\&|", f"|{encoding}|".encode())
    assert rows(parse(data))[0]["last_name"] == "Testman"


@pytest.mark.parametrize("start", ["MSH", "MSH|", "MSH||", "MSH|^^^^|", "MSH|^~\\\\&|", "MSH|AB\\&|", "MSH|^~\\&#!|"])
def test_separators_that_cannot_be_told_apart_are_refused(start: str) -> None:
    assert reasons(start.encode() + b"\r" + PID.encode() + b"\r") == ["message.separators"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"A\F\B\S\C\T\D\R\E\E\F", "A|B^C&D~E\\F"),
        (r"Pe\XC3B1\a", "Peña"),
        (r"one\.br\two\.sp+1\three", "one\ntwo\nthree"),
        (r"\H\loud\N\ly", "loudly"),
        (r"a\X0D0A\b", "a\nb"),
        ("own\\Zlocal\\", "own"),
        (r"a\X00\b", r"a\X00\b"),
        (r"a\XFF\b", r"a\XFF\b"),
        (r"C:\dir\F\x", r"C:\dir|x"),
        (r"lonely\ mark", r"lonely\ mark"),
    ],
)
def test_escapes_are_resolved_and_what_is_none_stays(written: str, meant: str) -> None:
    assert Separators().unescape(written, "utf-8") == meant
    assert patient(n5=f"{written}^Tessa")["last_name"] == meant.strip()


def test_an_escaped_separator_does_not_separate() -> None:
    row = patient(n5=r"Test\S\man&ignored^Tes\F\sa")
    assert (row["last_name"], row["first_name"]) == ("Test^man", "Tes|sa")


# ── charsets ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("named", "codec"),
    [
        ("8859/1", "latin-1"), ("8859/15", "iso8859-15"), ("UNICODE UTF-8", "utf-8"), ("UNICODE", "utf-8"),
        ("unicode utf-8~8859/1", "utf-8"), ("", "utf-8"),
    ],
)  # fmt: skip
def test_the_charset_is_what_msh_18_says(named: str, codec: str) -> None:
    text = "".join(f"{line}\r" for line in (msh("A08", n18=named), pid(n5="Peña^Zoë")))
    (row,) = rows(parse(text.encode(codec)))
    assert (row["last_name"], row["first_name"]) == ("Peña", "Zoë")


def test_a_message_without_charset_has_the_feeds() -> None:
    data = message("A08", pid(n5="Peña")).decode().encode("cp1252")
    assert reasons(data) == ["message.encoding"]
    assert rows(parse(data, replace(OPTIONS, charset="cp1252")))[0]["last_name"] == "Peña"
    with pytest.raises(LookupError):
        parse(data, replace(OPTIONS, charset="no such charset"))


@pytest.mark.parametrize(
    ("named", "value", "code"),
    [
        ("ASCII", "Peña", "message.encoding"), ("ISO IR87", "x", "message.charset_unknown"),
        ("UNICODE UTF-16", "x", "message.charset_unknown"), ("8859/12", "x", "message.charset_unknown"),
        ("", "a\0b", "message.nul"), ("", "a\x0bb", "message.framing"), ("", "a\x1cb", "message.framing"),
    ],
)  # fmt: skip
def test_bytes_that_are_not_text_are_refused(named: str, value: str, code: str) -> None:
    assert reasons(message("A08", pid(n5=value), n18=named)) == [code]


# ── timestamps ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "at", "precision"),
    [
        ("2024", "2024-01-01T00:00:00+00:00", "year"),
        ("202405", "2024-05-01T00:00:00+00:00", "month"),
        ("20240506", "2024-05-06T00:00:00+00:00", "day"),
        ("2024050607", "2024-05-06T11:00:00+00:00", "time"),
        ("202405060708", "2024-05-06T11:08:00+00:00", "time"),
        ("20240506070809", "2024-05-06T11:08:09+00:00", "time"),
        ("20240506070809.1", "2024-05-06T11:08:09.100000+00:00", "time"),
        ("20240506070809.1234", "2024-05-06T11:08:09.123400+00:00", "time"),
        ("20240506070809+0530", "2024-05-06T01:38:09+00:00", "time"),
        ("20240506070809+1245", "2024-05-05T18:23:09+00:00", "time"),
        ("202405060708-0330", "2024-05-06T10:38:00+00:00", "time"),
        ("202405060708-0000", "2024-05-06T07:08:00+00:00", "time"),
        ("20240506+0530", "2024-05-06T00:00:00+00:00", "day"),
        ("20241103013000", "2024-11-03T05:30:00+00:00", "time"),
    ],
)
def test_a_timestamp_has_any_precision_and_any_offset(text: str, at: str, precision: str) -> None:
    moment = read_moment(text, ZONE)
    assert moment is not None
    assert (moment.at.isoformat(), moment.precision) == (at, precision)


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "20", "202", "20245", "20241301", "20240230", "2024050624", "202405060760", "20240506070860",
        "00000000", "20240506070809-2400", "20240506070809+1401", "20240506070809+0560", "20240506070809+530",
        "20240506070809+05:30", "20240506070809Z", "2024-05-06", "20240506070809.", "20240506.5", "2024050６",
        "00010101000000+1400", "99991231235959-1400", "today", "20240506 0708",
    ],
)  # fmt: skip
def test_what_is_no_timestamp_is_not_read(text: str) -> None:
    assert read_moment(text, ZONE) is None


@pytest.mark.parametrize(("field", "column"), [("n7", "birth_date"), ("n29", "deceased_at"), ("n25", "multiple_birth")])
def test_a_value_that_cannot_be_read_refuses_the_message_and_is_not_told(field: str, column: str) -> None:
    chunk = parse(message("A08", pid(**{field: "19800230X"})))
    (refused,) = chunk.refused
    assert refused.reasons[0].startswith(f"{column}.")
    assert "19800230X" not in repr(refused) + repr(chunk)


def test_a_birth_date_is_the_day_as_it_was_written() -> None:
    row = patient(n7="198003142330-0500")
    assert (row["birth_date"], row["birth_precision"]) == ("1980-03-14", "day")
    assert patient(n7="198003")["birth_precision"] == "month"


# ── null and empty ─────────────────────────────────────────────────────────────


def test_null_clears_and_empty_keeps() -> None:
    row = patient(n5='Testman^""', n7="", n13='""', n16='""', n29='""', n30="N")
    assert row["last_name"] == "Testman"
    cleared = set(row["cleared"])
    assert {"first_name", "phone", "email", "marital_status", "deceased_at", "deceased_precision"} <= cleared
    assert not {"birth_date", "gender_code", "ssn", "address_line_1"} & cleared
    assert not cleared & row.keys()


def test_a_name_or_address_comes_as_a_whole() -> None:
    """Somebody who moved must not keep the flat of the old house."""
    row = patient(n5="Newname^Tessa", n11="9 Other Road^^Sampleville^PA^19000")
    assert set(row["cleared"]) == {"middle_name", "name_suffix", "address_line_2"}
    assert patient(n5="^^", n11="")["cleared"] == ()


# ── segments ───────────────────────────────────────────────────────────────────


def test_z_segments_and_others_are_left_alone() -> None:
    plain = rows(parse(message("A08", PID)))
    (row,) = rows(parse(message("A08", 'ZZZ|1|""^^|x', PID, "NTE|1||PID^looks like one", "ZPD|PID|2", "Z01")))
    assert {**row, "lines": 3} == {**plain[0], "lines": 3}


def test_a_line_that_is_no_segment_refuses_the_message() -> None:
    broken = message("A08", "PID|1||1001^^^GHH^MR||Testman^Tessa||||||1 Sample Way", "Apt 2^^Exampleton^OH")
    assert reasons(broken) == ["segment.malformed"]
    assert reasons(message("A08", "pid|1||1001")) == ["segment.malformed"]


def test_fields_are_counted_from_the_separator_in_msh() -> None:
    header = read([msh("A01", control_id="C1").encode()], "utf-8").header
    assert (header.raw(1), header.raw(2), header.text(4), header.text(9, 2), header.text(10)) == (
        "|", r"^~\&", "GHH", "A01", "C1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"n9": "ORU^R01"}, "message.type"), ({"n9": ""}, "message.type"),
        ({"n9": "ADT^A19"}, "message.trigger_unknown"),
        ({"n9": "ADT^A56"}, "message.trigger_unknown"), ({"n9": "ADT^Z01"}, "message.trigger_unknown"),
        ({"n12": "3.0"}, "message.version"), ({"n11": "T"}, "message.processing_id"),
        ({"n11": "D"}, "message.processing_id"), ({"n14": "7"}, "message.continued"),
        ({"n7": "yesterday"}, "last_updated.format"),
    ],
)  # fmt: skip
def test_what_is_not_for_this_reader_is_refused(header: dict[str, str], code: str) -> None:
    assert reasons(message("A08", **header)) == [code]


@pytest.mark.parametrize("version", ["", "2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"])
def test_all_versions_of_hl7_2_are_read(version: str) -> None:
    assert not reasons(message("A08", n12=f"{version}^USA"))


def test_messages_of_version_2_1_have_their_event_in_evn_only() -> None:
    assert parse(message("A03", n9="ADT", n12="2.1")).events == {"A03": 1}
    assert parse(message("A03", n9="ADT^A11")).events == {"A11": 1}


def test_training_messages_are_read_where_the_feed_says_so() -> None:
    options = replace(OPTIONS, processing=frozenset({"P", "T"}))
    assert reasons(message("A08", n11="T"), options) == []
