"""PURE. When a plan of links stops being ordinary: figures in, findings out.

A link that goes away or elsewhere is always held: what was told, billed or shown under it is somebody's. It holds
only itself: grants go on. When too many existing links would move at once, everything is held, for then it is the
data or the rules that moved.
"""

from __future__ import annotations

from dataclasses import dataclass

from concord.contract import Limit

FEW = Limit(share=0.01, floor=10)


@dataclass(frozen=True)
class Limits:
    """``changed``: links of patients to members that move or go, of those there are."""

    changed: Limit = FEW


@dataclass(frozen=True)
class Finding:
    """One evaluated guard; counts only."""

    guard: str
    count: int
    base: int
    tripped: bool


def evaluate(limits: Limits, *, linked: int, changed: int, losses: int) -> tuple[Finding, ...]:
    """Every guard, tripped or not."""
    limit = limits.changed
    mass = changed >= limit.floor and changed > limit.share * linked
    return (Finding("losses", losses, linked, losses > 0), Finding("changed", changed, linked, mass))


def verdict(findings: tuple[Finding, ...]) -> str:
    """``apply``, ``hold_losses`` (the losses wait) or ``hold`` (everything waits)."""
    tripped = {finding.guard for finding in findings if finding.tripped}
    return "hold" if "changed" in tripped else "hold_losses" if tripped else "apply"
