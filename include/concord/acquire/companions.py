"""The small files that stand beside a partner's file: their names, and what they say of it.

Both come from outside. What cannot be read is refused without a word of it, for a name in a
companion is a partner's file name. PURE: no I/O, no clock.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from concord.acquire.naming import DropName
from concord.contract import ControlFile
from concord.errors import DeliveryRejected

LARGEST_COMPANION_BYTES = 65_536
PLACEHOLDER = re.compile(r"\{(name|stem|date|sequence)\}")
CHECKSUM_LINE = re.compile(r"(?P<hash>[0-9A-Fa-f]+)(?:[ \t]+\*?(?:\./)?(?P<name>.+))?")
ALGORITHMS: Mapping[int, Callable[[], Any]] = {
    32: lambda: hashlib.md5(usedforsecurity=False),  # what partners send; it finds a torn transfer, not an attacker
    64: hashlib.sha256,
    128: hashlib.sha512,
}
"""By the number of hex digits."""
SAID = {"{file}": "(?P<file>.+?)", "{bytes}": r"(?P<bytes>\d{1,18})", "{records}": r"(?P<records>\d{1,18})",
        "{parts}": r"(?P<parts>\d{1,4})", "*": ".*?"}  # fmt: skip
LONGEST_LINE = 1_024
LINE_TOKEN = re.compile(r"(\{file\}|\{bytes\}|\{records\}|\{parts\}|\*)")
WHOLE = ""
"""In the place of a file's name: what is said of the delivery as a whole."""


@dataclass(frozen=True)
class CompanionName:
    """How a companion is named: see :class:`~concord.contract.SftpDrop`."""

    form: str

    @property
    def is_shared(self) -> bool:
        """Whether there is one for all files of a delivery."""
        return bool(PLACEHOLDER.search(self.form)) and not {"{name}", "{stem}"} & set(self._placeholders)

    @property
    def _placeholders(self) -> list[str]:
        return [match[0] for match in PLACEHOLDER.finditer(self.full)]

    @property
    def full(self) -> str:
        """The form with its placeholders; what has none is put behind the name."""
        return self.form if PLACEHOLDER.search(self.form) else "{name}" + self.form

    def of(self, name: str, said: DropName) -> str:
        """The companion's name of the file ``name``."""
        values = {"name": name, "stem": name.rpartition(".")[0] or name, **said.texts}
        return PLACEHOLDER.sub(lambda match: values.get(match[1], ""), self.full)

    def matches(self, name: str) -> bool:
        """Whether ``name`` is a companion's, so that it is no delivery, whatever the pattern says."""
        return _expression(self.full).fullmatch(name) is not None


@cache
def _expression(form: str) -> re.Pattern[str]:
    ends = PLACEHOLDER.split(form)[::2]
    return re.compile(".+".join(map(re.escape, ends)), re.DOTALL)


@dataclass(frozen=True)
class Checksum:
    """A hash as it was promised: lower-case hex; the number of its digits says of which kind."""

    digest: str

    def begun(self) -> Any:
        """A hash of this kind, of nothing yet (:mod:`hashlib`)."""
        return ALGORITHMS[len(self.digest)]()


@dataclass(frozen=True)
class Promise:
    """What companions say of a file, or of a delivery: its bytes, its records, its hash. None: nothing."""

    size: int | None = None
    records: int | None = None
    checksum: Checksum | None = None


@dataclass(frozen=True)
class ControlSaid:
    """What a control file says: how many ``parts``, and promises by file name (:data:`WHOLE` for the delivery)."""

    parts: int | None = None
    promises: Mapping[str, Promise] = field(default_factory=dict, repr=False)

    @property
    def named(self) -> frozenset[str]:
        """The files that it names."""
        return frozenset(self.promises) - {WHOLE}

    @property
    def expected(self) -> int | None:
        """How many files it speaks of; None where it does not say."""
        return self.parts if self.parts is not None else len(self.named) or None


def checksums(content: bytes, names: Sequence[str]) -> dict[str, Checksum]:
    """The hash of each of ``names``, from lines ``HASH``, ``HASH  name`` or ``HASH *name``.

    Raises :class:`DeliveryRejected` ``acquire.checksum_file`` for anything else: another file's hash, one that is
    missing, two for one file, a hash by itself where there are several files.
    """
    found: dict[str, Checksum] = {}
    for line in _lines(content, "acquire.checksum_file"):
        match = CHECKSUM_LINE.fullmatch(line)
        if match is None or len(match["hash"]) not in ALGORITHMS:
            raise _unreadable("acquire.checksum_file", "has a line that is no hash, or one of an unknown length")
        name = match["name"] or (names[0] if len(names) == 1 else WHOLE)
        if name in found and found[name].digest != match["hash"].lower():
            raise _unreadable("acquire.checksum_file", "has two hashes of one file")
        found[name] = Checksum(match["hash"].lower())
    if set(found) != set(names):
        raise _unreadable("acquire.checksum_file", f"has no hash of each of {len(names)} files, or one of another")
    return found


def control_said(content: bytes, control: ControlFile) -> ControlSaid:
    """What a control file says; raises :class:`DeliveryRejected` ``acquire.control_file`` for what is in no form."""
    parts: set[int] = set()
    promises: dict[str, Promise] = {}
    for line in _lines(content, "acquire.control_file"):
        values = _values(line, control)
        if "parts" in values:
            parts.add(int(values["parts"]))
        about = values.get("file", WHOLE).strip()
        before = promises.get(about, Promise())
        numbers = {name: int(values[name]) for name in ("bytes", "records") if name in values}
        after = Promise(numbers.get("bytes", before.size), numbers.get("records", before.records))
        if before.size not in (None, after.size) or before.records not in (None, after.records):
            raise _unreadable("acquire.control_file", "says two different things of one file")
        promises[about] = after
    if len(parts) > 1:
        raise _unreadable("acquire.control_file", "says two numbers of parts")
    return ControlSaid(next(iter(parts), None), promises)


def _values(line: str, control: ControlFile) -> dict[str, str]:
    matches = (_line_expression(form).fullmatch(line) for form in control.lines)
    match = next(filter(None, matches), None)
    if match is None:
        raise _unreadable("acquire.control_file", "has a line of none of the forms in the contract")
    return {name: text for name, text in match.groupdict().items() if text is not None}


@cache
def _line_expression(form: str) -> re.Pattern[str]:
    return re.compile("".join(SAID.get(piece) or re.escape(piece) for piece in LINE_TOKEN.split(form)), re.ASCII)


def _lines(content: bytes, code: str) -> Iterator[str]:
    """Its lines that are not blank; refused: what is too long, no text, or has control characters."""
    try:
        text = content.decode("utf-8-sig") if len(content) <= LARGEST_COMPANION_BYTES else "\0"
    except UnicodeDecodeError:
        text = "\0"
    lines = [line.strip() for line in re.split(r"\r\n|\n|\r", text)]
    if any(len(line) > LONGEST_LINE or not line.replace("\t", " ").isprintable() for line in lines):
        raise _unreadable(code, f"is no text, or more than {LARGEST_COMPANION_BYTES} bytes of it")
    return filter(None, lines)


def _unreadable(code: str, message: str) -> DeliveryRejected:
    return DeliveryRejected(code, f"the companion {message}")


def promised(
    names: Sequence[str], control: ControlSaid | None, hashes: Mapping[str, Checksum]
) -> tuple[list[Promise], Promise]:
    """What companions promise of each of ``names``, and of the delivery as a whole.

    Raises :class:`DeliveryRejected` ``acquire.control_file`` where the control file speaks of other files.
    """
    said = control or ControlSaid()
    if (said.named and said.named != set(names)) or said.expected not in (None, len(names)):
        raise _unreadable("acquire.control_file", f"speaks of other files than the {len(names)} of this delivery")
    each = [replace(said.promises.get(name, Promise()), checksum=hashes.get(name)) for name in names]
    return each, said.promises.get(WHOLE, Promise())


def merged(each: Sequence[Promise], whole: Promise) -> Promise:
    """What is promised of a delivery of one file: by its name, or as a whole."""
    (one,) = each
    return Promise(
        one.size if one.size is not None else whole.size,
        one.records if one.records is not None else whole.records,
        one.checksum,
    )
