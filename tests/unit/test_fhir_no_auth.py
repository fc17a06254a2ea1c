"""An open test server: no token is asked for or sent; without saying so a missing key is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from concord.acquire.fhir_bulk.access import FhirAccess
from concord.acquire.fhir_bulk.client import Bulk
from concord.acquire.fhir_bulk.manifest import ExportFile, Manifest
from concord.acquire.fhir_bulk.request import ExportRequest, Level
from concord.acquire.http.answers import TokenRefused
from concord.errors import SourceRefused
from tests.unit.fhir_server import BASE, STATUS, Answers, Bytes, access, reply

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FILE = f"{BASE}/files/1"
MANIFEST = {
    "transactionTime": "2026-11-28T11:00:00Z", "requiresAccessToken": True,
    "output": [{"type": "Patient", "url": FILE, "count": 1}],
}  # fmt: skip
PATIENT = b'{"resourceType": "Patient", "id": "p1"}\n'


def bulk(answers: Answers) -> Bulk:
    return Bulk(FhirAccess.without_auth(BASE), clock=lambda: NOW, transport=answers.transport)


def test_nothing_but_the_export_is_asked_for() -> None:
    answers = Answers().on("GET", f"{BASE}/$export", lambda: reply(202, content_location=STATUS))
    answers.on("GET", STATUS, lambda: reply(200, MANIFEST)).on("DELETE", STATUS, lambda: reply(202))
    answers.on("GET", FILE, lambda: reply(200, PATIENT, content_type="application/fhir+ndjson"))
    with bulk(answers) as server:
        status_url = server.kick_off(ExportRequest(Level.SYSTEM))
        found = server.poll(status_url)
        assert isinstance(found, Manifest)
        (file,) = found.files
        sink = Bytes()
        assert isinstance(file, ExportFile)
        server.download(file, lambda: sink)
        server.cancel(status_url)
    assert bytes(sink) == PATIENT
    assert [request.method for request in answers.asked] == ["GET", "GET", "GET", "DELETE"]
    assert [request for request in answers.asked if "authorization" in request.headers] == []


def test_a_server_that_asks_who_we_are_after_all_is_not_asked_twice() -> None:
    answers = Answers().on("GET", f"{BASE}/$export", lambda: reply(401))
    with bulk(answers) as server, pytest.raises(TokenRefused):
        server.kick_off(ExportRequest(Level.SYSTEM))
    assert len(answers.asked) == 1


def test_a_key_that_is_missing_is_no_open_server() -> None:
    with pytest.raises(SourceRefused, match="private key"):
        Bulk(access(private_key=""), transport=Answers().transport)
