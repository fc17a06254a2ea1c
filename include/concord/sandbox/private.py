"""Files that hold secrets."""

from __future__ import annotations

from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Writes ``text`` so that nobody else can read it at any moment, and no half of it is ever found."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600, exist_ok=False)
    part.write_text(text, encoding="utf-8")
    part.replace(path)
