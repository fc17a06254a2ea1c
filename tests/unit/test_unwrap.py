"""Envelopes: what opens, what is refused with which reason, and that plaintext is written nowhere."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import BinaryIO

import pysequoia
import pytest

from concord.contract import Gzip, Pgp, Zip
from concord.contract.envelope import Wrapping, contradictions
from concord.errors import DeliveryRejected, NeedsDecision
from concord.sandbox.pgp import PgpPair
from concord.unwrap import PgpAccess, Unwrapped, unwrap

TEXT = b"EMPID,NAME\n" + b"".join(b"E%07d,Qxbcdfgh\n" % number for number in range(4_000))
PGP = Pgp("keys")


class Kept:
    """An encrypted object, as far as a test needs one."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_discarded = False

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def reopen(self) -> BinaryIO:
        return io.BytesIO(bytes(self.data))

    def discard(self) -> None:
        self.is_discarded = True


def key(name: str) -> pysequoia.Tsk:
    return pysequoia.Tsk.generate(name)


OURS, BEFORE, PARTNER, OTHER = (key(name) for name in ("ours", "before", "partner", "other"))


def certificate(of: pysequoia.Tsk) -> pysequoia.Cert:
    return of.extract_certificate()


KEYS = PgpAccess((str(OURS), str(BEFORE)), (str(certificate(PARTNER)),))


def sealed(data: bytes, *to: pysequoia.Tsk, by: pysequoia.Tsk | None = PARTNER, armor: bool = False) -> bytes:
    signer = by.signer() if by else None
    return pysequoia.encrypt(data, recipients=[certificate(each) for each in to or (OURS,)], signer=signer, armor=armor)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def opened(data: bytes, *envelope: Wrapping, keys: PgpAccess | None = KEYS) -> tuple[bytes, Unwrapped]:
    target, made = Kept(), []

    def scratch() -> Kept:
        made.append(Kept())
        return made[-1]

    try:
        found = unwrap(io.BytesIO(data), envelope, keys, target, scratch)
    finally:
        assert all(each.is_discarded for each in made)
    return bytes(target.data), found


def refusal(data: bytes, *envelope: Wrapping, keys: PgpAccess | None = KEYS) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        opened(data, *envelope, keys=keys)
    assert "Qx" not in str(caught.value)
    return caught.value.code


def outcome(data: bytes, layer: Wrapping) -> bytes | str:
    """What is in it, or the family of the refusal."""
    try:
        return opened(data, layer)[0]
    except DeliveryRejected as error:
        return error.code.partition(".")[0]


# ── what opens ──


@pytest.mark.parametrize(
    ("data", "envelope"),
    [
        (sealed(TEXT), (PGP,)),
        (sealed(TEXT, armor=True), (PGP,)),
        (sealed(TEXT, BEFORE), (PGP,)),
        (sealed(TEXT, OTHER, OURS), (PGP,)),
        (gzip.compress(TEXT), (Gzip(),)),
        (gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]), (Gzip(),)),
        (gzip.compress(TEXT) + b"\0" * 512, (Gzip(),)),
        (zipped(("elig.csv", TEXT)), (Zip("*.csv"),)),
        (zipped(("elig.csv", TEXT), ("readme.txt", b"x")), (Zip("*.csv", others=True),)),
        (sealed(zipped(("elig.csv", TEXT))), (PGP, Zip())),
        (zipped(("elig.pgp", sealed(gzip.compress(TEXT)))), (Zip(), PGP, Gzip())),
    ],
    ids=[
        "pgp",
        "armored",
        "older key",
        "two recipients",
        "gzip",
        "members",
        "padded",
        "zip",
        "others",
        "pgp zip",
        "all",
    ],
)
def test_what_was_agreed_on_opens(data: bytes, envelope: tuple[Wrapping, ...]) -> None:
    content, found = opened(data, *envelope)
    assert (content, found.size) == (TEXT, len(TEXT))


def test_who_signed_and_which_key_opened_is_told_by_fingerprint() -> None:
    _, found = opened(sealed(TEXT, BEFORE), PGP)
    assert (found.signer, found.opened_with) == (certificate(PARTNER).fingerprint, certificate(BEFORE).fingerprint)


def test_a_key_with_a_passphrase_opens_with_it(tmp_path: Path) -> None:
    assert "passphrase" not in repr(PgpAccess(("k",), (), "passphrase"))
    assert "PRIVATE" not in repr(KEYS)


def test_the_sandboxs_partner_is_understood(tmp_path: Path) -> None:
    pair = PgpPair.kept_in(tmp_path / "pgp")
    again = PgpPair.kept_in(tmp_path / "pgp")
    keys = PgpAccess((pair.ours,), (str(pysequoia.Tsk.from_bytes(pair.partner.encode()).extract_certificate()),))
    assert opened(again.sealed(TEXT), PGP, keys=keys)[0] == TEXT
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "pgp").iterdir()} == {0o600}


# ── PGP that is refused ──


def damaged(data: bytes, at: float = 0.6) -> bytes:
    spoilt = bytearray(data)
    spoilt[int(len(data) * at)] ^= 1
    return bytes(spoilt)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (TEXT, "envelope.not_encrypted"),
        (b"", "envelope.not_encrypted"),
        (bytes(pysequoia.sign(PARTNER.signer(), TEXT)), "envelope.not_encrypted"),
        (sealed(TEXT, OTHER), "envelope.wrong_key"),
        (damaged(sealed(TEXT)), "envelope.damaged"),
        (sealed(TEXT)[:-20], "envelope.damaged"),
        (sealed(TEXT, by=None), "envelope.not_signed"),
        (sealed(TEXT, by=OTHER), "envelope.unknown_signer"),
        (bytes([0xC9, 40]) + b"x" * 40, "envelope.no_integrity"),
    ],
    ids=["plain", "empty", "signed only", "other key", "flipped", "cut", "unsigned", "stranger", "no mdc"],
)
def test_a_message_that_is_not_as_agreed_is_refused(data: bytes, code: str) -> None:
    assert refusal(data, PGP) == code


def test_a_signature_is_needed_only_where_it_was_agreed_on() -> None:
    assert opened(sealed(TEXT, by=None), Pgp("keys", signed=False))[0] == TEXT


def test_a_message_that_fills_more_memory_than_it_may_is_refused() -> None:
    assert refusal(sealed(TEXT), Pgp("keys", max_bytes=1_000)) == "envelope.bomb"
    grown = Pgp("keys", max_bytes=len(TEXT) - 1)
    assert refusal(sealed(TEXT), grown) == "envelope.bomb"


def test_without_a_key_somebody_has_to_make_a_connection() -> None:
    with pytest.raises(NeedsDecision):
        opened(sealed(TEXT), PGP, keys=None)


# ── gzip and zip that are refused ──


def encrypted_member() -> bytes:
    data = bytearray(zipped(("a.csv", TEXT)))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + place] |= 1
    return bytes(data)


def link() -> bytes:
    out, info = io.BytesIO(), zipfile.ZipInfo("a.csv")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def sharing() -> bytes:
    """Two entries of the directory that name the same bytes."""
    data = zipped(("a.csv", TEXT))
    start = data.find(b"PK\x01\x02")
    entry, end = data[start : data.find(b"PK\x05\x06")], bytearray(data[data.find(b"PK\x05\x06") :])
    other = entry.replace(b"a.csv", b"b.csv")
    for place in (8, 10):
        end[place : place + 2] = (2).to_bytes(2, "little")
    end[12:16] = (len(entry) * 2).to_bytes(4, "little")
    return data[:start] + entry + other + bytes(end)


NO_KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----"
ZEROS = b"\0" * 3_000_000


@pytest.mark.parametrize(
    ("data", "layer", "code"),
    [
        (TEXT, Gzip(), "envelope.not_gzip"),
        (gzip.compress(TEXT)[:-9], Gzip(), "envelope.damaged"),
        (damaged(gzip.compress(TEXT)), Gzip(), "envelope.damaged"),
        (gzip.compress(TEXT) + b"more", Gzip(), "envelope.damaged"),
        (gzip.compress(ZEROS), Gzip(), "envelope.bomb"),
        (gzip.compress(TEXT), Gzip(max_bytes=100), "envelope.bomb"),
        (gzip.compress(gzip.compress(TEXT)), Gzip(), "envelope.nested"),
        (TEXT, Zip(), "envelope.not_zip"),
        (zipped(("a.csv", TEXT))[:-30], Zip(), "envelope.damaged"),
        (damaged(zipped(("a.csv", TEXT), method=zipfile.ZIP_STORED), 0.3), Zip(), "envelope.damaged"),
        (zipped(("a.csv", ZEROS)), Zip(), "envelope.bomb"),
        (zipped(("a.csv", TEXT)), Zip(max_bytes=100), "envelope.bomb"),
        (sharing(), Zip("a.csv", others=True), "envelope.bomb"),
        (zipped(*((f"{n}.csv", b"x") for n in range(11))), Zip(), "envelope.too_many_members"),
        (zipped(("../a.csv", TEXT)), Zip(), "envelope.hostile_name"),
        (zipped(("/a.csv", TEXT)), Zip(), "envelope.hostile_name"),
        (zipped(("c:a.csv", TEXT)), Zip(), "envelope.hostile_name"),
        (zipped(("a\u202e.csv", TEXT)), Zip(), "envelope.hostile_name"),
        (zipped(("A.csv", TEXT), ("a.csv", TEXT)), Zip("a.csv", others=True), "envelope.hostile_name"),
        (link(), Zip(), "envelope.link"),
        (encrypted_member(), Zip(), "envelope.encrypted_member"),
        (zipped(("a.txt", TEXT)), Zip("*.csv"), "envelope.no_member"),
        (zipped(("a.csv", TEXT), ("b.csv", TEXT)), Zip("*.csv", others=True), "envelope.several_members"),
        (zipped(("a.csv", TEXT), ("b.txt", TEXT)), Zip("*.csv"), "envelope.several_members"),
        (zipped(("a.zip", zipped(("a.csv", TEXT)))), Zip(), "envelope.nested"),
        (zipped(("a.csv", TEXT), method=zipfile.ZIP_LZMA), Zip(), "envelope.damaged"),
    ],
)
def test_an_archive_that_is_not_as_agreed_is_refused(data: bytes, layer: Wrapping, code: str) -> None:
    assert refusal(data, layer) == code


def test_a_workbook_is_no_archive_that_was_not_agreed_on() -> None:
    workbook = zipped(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>"))
    assert opened(gzip.compress(workbook), Gzip())[0] == workbook


@pytest.mark.parametrize("layer", [Gzip(), Zip()], ids=["gzip", "zip"])
def test_damaged_archives_are_refused_or_right(layer: Wrapping) -> None:
    good = gzip.compress(TEXT) if isinstance(layer, Gzip) else zipped(("a.csv", TEXT))
    for seed in range(200):
        rng, data = Random(seed), bytearray(good)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        assert outcome(bytes(data[: rng.randrange(1, len(data) + 1)]), layer) in (TEXT, "envelope")


@pytest.mark.parametrize("seed", range(8))
def test_damaged_messages_are_refused_or_right(seed: int) -> None:
    rng, data = Random(seed), bytearray(sealed(TEXT))
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    assert outcome(bytes(data), PGP) in (TEXT, "envelope")


# ── nowhere in the clear ──


def written(folders: Iterable[Path]) -> Iterator[bytes]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield path.read_bytes()


@pytest.fixture
def private_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import tempfile

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_no_layer_writes_plaintext_to_a_disk(private_temp: Path) -> None:
    opened(sealed(zipped(("elig.csv", TEXT))), PGP, Zip())
    assert [data for data in written([private_temp]) if b"Qxbcdfgh" in data] == []


def test_plaintext_on_a_disk_would_be_found(private_temp: Path) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(TEXT)
    assert any(b"Qxbcdfgh" in data for data in written([private_temp]))
    Path(file.name).unlink()


@pytest.mark.parametrize(
    "envelope", [(Gzip(), Gzip()), (Gzip(max_ratio=0),), (Zip(member=""),), (Pgp("k", max_bytes=0),)]
)
def test_an_envelope_that_contradicts_itself_is_named(envelope: tuple[Wrapping, ...]) -> None:
    assert list(contradictions(envelope))
    assert not list(contradictions((Pgp("k"), Zip(), Gzip())))


def test_a_connection_for_keys_is_looked_at() -> None:
    from concord.connections import Facts, check

    hidden: Callable[[str], bool] = lambda name: name in ("private_key", "certificate")  # noqa: E731
    good = {"private_key": str(OURS) + str(BEFORE), "certificate": str(certificate(PARTNER))}
    cases = {
        (): good,
        ("pgp.no_key", "pgp.no_certificate"): {},
        ("pgp.no_certificate",): {"private_key": str(OURS)},
        ("pgp.unreadable",): {
            **good,
            "certificate": NO_KEY,
        },
    }
    for rules, extra in cases.items():
        facts = Facts(conn_id="k", kind="pgp", host="", has_password=False, scheme="", extra=extra)
        assert tuple(finding.rule for finding in check(facts, is_hidden=hidden)) == rules
