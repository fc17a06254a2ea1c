"""What a complete export says it holds (Bulk Data IG: response - complete status)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from concord.sandbox.fhir.clock import instant
from concord.sandbox.fhir.faults import url_of
from concord.sandbox.fhir.hospital import Hospital, Job
from concord.sandbox.fhir.shelf import Files, Part

Manifest = dict[str, Any]
PLANTED = ("error", "deletions")
"""Files that only faults bring, by the last part of their address."""


def expires() -> str:
    """An HTTP-date a day from now."""
    return format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)


def of(hospital: Hospital, job: Job, files: Files, page: int) -> Manifest:
    """The manifest, or page ``page`` (from 0) of it where partial manifests are switched on."""
    faults = hospital.faults
    output = _output(hospital, job, files)
    pages = max(1, faults.partial_manifests)
    size = max(1, -(-len(output) // pages))
    last = page >= pages - 1
    told: Manifest = {
        "transactionTime": instant(job.transaction_time),
        "request": job.url,
        "requiresAccessToken": not faults.public_files,
        "output": output[page * size :] if last else output[page * size : (page + 1) * size],
        "error": [],
    }
    if last:
        told |= _last(hospital, job, files)
    else:
        hospital.fired("partial_manifests")
        hospital.fired("hostile_next", faults.hostile_next)
        following = url_of(faults.hostile_next) or f"{hospital.base_url}/bulk-export/jobs/{job.id}?page={page + 1}"
        told["link"] = [{"relation": "next", "url": following}]
    return told


def _last(hospital: Hospital, job: Job, files: Files) -> Manifest:
    """Deletions and errors stand in the last page."""
    faults, told = hospital.faults, Manifest()
    start = len(files.output)
    deleted = [_entry(hospital, job, part, start + turn) for turn, part in enumerate(files.deleted)]
    if faults.deleted_entries:
        deleted.append({"type": "Bundle", "url": url_of_file(hospital, job, "deletions"), "count": 1})
        hospital.fired("deleted_entries")
    if deleted:
        told["deleted"] = deleted
    if faults.error_entries:
        hospital.fired("error_entries")
        entry = {"type": "OperationOutcome", "url": url_of_file(hospital, job, "error"), "count": faults.error_entries}
        told["outcome" if faults.outcome_name else "error"] = [entry]
    return told


def _output(hospital: Hospital, job: Job, files: Files) -> list[dict[str, Any]]:
    faults = hospital.faults
    hospital.fired("empty", faults.empty)
    if faults.empty:
        return []
    hospital.fired("missing_types", faults.missing_types)
    output = [
        _entry(hospital, job, part, number)
        for number, part in enumerate(files.output)
        if part.kind not in faults.missing_types
    ]
    if faults.hostile_url and output:
        hospital.fired("hostile_url")
        output[0]["url"] = url_of(faults.hostile_url)
    return output


def _entry(hospital: Hospital, job: Job, part: Part, number: int) -> dict[str, Any]:
    faults, count = hospital.faults, part.lines
    if faults.wrong_count & {part.kind, "*"}:
        hospital.fired("wrong_count")
        count += 1
    entry = {"type": part.kind, "url": url_of_file(hospital, job, str(number))}
    return entry if faults.without_count else entry | {"count": count}


def url_of_file(hospital: Hospital, job: Job, name: str) -> str:
    """Where a file is: behind the token, or in the store where that needs none."""
    if hospital.faults.public_files:
        hospital.fired("public_files")
        return presigned(hospital, job.id, name)
    return f"{hospital.base_url}/bulk-export/files/{job.id}/{name}"


def presigned(hospital: Hospital, job: str, name: str) -> str:
    """An address of the store that needs no token, and bears none."""
    path = f"/exports/{job}/{name}"
    return f"{hospital.store_url}{path}?X-Amz-Expires=900&X-Amz-Signature={hospital.signature(path)}"
