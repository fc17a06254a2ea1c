"""The feed: one declared stream of a partner."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cached_property
from typing import TypeVar

from concord.contract.answers import Answers
from concord.contract.columnar import Columnar
from concord.contract.contradictions import contradictions
from concord.contract.delimited import Delimited
from concord.contract.envelope import Pgp
from concord.contract.fixed import FixedWidth
from concord.contract.policy import Mode, Policy, Scope, Stage
from concord.contract.reading import Blank, From
from concord.contract.rules import Rule
from concord.contract.sheet import Xlsx
from concord.contract.source import FhirBulk, FhirNdjson, FhirSearch, Hl7v2, OrderBy, SftpDrop, Weekdays
from concord.contract.x12 import X12834
from concord.entities import ELIGIBILITY, MEMBER, Entity, Phi
from concord.errors import ContractError

Part = TypeVar("Part")


@dataclass(frozen=True)
class Feed:
    """One declared stream of a partner: everything a partner manager would ask.

    Raises :class:`ContractError` naming feed and field when the values contradict
    each other. ``retention_days`` counts from landing. A feed of *records* (clinical
    resources) reconciles into one table of ``entities.CLINICAL`` by a column mapping, or
    into several without: then its format says what everything means.
    """

    name: str
    partner: str
    about: str
    owner: str
    source: SftpDrop | FhirBulk | FhirSearch
    schedule: Weekdays
    format: Delimited | FixedWidth | Xlsx | X12834 | FhirNdjson | Hl7v2
    mode: Mode
    columns: Mapping[str, From] = field(default_factory=dict)
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
    answers: Answers | None = None
    """What goes back to the partner after each delivery."""
    retention_days: int = 2_190
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field_name, message in contradictions(self):
            raise ContractError(self.name, field_name, message)

    @property
    def drop(self) -> SftpDrop:
        """Where its files are; raises ``TypeError`` for a feed whose deliveries are no files of a drop."""
        return _as(SftpDrop, self.source)

    @property
    def bulk(self) -> FhirBulk:
        """The export it asks for; raises ``TypeError`` for a feed that asks for none."""
        return _as(FhirBulk, self.source)

    @property
    def search(self) -> FhirSearch:
        """The searches it asks for; raises ``TypeError`` for a feed that asks for none."""
        return _as(FhirSearch, self.source)

    @property
    def asked(self) -> FhirBulk | FhirSearch:
        """What a FHIR server is asked for, either way; raises ``TypeError`` for a feed whose deliveries are files."""
        return self.source if isinstance(self.source, FhirSearch) else self.bulk

    @property
    def connections(self) -> tuple[str, ...]:
        """The Airflow connections it needs: to its source, and to the keys of its envelope."""
        layers = self.source.envelope if isinstance(self.source, SftpDrop) else ()
        return (self.source.conn_id, *(layer.conn_id for layer in layers if isinstance(layer, Pgp)))

    @property
    def pulls(self) -> bool:
        """Whether its deliveries come because we ask a server for them."""
        return not isinstance(self.source, SftpDrop)

    @property
    def layout(self) -> Delimited:
        """How its columns lie in delimited text; raises ``TypeError`` for a feed that is none."""
        return _as(Delimited, self.format)

    @property
    def columnar(self) -> Columnar:
        """How rows lie under its column mapping; raises ``TypeError`` for a feed without columns."""
        return _as(Columnar, self.format)

    @property
    def has_columns(self) -> bool:
        """Whether lines are rows under a mapping, instead of saying themselves what they are."""
        return isinstance(self.format, Columnar)

    @property
    def is_of_records(self) -> bool:
        """Whether it reconciles into records, known by a resource's id, instead of coverage."""
        return all(entity.is_record for entity in self.entities)

    @property
    def never_passes(self) -> bool:
        """Whether a delivery waits for every one before it, since it may be of changes."""
        return self.mode is Mode.DELTA or self.says_its_mode

    @property
    def says_its_mode(self) -> bool:
        """Whether each delivery says itself if it is full, of changes, or to be compared."""
        return self.has_columns and self.columnar.says_its_mode

    def as_sent(self, mode: Mode) -> Feed:
        """The contract as it counts for a delivery that says itself what it is (834 BGN08); its fingerprint stays."""
        if mode is self.mode:
            return self
        sent = copy(self)
        sent.__dict__.update(mode=mode, fingerprint=self.fingerprint)  # what was promised is not judged again
        return sent

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
        if isinstance(self.format, FhirNdjson):
            return Blank.CLEAR  # a resource is stated whole, and newer ones take its place
        return Blank.KEEP if self.mode is Mode.DELTA or mapping is None else Blank.CLEAR

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over every value of the contract: pinned by a plan, checked by apply."""
        return hashlib.sha256(_canonical_text(self).encode()).hexdigest()


def _as(kind: type[Part], value: object) -> Part:
    if not isinstance(value, kind):
        raise TypeError(f"the contract has {type(value).__name__}, not {kind.__name__}")
    return value


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
