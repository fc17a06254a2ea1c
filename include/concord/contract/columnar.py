"""What formats have in common whose rows lie under a column mapping."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Columnar:
    """A format that gives rows of named text columns; each has a reader in :mod:`concord.parse`."""

    @property
    def charset(self) -> str:
        """The encoding in which the bytes of a refused row can be looked at."""
        return "utf-8"

    @property
    def marks(self) -> str:
        """Characters that may stand between two values of a row."""
        return ""

    def spread(self, raw: bytes) -> str:
        """The bytes of a refused row as text in which its values stand apart: by ``marks``, line ends or NUL. PHI."""
        return raw.decode(self.charset, errors="replace")

    @property
    def is_spreadsheet(self) -> bool:
        """Whether people open and save it in one: damage is named, look-alikes are mended."""
        return False

    @property
    def stated(self) -> tuple[str, ...]:
        """The source columns, where the contract says all of them; empty where the file names them itself."""
        return ()

    def as_read(self, column: str, texts: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG002
        """What the reader gives for ``texts`` where they are values of source ``column``."""
        return texts

    @property
    def brings_members_alone(self) -> bool:
        """Whether a row may be about a member and no coverage (834: a 2000 loop without HD)."""
        return False

    @property
    def says_its_mode(self) -> bool:
        """Whether each delivery says itself if it is full, of changes, or to be compared (834: BGN08)."""
        return False

    @property
    def phrase(self) -> str:
        """The layout in a few words, for people."""
        return type(self).__name__
