"""The canonical tables that feeds reconcile into."""

from concord.entities.base import Column, Entity, Kind, Phi
from concord.entities.clinical import CLINICAL, RESOURCE_TYPES
from concord.entities.eligibility import ELIGIBILITY
from concord.entities.member import MEMBER

ENTITIES: dict[str, Entity] = {entity.name: entity for entity in (MEMBER, ELIGIBILITY, *CLINICAL)}

__all__ = ["CLINICAL", "ELIGIBILITY", "ENTITIES", "MEMBER", "RESOURCE_TYPES", "Column", "Entity", "Kind", "Phi"]
