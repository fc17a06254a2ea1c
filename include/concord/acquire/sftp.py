"""A partner's SFTP server: what waits there, and how it gets into landing.

Only imported inside tasks (paramiko is slow to load). How the server is reached and
proves who it is: :mod:`concord.acquire.ssh`.

**When a file is complete.** SFTP says nothing about it and shows no clock, so four
things have to hold: its name is final, its companion is there if one is declared, its
mtime is at least ``stable_for`` old, and a second listing a moment later shows the same
size and mtime. A partner's clock that runs ahead only delays a file. One that is ahead
by more than ``stable_for`` makes mtimes worthless: such files are looked at again after
the whole ``stable_for`` instead. A clock that runs behind cannot be seen from here, so
fetching checks size and mtime before and after once more, and a file that changed is not
sealed. What remains, a writer that stands still on a clock that runs behind, is caught
by the contract's final line end and control totals; a file that is overwritten in place
with the same size *and* a forged mtime cannot be told from an untouched one.

**A delivery of several files** (companions that say something, parts) is complete when all of them are there, and
looked the same twice; it is fetched file by file, each of which is compared with what was listed.

**A fetch that breaks begins again** from the first byte. Going on in a part would have to
continue a chunk of ciphertext, whose nonce must never be used for other bytes, and to prove
that the half we have and the half to come are of one file, which SFTP cannot say. What it
would save is one transfer of one file; the part of the broken fetch is removed at once, or
by the reconciler where the process was killed.
"""

from __future__ import annotations

import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import paramiko

from concord.acquire import Fetched, Incomplete, Listing, PartFile, RemoteFile, SftpAccess
from concord.acquire.companions import LARGEST_COMPANION_BYTES, CompanionName, Promise, control_said
from concord.acquire.grouping import UNREADABLE, Entry, Found, Group, forms, groups
from concord.acquire.naming import NameMatcher, matcher, plain_name, without_temporary
from concord.acquire.ssh import REMOTE_ERRORS, answered, connect, entries, request_ahead
from concord.contract import SftpDrop
from concord.errors import DeliveryRejected, SourceRefused, SourceUnavailable
from concord.failpoint import failpoint

if TYPE_CHECKING:
    from concord.landing import Landing, LandingWriter

BLOCK_BYTES = 1 << 20
AHEAD_BYTES = 16 * BLOCK_BYTES
"""Asked for in advance: 512 requests, which fit into the smallest windows servers use."""


@dataclass(frozen=True)
class StabilityProbe:
    """How the second look at a drop is taken: after ``pause``, waited for by ``sleep`` (seconds).

    ``patience`` bounds the wait for a partner whose clock runs far ahead.
    """

    pause: timedelta = timedelta(seconds=1)
    patience: timedelta = timedelta(seconds=60)
    sleep: Callable[[float], None] = time.sleep


class PartnerSftp:
    """One connection to a partner's server; a context manager.

    Entering raises HostNotTrusted when the server is not the pinned one,
    LoginRefused when it lets us not in (one try; who may try at all is counted in
    :mod:`concord.circuit`), :class:`SourceUnavailable` when it does not answer.
    """

    def __init__(self, access: SftpAccess) -> None:
        self.access = access

    def __enter__(self) -> PartnerSftp:
        self._transport, self._sftp = connect(self.access)
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def waiting(self, drop: SftpDrop, *, now: datetime, stability: StabilityProbe | None = None) -> Listing:
        """What ``drop`` holds at ``now`` (UTC): a second listing confirms what looks ready.

        Raises :class:`SourceUnavailable`; :class:`SourceRefused` when the directory is
        not there or closed to us; :class:`ContractError` when the pattern is none.
        """
        probe = stability or StabilityProbe()
        first = self._look(drop)
        wait = _wait(first, drop, now, probe)
        if wait is None:
            return first.listing(set())
        probe.sleep(wait.total_seconds())
        second = self._look(drop)
        unchanged = first.complete & second.complete
        return second.listing({file for file in unchanged if _rested(file, drop, now, waited=wait)})

    def fetch(
        self,
        drop: SftpDrop,
        file: RemoteFile | PartFile,
        landing: Landing,
        delivery_id: str,
        attempt: int,
        promise: Promise | None = None,
    ) -> Fetched:
        """Copies ``file`` into landing, and seals it if the partner did not touch it meanwhile.

        Raises :class:`SourceUnavailable` when it changed, is gone or the connection broke
        (nothing is sealed), :class:`SourceRefused` when it may not be read,
        :class:`DeliveryRejected` ``acquire.too_large`` beyond the drop's ``max_bytes``, and, unsealed too,
        ``acquire.size`` or ``acquire.checksum`` where it is not what its companions ``promise``.
        """
        what = f"delivery {delivery_id}"
        path = _path(drop, file, what)
        if file.size > drop.max_bytes:
            raise DeliveryRejected("acquire.too_large", f"{what}: {file.size} bytes, {drop.max_bytes} are allowed")
        self._unchanged(path, file, what)
        promise = promise or Promise()
        if promise.size not in (None, file.size):
            raise DeliveryRejected("acquire.size", f"{what}: has not the number of bytes that its control file says")
        remote = answered(what, lambda: self._sftp.open(path, "rb"))
        try:
            with landing.begin(delivery_id, attempt) as part:
                digest = promise.checksum.begun() if promise.checksum else None
                _copy(remote, file.size, part, what, digest)
                failpoint("fetch.copied")
                _same(answered(what, remote.stat), file, what)
                self._unchanged(path, file, what)
                if promise.checksum and digest and digest.hexdigest() != promise.checksum.digest:
                    raise DeliveryRejected("acquire.checksum", f"{what}: its bytes do not have the hash beside them")
                manifest = part.seal()
                return Fetched(file.size, manifest.sha256, manifest)
        finally:
            with suppress(*REMOTE_ERRORS):
                remote.close()

    def put(self, directory: str, name: str, content: bytes, *, temporary: str) -> None:
        """Puts a file of ours into a folder of the partner's: written aside, and renamed when it is whole.

        A file of that name and size was put there by an attempt that died before it could say so: nothing is done.
        Raises :class:`SourceUnavailable`; :class:`SourceRefused` where we may not, or another file has the name.
        """
        folder = directory.rstrip("/")
        path, aside = f"{folder}/{name}", f"{folder}/{name}{temporary}"
        there = self._size(path)
        if there is not None:
            if there != len(content):
                raise SourceRefused(f"{name}: the partner has another file of this name")
            return
        with answered(name, lambda: self._sftp.open(aside, "wb"), missing=SourceRefused) as file:
            answered(name, lambda: file.write(content))
        if self._size(aside) != len(content):
            raise SourceUnavailable(f"{name}: it did not arrive whole")
        failpoint("answer.written_aside")
        answered(name, lambda: self._rename(aside, path))

    def _size(self, path: str) -> int | None:
        try:
            return self._sftp.lstat(path).st_size
        except FileNotFoundError:
            return None
        except REMOTE_ERRORS:
            pass
        raise SourceUnavailable("the partner's server did not say what lies in the folder for our answers")

    def _rename(self, source: str, target: str) -> None:
        """Atomically where the server can (OpenSSH's extension), else plainly: the name was free a moment ago."""
        try:
            self._sftp.posix_rename(source, target)
        except OSError:
            self._sftp.rename(source, target)

    def _unchanged(self, path: str, file: RemoteFile | PartFile, what: str) -> None:
        _same(answered(what, lambda: self._sftp.lstat(path)), file, what)

    def _look(self, drop: SftpDrop) -> _Look:
        look, names = _Look(drop), matcher(drop)
        for raw, attributes in entries(self._sftp, drop.directory, f"drop of {drop.conn_id}"):
            look.add(raw, attributes, names)
        if drop.counts_parts_by_control:
            look.expected = {group.whole: total for group in look.groups if (total := self._said(look, group))}
        return look

    def _said(self, look: _Look, group: Group) -> int | None:
        """How many parts the group's control file says there are; None where it is not there, or does not say."""
        entry = look.regular.get(group.control() or "")
        if entry is None or look.drop.control is None:
            return None
        if entry.size > LARGEST_COMPANION_BYTES:
            return UNREADABLE
        try:
            return control_said(self._small(look.drop, entry.name), look.drop.control).expected
        except DeliveryRejected:
            return UNREADABLE

    def _small(self, drop: SftpDrop, name: str) -> bytes:
        """The beginning of a companion, one byte more than the largest has."""
        what = f"a companion in the drop of {drop.conn_id}"
        remote = answered(what, lambda: self._sftp.open(f"{drop.directory.rstrip('/')}/{name}", "rb"))
        try:
            content: bytes = answered(what, lambda: remote.read(LARGEST_COMPANION_BYTES + 1))
        finally:
            with suppress(*REMOTE_ERRORS):
                remote.close()
        return content


class _Look:
    """One listing of a drop, sorted into files, temporary files, and the rest."""

    def __init__(self, drop: SftpDrop) -> None:
        self.drop = drop
        self.files: list[Found] = []
        self.being_written: list[RemoteFile] = []
        self.regular: dict[str, Entry] = {}
        self.expected: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        self._companions = [CompanionName(form) for form in forms(drop).values()]

    def add(self, raw: bytes, attributes: Any, names: NameMatcher) -> None:
        """Sorts one entry in; a name that misleads is counted and forgotten."""
        if raw in (b".", b".."):
            return
        name = plain_name(raw)
        if name is None:
            self.counts["refused"] += 1
            return
        entry = _entry(name, attributes)
        if entry is not None:
            self.regular[name] = entry
        try:
            self._sort(name, entry, names)
        except ValueError:
            self.counts["refused"] += 1

    def _sort(self, name: str, entry: Entry | None, names: NameMatcher) -> None:
        final = without_temporary(name, self.drop.temporary)
        said = None if self._is_companion(name) else names.read(final or name)
        if said is None:
            self.counts["ignored"] += 1
        elif entry is None or entry.size > self.drop.max_bytes:
            self.counts["refused"] += 1
        elif final:
            self.being_written.append(RemoteFile(name, entry.size, entry.modified_at, said.file_date, said.sequence))
        else:
            self.files.append(Found(entry, said))

    def _is_companion(self, name: str) -> bool:
        return any(companion.matches(name) for companion in self._companions)

    @cached_property
    def groups(self) -> list[Group]:
        """Files by delivery; asked for when the listing is at its end."""
        return list(groups(self.drop, self.files))

    @cached_property
    def deliveries(self) -> list[tuple[Group, RemoteFile | Incomplete | None]]:
        """Each group, and what it comes to; asked for when it is known how many parts control files say."""
        return [(group, group.delivery(self.regular, self.expected.get(group.whole))) for group in self.groups]

    @property
    def complete(self) -> set[RemoteFile]:
        """Deliveries of which all files are there under a final name."""
        return {delivery for _, delivery in self.deliveries if isinstance(delivery, RemoteFile)}

    def listing(self, ready: set[RemoteFile]) -> Listing:
        """The look as a :class:`Listing`, where ``ready`` of its deliveries are ready."""
        there = [
            delivery if isinstance(delivery, RemoteFile) else group.remote() for group, delivery in self.deliveries
        ]
        waiting = [file for file in [*there, *self.being_written] if file not in ready]
        return Listing(
            ready=tuple(sorted(ready, key=_order)),
            not_ready=tuple(sorted(waiting, key=_order)),
            refused=self.counts["refused"],
            ignored=self.counts["ignored"],
            incomplete=tuple(delivery for _, delivery in self.deliveries if isinstance(delivery, Incomplete)),
        )


def _entry(name: str, attributes: Any) -> Entry | None:
    """A regular file; None for anything else."""
    size, modified = attributes.st_size, attributes.st_mtime
    if not stat.S_ISREG(attributes.st_mode or 0) or size is None or modified is None:
        return None
    return Entry(name, size, datetime.fromtimestamp(modified, UTC))


def _order(file: RemoteFile) -> tuple[int, int, datetime, str]:
    day = file.file_date.toordinal() if file.file_date else 0
    return day, -1 if file.sequence is None else file.sequence, file.modified_at, file.name


def _wait(look: _Look, drop: SftpDrop, now: datetime, probe: StabilityProbe) -> timedelta | None:
    """How long to wait for the second look; None when no file could become ready by it."""
    if any(_clock_is_ahead(file, drop, now) for file in look.complete) and drop.stable_for <= probe.patience:
        return max(drop.stable_for, probe.pause)
    return probe.pause if any(_old_enough(file, drop, now) for file in look.complete) else None


def _rested(file: RemoteFile, drop: SftpDrop, now: datetime, *, waited: timedelta) -> bool:
    """Whether a file that looked the same twice, ``waited`` apart, stood still for long enough."""
    return _old_enough(file, drop, now) or (_clock_is_ahead(file, drop, now) and waited >= drop.stable_for)


def _old_enough(file: RemoteFile, drop: SftpDrop, now: datetime) -> bool:
    return now - file.modified_at >= drop.stable_for


def _clock_is_ahead(file: RemoteFile, drop: SftpDrop, now: datetime) -> bool:
    return file.modified_at - now > drop.stable_for


def _path(drop: SftpDrop, file: RemoteFile | PartFile, what: str) -> str:
    if plain_name(file.name.encode("utf-8", "replace")) != file.name:
        raise SourceRefused(f"{what}: its name at the partner is not an ordinary file name")
    return f"{drop.directory.rstrip('/')}/{file.name}"


def _same(attributes: Any, file: RemoteFile | PartFile, what: str) -> None:
    seen = (attributes.st_size, attributes.st_mtime)
    if not stat.S_ISREG(attributes.st_mode or 0) or seen != (file.size, int(file.modified_at.timestamp())):
        raise SourceUnavailable(f"{what}: changed at the partner since it was listed, or while read")


def _copy(remote: paramiko.SFTPFile, size: int, part: LandingWriter, what: str, digest: Any) -> None:
    """Writes the file to ``part``, and to ``digest`` if there is one; refuses more or fewer than ``size`` bytes."""
    total = 0
    for block in _blocks(remote, size, what):
        total += len(block)
        if total > size:
            break
        part.write(block)
        if digest is not None:
            digest.update(block)
    if total != size:
        raise SourceUnavailable(f"{what}: changed while read: it has not the {size} bytes that were listed")


def _blocks(remote: paramiko.SFTPFile, size: int, what: str) -> Iterator[bytes]:
    """The file in order to its end, also beyond ``size`` if it has grown."""
    at = asked = 0
    while True:
        if at >= asked and asked < size:
            start, asked = at, min(size, at + AHEAD_BYTES)
            answered(what, lambda start=start, upto=asked: request_ahead(remote, start, upto))  # type: ignore[misc]
        block = answered(what, lambda: remote.read(BLOCK_BYTES))
        at += len(block)
        yield block
        if len(block) < BLOCK_BYTES:
            return  # only the end makes a read short
