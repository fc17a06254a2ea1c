"""What was asked of the server, so that a test can prove what was done and what never was."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Stats:
    """Counts since the server started. ``fired`` counts the faults that met somebody, by name."""

    kick_offs: int = 0
    """Exports that were started."""
    refused_kick_offs: int = 0
    polls: int = 0
    manifests: int = 0
    downloads: int = 0
    deletes: int = 0
    searches: int = 0
    tokens: int = 0
    refused_tokens: int = 0
    refused_requests: int = 0
    """Requests without a good token (401)."""
    tokens_where_none_belongs: int = 0
    """Requests that brought a token to a store that refuses it."""
    store_requests: int = 0
    fired: Counter[str] = field(default_factory=Counter)

    def note(self, name: str) -> None:
        """Counts one more of ``name``. Hold a lock."""
        setattr(self, name, getattr(self, name) + 1)

    def as_json(self) -> dict[str, Any]:
        """For ``/_sandbox/stats``."""
        return asdict(self) | {"fired": dict(self.fired)}
