"""What each trigger event of ADT means for the records (HL7 v2.8 §3.3, older events §3.3 of v2.3.1; HL7 table 0003).

A trigger that is not here is refused. Statuses are FHIR's (Encounter.status); None leaves
what is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Shape(Enum):
    """How many persons a message is about."""

    NOBODY = "nobody"
    """It has no PID: nothing for patients or encounters."""
    ONE = "one"
    TWO = "two"
    """Two groups of PID and PV1 (A17, A24, A37)."""
    SEVERAL = "several"
    """Groups of PID, MRG and PV1 (A39 ff.)."""


class Effect(Enum):
    """What an event does beyond telling how patient and visit are."""

    DELETE_PATIENT = "delete_patient"
    DELETE_VISIT = "delete_visit"
    MERGE_PATIENTS = "merge_patients"
    MERGE_VISITS = "merge_visits"
    """The visit of MRG-5 goes on under the number of PV1-19."""
    MOVE_VISITS = "move_visits"
    """Each MRG with its PV1 names a visit that belongs to the PID from now on."""
    LINK = "link"
    UNLINK = "unlink"


class Ending(Enum):
    """What an event says about a visit's end."""

    TOLD = "told"
    """PV1-45 and PV1-36 count."""
    NOW = "now"
    """A discharge: PV1-45, or else when it occurred (EVN-6)."""
    UNDONE = "undone"
    """A discharge is cancelled: whatever PV1 repeats of it, there is no end."""
    UNTOLD = "untold"
    """A discharge that was only expected is cancelled: PV1-45 does not count."""


@dataclass(frozen=True)
class Event:
    """One trigger. ``needs_visit``: without a visit number nothing can be done with it."""

    about: str
    status: str | None = None
    shape: Shape = Shape.ONE
    effect: Effect | None = None
    ending: Ending = Ending.TOLD
    begins: bool = False
    """An admission: it began when PV1-44 says, or else when it occurred (EVN-6)."""
    needs_visit: bool = False


def _merge(about: str, effect: Effect | None = Effect.MERGE_PATIENTS) -> Event:
    return Event(about, shape=Shape.SEVERAL, effect=effect, needs_visit=effect is Effect.MERGE_VISITS)


def _cancel(about: str, status: str) -> Event:
    return Event(about, status, needs_visit=True)


STAYS, PLANNED, CANCELLED = "in-progress", "planned", "cancelled"

EVENTS: Mapping[str, Event] = {
    "A01": Event("admit a patient", STAYS, begins=True),
    "A02": Event("transfer", STAYS),
    "A03": Event("discharge", "finished", ending=Ending.NOW),
    "A04": Event("register a patient", STAYS, begins=True),
    "A05": Event("pre-admit", PLANNED),
    "A06": Event("outpatient becomes inpatient", STAYS),
    "A07": Event("inpatient becomes outpatient", STAYS),
    "A08": Event("update"),
    "A09": Event("patient departing (tracking)"),
    "A10": Event("patient arriving (tracking)"),
    "A11": _cancel("cancel admit or visit", CANCELLED),
    "A12": Event("cancel transfer: PV1-3 is where the patient still is", STAYS, needs_visit=True),
    "A13": Event("cancel discharge", STAYS, ending=Ending.UNDONE, needs_visit=True),
    "A14": Event("pending admit", PLANNED),
    "A15": Event("pending transfer"),
    "A16": Event("pending discharge"),
    "A17": Event("swap two patients' beds", STAYS, Shape.TWO),
    "A18": _merge("merge patients (2.1, 2.2)"),
    "A20": Event("bed status (NPU)", shape=Shape.NOBODY),
    "A21": Event("goes on leave", "onleave"),
    "A22": Event("returns from leave", STAYS),
    "A23": Event("delete a visit", effect=Effect.DELETE_VISIT, needs_visit=True),
    "A24": Event("link two patients", shape=Shape.TWO, effect=Effect.LINK),
    "A25": Event("cancel pending discharge", STAYS, ending=Ending.UNTOLD),
    "A26": Event("cancel pending transfer"),
    "A27": _cancel("cancel pending admit", CANCELLED),
    "A28": Event("add a person"),
    "A29": Event("delete a person", effect=Effect.DELETE_PATIENT),
    "A30": _merge("merge persons"),
    "A31": Event("update a person"),
    "A32": Event("cancel patient arriving (tracking)"),
    "A33": Event("cancel patient departing (tracking)"),
    "A34": _merge("merge patients, id only"),
    "A35": _merge("merge accounts", None),
    "A36": _merge("merge patients, id and account"),
    "A37": Event("unlink two patients", shape=Shape.TWO, effect=Effect.UNLINK),
    "A38": _cancel("cancel pre-admit", CANCELLED),
    "A39": _merge("merge persons, patient id"),
    "A40": _merge("merge patients, identifier list"),
    "A41": _merge("merge accounts", None),
    "A42": _merge("merge visits", Effect.MERGE_VISITS),
    "A43": _merge("move an identifier to another patient", None),
    "A44": _merge("move an account to another patient", None),
    "A45": Event("move visits to another patient", None, Shape.SEVERAL, Effect.MOVE_VISITS, needs_visit=True),
    "A46": _merge("change patient id (PID-2)", None),
    "A47": _merge("change patient identifier list: the old number is replaced"),
    "A48": _merge("change alternate patient id (PID-4)", None),
    "A49": _merge("change account number", None),
    "A50": _merge("change visit number", Effect.MERGE_VISITS),
    "A51": _merge("change alternate visit id (PV1-50)", None),
    "A52": Event("cancel leave", STAYS, needs_visit=True),
    "A53": Event("cancel return from leave", "onleave", needs_visit=True),
    "A54": Event("change attending doctor"),
    "A55": Event("cancel change of attending doctor: PV1-7 is who it was before"),
    "A60": Event("update allergies"),
    "A61": Event("change consulting doctor"),
    "A62": Event("cancel change of consulting doctor"),
}
"""A19 is a query (QRY, ADR), A56 to A59 were never given a meaning."""
