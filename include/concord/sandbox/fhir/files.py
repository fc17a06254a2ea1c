"""Downloads: from the server itself, or by a redirect from a store at another origin."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from concord.sandbox.fhir import manifest
from concord.sandbox.fhir.answers import login_page, outcome
from concord.sandbox.fhir.damage import damaged
from concord.sandbox.fhir.faults import LINE_FAULTS
from concord.sandbox.fhir.gate import Gate, pause
from concord.sandbox.fhir.hospital import Hospital
from concord.sandbox.fhir.shelf import deletion, line_of

CHUNK = 256 * 1024
NDJSON = "application/fhir+ndjson"


class ConnectionCut(Exception):
    """Ends the answer in the middle; the web server then hangs up."""


def router(hospital: Hospital, gate: Gate) -> APIRouter:
    """The file address below the base URL."""
    routes = APIRouter()

    @routes.get("/bulk-export/files/{job}/{name}")
    def file(request: Request, job: str, name: str, client: str = Depends(gate)) -> Response:
        found = _find(hospital, job, name)
        if found is None or hospital.jobs[job].client != client:
            return outcome(404, "not-found", "There is no such file.")
        return (
            _refusal(hospital, found[0], str(request.url))
            or (RedirectResponse(manifest.presigned(hospital, job, name), 307) if hospital.profile.presigned else None)
            or _send(hospital, found, request.headers.get("accept-encoding", ""))
        )

    return routes


def create_store(hospital: Hospital) -> FastAPI:
    """The other origin: bears presigned addresses only, and refuses a token with 400, as S3 does."""
    app = FastAPI(openapi_url=None)

    @app.get("/exports/{job}/{name}")
    def stored(request: Request, job: str, name: str) -> Response:
        hospital.note("store_requests")
        pause(hospital)
        if "authorization" in request.headers:
            hospital.note("tokens_where_none_belongs")
            return _xml(400, "InvalidArgument", "Only one auth mechanism allowed")
        if request.query_params.get("X-Amz-Signature") != hospital.signature(request.url.path):
            return _xml(403, "SignatureDoesNotMatch", "The signature does not match")
        found = _find(hospital, job, name)
        if found is None:
            return _xml(404, "NoSuchKey", "The specified key does not exist")
        refusal = (
            None
            if hospital.profile.presigned and not hospital.faults.public_files
            else _refusal(hospital, found[0], str(request.url))
        )
        return refusal or _send(hospital, found, request.headers.get("accept-encoding", ""))

    return app


def _xml(status: int, code: str, text: str) -> Response:
    return PlainTextResponse(
        f"<Error><Code>{code}</Code><Message>{text}</Message></Error>", status, media_type="application/xml"
    )


Found = tuple[str, Iterable[bytes]]
"""The type of the resources, and their lines."""


def _find(hospital: Hospital, job: str, name: str) -> Found | None:
    """A file of a job that is complete."""
    exported = hospital.jobs.get(job)
    if exported is None or exported.files is None or not exported.complete:
        return None
    if name in manifest.PLANTED:
        return _planted(hospital, name)
    parts = (*exported.files.output, *exported.files.deleted)
    if not name.isascii() or not name.isdigit() or int(name) >= len(parts):
        return None
    return parts[int(name)].kind, parts[int(name)].read()


def _planted(hospital: Hospital, name: str) -> Found:
    """Errors, and deletions of patients who never were."""
    if name == "error":
        issue = {"severity": "error", "code": "processing", "diagnostics": "A resource could not be exported."}
        lines = [line_of({"resourceType": "OperationOutcome", "issue": [issue]})] * hospital.faults.error_entries
        return "OperationOutcome", lines
    never = [("Patient", f"never-was-{turn}") for turn in range(hospital.faults.deleted_entries)]
    return "Bundle", [line_of(deletion(never))]


def _refusal(hospital: Hospital, kind: str, url: str) -> Response | None:
    """What is answered instead of the file, or of the way to it."""
    if hospital.hits("transient_files"):
        return outcome(503, "transient", "The file is not to be had just now.", Retry_After="1")
    if hospital.hits("gone", kind):
        return outcome(410, "not-found", "The file has expired.")
    if hospital.hits("html", kind):
        return login_page()
    return RedirectResponse(url, 302) if hospital.hits("redirect_loop", kind) else None


def _send(hospital: Hospital, found: Found, accepted: str) -> Response:
    hospital.note("downloads")
    kind, lines = found
    names = [name for name in LINE_FAULTS if hospital.hits(name, kind)]
    lines = damaged(lines, names, huge_mb=hospital.faults.huge_mb)
    if hospital.hits("half_gzip", kind):
        whole = gzip.compress(b"".join(lines))
        return Response(whole[: len(whole) // 2], headers={"Content-Encoding": "gzip"}, media_type=NDJSON)
    zipped = "gzip" in accepted
    chunks = _zipped(lines) if zipped else _joined(lines)
    if hospital.hits("cut", kind):
        chunks = _cut(b"".join(chunks))
    headers = {"Content-Encoding": "gzip"} if zipped else {}
    return StreamingResponse(chunks, headers=headers, media_type=NDJSON)


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines together in pieces worth sending."""
    held, size = [], 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= CHUNK:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _zipped(lines: Iterable[bytes]) -> Iterator[bytes]:
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
    for piece in _joined(lines):
        yield squeeze.compress(piece)
    yield squeeze.flush()


def _cut(whole: bytes) -> Iterator[bytes]:
    yield whole[: len(whole) // 2]
    raise ConnectionCut
