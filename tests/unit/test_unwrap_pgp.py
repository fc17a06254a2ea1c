"""OpenPGP envelopes: keys of ours open them, a signature of the partner's is on them, and nothing is believed else."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pysequoia import Cert, Tsk, encrypt, sign
from pysequoia.packet import PacketPile, Tag

from concord import openpgp
from concord.contract.envelope import Gzip, Pgp, Wrapping, Zip
from concord.errors import DeliveryRejected
from concord.sandbox.pgp import PgpKeys, certificate
from concord.settings import SettingMissing
from concord.unwrap import PgpAccess, pgp, unwrap
from tests.unit.envelopes import (
    PGP,
    ROWS,
    Kept,
    access,
    cert,
    compressed,
    key,
    literal,
    message,
    opened,
    packet,
    sealed,
    signed,
    zipped,
)

UNSIGNED = Pgp("partner_pgp", signed=False)


def refused(data: bytes, *envelope: Wrapping, keys: PgpAccess | None = None) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        opened(data, *envelope or (PGP,), keys=keys or access())
    assert "Smithq" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.code


# ── what opens ──


@pytest.mark.parametrize("armor", [False, True])
def test_what_the_partner_encrypted_and_signed_is_opened(armor: bool) -> None:
    content, said = opened(message(armor=armor), PGP, keys=access())
    assert content == ROWS
    assert said.signed_by == (cert("partner").fingerprint,)
    assert said.opened_by == (cert("us").fingerprint,)
    assert said.lengths == (len(ROWS),)


def test_armor_as_a_mail_program_leaves_it_is_opened() -> None:
    text = message(armor=True).replace(b"\n", b"\r\n")
    assert opened(b"\r\n \r\n" + text + b"\r\n", PGP, keys=access())[0] == ROWS


@pytest.mark.parametrize("to", ["us", "old", "other us", "old us", "us other old"])
def test_any_key_of_ours_opens_it_and_the_one_that_did_is_said(to: str) -> None:
    _, said = opened(message(to=to), PGP, keys=access("us old"))
    first = next(name for name in ("us", "old") if name in to.split())
    assert said.opened_by == (cert(first).fingerprint,)


def test_any_certificate_of_the_partner_counts_while_it_changes_its_key() -> None:
    for by in ("partner", "next"):
        assert opened(message(by=by), PGP, keys=access(theirs="partner next"))[1].signed_by == (cert(by).fingerprint,)
    assert refused(message(by="next")) == "envelope.unknown_signer"


@pytest.mark.parametrize("which", [0, 1])
def test_a_key_with_a_new_subkey_still_opens_what_was_encrypted_for_the_old_one(which: int) -> None:
    """The library itself takes one subkey only, so that this one fails without the split."""
    both, subkeys = _two_subkeys()
    data = encrypt(ROWS, [subkeys[which]], key("partner").signer(), armor=False)
    keys = PgpAccess("partner_pgp", str(both), str(cert("partner")))
    assert opened(data, PGP, keys=keys)[0] == ROWS


def _two_subkeys() -> tuple[Tsk, list[Cert]]:
    """A key with two subkeys for encryption, the second borrowed and bound anew; and its certificate with each."""
    text = (Path(__file__).parent / "data" / "two_subkeys.asc").read_bytes()
    packets, groups = list(PacketPile.from_bytes(text)), []
    for one in packets:
        if one.tag in (Tag.SecretKey, Tag.SecretSubkey):
            groups.append([one])
        else:
            groups[-1].append(one)
    primary, *subkeys = groups
    return Tsk.from_bytes(text), [Tsk.from_packets([*primary, *sub]).extract_certificate() for sub in subkeys]


LOCKED = (Path(__file__).parent / "data" / "locked.asc").read_text(encoding="ascii")
"""A key whose passphrase is ``hunter22``, as GnuPG exports it."""


def test_a_key_with_a_passphrase_opens_it_and_one_without_beside_it_too() -> None:
    for_locked = encrypt(ROWS, [Tsk.from_bytes(LOCKED.encode()).extract_certificate()], key("partner").signer())
    keys = PgpAccess("partner_pgp", LOCKED + str(key("us")), str(cert("partner")), "hunter22")
    assert opened(for_locked, PGP, keys=keys)[0] == ROWS
    assert opened(message(), PGP, keys=keys)[0] == ROWS


@pytest.mark.parametrize("passphrase", ["hunter23", None])
def test_a_key_that_stays_locked_is_a_matter_of_the_connection(passphrase: str | None) -> None:
    with pytest.raises(SettingMissing, match="partner_pgp"):
        opened(message(), PGP, keys=PgpAccess("partner_pgp", LOCKED, str(cert("partner")), passphrase))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("", "partner"), ("junk", "partner"), ("us", ""), ("us", "junk")],
)
def test_keys_that_cannot_be_read_are_a_matter_of_the_connection(ours: str, theirs: str) -> None:
    texts = {"us": str(key("us")), "partner": str(cert("partner")), "junk": str(cert("partner"))[:300], "": ""}
    with pytest.raises(SettingMissing) as caught:
        opened(message(), PGP, keys=PgpAccess("partner_pgp", texts[ours], texts[theirs]))
    assert "BEGIN" not in str(caught.value)


def test_no_keys_at_all_are_a_matter_of_the_connection() -> None:
    with pytest.raises(SettingMissing):
        opened(message(), PGP)


def test_keys_stay_out_of_reprs() -> None:
    shown = repr(access(passphrase="hunter22")) + repr(openpgp.openers(str(key("us")), None))
    shown += repr(openpgp.certificates(str(cert("partner")))) + repr(PgpKeys.generate("x"))
    assert not any(secret in shown for secret in ("BEGIN", "hunter22", "\\x"))


@pytest.mark.parametrize(
    ("data", "envelope"),
    [
        (message(zipped({"a.csv": ROWS, "b.txt": b"x"})), (PGP, Zip("*.csv"))),
        (zipped({"a.csv.pgp": message()}), (Zip("*.pgp"), PGP)),
        (message(message()), (PGP, PGP)),
    ],
)
def test_layers_are_opened_in_the_order_of_the_contract(data: bytes, envelope: tuple[Wrapping, ...]) -> None:
    content, said = opened(data, *envelope, keys=access())
    assert content == ROWS
    assert said.signed_by == (cert("partner").fingerprint,)


def test_the_keys_of_the_sandbox_fit_each_other(tmp_path: Path) -> None:
    keys = PgpKeys.kept(tmp_path / "keys", "acme")
    assert PgpKeys.kept(tmp_path / "keys", "acme") == keys
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    extra = json.loads(keys.connection)["extra"]
    found = PgpAccess("acme_pgp", extra["private_key"], extra["certificate"])
    content, said = opened(keys.encrypt_and_sign(ROWS), PGP, keys=found)
    assert content == ROWS
    assert said.signed_by == (Cert.from_bytes(certificate(keys.partners).encode()).fingerprint,)


# ── what is refused ──


def tampered() -> bytes:
    """Signed, then altered, then encrypted: everything is whole but the signature."""
    data = bytearray(signed())
    data[data.index(b"Smithq")] ^= 1
    return sealed(bytes(data), "rsa")


def damaged(at: int) -> bytes:
    data = bytearray(message())
    data[at] ^= 1
    return bytes(data)


def revoked() -> PgpAccess:
    """With the partner's certificate as it is after its key was lost."""
    theirs = cert("lost")
    whole = Cert.from_bytes(bytes(theirs) + bytes(theirs.revoke(key("lost").certifier())))
    return PgpAccess("partner_pgp", str(key("us")), str(whole))


CASES: dict[str, tuple[str, bytes, PgpAccess]] = {
    "plain": ("envelope.not_encrypted", ROWS, access()),
    "EBCDIC": ("envelope.not_encrypted", ROWS.decode().encode("cp037"), access()),
    "nothing": ("envelope.not_encrypted", b"", access()),
    "zip": ("envelope.not_encrypted", zipped({"a": ROWS}), access()),
    "only signed": ("envelope.not_encrypted", signed(), access()),
    "only compressed": ("envelope.not_encrypted", compressed(literal(ROWS), b""), access()),
    "only literal": ("envelope.not_encrypted", literal(ROWS), access()),
    "a certificate": ("envelope.not_encrypted", bytes(cert("us")), access()),
    "an armored key": ("envelope.not_encrypted", str(cert("us")).encode(), access()),
    "for another": ("envelope.wrong_key", message(to="other"), access()),
    "for a password": ("envelope.wrong_key", encrypt(ROWS, passwords=["x"], armor=False), access()),
    "cut": ("envelope.damaged", message()[:-100], access()),
    "cut in its keys": ("envelope.damaged", message()[:20], access()),
    "only signed, armored": ("envelope.not_encrypted", sign(key("partner").signer(), ROWS), access()),
    "damaged armor": ("envelope.damaged", message(armor=True).replace(b"\n\n", b"\n\nA", 1), access()),
    "cut armor": ("envelope.damaged", message(armor=True)[:-2_000], access()),
    "bit in the middle": ("envelope.damaged", damaged(20_000), access()),
    "bit in its tag": ("envelope.damaged", damaged(-3), access()),
    "bit under MDC": ("envelope.damaged", sealed(signed(), "rsa")[:-40] + bytes(40), access("rsa")),
    "more behind it": ("envelope.damaged", message() + b"more", access()),
    "two of them": ("envelope.damaged", message() + message(), access()),
    "no MDC": ("envelope.no_integrity", sealed(signed(), "rsa", mdc=False), access("rsa")),
    "LibrePGP": ("envelope.method", message()[:110] + packet(20, bytes(99)), access()),
    "compressed": ("envelope.method", sealed(compressed(signed(), b""), "rsa"), access("rsa")),
    "not signed": ("envelope.not_signed", message(by=None), access()),
    "another's signature": ("envelope.unknown_signer", message(by="other"), access()),
    "our own signature": ("envelope.unknown_signer", message(by="us"), access()),
    "altered": ("envelope.bad_signature", tampered(), access("rsa")),
    "revoked": ("envelope.bad_signature", message(by="lost"), revoked()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_trusted_is_refused(case: str) -> None:
    code, data, keys = CASES[case]
    assert refused(data, keys=keys) == code


@pytest.mark.parametrize("case", ["compressed", "not signed", "another's signature", "altered", "revoked"])
def test_without_a_signature_demanded_it_opens(case: str) -> None:
    _, data, keys = CASES[case]
    content, said = opened(data, UNSIGNED, keys=keys)
    assert len(content) == len(ROWS)
    assert said.signed_by == ()


def test_only_the_look_at_its_packets_tells_signed_from_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgp, "refuse_unencrypted", lambda _: None)
    assert opened(signed(), PGP, keys=access())[0] == ROWS
    assert refused(CASES["no MDC"][1], keys=access("rsa")) == "envelope.damaged"


def test_a_signature_of_somebody_whose_certificate_we_have_opens_it() -> None:
    assert opened(CASES["another's signature"][1], PGP, keys=access(theirs="other"))[0] == ROWS


def test_what_is_sealed_by_hand_opens_so_that_its_refusals_are_of_what_was_done_to_it() -> None:
    assert opened(sealed(signed(), "rsa"), PGP, keys=access("rsa"))[0] == ROWS
    assert opened(sealed(compressed(literal(ROWS), b""), "rsa"), UNSIGNED, keys=access("rsa"))[0] == ROWS


def test_a_message_within_a_message_is_not_opened_by_itself() -> None:
    assert refused(message(message(armor=True))) == "envelope.nested"
    assert refused(message(zipped({"a": ROWS}))) == "envelope.nested"


# ── bombs ──


def bomb(count: int = 60_000_000) -> bytes:
    return sealed(compressed(literal(bytes(count)), b""), "rsa")


def test_more_than_the_limit_does_not_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, data = access("rsa"), bomb()
    assert refused(data, UNSIGNED, keys=keys) == "envelope.bomb"
    assert opened(data, Pgp("partner_pgp", signed=False, max_ratio=1_032), keys=keys)[1].bytes == 60_000_000
    assert refused(message(), Pgp("partner_pgp", max_bytes=len(ROWS) - 1)) == "envelope.bomb"
    assert opened(message(), Pgp("partner_pgp", max_bytes=len(ROWS)), keys=access())[0] == ROWS


def test_a_bomb_in_a_bomb_is_one() -> None:
    twice = sealed(compressed(compressed(literal(bytes(60_000_000)), b""), b""), "rsa")
    assert len(twice) < 2_000
    assert refused(twice, UNSIGNED, keys=access("rsa")) == "envelope.bomb"


@pytest.mark.parametrize("tag", [2, 11, 18, 21, 40, 63])
def test_large_packets_that_give_nothing_need_no_more_than_the_memory_there_is(tag: int) -> None:
    data = sealed(compressed(packet(tag, bytes(200_000_000)), b""), "rsa")
    assert refused(data, UNSIGNED, keys=access("rsa")) in {"envelope.bomb", "envelope.damaged"}


@pytest.mark.parametrize(("limit", "value"), [("MEMORY", 1 << 27), ("LEAST_SECONDS", 0)])
def test_memory_and_time_of_the_process_end(limit: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = message(os.urandom(1 << 20) * 300)
    target = Counting()
    assert unwrap(io.BytesIO(data), (PGP,), access(), target, Kept).bytes == 300 << 20
    monkeypatch.setattr(pgp, limit, value)
    monkeypatch.setattr(pgp, "BYTES_A_SECOND", 1 << 40)
    with pytest.raises(DeliveryRejected, match=r"envelope\.bomb"):
        unwrap(io.BytesIO(data), (PGP,), access(), target, Kept)


class Counting:
    """A target that keeps nothing."""

    length = 0

    def write(self, data: bytes) -> int:
        self.length += len(data)
        return len(data)


# ── the process ──


class Broken(io.BytesIO):
    """A source that fails once it was read for some time."""

    def read(self, count: int | None = -1) -> bytes:
        if self.tell() > 1 << 20:
            raise OSError(5, "the disk")
        return super().read(count)


class Full:
    """A target on a full disk."""

    def write(self, data: bytes) -> int:
        raise OSError(28, "no space")


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Processes that were started; none is left."""
    started: list[Any] = []
    start = pgp.subprocess.Popen

    def keep(*args: Any, **options: Any) -> Any:
        started.append((start(*args, **options), options))
        return started[-1][0]

    monkeypatch.setattr(pgp.subprocess, "Popen", keep)
    yield started
    assert started
    assert all(process.returncode is not None for process, _ in started)


def test_failures_of_the_archive_are_its_own(children: list[Any]) -> None:
    data = message(os.urandom(1 << 20) * 4)
    with pytest.raises(OSError, match="the disk"):
        unwrap(Broken(data), (PGP,), access(), Counting(), Kept)
    with pytest.raises(OSError, match="no space"):
        unwrap(io.BytesIO(data), (PGP,), access(), Full(), Kept)
    assert len(children) == 2


def test_a_process_that_is_killed_is_not_the_deliverys_fault(children: list[Any]) -> None:
    class Killing(Counting):
        def write(self, data: bytes) -> int:
            children[0][0].kill()
            return super().write(data)

    with pytest.raises(ChildProcessError):
        unwrap(io.BytesIO(message(os.urandom(1 << 20) * 40)), (PGP,), access(), Killing(), Kept)


def test_the_process_gets_no_secret_of_ours_by_its_environment(
    children: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONCORD_SEAL_KEYS", "demo:x")
    opened(message(), PGP, keys=access())
    assert "CONCORD_SEAL_KEYS" not in children[0][1]["env"]
    assert not any("BEGIN" in text for text in children[0][0].args)


def test_what_gzip_is_in_pgp_needs_both() -> None:
    assert opened(message(gzip.compress(ROWS)), PGP, Gzip(), keys=access())[0] == ROWS
    assert refused(message(gzip.compress(ROWS))) == "envelope.nested"


# ── as GnuPG sends it ──

DATA = Path(__file__).parent / "data"
GNUPG = PgpAccess(
    "partner_pgp",
    (DATA / "uncompressed.asc").read_text(encoding="ascii"),
    (DATA / "partner.asc").read_text(encoding="ascii"),
)
"""Ours prefers no compression: a partner's GnuPG then does not compress, whatever its default."""


def test_what_gnupg_sends_to_a_key_that_prefers_no_compression_is_opened() -> None:
    content, said = opened((DATA / "gnupg_uncompressed.pgp").read_bytes(), PGP, keys=GNUPG)
    assert content == ROWS[:2_000]
    assert said.signed_by == (openpgp.certificates(GNUPG.certificates)[0].fingerprint,)


def test_what_gnupg_compressed_is_refused_with_what_to_ask_for() -> None:
    data = (DATA / "gnupg_compressed.asc").read_bytes()
    with pytest.raises(DeliveryRejected, match="compress-algo none"):
        opened(data, PGP, keys=GNUPG)
    assert opened(data, UNSIGNED, keys=GNUPG)[0] == ROWS[:2_000]
