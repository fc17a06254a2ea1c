"""The bulk protocol: kick-off, status, manifest, deletion (Bulk Data IG, export.html)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from concord.sandbox.fhir import manifest
from concord.sandbox.fhir.answers import fhir, login_page, outcome
from concord.sandbox.fhir.faults import url_of
from concord.sandbox.fhir.gate import Gate
from concord.sandbox.fhir.hospital import Hospital, Job
from concord.sandbox.fhir.kickoff import Refused, posted, selection

JOBS = "/bulk-export/jobs"


async def body_of(request: Request) -> bytes:
    """The request's body, for routes that run in a thread."""
    return await request.body()


def router(hospital: Hospital, gate: Gate) -> APIRouter:
    """The routes below the base URL."""
    routes = APIRouter()
    bulk = _Bulk(hospital)

    def kick_off(request: Request, client: str = Depends(gate), body: bytes = Depends(body_of)) -> Response:
        return bulk.kick_off(request, client, body)

    for path in ("/$export", "/Patient/$export", "/Group/{group}/$export"):
        routes.add_api_route(path, kick_off, methods=["GET", "POST"])

    @routes.get(JOBS + "/{job}")
    def status(job: str, page: int = 0, client: str = Depends(gate)) -> Response:
        return bulk.status(bulk.of(job, client), page)

    @routes.delete(JOBS + "/{job}")
    def delete(job: str, client: str = Depends(gate)) -> Response:
        return bulk.delete(bulk.of(job, client))

    return routes


class _Bulk:
    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital

    def kick_off(self, request: Request, client: str, body: bytes) -> Response:
        group = str(request.path_params.get("group", ""))
        level = "group" if group else "patient" if "/Patient/" in request.url.path else "system"
        try:
            given = posted(body) if request.method == "POST" else list(request.query_params.multi_items())
            chosen = selection(level, group, given, request.headers, self.hospital.profile)
            job = self.hospital.start(client, chosen, str(request.url))
        except Refused as refused:
            self.hospital.note("refused_kick_offs")
            return self._refused(refused)
        hostile = self.hospital.faults.hostile_status_url
        self.hospital.fired("hostile_status_url", hostile)
        location = url_of(hostile) if hostile else f"{self.hospital.base_url}{JOBS}/{job.id}"
        return Response(status_code=202, headers={"Content-Location": location})

    def _refused(self, refused: Refused) -> Response:
        more = self._retry_after() if refused.status == 429 else {}
        return outcome(refused.status, refused.code, refused.text, **more)

    def _retry_after(self) -> dict[str, str]:
        after = self.hospital.faults.retry_after
        return {} if after is None else {"Retry_After": after}

    def of(self, job: str, client: str) -> Job | None:
        """The client's own job."""
        found = self.hospital.jobs.get(job)
        return found if found and found.client == client else None

    def delete(self, job: Job | None) -> Response:
        if job is None:
            return outcome(404, "not-found", "There is no such export.")
        self.hospital.drop(job)
        return Response(status_code=202)

    def status(self, job: Job | None, page: int) -> Response:
        self.hospital.note("polls")
        if job is None:
            return outcome(404, "not-found", "There is no such export.")
        return self._fault(job) or self._waiting(job) or self._complete(job, page)

    def _fault(self, job: Job) -> Response | None:
        hospital = self.hospital
        if hospital.hits("throttled"):
            return outcome(429, "throttled", "You ask too often.", **self._retry_after())
        if hospital.hits("transient"):
            return outcome(500, "transient", "The status is not to be had just now.", **self._retry_after())
        if hospital.hits("html_status"):
            return login_page()
        if hospital.faults.failed or job.broken:
            hospital.fired("failed")
            return outcome(500, "exception", "The export has failed.")
        return None

    def _waiting(self, job: Job) -> Response | None:
        hospital, faults = self.hospital, self.hospital.faults
        with hospital.lock:
            job.polls += 1
            ready = job.complete or (job.polls > faults.polls_until_ready and job.files is not None)
            if not ready or not job.complete:
                job.complete = ready
                hospital.write()
        if ready and job.files is None:  # started again: the files are being found
            job.files = hospital.shelf.files(job.selection, job.day)
        if ready:
            return None
        return Response(status_code=202, headers={"X-Progress": faults.progress} | self._literal_retry_after())

    def _literal_retry_after(self) -> dict[str, str]:
        return {name.replace("_", "-"): value for name, value in self._retry_after().items()}

    def _complete(self, job: Job, page: int) -> Response:
        assert job.files is not None
        self.hospital.note("manifests")
        told: dict[str, Any] = manifest.of(self.hospital, job, job.files, page)
        return fhir(told, Expires=manifest.expires())
