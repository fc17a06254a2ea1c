"""The feed: one declared stream of a partner."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cached_property

from concord.contract.contradictions import contradictions
from concord.contract.policy import Mode, Policy, Scope, Stage
from concord.contract.reading import Blank, From
from concord.contract.rules import Rule
from concord.contract.source import Delimited, OrderBy, SftpDrop, Weekdays
from concord.entities import ELIGIBILITY, MEMBER, Entity, Phi
from concord.errors import ContractError


@dataclass(frozen=True)
class Feed:
    """One declared stream of a partner: everything a partner manager would ask.

    Raises :class:`ContractError` naming feed and field when the values contradict
    each other. ``retention_days`` counts from landing.
    """

    name: str
    partner: str
    about: str
    owner: str
    source: SftpDrop
    schedule: Weekdays
    format: Delimited
    mode: Mode
    columns: Mapping[str, From]
    rules: tuple[Rule, ...] = ()
    entities: tuple[Entity, ...] = (MEMBER, ELIGIBILITY)
    scope: Scope = field(default_factory=Scope)
    order: OrderBy = field(default_factory=OrderBy)
    policy: Policy = field(default_factory=Policy)
    stage: Stage = Stage.LIVE
    constants: Mapping[str, str] = field(default_factory=dict)
    """Canonical columns the partner never sends, with the value they all have."""
    ignored: tuple[str, ...] = ()
    """Source columns that are known and deliberately not used: not drift."""
    retention_days: int = 2_190
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field_name, message in contradictions(self):
            raise ContractError(self.name, field_name, message)

    @property
    def canonical(self) -> tuple[str, ...]:
        """Canonical columns of this feed's entities, each once, in entity order."""
        return tuple(dict.fromkeys(name for entity in self.entities for name in entity.names))

    def phi(self, column: str) -> Phi:
        """PHI class of a canonical column of this feed's entities."""
        return next(e.column(column).phi for e in self.entities if column in e.names)

    def blank_means(self, column: str) -> Blank:
        """What a blank value of canonical ``column`` means: declared, or by mode."""
        mapping = self.columns.get(column)
        if mapping is not None and mapping.blank is not None:
            return mapping.blank
        return Blank.KEEP if self.mode is Mode.DELTA or mapping is None else Blank.CLEAR

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over every value of the contract: pinned by a plan, checked by apply."""
        return hashlib.sha256(_canonical_text(self).encode()).hexdigest()


def _canonical_text(value: object) -> str:
    """A stable text of a contract value: nested dataclasses, mappings and sequences in order."""
    if is_dataclass(value) and not isinstance(value, type):
        inner = ",".join(f"{f.name}={_canonical_text(getattr(value, f.name))}" for f in fields(value))
        return f"{type(value).__name__}({inner})"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{k}:{_canonical_text(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, tuple):
        return "(" + ",".join(_canonical_text(v) for v in value) + ")"
    return str(value.value) if isinstance(value, Enum) else repr(value)
