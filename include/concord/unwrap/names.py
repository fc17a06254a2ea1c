"""Names in archives: whoever writes them must not decide where anything goes, nor be two things at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from concord.errors import DeliveryRejected

SEPARATOR = re.compile(r"[/\\]")
DRIVE = re.compile(r"[A-Za-z]:")
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
LONGEST = 1_024


def refuse_hostile(names: Iterable[str]) -> None:
    """Raises :class:`DeliveryRejected` (``envelope.hostile_name``) for names that a path must not be made of.

    Said is which member it is, counted from 1, and what is wrong with its name; never the name.
    """
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        flaw = _flaw(name)
        alike = unicodedata.normalize("NFKC", name).casefold().replace("\\", "/")
        if flaw is None and alike in seen:
            flaw = "is that of another, but for its case at most"
        if flaw:
            raise DeliveryRejected("envelope.hostile_name", f"the name of member {number} {flaw}")
        seen.add(alike)


def _flaw(name: str) -> str | None:
    if not name or len(name) > LONGEST:
        return f"is empty or longer than {LONGEST:,} characters"
    if any(unicodedata.category(character) in UNSEEN for character in name):
        return "has characters that cannot be seen"
    if SEPARATOR.match(name) or DRIVE.match(name):
        return "is absolute"
    return "goes up" if ".." in SEPARATOR.split(name) else None
