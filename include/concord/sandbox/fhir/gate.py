"""Who is let through to FHIR, and how slowly."""

from __future__ import annotations

import time

from fastapi import Request
from starlette.responses import Response

from concord.sandbox.fhir.answers import outcome
from concord.sandbox.fhir.hospital import Hospital


class Locked(Exception):
    """No good token."""


class Gate:
    """A dependency of every route that needs a token; its value is the client's id."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital

    def __call__(self, request: Request) -> str:
        """The client; raises :class:`Locked`."""
        pause(self.hospital)
        client = self.hospital.desk.client_of(request.headers.get("authorization"))
        if client is None:
            self.hospital.note("refused_requests")
            raise Locked
        return client


def pause(hospital: Hospital) -> None:
    """Waits as long as the fault ``delay_s`` says."""
    if hospital.faults.delay_s:
        hospital.fired("delay_s")
        time.sleep(hospital.faults.delay_s)


def unauthorized(_request: Request, _error: Exception) -> Response:
    """The answer to :class:`Locked`."""
    return outcome(
        401, "login", "The token is missing, unknown or too old.", WWW_Authenticate='Bearer error="invalid_token"'
    )
