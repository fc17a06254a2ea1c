"""Which files of a listing make a delivery: data, its companions, and all parts or nothing. PURE: no I/O, no clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from concord.acquire import Incomplete, PartFile, RemoteFile
from concord.acquire.companions import LARGEST_COMPANION_BYTES, CompanionName
from concord.acquire.naming import DropName
from concord.contract import SftpDrop

UNREADABLE = -1
"""Instead of a number of parts: the control file that should say it cannot be read."""


@dataclass(frozen=True)
class Entry:
    """A regular file of the listing."""

    name: str = field(repr=False)
    size: int
    modified_at: datetime


@dataclass(frozen=True)
class Found:
    """A data file under its final name, and what its name says."""

    entry: Entry
    said: DropName


@dataclass(frozen=True)
class Group:
    """The data files of one delivery, as far as they are there."""

    drop: SftpDrop
    files: tuple[Found, ...]
    """By part number, then name."""

    @property
    def whole(self) -> str:
        """What is equal in the names of all its files."""
        return self.files[0].said.whole

    def delivery(self, regular: Mapping[str, Entry], expected: int | None) -> RemoteFile | Incomplete | None:
        """The delivery; :class:`Incomplete` where parts are missing or contradict each other, None for companions.

        ``expected`` is how many parts a control file says there are.
        """
        total = self._total(expected)
        flaw = self._flaw(total)
        if flaw or total != len(self.files):
            since = max(file.entry.modified_at for file in self.files)
            known = total if total and total > 0 else None
            return Incomplete(len({file.said.part for file in self.files}), known, flaw, since)
        companions = self._companions(regular)
        return None if companions is None else self._put_together(companions)

    def remote(self) -> RemoteFile:
        """What is there of it, whether or not that is all."""
        return self._put_together([])

    def control(self) -> str | None:
        """Name of the control file that may say how many parts there are."""
        first = self.files[0]
        control = self.drop.control
        return CompanionName(control.name).of(first.entry.name, first.said) if control else None

    def _total(self, expected: int | None) -> int | None:
        if not self.drop.in_parts:
            return len(self.files)
        said = {file.said.parts for file in self.files} - {None}
        return next(iter(said)) if len(said) == 1 else self.drop.parts or expected

    def _flaw(self, total: int | None) -> str:
        if not self.drop.in_parts:
            return ""
        numbers = [file.said.part or 0 for file in self.files]
        times = [file.entry.modified_at for file in self.files]
        flaws = {
            "companion": total == UNREADABLE,
            "number": len({file.said.parts for file in self.files}) > 1
            or min(numbers) < 1
            or (total is not None and 0 <= total < max(numbers)),
            "twice": len(set(numbers)) < len(numbers),
            "apart": max(times) - min(times) > self.drop.parts_within,
            "size": sum(file.entry.size for file in self.files) > self.drop.max_bytes,
        }
        return next((name for name, applies in flaws.items() if applies), "")

    def _companions(self, regular: Mapping[str, Entry]) -> list[PartFile] | None:
        """Those that say something, shared ones first; None where one is missing, or too large to be one."""
        found: list[PartFile] = []
        for kind, form in forms(self.drop).items():
            name = CompanionName(form)
            for number, file in enumerate(self.files[:1] if name.is_shared else self.files, start=1):
                entry = regular.get(name.of(file.entry.name, file.said))
                if entry is None or (kind != "done" and entry.size > LARGEST_COMPANION_BYTES):
                    return None
                part = None if name.is_shared else number
                found.append(PartFile(kind, part, entry.name, entry.size, entry.modified_at))
        return [file for file in found if file.kind != "done"]

    def _put_together(self, companions: list[PartFile]) -> RemoteFile:
        first = self.files[0]
        data = [
            PartFile("data", number, found.entry.name, found.entry.size, found.entry.modified_at)
            for number, found in enumerate(self.files, start=1)
        ]
        files = (*companions, *data) if self.drop.keeps_files else ()
        everything = files or data
        return RemoteFile(
            first.entry.name,
            sum(file.size for file in everything),
            max(file.modified_at for file in everything),
            first.said.file_date,
            first.said.sequence,
            tuple(files),
        )


def forms(drop: SftpDrop) -> dict[str, str]:
    """How the companions of ``drop`` are named, by kind."""
    control = drop.control.name if drop.control else None
    named = {"done": drop.done_suffix, "control": control, "checksum": drop.checksum}
    return {kind: form for kind, form in named.items() if form is not None}


def groups(drop: SftpDrop, found: Iterable[Found]) -> Iterator[Group]:
    """Files by delivery; where a delivery is one file, each is alone."""
    together: defaultdict[str, list[Found]] = defaultdict(list)
    for file in found:
        together[file.said.whole if drop.in_parts else file.entry.name].append(file)
    for files in together.values():
        yield Group(drop, tuple(sorted(files, key=lambda file: (file.said.part or 0, file.entry.name))))
