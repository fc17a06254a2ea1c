"""What goes back to a partner after a delivery."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answers:
    """Files that are put into the partner's inbound folder over the feed's own SFTP connection."""

    directory: str
