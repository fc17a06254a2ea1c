"""Whether a file is NDJSON of resources, by its first bytes; and its lines, counted as they pass.

Portals and gateways answer 200 with a page to log in, servers with an OperationOutcome:
both would otherwise be landed as clinical data (Bulk Data IG, "File Request").
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from threading import Event

from concord.acquire.fhir_bulk.manifest import ExportFile
from concord.acquire.fhir_bulk.refusals import NotNdjson
from concord.acquire.fhir_bulk.sinks import Sink
from concord.errors import SourceUnavailable

HEAD_BYTES = 1 << 16
BOM = b"\xef\xbb\xbf"
OUTCOME = "OperationOutcome"
BEGINS_OUTCOME = re.compile(rb'\{\s*"resourceType"\s*:\s*"OperationOutcome"')


@dataclass(frozen=True)
class Downloaded:
    """What was written: ``size`` in bytes and ``sha256`` (hex) of the plaintext, ``lines`` that are not blank.

    ``is_terminated`` says that the last line has its end (an empty file has no such line, and is).
    """

    size: int
    sha256: str
    lines: int
    is_terminated: bool


class Tally:
    """Counts and hashes what passes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._size = self._lines = 0
        self._is_open = self._has_text = False

    def take(self, data: bytes) -> None:
        """Takes the next bytes, cut anywhere."""
        self._hash.update(data)
        self._size += len(data)
        *ended, last = data.split(b"\n")
        if ended:
            self._lines += sum(1 for line in ended[1:] if line.strip()) + (self._has_text or bool(ended[0].strip()))
            self._has_text = False
        self._has_text = self._has_text or bool(last.strip())
        self._is_open = bool(last) if ended else self._is_open or bool(last)

    def result(self) -> Downloaded:
        """What passed so far."""
        return Downloaded(self._size, self._hash.hexdigest(), self._lines + self._has_text, not self._is_open)


def copied(pieces: Iterable[bytes], sink: Sink, what: str, stop: Event) -> Downloaded:
    """Writes ``pieces`` into ``sink``; raises :class:`SourceUnavailable` as soon as ``stop`` is set."""
    tally = Tally()
    for piece in pieces:
        if stop.is_set():
            raise SourceUnavailable(f"{what}: given up, as another file failed")
        sink.write(piece)
        tally.take(piece)
    return tally.result()


def judged(pieces: Iterable[bytes], file: ExportFile, content_type: str) -> Iterator[bytes]:
    """``pieces`` as they come; raises :class:`NotNdjson` before the first where they are no NDJSON of resources."""
    coming, head = iter(pieces), b""
    for piece in coming:
        head += piece
        if b"\n" in head.lstrip() or len(head) >= HEAD_BYTES:
            break
    if broken := _broken(head, file, content_type):
        raise NotNdjson(file.what, broken)
    return chain([head] if head else [], coming)


def _broken(head: bytes, file: ExportFile, content_type: str) -> str | None:
    text = head.removeprefix(BOM).lstrip()
    if "html" in content_type.lower() or text.startswith(b"<"):
        return "is HTML"
    if text and not text.startswith(b"{"):
        return "does not begin with a JSON object"
    first = text.partition(b"\n")[0].rstrip()
    if _is_outcome(text, first) and file.section in ("output", "deleted") and file.type != OUTCOME:
        return "is an OperationOutcome"
    return "is one JSON document over several lines" if first == b"{" else None


def _is_outcome(text: bytes, first: bytes) -> bool:
    if BEGINS_OUTCOME.match(text):
        return True
    if OUTCOME.encode() not in first:
        return False
    try:
        said = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("resourceType") == OUTCOME
