"""FHIR DocumentReference to ``document_reference``: metadata, never content.

https://hl7.org/fhir/R4/documentreference.html. An attachment's ``data`` stays in the raw resource.
"""

from __future__ import annotations

from concord.parse.fhir.codings import codings, preferred, read_coding, read_main_code
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.references import read_logical_reference, read_named_reference, read_reference


def read_document_reference(reading: Reading) -> None:
    """All columns of ``document_reference``."""
    document = reading.resource
    reading.require("status", document.get("status"), document.get("_status"))
    reading.code("status", document.get("status"))
    reading.code("doc_status", document.get("docStatus"))
    read_main_code(reading, document.get("type"))
    read_coding(reading, "category", document.get("category", document.get("class")))
    read_logical_reference(reading, "subject", document.get("subject"))
    _read_context(reading)
    reading.moment("documented", document.get("date", document.get("indexed", document.get("created"))))
    author = next(reading.objects("author_reference", document.get("author")), None)
    read_named_reference(reading, "author", author)
    read_named_reference(reading, "custodian", document.get("custodian"))
    reading.text("description", document.get("description"))
    _read_replaced(reading)
    _read_content(reading)


def _read_context(reading: Reading) -> None:
    """R4: an object with encounters and a period. R5: ``context`` is a list of references itself."""
    document = reading.resource
    for context in reading.objects("encounter_reference", document.get("context")):
        encounters = list(reading.objects("encounter_reference", context.get("encounter"))) or [context]
        if "encounter_reference" not in reading.row:
            read_reference(reading, "encounter", encounters[0])
        if context.get("period") is not None:
            reading.period("effective", "effective_end", context["period"])
    reading.period("effective", "effective_end", document.get("period"))


def _read_replaced(reading: Reading) -> None:
    """relatesTo of code replaces (R5: a concept)."""
    for related in reading.objects("replaces_reference", reading.resource.get("relatesTo")):
        if preferred(codings(reading, "replaces_reference", related.get("code"))).get("code") == "replaces":
            read_reference(reading, "replaces", related.get("target"))


def _read_content(reading: Reading) -> None:
    content = next(reading.objects("content_type", reading.resource.get("content")), {})
    attachment = reading.tree("content_type", content.get("attachment"))
    reading.text("content_type", attachment.get("contentType"))
    reading.text("attachment_url", attachment.get("url"))
    reading.text("attachment_title", attachment.get("title"))
    reading.number("attachment_size", attachment.get("size"))
    reading.text("format_code", preferred(codings(reading, "format_code", content.get("format"))).get("code"))
