"""Zip archives: what is data comes out, what is hostile is refused before anything is opened, names stay unsaid."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from concord.contract.envelope import Gzip, Wrapping, Zip
from concord.errors import DeliveryRejected
from concord.unwrap import directory, limits, opening, zipped
from tests.unit.envelopes import ROWS, opened
from tests.unit.envelopes import zipped as archive_of

CSV = Zip("*.csv")
NAME = "qxklmnpq.csv"
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def plain() -> bytes:
    return archive_of({NAME: ROWS})


def with_info(change: Callable[[zipfile.ZipInfo], object], data: bytes = b"x") -> bytes:
    """An archive of a member after ``change``, and of one that is data."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("other")
        change(info)
        archive.writestr(info, data)
        archive.writestr(NAME, ROWS)
    return out.getvalue()


def named(name: str) -> bytes:
    """With a member of that name, which the standard library would have mended."""
    return with_info(lambda info: setattr(info, "filename", name))


def linked(mode: int) -> bytes:
    return with_info(lambda info: setattr(info, "external_attr", (mode | 0o777) << 16))


def patched(data: bytes, mark: bytes, at: int, value: bytes) -> bytes:
    """With ``value`` at ``at`` in every header that begins with ``mark``."""
    out, start = bytearray(data), data.find(mark)
    while start >= 0:
        out[start + at : start + at + len(value)] = value
        start = data.find(mark, start + 4)
    return bytes(out)


def lying(data: bytes, local: int, central: int, value: bytes) -> bytes:
    """With ``value`` in local headers and directory alike."""
    return patched(patched(data, LOCAL, local, value), CENTRAL, central, value)


def encrypted(flag: int) -> bytes:
    return lying(plain(), 6, 8, struct.pack("<H", flag))


def overlapping() -> bytes:
    """A stored member in whose content another one lies: all hashes, names and sizes are true (Fifield, 2019)."""
    inner = _local(b"b.csv", ROWS) + ROWS
    outer = _local(b"a.txt", inner) + inner
    entries = [(b"a.txt", inner, 0), (b"b.csv", ROWS, 30 + 5)]
    central = b"".join(_central(*entry) for entry in entries)
    return outer + central + struct.pack("<4s4H2IH", END, 0, 0, 2, 2, len(central), len(outer), 0)


def _local(name: bytes, data: bytes) -> bytes:
    return struct.pack("<4s5H3I2H", LOCAL, 20, 0, 0, 0, 0, zlib.crc32(data), len(data), len(data), len(name), 0) + name


def _central(name: bytes, data: bytes, offset: int) -> bytes:
    head = struct.pack("<4s6H3I", CENTRAL, 20, 20, 0, 0, 0, 0, zlib.crc32(data), len(data), len(data))
    return head + struct.pack("<5H2I", len(name), 0, 0, 0, 0, 0, offset) + name


def hidden_member() -> bytes:
    """Two members, of which the directory names one: who reads from the front sees both."""
    data = archive_of({NAME: ROWS, "z.csv": ROWS})
    second = data.rindex(CENTRAL)
    end = bytearray(data[data.rindex(END) :])
    start = data.index(CENTRAL)
    struct.pack_into("<2HI", end, 8, 1, 1, second - start)
    return data[:second] + bytes(end)


def prefixed() -> bytes:
    """Behind a member that no directory names: who reads from the front sees it."""
    return _local(b"z.csv", ROWS) + ROWS + plain()


def behind_content() -> bytes:
    """A deflated member whose compressed bytes go on behind their end."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = stream.compress(ROWS) + stream.flush() + b"more"
    local = bytearray(_local(b"a.csv", ROWS))
    struct.pack_into("<H", local, 8, 8)
    struct.pack_into("<I", local, 18, len(body))
    central = bytearray(_central(b"a.csv", ROWS, 0))
    struct.pack_into("<H", central, 10, 8)
    struct.pack_into("<I", central, 20, len(body))
    front = bytes(local) + body
    return front + bytes(central) + struct.pack("<4s4H2IH", END, 0, 0, 1, 1, len(central), len(front), 0)


def zeros(count: int = 3_000_000) -> bytes:
    return archive_of({NAME: bytes(count)})


def crowd(count: int) -> bytes:
    return archive_of({f"{number:05}": b"" for number in range(count)} | {NAME: ROWS})


HOSTILE = [
    "../up.csv", "a/../../up.csv", "..\\up.csv", "/etc/passwd", "\\\\host\\share", "\\up", "C:\\up.csv", "c:up.csv",
    "a\x00.csv", "a\n.csv", "a\x1b[2J.csv", "a\x7f.csv", "\u202efdp.csv", "a\u2028b", "a" * 1_025,
    NAME, NAME.upper(), NAME.replace("k", "\u212a"),
]  # fmt: skip
"""Up, absolute, of a drive, with characters nobody sees, too long, twice, and twice but for case or form."""


def refused(data: bytes, *envelope: Wrapping) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        opened(data, *envelope or (CSV,))
    assert "qxklmnpq" not in str(caught.value).lower()
    return caught.value.code


def outcome(data: bytes, *envelope: Wrapping) -> str:
    """The code with which it is refused, or ``opened``."""
    try:
        opened(data, *envelope)
    except DeliveryRejected as error:
        return error.code
    return "opened"


def test_the_member_that_is_data_comes_out_and_others_are_left() -> None:
    content, said = opened(archive_of({"readme.txt": b"x", NAME: ROWS}), CSV)
    assert content == ROWS
    assert (said.lengths, said.members, said.bytes, said.left) == ((len(ROWS),), 1, len(ROWS), 1)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_several_members_come_out_in_the_archives_order_where_they_may(method: int) -> None:
    data = archive_of({"2.csv": ROWS, "x/": b"", "x/1.csv": b"second\r\n", "3.csv": b""}, method)
    content, said = opened(data, Zip("*.csv", several=True))
    assert content == ROWS + b"second\r\n"
    assert (said.lengths, said.left) == ((len(ROWS), 8, 0), 0)
    assert refused(data) == "envelope.several_members"


def streamed(force_zip64: bool) -> bytes:
    """As a program writes that cannot go back: sizes come behind the content."""

    class Pipe(io.RawIOBase):
        content = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.content += bytes(data)
            return len(data)

    pipe = Pipe()
    with (
        zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(NAME, "w", force_zip64=force_zip64) as out,
    ):
        out.write(ROWS)
    return pipe.content


def big() -> bytes:
    """As a program writes that does not know that it will be small (zip64)."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(NAME, "w", force_zip64=True) as member,
    ):
        member.write(ROWS)
    return out.getvalue()


@pytest.mark.parametrize("data", [streamed(False), streamed(True), big()], ids=["streamed", "streamed64", "zip64"])
def test_archives_of_programs_that_stream_are_read(data: bytes) -> None:
    assert opened(data, CSV)[0] == ROWS


def test_more_members_than_the_old_format_can_count_are_read() -> None:
    assert opened(crowd(65_600), Zip("*.csv", max_members=70_000))[0] == ROWS


def test_an_archive_with_a_comment_is_read() -> None:
    out = io.BytesIO(plain())
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"made by hand"
    assert opened(out.getvalue(), CSV)[0] == ROWS


def test_what_is_zipped_may_be_wrapped_again() -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    inner = compressor.compress(ROWS) + compressor.flush()
    assert opened(archive_of({NAME: inner}), CSV, Gzip())[0] == ROWS
    assert refused(archive_of({NAME: inner})) == "envelope.nested"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = named(name)
    assert refused(data) == "envelope.hostile_name"
    monkeypatch.setattr(directory, "refuse_hostile", lambda names: None)
    assert opened(data, Zip("*", several=True))[0]


@pytest.mark.parametrize("name", ["a/b/c.txt", "a..b", "..a", "a\\b", "änderung.txt", "a b", "c", "folder/"])
def test_names_of_honest_people_pass(name: str) -> None:
    data = with_info(lambda info: setattr(info, "filename", name), b"" if name.endswith("/") else b"x")
    assert opened(data, Zip(NAME))[0] == ROWS


CASES: dict[str, tuple[str, bytes, tuple[object, str] | None]] = {
    "link": ("envelope.link", linked(stat.S_IFLNK), (directory, "_refuse_kind")),
    "device": ("envelope.link", linked(stat.S_IFCHR), (directory, "_refuse_kind")),
    "reparse": ("envelope.link", with_info(lambda i: setattr(i, "external_attr", 0x400)), (directory, "_refuse_kind")),
    "encrypted": ("envelope.encrypted_member", encrypted(0x1), (directory, "_refuse_kind")),
    "strongly": ("envelope.encrypted_member", encrypted(0x41), (directory, "_refuse_kind")),
    "aes": ("envelope.encrypted_member", lying(plain(), 8, 10, b"\x63\x00"), (directory, "_refuse_kind")),
    "folder with content": ("envelope.contradiction", named("folder/"), (directory, "_refuse_kind")),
    "overlapping": ("envelope.overlapping", overlapping(), (directory, "_refuse_layout")),
    "hidden": ("envelope.contradiction", hidden_member(), (directory, "_refuse_layout")),
    "prefixed": ("envelope.trailing", prefixed(), None),
    "trailing": ("envelope.trailing", plain() + b"more", (directory, "_refuse_layout")),
    "behind content": ("envelope.trailing", behind_content(), None),
    "local name": ("envelope.contradiction", patched(plain(), LOCAL, 30, b"Q"), None),
    "local hash": ("envelope.contradiction", patched(plain(), LOCAL, 14, b"\x01\x02\x03\x04"), None),
    "local size": ("envelope.contradiction", patched(plain(), LOCAL, 22, b"\x01\x00\x00\x00"), None),
    "local method": ("envelope.contradiction", patched(plain(), LOCAL, 8, b"\x00\x00"), None),
    "offset": ("envelope.contradiction", patched(plain(), CENTRAL, 42, b"\x05\x00\x00\x00"), None),
    "offset beyond": ("envelope.contradiction", patched(plain(), CENTRAL, 42, b"\xfe\xff\xff\xff"), None),
    "directory early": ("envelope.contradiction", patched(plain(), END, 16, b"\xff\x00\x00\x00"), None),
    "hash": ("envelope.damaged", lying(plain(), 14, 16, b"\x01\x02\x03\x04"), None),
    "longer said": ("envelope.damaged", lying(plain(), 22, 24, struct.pack("<I", len(ROWS) + 1)), None),
    "shorter said": ("envelope.bomb", lying(plain(), 22, 24, struct.pack("<I", len(ROWS) - 1)), None),
    "cut": ("envelope.damaged", plain()[:-30], None),
    "cut early": ("envelope.damaged", plain()[:40], None),
    "bzip2": ("envelope.method", archive_of({NAME: ROWS}, zipfile.ZIP_BZIP2), None),
    "lzma": ("envelope.method", archive_of({NAME: ROWS}, zipfile.ZIP_LZMA), None),
    "bomb": ("envelope.bomb", zeros(), (zipped, "_refuse_large")),
    "program": ("envelope.not_zip", b"MZ\x90\x00" + plain(), None),
    "no zip": ("envelope.not_zip", ROWS, None),
    "nothing": ("envelope.not_zip", b"", None),
    "empty": ("envelope.no_member", archive_of({}), None),
    "no data": ("envelope.no_member", archive_of({"a.txt": ROWS}), None),
    "nested": ("envelope.nested", archive_of({NAME: plain()}), (limits, "_is_archive")),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_trusted_is_refused(case: str) -> None:
    code, data, _ = CASES[case]
    assert refused(data) == code


@pytest.mark.parametrize("case", [case for case, (_, _, guard) in CASES.items() if guard])
def test_without_its_guard_it_would_have_passed(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, data, guard = CASES[case]
    assert guard is not None
    monkeypatch.setattr(*guard, lambda *_: None)
    assert outcome(data, Zip("*", several=True)) != code


@pytest.mark.parametrize(
    "case",
    ["hidden", "prefixed", "trailing", "behind content", "local hash", "local size", "local method", "shorter said"],
)
def test_the_standard_library_takes_it(case: str) -> None:
    """So that these rules are ours to keep; where it reads less than there is, it says nothing."""
    _, data, _ = CASES[case]
    with zipfile.ZipFile(io.BytesIO(lying(data, 14, 16, _short_hash()) if case == "shorter said" else data)) as archive:
        assert ROWS.startswith(archive.read(archive.namelist()[0]))


def _short_hash() -> bytes:
    return struct.pack("<I", zlib.crc32(ROWS[:-1]))


def test_a_directory_that_lies_about_a_bomb_is_found_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = lying(zeros(), 22, 24, struct.pack("<I", 1_000))
    assert refused(data) == "envelope.bomb"
    written: list[int] = []
    monkeypatch.setattr(opening.Content, "write", lambda _, piece: written.append(len(piece)) or len(piece))
    assert refused(data) == "envelope.bomb"
    assert not written


def test_limits_hold() -> None:
    two = archive_of({"1.csv": ROWS, "2.csv": ROWS})
    assert refused(two, Zip("*", several=True, max_bytes=2 * len(ROWS) - 1)) == "envelope.bomb"
    assert opened(two, Zip("*", several=True, max_bytes=2 * len(ROWS)))[1].members == 2
    assert refused(two, Zip("*", several=True, max_members=1)) == "envelope.too_many_members"
    assert opened(zeros(), Zip("*", max_ratio=1_032))[1].bytes == 3_000_000


def test_a_directory_that_is_too_large_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = crowd(20_000)
    with pytest.raises(DeliveryRejected, match="larger than its members may need"):
        opened(data, CSV)
    monkeypatch.setattr(directory, "BYTES_PER_ENTRY", 1 << 30)
    with pytest.raises(DeliveryRejected, match=r"20,001 members, 100 may be"):
        opened(data, CSV)


HEADS = [
    b"\x1f\x8b\x08\x00", b"PK\x03\x04" + bytes(26) + b"a.csv", b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07\x00", b"\xfd7zXZ\x00", b"BZh91AY&SY", b"\x28\xb5\x2f\xfd", bytes(257) + b"ustar",
    b"-----BEGIN PGP MESSAGE-----\n",
]  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
def test_archives_that_nobody_declared_are_nested(head: bytes) -> None:
    assert refused(archive_of({NAME: head})) == "envelope.nested"
    assert refused(archive_of({NAME: head + bytes(10_000)})) == "envelope.nested"
    assert opened(archive_of({NAME: b" " + head}), CSV)[1].members == 1


@pytest.mark.parametrize("first", ["[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "xl/workbook.xml"])
def test_a_workbook_is_content(first: str) -> None:
    book = archive_of({first: b"<x/>", "xl/worksheets/sheet1.xml": b"<x/>"})
    assert opened(archive_of({NAME: book}), CSV)[0] == book
