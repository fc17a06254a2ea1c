"""How far an export is, in a server's own words, made fit to be shown. PURE."""

from __future__ import annotations

import re
from dataclasses import dataclass

from concord.redaction import redacted

NOT_PLAIN = re.compile(r"[^A-Za-z0-9 .,:;%/()_-]+")
LONGEST = 99
"""X-Progress has less than 100 characters (Bulk Data IG, "Response - In-Progress Status")."""


@dataclass(frozen=True)
class InProgress:
    """The export is being made; look again after ``retry_after`` seconds, where the server says when.

    ``progress`` is in the server's words, plain characters, for a person to read.
    """

    progress: str
    retry_after: float | None


def shown(text: str | None) -> str:
    """Free text of the server's: plain characters only, and nothing shaped like a person's number."""
    plain = NOT_PLAIN.sub(" ", text or "")
    return redacted(" ".join(plain.split()))[:LONGEST]
