"""The server: FHIR, SMART, and what only a sandbox has.

    app = create_app(hospital)       # FHIR and tokens
    store = create_store(hospital)   # presigned files, at another origin

Only a sandbox has ``GET /_sandbox/stats``, ``GET`` and ``POST /_sandbox/faults`` (the
fields of :class:`~concord.sandbox.fhir.faults.Faults`), ``DELETE /_sandbox/faults``,
``POST /_sandbox/day`` (``{"day": 2}``) and ``POST /_sandbox/revoke`` (no token is good
any more). They are open to everybody: the server listens on 127.0.0.1 only.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import format_datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from concord.sandbox.fhir import bulk, files, search
from concord.sandbox.fhir.answers import fhir, outcome
from concord.sandbox.fhir.faults import Faults
from concord.sandbox.fhir.gate import Gate, Locked, pause, unauthorized
from concord.sandbox.fhir.hospital import Hospital
from concord.sandbox.fhir.population import TYPES
from concord.sandbox.fhir.tokens import ALGORITHMS, TokenRefused

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - an address
STU2 = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"


def create_app(hospital: Hospital) -> FastAPI:
    """The FHIR server of ``hospital``, whose profile it follows."""
    app, gate = FastAPI(openapi_url=None), Gate(hospital)
    app.add_exception_handler(Locked, unauthorized)
    prefix = hospital.profile.path
    app.include_router(_smart(hospital), prefix=prefix)
    app.include_router(bulk.router(hospital, gate), prefix=prefix)
    app.include_router(files.router(hospital, gate), prefix=prefix)
    app.include_router(search.router(hospital, gate), prefix=prefix)
    app.include_router(_tokens(hospital))
    app.include_router(_control(hospital), prefix="/_sandbox")
    return app


def _smart(hospital: Hospital) -> APIRouter:
    """Discovery; needs no token."""
    routes = APIRouter()

    @routes.get("/.well-known/smart-configuration")
    def configuration() -> Response:
        pause(hospital)
        return JSONResponse(
            {
                "token_endpoint": hospital.desk.url,
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
                "scopes_supported": ["system/*.rs", "system/*.read"],
                "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
            }
        )

    @routes.get("/metadata")
    def metadata() -> Response:
        pause(hospital)
        now = hospital.population.clock.end(hospital.day)
        return fhir(_capabilities(hospital), Date=format_datetime(now.astimezone(UTC), usegmt=True))

    return routes


def _capabilities(hospital: Hospital) -> dict[str, Any]:
    types = [{"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]} for kind in TYPES]
    export = {"name": "export", "definition": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"}
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-01",
        "kind": "instance",
        "software": {"name": f"Concord sandbox, {hospital.profile.name} profile"},
        "instantiates": [STU2],
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": types, "operation": [export]}],
    }


def _tokens(hospital: Hospital) -> APIRouter:
    routes = APIRouter()

    @routes.post(TOKEN_PATH)
    def token(body: bytes = Depends(bulk.body_of)) -> Response:
        pause(hospital)
        if hospital.hits("token_errors"):
            return outcome(503, "transient", "Try again.", Retry_After="1")
        try:
            answer = hospital.desk.issue(body)
        except TokenRefused as refused:
            hospital.note("refused_tokens")
            return JSONResponse({"error": refused.error, "error_description": refused.why}, 400)
        hospital.note("tokens")
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    return routes


def _control(hospital: Hospital) -> APIRouter:
    routes = APIRouter()

    @routes.get("/stats")
    def stats() -> Response:
        with hospital.lock:
            told = hospital.stats.as_json() | {"jobs": len(hospital.jobs), "day": hospital.day}
        return JSONResponse(told)

    @routes.get("/faults")
    def faults() -> Response:
        return JSONResponse(hospital.faults.model_dump(mode="json"))

    @routes.post("/faults")
    def change(given: Annotated[dict[str, Any], Body()]) -> Response:
        try:
            with hospital.lock:
                hospital.faults.change(given)
        except ValidationError as error:
            return JSONResponse({"refused": [".".join(map(str, each["loc"])) for each in error.errors()]}, 422)
        return faults()

    @routes.delete("/faults")
    def heal() -> Response:
        return change(Faults().model_dump())

    @routes.post("/day")
    def day(number: Annotated[int, Body(embed=True, alias="day", ge=1)]) -> Response:
        hospital.day = number
        return stats()

    @routes.post("/revoke")
    def revoke() -> Response:
        hospital.desk.revoke_all()
        return stats()

    return routes
