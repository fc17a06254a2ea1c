"""Layer by layer, the outermost first: each is opened whole before the next one is looked at."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from concord.contract.envelope import Gzip, Pgp, Wrapping, Zip
from concord.unwrap.gzipped import open_gzip
from concord.unwrap.limits import Content, Limited
from concord.unwrap.pgp import open_pgp
from concord.unwrap.values import PgpAccess, Scratch, Sealing, Unwrapped
from concord.unwrap.zipped import chosen, write_member


def unwrap(
    source: BinaryIO,
    envelope: tuple[Wrapping, ...],
    keys: PgpAccess | None,
    target: Sealing,
    scratch: Callable[[], Scratch],
) -> Unwrapped:
    """Writes the content of ``source`` (seekable) to ``target``, and says what was opened.

    Raises :class:`~concord.errors.DeliveryRejected` with a code ``envelope.*``, SettingMissing where ``keys`` are of
    no use, and ``ChildProcessError`` where decryption was ended from outside. After any of these ``target`` holds what
    must not be believed. ``scratch`` takes what is between two layers.
    """
    work = _Work(keys, target, scratch)
    work.open(source, envelope)
    signed_by, opened_by = tuple(sorted(work.signed_by)), tuple(sorted(work.opened_by))
    return Unwrapped(tuple(work.lengths), work.left, signed_by, opened_by)


@dataclass
class _Work:
    keys: PgpAccess | None
    target: Sealing
    scratch: Callable[[], Scratch]
    lengths: list[int] = field(default_factory=list)
    left: int = 0
    signed_by: set[str] = field(default_factory=set)
    opened_by: set[str] = field(default_factory=set)

    def open(self, source: BinaryIO, layers: tuple[Wrapping, ...]) -> None:
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        layer, rest = layers[0], layers[1:]
        if isinstance(layer, Zip):
            self._zip(source, size, layer, rest)
            return
        with self._inside(rest) as inside:
            limited = Limited(inside, size=size, max_ratio=layer.max_ratio, max_bytes=layer.max_bytes)
            self._stream(source, size, layer, limited)

    def _stream(self, source: BinaryIO, size: int, layer: Pgp | Gzip, inside: Sealing) -> None:
        if isinstance(layer, Gzip):
            open_gzip(source, layer, inside)
            return
        opened = open_pgp(source, size, layer, self.keys, inside)
        self.opened_by.add(opened.opened_by)
        self.signed_by.update(opened.signed_by)

    def _zip(self, source: BinaryIO, size: int, layer: Zip, rest: tuple[Wrapping, ...]) -> None:
        data, left = chosen(source, size, layer)
        self.left += left
        for entry in data:
            with self._inside(rest) as inside:
                write_member(source, entry, inside)

    @contextmanager
    def _inside(self, rest: tuple[Wrapping, ...]) -> Iterator[Sealing]:
        """Where the content of a layer goes: the target, or a scratch that is opened in its turn once it is whole."""
        if not rest:
            content = Content(self.target)
            yield content
            content.finish()
            self.lengths.append(content.length)
            return
        kept = self.scratch()
        try:
            yield kept
            with kept.reopen() as inner:
                self.open(inner, rest)
        finally:
            kept.discard()
