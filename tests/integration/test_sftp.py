"""Fetching from a partner's SFTP server: a real server, real bytes, and what goes wrong between them."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest

from concord.acquire import Fetched, Listing, RemoteFile, SftpAccess, ssh
from concord.acquire import sftp as module
from concord.acquire.sftp import PartnerSftp, StabilityProbe
from concord.contract import SftpDrop
from concord.errors import ConcordError, DeliveryRejected, SourceRefused, SourceUnavailable
from concord.landing import Landing
from concord.protect import KeyRing
from concord.sandbox.sftp_server import SftpPartner

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
DROP = SftpDrop("acme_sftp", "/outbound", "ELIG_{date:%Y%m%d}*.csv", stable_for=timedelta(seconds=60))
NAME = "ELIG_20261120.csv"
SECRET_NAME = "ELIG_20261120_Zebulon_Quux.csv"
AT_ONCE = StabilityProbe(pause=timedelta(0), sleep=lambda seconds: None)
MEGABYTE = 1 << 20


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[SftpPartner]:
    (tmp_path / "partner" / "outbound").mkdir(parents=True)
    with SftpPartner(tmp_path / "partner") as server:
        server.add_user("concord", password="open sesame")
        yield server


@pytest.fixture
def access(partner: SftpPartner) -> SftpAccess:
    return SftpAccess("127.0.0.1", partner.port, "concord", partner.host_key_line, password="open sesame", timeout_s=10)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    keys = KeyRing({"seal1": os.urandom(32)}, {"token1": os.urandom(32)})
    return Landing(f"file://{tmp_path}/landing", keys)


def drop_file(partner: SftpPartner, name: str, content: bytes = b"a,b\n1,2\n", *, age_s: float = 3600) -> Path:
    path = partner.root / "outbound" / name
    path.write_bytes(content)
    modified = NOW.timestamp() - age_s
    os.utime(path, (modified, modified))
    return path


def listed(access: SftpAccess, drop: SftpDrop = DROP, probe: StabilityProbe = AT_ONCE) -> Listing:
    with PartnerSftp(access) as partner:
        return partner.waiting(drop, now=NOW, stability=probe)


def fetched(access: SftpAccess, landing: Landing, file: RemoteFile, drop: SftpDrop = DROP) -> Fetched:
    with PartnerSftp(access) as partner:
        return partner.fetch(drop, file, landing, "7k2m9xab", 1)


def only(listing: Listing) -> RemoteFile:
    (file,) = listing.ready
    return file


def content(size: int) -> bytes:
    return random.Random(7).randbytes(size)


def assert_nothing_landed(landing: Landing) -> None:
    assert list(landing.sealed_objects()) == []
    assert list(landing.parts()) == []


def new_key(algorithm: str) -> asyncssh.SSHKey:
    if algorithm == "ssh-rsa":
        return asyncssh.generate_private_key(algorithm, key_size=3072)
    return asyncssh.generate_private_key(algorithm)


# ── who is there ───────────────────────────────────────────────────────────────


def test_the_pinned_server_lets_us_in_by_password(access: SftpAccess) -> None:
    assert listed(access).ready == ()


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem"])
def test_the_pinned_server_lets_us_in_by_key(
    partner: SftpPartner, access: SftpAccess, algorithm: str, form: str
) -> None:
    key = new_key(algorithm)
    partner.add_user("keyed", public_key=key.export_public_key().decode())
    by_key = replace(access, username="keyed", password=None, private_key=key.export_private_key(form).decode())
    assert listed(by_key).ready == ()


@pytest.mark.parametrize("algorithm", ["ecdsa-sha2-nistp256", "ssh-rsa"])
def test_a_pinned_host_key_may_be_ecdsa_or_rsa(tmp_path: Path, access: SftpAccess, algorithm: str) -> None:
    (tmp_path / "outbound").mkdir()
    key = new_key(algorithm)
    with SftpPartner(tmp_path, host_key=key) as other:
        other.add_user("concord", password="open sesame")
        assert listed(replace(access, port=other.port, host_key=other.host_key_line)).ready == ()


def another_host_key(algorithm: str = "ssh-ed25519") -> str:
    return " ".join(asyncssh.generate_private_key(algorithm).export_public_key().decode().split()[:2])


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_another_host_key_is_refused_at_once_and_no_password_is_sent(
    partner: SftpPartner, access: SftpAccess, algorithm: str
) -> None:
    began = time.monotonic()
    with pytest.raises(SourceRefused, match="host key"):
        listed(replace(access, host_key=another_host_key(algorithm)))
    assert time.monotonic() - began < 3
    assert partner.logins_tried == 0


def test_two_keys_may_be_pinned_while_a_partner_changes_its_key(access: SftpAccess) -> None:
    assert listed(replace(access, host_key=f"{another_host_key()}\n{access.host_key}")).ready == ()


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 %%%", "ssh-dss AAAA", "nonsense"])
def test_without_a_readable_pinned_key_nothing_is_tried(partner: SftpPartner, access: SftpAccess, text: str) -> None:
    with pytest.raises(SourceRefused, match="host key"):
        listed(replace(access, host_key=text))
    assert partner.logins_tried == 0


def test_a_small_rsa_host_key_is_refused(tmp_path: Path, access: SftpAccess) -> None:
    with SftpPartner(tmp_path, host_key=asyncssh.generate_private_key("ssh-rsa", key_size=2048)) as weak:
        weak.add_user("concord", password="open sesame")
        with pytest.raises(SourceRefused, match="3072"):
            listed(replace(access, port=weak.port, host_key=weak.host_key_line))


def test_a_server_with_only_weak_ciphers_is_refused(tmp_path: Path, access: SftpAccess) -> None:
    with SftpPartner(tmp_path, encryption_algs=["aes128-cbc"]) as weak:
        weak.add_user("concord", password="open sesame")
        with pytest.raises(SourceRefused, match="weak"):
            listed(replace(access, port=weak.port, host_key=weak.host_key_line))
        assert weak.logins_tried == 0


def test_a_wrong_password_is_refused_after_one_try(partner: SftpPartner, access: SftpAccess) -> None:
    with pytest.raises(SourceRefused, match="login was refused") as caught:
        listed(replace(access, password="guess"))
    assert partner.logins_tried == 1
    assert "guess" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_wrong_key_is_refused_and_the_password_is_not_tried_after_it(
    partner: SftpPartner, access: SftpAccess
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(SourceRefused, match="login was refused"):
        listed(replace(access, private_key=key))
    assert partner.logins_tried == 1


def test_keys_of_this_machine_are_never_offered(
    partner: SftpPartner, access: SftpAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / ".ssh").mkdir()
    key.write_private_key(tmp_path / ".ssh" / "id_ed25519")
    monkeypatch.setenv("HOME", str(tmp_path))
    partner.add_user("concord", public_key=key.export_public_key().decode())
    with pytest.raises(SourceRefused):
        listed(replace(access, password="guess"))


def test_a_server_that_hangs_up_on_a_login_has_refused_it(partner: SftpPartner, access: SftpAccess) -> None:
    partner.faults.cut_at_login = True
    with pytest.raises(SourceRefused):
        listed(access)
    assert partner.logins_tried == 1


@pytest.mark.parametrize("key", ["", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"])
def test_a_private_key_that_cannot_be_read_is_not_quoted(access: SftpAccess, key: str) -> None:
    with pytest.raises(SourceRefused, match="private key") as caught:
        listed(replace(access, private_key=key))
    assert "AAAA" not in str(caught.value)
    assert caught.value.__context__ is None


def test_secrets_and_file_names_are_in_no_repr(access: SftpAccess) -> None:
    shown = repr(replace(access, private_key="PRIVATE")) + repr(RemoteFile(SECRET_NAME, 1, NOW))
    assert "sesame" not in shown
    assert "PRIVATE" not in shown
    assert "Zebulon" not in shown


def test_no_server_is_a_fault_that_passes(access: SftpAccess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SourceUnavailable):
        listed(replace(access, port=port))


def test_a_server_that_says_nothing_is_given_up_after_the_timeout(access: SftpAccess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(SourceUnavailable):
            listed(replace(access, port=silent.getsockname()[1], timeout_s=0.5))
        assert time.monotonic() - began < 5


# ── what waits ─────────────────────────────────────────────────────────────────


def test_a_file_that_stood_still_is_ready_with_its_date(partner: SftpPartner, access: SftpAccess) -> None:
    drop_file(partner, NAME)
    file = only(listed(access))
    assert (file.name, file.size, file.file_date) == (NAME, 8, date(2026, 11, 20))
    assert file.modified_at == NOW - timedelta(hours=1)


def test_ready_files_come_in_order_of_date_sequence_and_mtime(partner: SftpPartner, access: SftpAccess) -> None:
    drop = replace(DROP, pattern="D_{date:%Y%m%d}_{sequence}*.csv")
    names = ["D_20261119_10.csv", "D_20261120_2.csv", "D_20261120_9b.csv", "D_20261120_9a.csv", "D_20261120_10.csv"]
    for place, name in enumerate(names):
        drop_file(partner, name, age_s=7200 - 60 * place)
    assert [file.name for file in listed(access, drop).ready] == names


def test_a_file_that_was_just_written_is_not_ready(partner: SftpPartner, access: SftpAccess) -> None:
    drop_file(partner, NAME, age_s=30)
    listing = listed(access)
    assert listing.ready == ()
    assert len(listing.not_ready) == 1
    # The guard is the age: with a shorter stable_for the same file is ready.
    assert only(listed(access, replace(DROP, stable_for=timedelta(seconds=20)))).name


@pytest.mark.parametrize("change", ["grows", "touched", "deleted", "quiet"])
def test_a_file_that_changes_between_two_looks_is_not_ready(
    partner: SftpPartner, access: SftpAccess, change: str
) -> None:
    path = drop_file(partner, NAME)
    kept = path.stat().st_mtime

    def meanwhile(_: float) -> None:
        if change == "grows":
            path.write_bytes(path.read_bytes() + b"3,4\n")
            os.utime(path, (kept, kept))  # some servers set the mtime when a file is opened only
        elif change == "touched":
            os.utime(path, (kept - 5, kept - 5))
        elif change == "deleted":
            path.unlink()

    listing = listed(access, probe=StabilityProbe(sleep=meanwhile))
    assert len(listing.ready) == (1 if change == "quiet" else 0)


def test_a_second_look_is_taken_only_where_a_file_could_be_ready(partner: SftpPartner, access: SftpAccess) -> None:
    pauses: list[float] = []
    drop_file(partner, NAME, age_s=1)
    listed(access, probe=StabilityProbe(sleep=pauses.append))
    assert pauses == []
    drop_file(partner, "ELIG_20261119.csv")
    listed(access, probe=StabilityProbe(sleep=pauses.append))
    assert pauses == [1.0]


def test_a_clock_far_ahead_is_answered_by_watching_for_as_long_as_a_file_must_stand_still(
    partner: SftpPartner, access: SftpAccess
) -> None:
    pauses: list[float] = []
    drop_file(partner, NAME, age_s=-7200)
    assert only(listed(access, probe=StabilityProbe(sleep=pauses.append))).name
    assert pauses == [60.0]
    impatient = StabilityProbe(patience=timedelta(seconds=10), sleep=pauses.append)
    assert listed(access, probe=impatient).ready == ()


@pytest.mark.parametrize("suffix", [".part", ".TMP", ".filepart", ".swp"])
def test_a_temporary_name_is_not_ready(partner: SftpPartner, access: SftpAccess, suffix: str) -> None:
    drop_file(partner, NAME + suffix)
    open_pattern = replace(DROP, pattern="ELIG_{date:%Y%m%d}*")
    listing = listed(access, open_pattern)
    assert (listing.ready, len(listing.not_ready)) == ((), 1)
    # Control: where no name is declared temporary, the same file is ready.
    assert only(listed(access, replace(open_pattern, temporary=()))).name


def test_a_declared_companion_has_to_be_there(partner: SftpPartner, access: SftpAccess) -> None:
    drop = replace(DROP, pattern="ELIG_{date:%Y%m%d}*", done_suffix=".done")
    drop_file(partner, NAME)
    assert listed(access, drop).ready == ()
    drop_file(partner, f"{NAME}.done", b"")
    listing = listed(access, drop)
    assert only(listing).name == NAME
    assert listing.not_ready == ()
    assert only(listed(access, replace(drop, done_suffix=None, pattern=DROP.pattern))).name == NAME


def test_links_folders_and_impossible_dates_are_refused(partner: SftpPartner, access: SftpAccess) -> None:
    outbound = partner.root / "outbound"
    (outbound / "ELIG_20261118.csv").mkdir()
    (outbound / "ELIG_20261117.csv").symlink_to("/etc/passwd")
    drop_file(partner, "ELIG_20261399.csv")
    drop_file(partner, NAME)
    listing = listed(access)
    assert only(listing).name == NAME
    assert listing.refused == 3


def test_a_file_beyond_the_limit_is_refused(partner: SftpPartner, access: SftpAccess) -> None:
    drop_file(partner, NAME, b"x" * 101)
    listing = listed(access, replace(DROP, max_bytes=100))
    assert (listing.ready, listing.refused) == ((), 1)
    assert only(listed(access, replace(DROP, max_bytes=101))).name


def test_names_that_the_pattern_does_not_speak_of_are_counted(partner: SftpPartner, access: SftpAccess) -> None:
    drop_file(partner, "README.txt")
    drop_file(partner, "elig_20261120.csv")
    listing = listed(access)
    assert (listing.ready, listing.refused, listing.ignored) == ((), 0, 2)


HOSTILE = (
    b"../../ELIG_20261120.csv", b"/etc/passwd", b"ELIG_20261120/x.csv", b"ELIG_20261120\0.csv", b"ELIG_20261120\n.csv",
    "ELIG_20261120\u202e.csv".encode(), b"-rf", b"ELIG_20261120M\xfcller.csv", b"ELIG_20261120" + b"A" * 4096 + b".csv",
)  # fmt: skip


def test_hostile_names_are_counted_and_the_good_file_is_still_found(partner: SftpPartner, access: SftpAccess) -> None:
    partner.faults.extra_names = HOSTILE
    drop_file(partner, NAME)
    listing = listed(access, replace(DROP, pattern="*{date:%Y%m%d}*"))
    assert only(listing).name == NAME
    assert listing.refused == len(HOSTILE)
    assert listing.not_ready == ()


def test_paramikos_own_listing_would_die_of_a_name_that_is_not_utf8(partner: SftpPartner, access: SftpAccess) -> None:
    partner.faults.extra_names = HOSTILE
    with PartnerSftp(access) as connected, pytest.raises(UnicodeDecodeError):
        list(connected._sftp.listdir_iter("/outbound"))


def test_a_listing_of_100000_names_is_read_whole(partner: SftpPartner, access: SftpAccess) -> None:
    partner.faults.extra_names = tuple(b"OTHER_%06d.csv" % number for number in range(100_000))
    drop_file(partner, NAME, age_s=1)
    listing = listed(access)
    assert listing.ignored == 100_000
    assert len(listing.not_ready) == 1


def test_a_directory_that_is_not_there_is_refused_and_one_that_is_closed_too(
    partner: SftpPartner, access: SftpAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceRefused, match="never made"):
        listed(access, replace(DROP, directory="/elsewhere"))

    def closed(*_: object) -> None:
        raise OSError(13, SECRET_NAME)

    monkeypatch.setattr(ssh, "_opened", closed)
    with pytest.raises(SourceRefused, match="does not let us") as caught:
        listed(access)
    assert "Zebulon" not in str(caught.value)


# ── what is fetched ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [0, 1, 32_768, MEGABYTE, 16 * MEGABYTE, 16 * MEGABYTE + 1, 20 * MEGABYTE - 5])
def test_what_is_landed_is_what_the_partner_holds(
    partner: SftpPartner, access: SftpAccess, landing: Landing, size: int
) -> None:
    data = content(size)
    drop_file(partner, NAME, data)
    result = fetched(access, landing, only(listed(access)))
    assert (result.size, result.sha256) == (size, hashlib.sha256(data).hexdigest())
    with landing.open(result.manifest) as stream:
        assert stream.read() == data
    assert partner.root.joinpath("outbound", NAME).exists()


def test_a_server_that_answers_with_less_than_asked_is_read_whole(
    partner: SftpPartner, access: SftpAccess, landing: Landing
) -> None:
    partner.faults.shortest_answer = 20_000
    data = content(3 * MEGABYTE)
    drop_file(partner, NAME, data)
    assert fetched(access, landing, only(listed(access))).sha256 == hashlib.sha256(data).hexdigest()


def test_reading_ahead_never_falls_back_to_one_request_at_a_time(partner: SftpPartner, access: SftpAccess) -> None:
    drop_file(partner, NAME, content(8 * MEGABYTE))
    with PartnerSftp(access) as connected, connected._sftp.open(f"/outbound/{NAME}") as opened:
        remote: Any = opened
        ssh.request_ahead(remote, 0, 8 * MEGABYTE)
        assert len(remote._prefetch_extents) == 256
        for _ in range(8):
            assert remote._prefetching
            remote.read(MEGABYTE)


def test_a_connection_that_is_cut_lands_nothing_and_may_be_tried_again(
    partner: SftpPartner, access: SftpAccess, landing: Landing
) -> None:
    data = content(4 * MEGABYTE)
    drop_file(partner, NAME, data)
    file = only(listed(access))
    for cut in (0, MEGABYTE + 7, 4 * MEGABYTE - 1):
        partner.bytes_sent, partner.faults.cut_after_bytes = 0, cut
        with pytest.raises(SourceUnavailable):
            fetched(access, landing, file)
        assert_nothing_landed(landing)
    partner.faults.cut_after_bytes = None
    assert fetched(access, landing, file).sha256 == hashlib.sha256(data).hexdigest()


def test_a_server_that_falls_silent_is_given_up_after_the_timeout(
    partner: SftpPartner, access: SftpAccess, landing: Landing
) -> None:
    drop_file(partner, NAME, content(100_000))
    file = only(listed(access))
    partner.faults.seconds_per_read = 30
    with pytest.raises(SourceUnavailable, match="in time"):
        fetched(replace(access, timeout_s=0.5), landing, file)
    assert_nothing_landed(landing)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more,rows\n")


def grow_and_hide_it(path: Path) -> None:
    modified = path.stat().st_mtime
    grow(path)
    os.utime(path, (modified, modified))


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100_000)


def overwrite_in_place(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"Z" * size)


def swap(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(b"Z" * path.stat().st_size)
    other.replace(path)


def swap_for_a_link(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.symlink_to(path.with_suffix(".old"))


CHANGES: list[Callable[[Path], None]] = [
    grow, grow_and_hide_it, shrink, overwrite_in_place, swap, swap_for_a_link, Path.unlink,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("after", [0, 2 * MEGABYTE], ids=["at_the_first_read", "in_the_middle"])
def test_a_file_that_changes_while_it_is_read_is_not_sealed(
    partner: SftpPartner, access: SftpAccess, landing: Landing, change: Callable[[Path], None], after: int
) -> None:
    path = drop_file(partner, NAME, content(4 * MEGABYTE))
    file = only(listed(access))
    changed: list[int] = []

    def meanwhile(sent: int) -> None:
        if sent >= after and not changed:
            changed.append(sent)
            change(path)

    partner.bytes_sent, partner.faults.before_read = 0, meanwhile
    with pytest.raises(SourceUnavailable) as caught:
        fetched(access, landing, file)
    assert changed
    assert NAME not in str(caught.value)
    assert_nothing_landed(landing)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_that_changed_after_the_listing_is_not_read(
    partner: SftpPartner, access: SftpAccess, landing: Landing, change: Callable[[Path], None]
) -> None:
    path = drop_file(partner, NAME, content(200_000))
    file = only(listed(access))
    change(path)
    with pytest.raises(SourceUnavailable):
        fetched(access, landing, file)
    assert partner.bytes_sent == 0
    assert_nothing_landed(landing)


def test_without_the_second_look_at_size_and_mtime_a_swapped_file_would_be_sealed(
    partner: SftpPartner, access: SftpAccess, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop_file(partner, NAME, content(4 * MEGABYTE))
    file = only(listed(access))
    partner.faults.before_read = lambda sent: overwrite_in_place(path)
    monkeypatch.setattr(module, "_same", lambda *_: None)
    result = fetched(access, landing, file)
    assert result.sha256 != hashlib.sha256(content(4 * MEGABYTE)).hexdigest()


def test_a_file_beyond_the_limit_is_never_fetched(partner: SftpPartner, access: SftpAccess, landing: Landing) -> None:
    drop_file(partner, NAME, b"x" * 101)
    file = only(listed(access))
    with pytest.raises(DeliveryRejected, match="too_large"):
        fetched(access, landing, file, replace(DROP, max_bytes=100))
    assert partner.bytes_sent == 0


def test_a_file_that_may_not_be_read_is_refused(
    partner: SftpPartner, access: SftpAccess, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_file(partner, NAME)
    file = only(listed(access))

    def closed(*_: object) -> None:
        raise asyncssh.SFTPPermissionDenied("no")

    monkeypatch.setattr(asyncssh.SFTPServer, "open", closed)
    with pytest.raises(SourceRefused):
        fetched(access, landing, file)
    assert_nothing_landed(landing)


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/passwd", "a\nb", "", "\udce9.csv"])
def test_a_hostile_name_is_not_asked_for(access: SftpAccess, landing: Landing, name: str) -> None:
    with pytest.raises(SourceRefused) as caught:
        fetched(access, landing, RemoteFile(name, 1, NOW))
    assert not name or name not in str(caught.value)


def test_a_full_local_disk_is_not_the_partners_fault(
    partner: SftpPartner, access: SftpAccess, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_file(partner, NAME)
    file = only(listed(access))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("concord.landing.LandingWriter.write", full)
    with pytest.raises(OSError, match="No space"):
        fetched(access, landing, file)
    assert_nothing_landed(landing)


def run_through(partner: SftpPartner, access: SftpAccess, landing: Landing) -> list[ConcordError]:
    """One good fetch and the faults whose texts come from the partner."""
    path = drop_file(partner, SECRET_NAME, content(MEGABYTE))
    file = only(listed(access))
    fetched(access, landing, file)
    errors = []
    partner.faults.before_read = lambda sent: suppress_missing(path)
    for _ in range(2):
        with pytest.raises(ConcordError) as caught:
            fetched(access, landing, file)
        errors.append(caught.value)
    return errors


def suppress_missing(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def naming_a_person(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "Zebulon" in record.getMessage()]


def test_no_log_line_and_no_error_carries_a_file_name(
    partner: SftpPartner, access: SftpAccess, landing: Landing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    errors = run_through(partner, access, landing)
    assert not [
        record for record in caplog.records if "asyncssh" not in record.name and "Zebulon" in record.getMessage()
    ]
    for error in errors:
        assert "Zebulon" not in str(error)
        assert error.__context__ is None
        assert error.__cause__ is None


def test_paramikos_log_would_carry_the_file_name(
    partner: SftpPartner, access: SftpAccess, landing: Landing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger=ssh.WIRE_LOG)
    run_through(partner, access, landing)
    assert [
        record for record in caplog.records if record.name.startswith(ssh.WIRE_LOG) and "Zebulon" in record.getMessage()
    ]


# ── the stand-in itself ────────────────────────────────────────────────────────


def test_a_partner_that_denies_renames_leaves_the_file_and_its_reading_alone(
    partner: SftpPartner, access: SftpAccess, landing: Landing
) -> None:
    path = drop_file(partner, NAME)
    with PartnerSftp(access) as connected:
        partner.faults.deny_rename = True
        for rename in (connected._sftp.rename, connected._sftp.posix_rename):
            with pytest.raises(OSError, match="not allowed"):
                rename(f"/outbound/{NAME}", "/outbound/done.csv")
        assert fetched(access, landing, only(listed(access))).size == 8
        partner.faults.deny_rename = False
        connected._sftp.posix_rename(f"/outbound/{NAME}", "/outbound/done.csv")
    assert not path.exists()


def test_the_stand_in_serves_only_its_folder(partner: SftpPartner, access: SftpAccess) -> None:
    with PartnerSftp(access) as connected:
        assert connected._sftp.listdir("/") == ["outbound"]
        assert connected._sftp.listdir("/../..") == ["outbound"]


def test_the_stand_in_runs_as_a_program_keeps_its_key_and_stops_when_told(tmp_path: Path) -> None:
    (tmp_path / "outbound").mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "user.pub").write_bytes(key.export_public_key())
    lines = [told(tmp_path, key.export_private_key().decode()) for _ in range(2)]
    assert lines[0] == lines[1]
    assert (tmp_path / "host_key").stat().st_mode & 0o777 == 0o600


def told(folder: Path, private_key: str) -> str:
    command = [sys.executable, "-m", "concord.sandbox.sftp_server", "--root", str(folder), "--user", "concord"]
    command += ["--host-key-file", str(folder / "host_key"), "--authorized-key", str(folder / "user.pub")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().removeprefix("port "))
        host_key = process.stdout.readline().removeprefix("host_key ").strip()
        access = SftpAccess("127.0.0.1", port, "concord", host_key, private_key=private_key)
        assert listed(access).ready == ()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    return host_key


def test_paramiko_still_has_what_is_used_of_its_inside() -> None:
    assert {"_prefetch_thread"} <= set(dir(paramiko.SFTPFile))
    assert {"_request"} <= set(dir(paramiko.SFTPClient))
    assert ssh.CMD_READ_BYTES == paramiko.SFTPFile.MAX_REQUEST_SIZE
