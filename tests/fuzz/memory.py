"""How much memory a batch took (Linux)."""

from __future__ import annotations

import re
from pathlib import Path

MOST_MEMORY = 512 << 20
"""What a batch may take beyond what the process had; the largest mutant has about 2 MB."""


def peak() -> int:
    """The most memory the process had since :func:`forget_peak`, in bytes (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) << 10


def forget_peak() -> int:
    """Makes what the process has now its peak; returns it."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()
