"""FHIR DiagnosticReport to ``diagnostic_report`` (https://hl7.org/fhir/R4/diagnosticreport.html)."""

from __future__ import annotations

from concord.parse.fhir.codings import read_coding, read_main_code
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.references import logical_id, read_logical_reference, read_named_reference, read_reference


def read_diagnostic_report(reading: Reading) -> None:
    """All columns of ``diagnostic_report``."""
    report = reading.resource
    reading.require("status", report.get("status"), report.get("_status"))
    reading.code("status", report.get("status"))
    read_coding(reading, "category", report.get("category"))
    reading.require("code", report.get("code"))
    read_main_code(reading, report.get("code"))
    read_logical_reference(reading, "subject", report.get("subject"))
    read_reference(reading, "encounter", report.get("encounter", report.get("context")))
    reading.moment("effective", report.get("effectiveDateTime"))
    reading.period("effective", "effective_end", report.get("effectivePeriod"))
    reading.moment("issued", report.get("issued"))
    performer = next(reading.objects("performer_reference", report.get("performer")), {})
    read_named_reference(reading, "performer", performer.get("actor", performer))  # STU3 has an actor
    interpreter = next(reading.objects("interpreter_reference", report.get("resultsInterpreter")), None)
    read_named_reference(reading, "interpreter", interpreter)
    read_reference(reading, "specimen", next(reading.objects("specimen_reference", report.get("specimen")), None))
    _read_results(reading)
    reading.text("conclusion", report.get("conclusion"))
    read_coding(reading, "conclusion", report.get("conclusionCode", report.get("codedDiagnosis")))
    form = next(reading.objects("content_type", report.get("presentedForm")), {})
    reading.text("content_type", form.get("contentType"))
    reading.text("attachment_url", form.get("url"))


def _read_results(reading: Reading) -> None:
    """How many results there are, and those that are known; each other one counts as unresolved."""
    column = "result_references"
    results = list(reading.objects(column, reading.resource.get("result")))
    known = []
    for result in results:
        target = reading.string(column, result.get("reference"))
        if target and (found := logical_id(target)):
            known.append(found)
        else:
            reading.unresolved.append(column)
    if results:
        reading.row["result_count"] = str(len(results))
        reading.text(column, " ".join(known))
