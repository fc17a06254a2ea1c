"""Small files beside a partner's file: how they are named, what they say, and what is refused without a word of it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.acquire.companions import (
    LARGEST_COMPANION_BYTES,
    Checksum,
    CompanionName,
    ControlSaid,
    Promise,
    checksums,
    control_said,
    promised,
)
from concord.acquire.naming import NameMatcher
from concord.contract import ControlFile
from concord.errors import DeliveryRejected

NAME = "ELIG_20261120_0007_Zebulon.csv"
SAID = NameMatcher("ELIG_{date:%Y%m%d}_{sequence}*.csv").read(NAME)
MD5 = hashlib.md5(b"a,b\n", usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(b"a,b\n").hexdigest()
SHA512 = hashlib.sha512(b"a,b\n").hexdigest()


@pytest.mark.parametrize(
    ("form", "name", "shared"),
    [
        (".done", f"{NAME}.done", False),
        ("{name}.md5", f"{NAME}.md5", False),
        ("{stem}.ctl", "ELIG_20261120_0007_Zebulon.ctl", False),
        ("ELIG_{date}.{sequence}.trg", "ELIG_20261120.0007.trg", True),
    ],
)
def test_a_companion_is_named_after_its_file(form: str, name: str, shared: bool) -> None:
    assert SAID is not None
    companion = CompanionName(form)
    assert companion.of(NAME, SAID) == name
    assert companion.is_shared is shared
    assert companion.matches(name)
    assert not companion.matches(NAME)


def test_a_name_without_an_extension_is_its_own_stem() -> None:
    said = NameMatcher("ELIG").read("ELIG")
    assert said is not None
    assert CompanionName("{stem}.done").of("ELIG", said) == "ELIG.done"


# ── checksums ──


@pytest.mark.parametrize("digest", [MD5, SHA256, SHA512])
@pytest.mark.parametrize("form", ["{}", "{}\n", "\ufeff{}\r\n", "{}  x.csv\n", "{} *x.csv", "{}\t./x.csv\n\n"])
@pytest.mark.parametrize("upper", [False, True])
def test_a_hash_is_read_in_every_form_that_tools_write(digest: str, form: str, upper: bool) -> None:
    text = form.format(digest.upper() if upper else digest)
    (found,) = checksums(text.encode(), ["x.csv"]).values()
    assert found == Checksum(digest)
    begun = found.begun()
    begun.update(b"a,b\n")
    assert begun.hexdigest() == digest


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a hash",
        MD5[:-1].encode(),
        f"{MD5}  other.csv".encode(),
        f"{MD5}\n{SHA256}\n".encode(),
        f"{MD5}  x.csv\n{SHA256}  x.csv\n".encode(),
        f"{MD5}\x00".encode(),
        b"\xff\xfe" + MD5.encode("utf-16-le"),
        f"{MD5}  ../x.csv".encode(),
        b"\n" * (LARGEST_COMPANION_BYTES + 1),
    ],
)
def test_what_is_no_hash_of_this_file_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(DeliveryRejected) as caught:
        checksums(content, ["x.csv"])
    assert caught.value.code == "acquire.checksum_file"
    assert MD5 not in str(caught.value)
    assert "csv" not in str(caught.value)
    assert caught.value.__context__ is None


def test_one_list_has_the_hash_of_each_part_and_no_other() -> None:
    listed = f"{MD5}  a.csv\n{SHA256} *b.csv\n".encode()
    assert checksums(listed, ["a.csv", "b.csv"]) == {"a.csv": Checksum(MD5), "b.csv": Checksum(SHA256)}
    for names in (["a.csv"], ["a.csv", "b.csv", "c.csv"]):
        with pytest.raises(DeliveryRejected, match="checksum_file"):
            checksums(listed, names)
    with pytest.raises(DeliveryRejected, match="checksum_file"):
        checksums(MD5.encode(), ["a.csv", "b.csv"])


# ── control files ──

BY_FIELD = ControlFile("{stem}.ctl", ("{file}|{bytes}|{records}",))
LABELLED = ControlFile("{stem}.ctl", ("ROWS={records}", "SIZE={bytes}", "PARTS={parts}", "#*"))


def test_a_line_says_something_of_the_file_it_names() -> None:
    said = control_said(b"a.csv|10|2\r\nb.csv|20|3\r\n", BY_FIELD)
    assert said == ControlSaid(None, {"a.csv": Promise(10, 2), "b.csv": Promise(20, 3)})
    assert (said.expected, said.named) == (2, {"a.csv", "b.csv"})


def test_a_line_without_a_file_says_something_of_the_delivery() -> None:
    said = control_said(b"# made by PAYROLL\n\nROWS=12\nSIZE=400\nPARTS=3\n", LABELLED)
    assert (said.parts, said.promises[""]) == (3, Promise(400, 12))


@pytest.mark.parametrize(
    "content",
    [
        b"ROWS=twelve",
        "ROWS=१२".encode(),
        b"ROWS=12\nROWS=13",
        b"PARTS=2\nPARTS=3",
        b"Zebulon Quux",
        b"ROWS=12\x1b[2J",
        b"\xff\xfe",
        b"ROWS=1234567890123456789",
        b"#" + b"x" * 2_000,
    ],
)
def test_a_line_of_no_known_form_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(DeliveryRejected) as caught:
        control_said(content, LABELLED)
    assert caught.value.code == "acquire.control_file"
    assert "Zebulon" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_control_file_speaks_of_the_files_of_its_delivery_and_no_others() -> None:
    said = control_said(b"a.csv|10|2\nb.csv|20|3\n", BY_FIELD)
    hashes = {"b.csv": Checksum(MD5)}
    each, whole = promised(["a.csv", "b.csv"], said, hashes)
    assert each == [Promise(10, 2), Promise(20, 3, Checksum(MD5))]
    assert whole == Promise()
    for names in (["a.csv"], ["a.csv", "c.csv"], ["a.csv", "b.csv", "c.csv"]):
        with pytest.raises(DeliveryRejected, match="other files"):
            promised(names, said, {})
    with pytest.raises(DeliveryRejected, match="other files"):
        promised(["a.csv"], ControlSaid(2), {})


@given(st.binary(max_size=200))
def test_whatever_stands_in_a_companion_it_is_read_or_refused(content: bytes) -> None:
    codes = []
    for read in (
        lambda: checksums(content, ["x.csv"]),
        lambda: control_said(content, LABELLED),
        lambda: control_said(content, BY_FIELD),
    ):
        try:
            read()
        except DeliveryRejected as error:
            codes.append(error.code)
    assert set(codes) <= {"acquire.checksum_file", "acquire.control_file"}
