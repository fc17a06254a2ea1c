"""The answers that every part of the server gives."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response

FHIR = "application/fhir+json"
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"


def fhir(resource: dict[str, Any], status: int = 200, **headers: str) -> Response:
    """A resource."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(resource, status, headers=named, media_type=FHIR)


def outcome(status: int, code: str, text: str, **headers: str) -> Response:
    """An OperationOutcome with one issue."""
    severity = "fatal" if code == "exception" else "error"
    issue = {"severity": severity, "code": code, "diagnostics": text}
    return fhir({"resourceType": "OperationOutcome", "issue": [issue]}, status, **headers)


def login_page() -> Response:
    """What a proxy answers when it has lost somebody's session."""
    return HTMLResponse(LOGIN_PAGE)
