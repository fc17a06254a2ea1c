"""The canonical tables that feeds reconcile into."""

from concord.entities.base import Column, Entity, Kind, Phi
from concord.entities.eligibility import ELIGIBILITY
from concord.entities.member import MEMBER

ENTITIES: dict[str, Entity] = {entity.name: entity for entity in (MEMBER, ELIGIBILITY)}

__all__ = ["ELIGIBILITY", "ENTITIES", "MEMBER", "Column", "Entity", "Kind", "Phi"]
