"""One message to rows and merges, by its event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from concord.parse.hl7v2.chunk import Merge
from concord.parse.hl7v2.context import Context, Options, context
from concord.parse.hl7v2.encounter import encounter_row, prior_visit, visit_identifier
from concord.parse.hl7v2.events import Effect, Shape
from concord.parse.hl7v2.identifiers import Identifier
from concord.parse.hl7v2.message import Message, Segment
from concord.parse.hl7v2.patient import known_as, patient_row, replaced
from concord.parse.hl7v2.refusal import Code, MessageRefused
from concord.parse.hl7v2.rows import Row


@dataclass
class Reading:
    """What one message says. ``unkeyed`` counts visits without a number: no row can hold them."""

    line: int
    context: Context
    rows: list[Row] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    unkeyed: int = 0

    def merge(self, entity: str, kind: str, survivor_id: str, replaced_id: str) -> None:
        """Notes what became one (or no longer is)."""
        self.merges.append(Merge(self.line, entity, kind, survivor_id, replaced_id, self.context.recorded))


@dataclass
class Group:
    """A PID and what follows it up to the next; ``visits`` are PV1 with their PV2 and the MRG before them."""

    pid: Segment
    merged: list[Segment] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)


@dataclass
class Visit:
    """A PV1, the MRG right before it (A45) and the PV2 after it."""

    pv1: Segment
    mrg: Segment | None
    pv2: Segment | None = None


def interpret(message: Message, line: int, options: Options) -> Reading:
    """Rows and merges of ``message``, which begins at ``line``; none where it is about nobody (A20).

    The first row is a patient's. Raises :class:`MessageRefused`.
    """
    found = Reading(line, context(message, options))
    if found.context.event.shape is Shape.NOBODY:
        return found
    groups = list(_groups(message))
    _check_shape(groups, found.context)
    for group in groups:
        _read_group(group, found)
    if found.context.event.effect in (Effect.LINK, Effect.UNLINK):
        _link(groups, found)
    return found


def _groups(message: Message) -> Iterator[Group]:
    group: Group | None = None
    mrg: Segment | None = None
    for segment in message.segments:
        if segment.name == "PID":
            if group is not None:
                yield group
            group, mrg = Group(segment), None
        elif group is not None and segment.name == "MRG":
            mrg = segment
            group.merged.append(segment)
        elif group is not None and segment.name == "PV1":
            group.visits.append(Visit(segment, mrg))
        elif group is not None and segment.name == "PV2" and group.visits:
            group.visits[-1].pv2 = segment
    if group is not None:
        yield group


def _check_shape(groups: list[Group], context: Context) -> None:
    event = context.event
    if not groups or (event.shape is Shape.TWO and len(groups) < 2):
        raise MessageRefused(Code.NO_PID)
    most = {Shape.ONE: 1, Shape.TWO: 2}.get(event.shape, len(groups))
    if len(groups) > most:
        raise MessageRefused(Code.TWO_PID)
    if event.effect is not Effect.MOVE_VISITS and any(len(group.visits) > 1 for group in groups):
        raise MessageRefused(Code.TWO_PV1)


def _read_group(group: Group, found: Reading) -> None:
    context = found.context
    if context.event.effect is Effect.DELETE_PATIENT:
        row = context.row("patient", known_as(group.pid, context).record_id)
        row.deleted = True
        found.rows.append(row)
        return
    found.rows.append(patient_row(group.pid, context))
    if context.event.effect is Effect.MERGE_PATIENTS:
        _merge_patients(group, found)
    _read_visits(group, found)


def _merge_patients(group: Group, found: Reading) -> None:
    """MRG names who was replaced; who replaces them is the PID before it."""
    if not group.merged:
        raise MessageRefused(Code.NO_MRG)
    survivor = known_as(group.pid, found.context).record_id
    for mrg in group.merged:
        gone = replaced(mrg, found.context).record_id
        if gone == survivor:
            raise MessageRefused(Code.SAME)
        row = found.context.row("patient", gone)
        row.set("active", False)
        row.set("replaced_by_reference", f"Patient/{survivor}")
        found.rows.append(row)
        found.merge("patient", "merge", survivor, gone)


def _read_visits(group: Group, found: Reading) -> None:
    event, subject = found.context.event, known_as(group.pid, found.context)
    if event.needs_visit and not group.visits:
        raise MessageRefused(Code.NO_PV1)
    for visit in group.visits:
        number = _number(visit, found.context)
        if number is None:
            found.unkeyed += 1
        elif event.effect is Effect.DELETE_VISIT:
            row = found.context.row("encounter", number.record_id)
            row.deleted = True
            found.rows.append(row)
        else:
            found.rows.append(encounter_row(number, visit.pv1, visit.pv2, subject, found.context))
            _merge_visits(visit, number, found)


def _number(visit: Visit, context: Context) -> Identifier | None:
    """The visit's number; raises ``visit.no_number`` where the event is about nothing else."""
    number = visit_identifier(visit.pv1, context)
    if number is None and visit.mrg is not None and context.event.effect is Effect.MOVE_VISITS:
        number = prior_visit(visit.mrg, context)
    if number is None and context.event.needs_visit:
        raise MessageRefused(Code.NO_VISIT)
    return number


def _merge_visits(visit: Visit, number: Identifier, found: Reading) -> None:
    """MRG-5 goes on under the number of PV1-19: its row ends. Raises ``segment.missing_mrg``."""
    if found.context.event.effect not in (Effect.MERGE_VISITS, Effect.MOVE_VISITS):
        return
    prior = prior_visit(visit.mrg, found.context) if visit.mrg is not None else None
    if prior is None:
        raise MessageRefused(Code.NO_MRG)
    if prior.record_id == number.record_id:
        if found.context.event.effect is Effect.MERGE_VISITS:
            raise MessageRefused(Code.SAME)
        return
    row = found.context.row("encounter", prior.record_id)
    row.deleted = True
    found.rows.append(row)
    found.merge("encounter", "merge", number.record_id, prior.record_id)


def _link(groups: list[Group], found: Reading) -> None:
    """A24 and A37 name two patients; neither replaces the other."""
    first, second = (known_as(group.pid, found.context).record_id for group in groups)
    if first == second:
        raise MessageRefused(Code.SAME)
    kind = "link" if found.context.event.effect is Effect.LINK else "unlink"
    found.merge("patient", kind, first, second)
