"""Why something was done: ``reasonCode`` and ``reasonReference``, in R5 both in ``reason``."""

from __future__ import annotations

from concord.parse.fhir.codings import read_concept
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.references import read_reference


def read_reason(reading: Reading, resource: Tree, *, with_reference: bool = True) -> None:
    """The ``reason`` columns of a record, of the first reason of each kind."""
    concepts, references = _reasons(reading, resource)
    if concepts:
        read_concept(reading, "reason", concepts[0])
    if references and with_reference:
        read_reference(reading, "reason", references[0])


def _reasons(reading: Reading, resource: Tree) -> tuple[list[Tree], list[Tree]]:
    """Concepts and references of R4; of STU3 (``reason`` is a concept) and R5 (a CodeableReference, or has some)."""
    concepts = list(reading.objects("reason_code", resource.get("reasonCode")))
    references = list(reading.objects("reason_reference", resource.get("reasonReference")))
    for reason in reading.objects("reason_code", resource.get("reason")):
        for each in reading.objects("reason_code", reason.get("value", reason)):
            if "reference" in each:
                references += reading.objects("reason_reference", each["reference"])
            if "concept" in each:
                concepts += reading.objects("reason_code", each["concept"])
            elif "reference" not in each:
                concepts.append(each)
    return concepts, references
