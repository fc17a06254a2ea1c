"""The sandbox's FHIR server: it speaks the real protocol, and every fault that can be switched on does fire."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import signal
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from concord.sandbox import processes
from concord.sandbox.fhir import child
from concord.sandbox.fhir.faults import HOSTILE, LINE_FAULTS, Faults
from concord.sandbox.fhir.keys import ClientKey, new_key
from concord.sandbox.fhir.population import GROUPS, TYPES, Population
from concord.sandbox.fhir.profiles import EPIC, ORACLE, Profile
from concord.sandbox.fhir.server import FhirSandbox
from concord.sandbox.people import CANARY
from concord.sandbox.roster import Employer

START = date(2026, 11, 18)
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASYNC = {"Accept": "application/fhir+json", "Prefer": "respond-async"}
POPULATIONS = {
    profile.name: Population(1, Employer(20, 300, start=START), profile=profile, members=40, strangers=6)
    for profile in (EPIC, ORACLE)
}


OPEN: list[httpx.Client] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No client stays connected after its test."""
    yield
    while OPEN:
        OPEN.pop().close()


class Client:
    """Drives the server as a client should; tests take single steps where it should not."""

    def __init__(self, sandbox: FhirSandbox) -> None:
        self.sandbox, self.http = sandbox, httpx.Client(timeout=10)
        OPEN.append(self.http)
        self.token = "none"

    def assertion(self, key: ClientKey | None = None, **changes: Any) -> str:
        sandbox, key = self.sandbox, key or self.sandbox.key
        claims = {
            "iss": sandbox.client_id, "sub": sandbox.client_id, "aud": sandbox.token_url,
            "jti": str(uuid.uuid4()), "exp": int(time.time()) + 240,
        } | changes  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key.private_pem, algorithm=key.algorithm, headers={"kid": key.kid})

    def ask_token(self, assertion: str | None = None, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion or self.assertion(),
        } | changes  # fmt: skip
        return self.http.post(self.sandbox.token_url, data=form)

    def log_in(self) -> Client:
        self.token = self.ask_token().json()["access_token"]
        return self

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | more

    def get(self, url: str, **more: str) -> httpx.Response:
        whole = url if "://" in url else self.sandbox.base_url + url
        return self.http.get(whole, headers=self.headers(**more))

    def kick_off(self, path: str = "/Group/everyone/$export", *, method: str = "GET", **more: Any) -> httpx.Response:
        return self.http.request(method, self.sandbox.base_url + path, headers=self.headers(**ASYNC), **more)

    def poll(self, url: str, *, patience_s: float = 10) -> httpx.Response:
        until = time.monotonic() + patience_s
        while (answer := self.get(url)).status_code == 202 and time.monotonic() < until:
            time.sleep(0.01)
        return answer

    def export(self, path: str = "/Group/everyone/$export", **more: Any) -> tuple[str, dict[str, Any]]:
        started = self.kick_off(path, **more)
        assert started.status_code == 202, started.text
        url = started.headers["content-location"]
        answer = self.poll(url)
        assert answer.status_code == 200, answer.text
        return url, answer.json()

    def download(self, url: str, **more: str) -> httpx.Response:
        answer = self.get(url, **more)
        if answer.status_code == 307:
            return self.http.get(answer.headers["location"], headers=more)
        return answer

    def resources(self, manifest: dict[str, Any]) -> list[dict[str, Any]]:
        texts = [self.download(entry["url"]).text for entry in manifest["output"]]
        return [json.loads(line) for text in texts for line in text.split("\n") if line]

    def delete(self, url: str) -> httpx.Response:
        return self.http.delete(url, headers=self.headers())


def served(profile: Profile, **more: Any) -> FhirSandbox:
    return FhirSandbox(POPULATIONS[profile.name], **more)


@pytest.fixture(scope="module")
def running_epic() -> Iterator[FhirSandbox]:
    with served(EPIC) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def running_oracle() -> Iterator[FhirSandbox]:
    with served(ORACLE) as sandbox:
        yield sandbox


def healthy(sandbox: FhirSandbox) -> Client:
    """A client of a server whose jobs, faults and counts are as at its start."""
    for job in list(sandbox.hospital.jobs.values()):
        sandbox.hospital.drop(job)
    sandbox.faults.change(Faults().model_dump() | {"polls_until_ready": 0})
    sandbox.day = 1
    sandbox.stats.__init__()  # type: ignore[misc]
    return Client(sandbox).log_in()


@pytest.fixture
def epic(running_epic: FhirSandbox) -> Client:
    return healthy(running_epic)


@pytest.fixture
def oracle(running_oracle: FhirSandbox) -> Client:
    return healthy(running_oracle)


def issue(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json()["resourceType"] == "OperationOutcome"
    return str(answer.json()["issue"][0]["code"])


def entry_of(manifest: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(entry for entry in manifest["output"] if entry["type"] == kind)


# ── discovery and tokens ───────────────────────────────────────────────────────


def test_discovery_needs_no_token_and_names_the_token_endpoint(oracle: Client) -> None:
    told = httpx.get(oracle.sandbox.base_url + "/.well-known/smart-configuration").json()
    assert told["token_endpoint"] == oracle.sandbox.token_url
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    statement = httpx.get(oracle.sandbox.base_url + "/metadata").json()
    assert (statement["resourceType"], statement["fhirVersion"]) == ("CapabilityStatement", "4.0.1")


def test_a_token_is_given_for_a_signed_assertion(epic: Client, oracle: Client) -> None:
    assert epic.sandbox.key.algorithm == "RS384"
    assert oracle.sandbox.key.algorithm == "ES384"
    for client in (epic, oracle):
        answer = client.ask_token()
        assert answer.status_code == 200
        assert answer.json()["token_type"] == "bearer"
        assert answer.json()["expires_in"] == 300
        assert client.ask_token(scope="system/Patient.read system/Observation.rs").status_code == 200


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "http://127.0.0.1:1/oauth2/token"},
    "too long": {"exp": int(time.time()) + 4_000},
    "expired": {"exp": int(time.time()) - 60},
    "another subject": {"sub": "somebody-else"},
    "another client": {"iss": "somebody-else"},
    "no jti": {"jti": None},
}


@pytest.mark.parametrize("wrong", BAD_CLAIMS)
def test_an_assertion_with_a_wrong_claim_gets_no_token(oracle: Client, wrong: str) -> None:
    answer = oracle.ask_token(oracle.assertion(**BAD_CLAIMS[wrong]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert oracle.sandbox.stats.refused_tokens == 1


def test_an_assertion_is_good_once(oracle: Client) -> None:
    assertion = oracle.assertion()
    assert oracle.ask_token(assertion).status_code == 200
    again = oracle.ask_token(assertion)
    assert (again.status_code, again.json()["error_description"]) == (400, "jti was used before")


def test_a_signature_by_another_key_gets_no_token(oracle: Client) -> None:
    other = new_key("ES384")
    forged = ClientKey(oracle.sandbox.key.kid, "ES384", other.private_pem, other.jwk)
    assert oracle.ask_token(oracle.assertion(forged)).json()["error_description"] == "InvalidSignatureError"
    assert oracle.ask_token(oracle.assertion(other)).json()["error_description"] == "no such client, kid or alg"


def test_no_other_grant_assertion_type_or_scope(oracle: Client) -> None:
    errors = [
        oracle.ask_token(**{name: value}).json()["error"]
        for name, value in (("grant_type", "password"), ("client_assertion_type", "x"), ("scope", "system/*.cud"))
    ]
    assert errors == ["unsupported_grant_type", "invalid_request", "invalid_scope"]


def test_keys_overlap_while_they_are_rotated(oracle: Client) -> None:
    sandbox, old = oracle.sandbox, oracle.sandbox.key
    new = sandbox.add_key()
    assert oracle.ask_token(oracle.assertion(old)).status_code == 200
    sandbox.remove_key(old.kid)
    assert oracle.ask_token(oracle.assertion(old)).status_code == 400
    assert oracle.ask_token(oracle.assertion(new)).status_code == 200


@pytest.mark.parametrize("path", ["/Patient?_id=1", "/Group/everyone/$export", "/bulk-export/jobs/1"])
def test_without_a_token_nothing_is_told(oracle: Client, path: str) -> None:
    oracle.token = "made-up"
    answer = oracle.get(path, **ASYNC)
    assert (answer.status_code, issue(answer)) == (401, "login")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert oracle.sandbox.stats.refused_requests == 1


# ── the protocol ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("maker", ["epic", "oracle"])
def test_an_export_from_kick_off_to_deletion(maker: str, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(maker)
    client.sandbox.faults.polls_until_ready = 2
    started = client.kick_off()
    assert (started.status_code, started.content) == (202, b"")
    url = started.headers["content-location"]
    waiting = client.get(url)
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
    assert waiting.headers["x-progress"] == client.sandbox.faults.progress
    done = client.poll(url)
    manifest = done.json()
    assert "expires" in done.headers
    assert manifest["requiresAccessToken"] is True
    assert manifest["transactionTime"].startswith("2026-11-18T22:0")
    assert manifest["request"] == client.sandbox.base_url + "/Group/everyone/$export"
    assert {entry["type"]: entry["count"] for entry in manifest["output"]} == (
        client.sandbox.population.truth(1).counts
    )
    assert len(client.resources(manifest)) == sum(client.sandbox.population.truth(1).counts.values())
    assert client.delete(url).status_code == 202
    assert client.get(url).status_code == client.delete(url).status_code == 404
    assert client.get(manifest["output"][0]["url"]).status_code == 404
    assert (client.sandbox.stats.kick_offs, client.sandbox.stats.deletes) == (1, 1)


def test_the_files_hold_what_the_population_does(oracle: Client) -> None:
    _, manifest = oracle.export()
    found = sorted(oracle.resources(manifest), key=lambda each: (each["resourceType"], each["id"]))
    assert found == sorted(oracle.sandbox.population.resources(1), key=lambda each: (each["resourceType"], each["id"]))


def test_a_manifest_may_be_fetched_again(oracle: Client) -> None:
    url, manifest = oracle.export()
    assert oracle.get(url).json() == manifest


def test_files_come_zipped_when_asked_and_plain_when_not(epic: Client) -> None:
    _, manifest = epic.export()
    url = entry_of(manifest, "Observation")["url"]
    with epic.http.stream("GET", url, headers=epic.headers(**{"Accept-Encoding": "gzip"})) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        zipped = b"".join(answer.iter_raw())
    plain = epic.get(url, **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"] == "application/fhir+ndjson"
    assert gzip.decompress(zipped) == plain.content


def test_large_types_come_in_several_files(tmp_path: Path) -> None:
    with served(ORACLE, lines_per_file=50, faults=Faults(polls_until_ready=0)) as sandbox:
        client = Client(sandbox).log_in()
        _, manifest = client.export()
        observations = [entry for entry in manifest["output"] if entry["type"] == "Observation"]
        assert len(observations) > 3
        assert all(entry["count"] == 50 for entry in observations[:-1])
        assert len(client.resources(manifest)) == sum(sandbox.population.truth(1).counts.values())


def test_the_headers_of_a_kick_off_are_required(oracle: Client) -> None:
    url = oracle.sandbox.base_url + "/Group/everyone/$export"
    assert oracle.http.get(url, headers=oracle.headers(Accept="application/fhir+json")).status_code == 400
    assert oracle.http.get(url, headers=oracle.headers(Prefer="respond-async", Accept="text/html")).status_code == 406
    assert oracle.sandbox.stats.kick_offs == 0


def test_a_kick_off_by_post_says_the_same_as_by_get(oracle: Client) -> None:
    _, by_get = oracle.export("/Group/north/$export?_type=Patient,Observation&_typeFilter=Observation%3Fcode%3D4548-4")
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "_type", "valueString": "Patient,Observation"},
            {"name": "_typeFilter", "valueString": "Observation?code=4548-4"},
        ],
    }
    _, by_post = oracle.export("/Group/north/$export", method="POST", json=parameters)
    assert {entry["type"] for entry in by_get["output"]} == {"Patient", "Observation"}
    assert [entry["count"] for entry in by_get["output"]] == [entry["count"] for entry in by_post["output"]]
    assert oracle.kick_off("/Group/north/$export", method="POST", content=b"{}").status_code == 400


def test_types_groups_and_filters_narrow_an_export(oracle: Client) -> None:
    _, manifest = oracle.export(
        "/Group/north/$export?_type=Patient,Observation&_typeFilter=Observation%3Fcode%3D4548-4"
    )
    found = oracle.resources(manifest)
    people = oracle.sandbox.population
    there = {each.patient_id for each in people.truth(1).patients}
    assert {each["id"] for each in found if each["resourceType"] == "Patient"} == people.group("north") & there
    assert {each["code"]["coding"][0]["code"] for each in found if each["resourceType"] == "Observation"} == {"4548-4"}


def test_only_known_groups_types_and_instants_are_taken(oracle: Client) -> None:
    assert oracle.kick_off("/Group/west/$export").status_code == 404
    for query in ("_type=Spaceship", "_since=2026-11-18", "_since=2026-11-18T22:00:00 00:00", "_outputFormat=csv"):
        assert oracle.kick_off(f"/Group/everyone/$export?{query}").status_code == 400
    assert set(GROUPS) == {"everyone", "north", "south", "nobody"}


def test_an_empty_group_is_an_empty_export_but_for_the_directory(oracle: Client) -> None:
    _, manifest = oracle.export("/Group/nobody/$export")
    assert {entry["type"] for entry in manifest["output"]} == {"Practitioner", "Organization", "Location"}


def test_since_brings_what_changed_and_what_was_deleted(oracle: Client) -> None:
    _, first = oracle.export()
    oracle.sandbox.day = 3
    _, second = oracle.export("/Group/everyone/$export?_since=" + first["transactionTime"].replace("+", "%2B"))
    kept = {(each["resourceType"], each["id"]): each for each in oracle.resources(first)}
    kept |= {(each["resourceType"], each["id"]): each for each in oracle.resources(second)}
    [deleted] = second["deleted"]
    bundles = [json.loads(line) for line in oracle.download(deleted["url"]).text.splitlines()]
    assert len(bundles) == deleted["count"]
    for bundle in bundles:
        assert bundle["type"] == "transaction"
        for entry in bundle["entry"]:
            assert entry["request"]["method"] == "DELETE"
            kept.pop(tuple(entry["request"]["url"].split("/")), None)
    now = {(each["resourceType"], each["id"]): each for each in oracle.sandbox.population.resources(3)}
    assert kept == now, "the first export with the changes on top is the second day's truth"
    assert sum(entry["count"] for entry in second["output"]) < len(now) / 2


def test_two_exports_of_a_day_have_different_transaction_times(oracle: Client) -> None:
    url, first = oracle.export()
    oracle.delete(url)
    _, second = oracle.export()
    assert first["transactionTime"] < second["transactionTime"]


# ── the makers' ways ───────────────────────────────────────────────────────────


def test_epic_allows_one_export_of_a_group_until_it_is_deleted(epic: Client) -> None:
    url, _ = epic.export()
    refused = epic.kick_off()
    assert (refused.status_code, issue(refused)) == (400, "business-rule")
    assert epic.kick_off("/Group/north/$export").status_code == 202, "another group is another matter"
    epic.delete(url)
    assert epic.kick_off().status_code == 202
    assert (epic.sandbox.stats.kick_offs, epic.sandbox.stats.refused_kick_offs) == (3, 1)


def test_epic_takes_no_notice_of_since(epic: Client) -> None:
    epic.sandbox.day = 3
    _, manifest = epic.export("/Group/everyone/$export?_since=2026-11-20T00:00:00Z&_elements=id")
    assert {entry["type"]: entry["count"] for entry in manifest["output"]} == epic.sandbox.population.truth(3).counts
    assert "deleted" not in manifest
    assert len(epic.resources(manifest)[0]) > 3


def test_oracle_allows_one_export_in_progress(oracle: Client) -> None:
    oracle.sandbox.faults.polls_until_ready = 10_000
    started = oracle.kick_off()
    refused = oracle.kick_off("/Group/north/$export")
    assert (refused.status_code, issue(refused), refused.headers["retry-after"]) == (429, "throttled", "1")
    oracle.sandbox.faults.polls_until_ready = 0
    assert oracle.poll(started.headers["content-location"]).status_code == 200
    assert oracle.kick_off("/Group/north/$export").status_code == 202, "a finished one is not in the way"


def test_oracle_refuses_what_it_does_not_know(oracle: Client, epic: Client) -> None:
    for query in ("_elements=id", "patient=Patient/1", "_type=Patient&_type=Observation", "_until=2026-11-18"):
        assert oracle.kick_off(f"/Group/everyone/$export?{query}").status_code == 400
    assert oracle.kick_off("/Patient/$export").status_code == 400
    _, manifest = epic.export("/Group/everyone/$export?_type=Patient&_type=Observation")
    assert {entry["type"] for entry in manifest["output"]} == {"Patient", "Observation"}


def test_oracle_exports_patients_by_their_ids_and_is_lenient_when_asked(oracle: Client) -> None:
    someone = oracle.sandbox.population.truth(1).patients[0].patient_id
    _, manifest = oracle.export(f"/Patient/$export?patient=Patient/{someone}&_type=Patient,Encounter")
    assert [each["id"] for each in oracle.resources(manifest) if each["resourceType"] == "Patient"] == [someone]
    headers = oracle.headers(Accept="application/fhir+json", Prefer="respond-async, handling=lenient")
    answer = oracle.http.get(oracle.sandbox.base_url + "/Group/everyone/$export?_elements=id", headers=headers)
    assert answer.status_code == 202


def test_the_whole_system_can_be_exported(epic: Client) -> None:
    _, manifest = epic.export("/$export?_type=Patient")
    assert entry_of(manifest, "Patient")["count"] == epic.sandbox.population.truth(1).counts["Patient"]


def test_oracles_files_lie_in_a_store_that_refuses_a_token(oracle: Client) -> None:
    _, manifest = oracle.export()
    answer = oracle.get(entry_of(manifest, "Patient")["url"])
    assert answer.status_code == 307
    there = answer.headers["location"]
    assert not there.startswith(oracle.sandbox.origin)
    assert oracle.get(there).status_code == 400
    assert oracle.sandbox.stats.tokens_where_none_belongs == 1
    assert oracle.http.get(there).status_code == 200
    assert oracle.http.get(re.sub("Signature=.*", "Signature=0", there)).status_code == 403


def test_epics_files_need_the_token(epic: Client) -> None:
    _, manifest = epic.export()
    assert epic.http.get(entry_of(manifest, "Patient")["url"]).status_code == 401
    assert epic.get(entry_of(manifest, "Patient")["url"]).status_code == 200


# ── searches ───────────────────────────────────────────────────────────────────


def crawl(client: Client, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while url:
        page = client.get(url).json()
        assert (page["resourceType"], page["type"]) == ("Bundle", "searchset")
        found += [entry["resource"] for entry in page["entry"] if entry["search"]["mode"] == "match"]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    return found


@pytest.mark.parametrize("maker", ["epic", "oracle"])
def test_a_crawl_patient_by_patient_finds_what_the_export_has(maker: str, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(maker)
    people = client.sandbox.population
    everybody = [each.patient_id for each in people.truth(1).patients][:6]
    kinds = [kind for kind in TYPES if kind not in {"Patient", "Practitioner", "Organization", "Location"}]
    found = [each for patient in everybody for each in crawl(client, f"/Patient?_id={patient}")]
    found += [
        each for patient in everybody for kind in kinds for each in crawl(client, f"/{kind}?patient={patient}&_count=3")
    ]
    expected = [people.stamped(entry) for entry in people.entries(1, frozenset(everybody))]
    expected = [each for each in expected if each["resourceType"] in {"Patient", *kinds}]

    def order(each: dict[str, Any]) -> tuple[str, str]:
        return each["resourceType"], each["id"]

    assert sorted(found, key=order) == sorted(expected, key=order)


def test_pages_hold_no_more_than_asked(oracle: Client) -> None:
    patient = oracle.sandbox.population.truth(1).patients[0].patient_id
    page = oracle.get(f"/Observation?patient={patient}&_count=2").json()
    assert len(page["entry"]) == 2 < page["total"]


def test_a_search_that_is_too_wide_is_refused_and_an_unknown_parameter_is_told(oracle: Client) -> None:
    assert oracle.get("/Observation").status_code == 400
    assert oracle.get("/Spaceship?patient=1").status_code == 404
    patient = oracle.sandbox.population.truth(1).patients[0].patient_id
    page = oracle.get(f"/Encounter?patient={patient}&_lastUpdated=gt2026-01-01").json()
    assert page["entry"][-1]["search"]["mode"] == "outcome"


def test_one_resource_can_be_read_and_a_deleted_one_is_gone(oracle: Client) -> None:
    people = oracle.sandbox.population
    patient = people.truth(1).patients[0].patient_id
    assert oracle.get(f"/Patient/{patient}").json()["id"] == patient
    assert oracle.get("/Patient/1").status_code == 404
    oracle.sandbox.day = 3
    kind, key = people.deleted(3)[0][0]
    assert oracle.get(f"/{kind}/{key}").status_code == 410


# ── faults: answers ────────────────────────────────────────────────────────────


def fired(client: Client) -> dict[str, int]:
    return dict(client.sandbox.stats.fired)


def test_delay(oracle: Client) -> None:
    oracle.sandbox.faults.delay_s = 0.2
    began = time.monotonic()
    oracle.get("/metadata")
    assert time.monotonic() - began >= 0.2
    assert fired(oracle) == {"delay_s": 1}


def test_too_many_requests_so_many_times(oracle: Client) -> None:
    oracle.sandbox.faults.change({"throttled_kickoffs": 1, "throttled": 2, "retry_after": "soon"})
    assert oracle.kick_off().status_code == 429
    url = oracle.kick_off().headers["content-location"]
    answers = [oracle.get(url) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert answers[0].headers["retry-after"] == "soon"
    assert oracle.poll(url).status_code == 200
    assert fired(oracle) == {"throttled_kickoffs": 1, "throttled": 2}


def test_a_transient_error_of_the_status_passes(oracle: Client) -> None:
    oracle.sandbox.faults.transient = 2
    url = oracle.kick_off().headers["content-location"]
    answers = [oracle.get(url) for _ in range(2)]
    assert [(answer.status_code, issue(answer)) for answer in answers] == [(500, "transient")] * 2
    assert oracle.poll(url).status_code == 200
    assert fired(oracle) == {"transient": 2}


def test_a_failed_export_stays_failed(oracle: Client) -> None:
    oracle.sandbox.faults.failed = True
    url = oracle.kick_off().headers["content-location"]
    assert [(answer.status_code, issue(answer)) for answer in (oracle.get(url), oracle.get(url))] == [
        (500, "exception")
    ] * 2


def test_a_web_page_instead_of_the_status(oracle: Client) -> None:
    oracle.sandbox.faults.html_status = 1
    url = oracle.kick_off().headers["content-location"]
    answer = oracle.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("literal", ["120", "Wed, 18 Nov 2026 22:00:00 GMT", "soon", None])
def test_retry_after_is_sent_as_it_is_given(oracle: Client, literal: str | None) -> None:
    oracle.sandbox.faults.change({"retry_after": literal, "polls_until_ready": 9})
    url = oracle.kick_off().headers["content-location"]
    assert oracle.get(url).headers.get("retry-after") == literal


def test_the_token_endpoint_is_out_of_order(oracle: Client) -> None:
    oracle.sandbox.faults.token_errors = 1
    assert [oracle.ask_token().status_code for _ in range(2)] == [503, 200]


def test_a_token_dies_in_mid_download(epic: Client) -> None:
    _, manifest = epic.export()  # how many polls it takes, the machine decides
    epic.sandbox.faults.token_lives_requests = 3
    epic.log_in()
    codes = [epic.get(entry["url"]).status_code for entry in manifest["output"]]
    assert 401 in codes
    assert set(codes[codes.index(401) :]) == {401}
    epic.sandbox.faults.token_lives_requests = None
    assert epic.log_in().get(manifest["output"][-1]["url"]).status_code == 200


def test_a_token_dies_before_it_promised(epic: Client) -> None:
    epic.sandbox.faults.token_lives_s = 2.0
    epic.log_in()
    assert epic.get("/Patient?_id=1").status_code == 200
    time.sleep(2.1)
    assert epic.get("/Patient?_id=1").status_code == 401


def test_all_tokens_are_revoked_at_once(epic: Client) -> None:
    assert epic.get("/Patient?_id=1").status_code == 200
    epic.http.post(epic.sandbox.origin + "/_sandbox/revoke")
    assert epic.get("/Patient?_id=1").status_code == 401


# ── faults: the manifest ───────────────────────────────────────────────────────


def test_an_empty_export(oracle: Client) -> None:
    oracle.sandbox.faults.empty = True
    assert oracle.export()[1]["output"] == []
    assert fired(oracle)["empty"] == 1


def test_a_type_is_missing(oracle: Client) -> None:
    oracle.sandbox.faults.missing_types = frozenset({"Condition"})
    assert "Condition" not in {entry["type"] for entry in oracle.export()[1]["output"]}


def test_a_count_is_wrong_or_not_there(oracle: Client) -> None:
    counts = oracle.sandbox.population.truth(1).counts
    oracle.sandbox.faults.wrong_count = frozenset({"Patient"})
    url, manifest = oracle.export()
    assert entry_of(manifest, "Patient")["count"] == counts["Patient"] + 1
    assert entry_of(manifest, "Encounter")["count"] == counts["Encounter"]
    oracle.sandbox.faults.without_count = True
    assert "count" not in oracle.get(url).json()["output"][0]


def test_the_manifest_comes_in_parts(oracle: Client) -> None:
    oracle.sandbox.faults.change({"partial_manifests": 3, "error_entries": 1})
    _, page = oracle.export()
    pages = [page]
    while link := next((each for each in pages[-1].get("link", []) if each["relation"] == "next"), None):
        pages.append(oracle.get(link["url"]).json())
    assert len(pages) == 3
    kinds = [entry["type"] for each in pages for entry in each["output"]]
    assert sorted(kinds) == sorted(TYPES)
    assert [bool(each["error"]) for each in pages] == [False, False, True]


@pytest.mark.parametrize("stu4", [False, True])
def test_error_entries(oracle: Client, stu4: bool) -> None:
    oracle.sandbox.faults.change({"error_entries": 2, "outcome_name": stu4})
    _, manifest = oracle.export()
    [entry] = manifest["outcome" if stu4 else "error"]
    lines = oracle.download(entry["url"]).text.splitlines()
    assert [json.loads(line)["resourceType"] for line in lines] == ["OperationOutcome"] * 2 == [entry["type"]] * 2


def test_deletions_of_patients_who_never_were(oracle: Client) -> None:
    oracle.sandbox.faults.deleted_entries = 2
    _, manifest = oracle.export()
    [entry] = manifest["deleted"]
    [bundle] = [json.loads(line) for line in oracle.download(entry["url"]).text.splitlines()]
    assert [each["request"]["method"] for each in bundle["entry"]] == ["DELETE"] * 2


@pytest.mark.parametrize("name", [*HOSTILE, "gopher://literal.example/"])
def test_hostile_urls(oracle: Client, name: str) -> None:
    oracle.sandbox.faults.hostile_url = name
    assert oracle.export()[1]["output"][0]["url"] == HOSTILE.get(name, name)
    assert fired(oracle)["hostile_url"] == 1


def test_hostile_urls_of_the_status_and_of_the_next_manifest(oracle: Client) -> None:
    oracle.sandbox.faults.change({"hostile_next": "metadata", "partial_manifests": 2})
    assert oracle.export()[1]["link"][0]["url"] == HOSTILE["metadata"]
    oracle.sandbox.faults.hostile_status_url = "other_host"
    assert oracle.kick_off().headers["content-location"] == HOSTILE["other_host"]


def test_files_that_need_no_token_refuse_one(epic: Client) -> None:
    epic.sandbox.faults.public_files = True
    _, manifest = epic.export()
    assert manifest["requiresAccessToken"] is False
    url = manifest["output"][0]["url"]
    assert epic.get(url).status_code == 400
    assert epic.http.get(url).status_code == 200
    assert epic.sandbox.stats.tokens_where_none_belongs == 1


# ── faults: files ──────────────────────────────────────────────────────────────


@pytest.fixture(params=["epic", "oracle"])
def client(request: pytest.FixtureRequest) -> Client:
    """The same fault with files behind the token, and in the store."""
    return request.getfixturevalue(str(request.param))


def observations(client: Client, **faults: Any) -> tuple[dict[str, Any], httpx.Response]:
    """The manifest's entry of Observation, and its file downloaded with ``faults``."""
    _, manifest = client.export("/Group/everyone/$export?_type=Patient,Observation")
    client.sandbox.faults.change(faults)
    entry = entry_of(manifest, "Observation")
    return entry, client.download(entry["url"])


def test_a_healthy_file_has_as_many_lines_as_counted(client: Client) -> None:
    entry, answer = observations(client)
    assert len(answer.text.splitlines()) == entry["count"]
    assert fired(client) == {}


def test_an_expired_file(client: Client) -> None:
    entry, answer = observations(client, gone=["Observation"])
    assert answer.status_code == client.download(entry["url"]).status_code == 410
    assert fired(client) == {"gone": 2}


def test_an_aimed_fault_meets_so_many_downloads_of_its_type(client: Client) -> None:
    _, manifest = client.export()
    client.sandbox.faults.gone = {"Observation": 1}
    assert client.download(entry_of(manifest, "Patient")["url"]).status_code == 200
    urls = [entry_of(manifest, "Observation")["url"]] * 2
    assert [client.download(url).status_code for url in urls] == [410, 200]
    client.sandbox.faults.gone = {"*": 1}
    assert [client.download(url).status_code for url in urls] == [410, 200]


def test_a_download_is_refused_for_the_moment(client: Client) -> None:
    entry, answer = observations(client, transient_files=1)
    assert (answer.status_code, client.download(entry["url"]).status_code) == (503, 200)


def test_a_web_page_instead_of_the_file(client: Client) -> None:
    _, answer = observations(client, html=["*"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_redirect_that_goes_round(client: Client) -> None:
    _, manifest = client.export()
    client.sandbox.faults.redirect_loop = {"*": -1}
    with pytest.raises(httpx.TooManyRedirects):
        httpx.get(manifest["output"][0]["url"], headers=client.headers(), follow_redirects=True)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_the_connection_is_cut_in_mid_file(client: Client, encoding: str) -> None:
    _, manifest = client.export()
    client.sandbox.faults.cut = {"Observation": 1}
    url = entry_of(manifest, "Observation")["url"]
    with pytest.raises(httpx.RemoteProtocolError):
        client.download(url, **{"Accept-Encoding": encoding})
    assert client.download(url).status_code == 200
    assert fired(client) == {"cut": 1}


def test_half_a_gzip_looks_like_a_whole_answer(client: Client) -> None:
    _, manifest = client.export()
    client.sandbox.faults.half_gzip = {"Observation": 1}
    url = entry_of(manifest, "Observation")["url"]
    if client.sandbox.population.profile.presigned:
        url = client.get(url).headers["location"]
        headers = {}
    else:
        headers = client.headers()
    with httpx.stream("GET", url, headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
    assert len(raw) == int(answer.headers["content-length"])
    with pytest.raises(EOFError):
        gzip.decompress(raw)


def first_line_fails(answer: httpx.Response, rule: Callable[[bytes], object]) -> None:
    first, *others = answer.content.splitlines()
    with pytest.raises(ValueError):
        rule(first)
    for line in others:
        rule(line)


def strictly(line: bytes) -> Any:
    """Strict JSON: no NaN, no key twice, UTF-8."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in found}) < len(found):
            raise ValueError("a key comes twice")
        return dict(found)

    def constant(name: str) -> None:
        raise ValueError(f"no JSON: {name}")

    return json.loads(line.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)


@pytest.mark.parametrize("fault", ["bad_syntax", "nan", "duplicate_keys", "wrong_charset"])
def test_a_line_that_is_no_json(client: Client, fault: str) -> None:
    entry, answer = observations(client, **{fault: ["Observation"]})
    first_line_fails(answer, strictly)
    assert len(answer.content.splitlines()) == entry["count"]
    assert fired(client) == {fault: 1}


def test_a_resource_of_another_type(client: Client) -> None:
    _, answer = observations(client, wrong_type=["Observation"])
    assert {json.loads(line)["resourceType"] for line in answer.text.splitlines()} == {"Device", "Observation"}


def test_a_line_is_missing_or_comes_twice(client: Client) -> None:
    entry, answer = observations(client, short={"Observation": 1})
    assert len(answer.text.splitlines()) == entry["count"] - 1
    client.sandbox.faults.duplicate_lines = {"Observation": 1}
    lines = client.download(entry["url"]).text.splitlines()
    assert (len(lines), lines[0]) == (entry["count"] + 1, lines[1])


def test_a_resource_of_twenty_megabytes(client: Client) -> None:
    _, answer = observations(client, huge={"Observation": 1})
    assert len(answer.content.splitlines()[0]) > 20_000_000
    assert json.loads(answer.content.splitlines()[0])["resourceType"] == "Observation"


def test_its_size_can_be_set(client: Client) -> None:
    _, answer = observations(client, huge={"Observation": 1}, huge_mb=0.5)
    assert 500_000 < len(answer.content.splitlines()[0]) < 600_000


def test_every_fault_has_its_test() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    set_somewhere = re.compile(r"""faults\.(\w+) = |["{\[](\w+)"|\b(\w+)=(?!=)|\.faults\.(\w+)$""", re.MULTILINE)
    named = {name for found in set_somewhere.findall(source) for name in found}
    assert set(Faults.model_fields) - named == set()
    assert set(LINE_FAULTS) <= set(Faults.model_fields)


# ── switches ───────────────────────────────────────────────────────────────────


def test_faults_are_switched_over_http_while_it_runs(oracle: Client) -> None:
    url = oracle.sandbox.origin + "/_sandbox/faults"
    told = oracle.http.post(url, json={"transient": 3, "gone": ["Patient"], "missing_types": ["Condition"]}).json()
    assert (told["transient"], told["gone"], told["missing_types"]) == (3, {"Patient": -1}, ["Condition"])
    assert oracle.sandbox.faults.transient == 3
    assert oracle.http.get(url).json() == told
    oracle.http.delete(url)
    assert oracle.sandbox.faults == Faults()


def test_an_unknown_fault_is_refused_and_changes_nothing(oracle: Client) -> None:
    answer = oracle.http.post(oracle.sandbox.origin + "/_sandbox/faults", json={"transient": 3, "gremlins": 1})
    assert (answer.status_code, answer.json()) == (422, {"refused": ["gremlins"]})
    assert oracle.sandbox.faults.transient == 0


def test_the_day_and_the_figures_are_told_over_http(oracle: Client) -> None:
    oracle.export()
    assert oracle.http.post(oracle.sandbox.origin + "/_sandbox/day", json={"day": 2}).json()["day"] == 2
    told = oracle.http.get(oracle.sandbox.origin + "/_sandbox/stats").json()
    assert (told["kick_offs"], told["manifests"], told["jobs"], told["tokens"]) == (1, 1, 1, 1)


# ── running ────────────────────────────────────────────────────────────────────


def test_it_starts_at_once_and_leaves_nothing_behind() -> None:
    began = time.monotonic()
    with served(EPIC) as sandbox:
        assert time.monotonic() - began < 20
        folder, url = sandbox.state, sandbox.base_url
        assert httpx.get(url + "/metadata").status_code == 200
    assert not folder.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url + "/metadata")


def test_a_taken_port_is_an_error(running_oracle: FhirSandbox) -> None:
    port = int(running_oracle.origin.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), served(ORACLE, port=port):
        pass


def test_a_server_started_again_knows_its_jobs_keys_and_day(tmp_path: Path) -> None:
    with served(ORACLE, state=tmp_path / "fhir", faults=Faults(polls_until_ready=0)) as first:
        first.day = 2
        client = Client(first).log_in()
        url, manifest = client.export()
        port, kid = int(first.origin.rpartition(":")[2]), first.key.kid
    with served(ORACLE, state=tmp_path / "fhir", port=port) as second:
        client = Client(second)
        assert (second.day, second.key.kid) == (2, kid)
        assert client.get(url).status_code == 401, "tokens do not live over a restart"
        again = client.log_in().poll(url).json()
        assert again["output"] == manifest["output"]
        assert len(client.resources(again)) == sum(second.population.truth(2).counts.values())


def test_secrets_on_disk_are_private_and_file_names_say_nothing(tmp_path: Path) -> None:
    with served(ORACLE, state=tmp_path / "fhir", faults=Faults(polls_until_ready=0)) as sandbox:
        Client(sandbox).log_in().export()
        for name in ("keys.json", "client.json", "server.json"):
            assert stat.S_IMODE((tmp_path / "fhir" / name).stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "fhir" / "exports").stat().st_mode) == 0o700
        assert "PRIVATE" not in repr(sandbox.key)
    assert not any(CANARY.search(str(path).lower()) for path in (tmp_path / "fhir").rglob("*"))


def test_nothing_is_logged(oracle: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG, logger="uvicorn"):
        test_the_connection_is_cut_in_mid_file(oracle, "gzip")
        oracle.get("/Patient?_id=1")
    assert [record for record in caplog.records if record.name.startswith(("uvicorn", "fastapi"))] == []
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_supervised_child_that_is_killed_goes_on_with_its_jobs(tmp_path: Path) -> None:
    state, log = tmp_path / "fhir", tmp_path / "log"
    ports = [str(port) for port in processes.free_ports(2)]
    options = ["--port", ports[0], "--store-port", ports[1], "--employer-members", "100", "--members", "20"]
    first = child.start("fhir", state, *options, log=log)
    try:
        known = child.wait_until_ready(first, state)
        url = kick_off_as(known)
        first.process.kill()
        first.process.wait()
        first = child.start("fhir", state, *options, log=log)
        assert child.wait_until_ready(first, state) == known
        stats = httpx.get(f"http://127.0.0.1:{ports[0]}/_sandbox/stats").json()
        assert (stats["kick_offs"], stats["jobs"]) == (0, 1)
        assert httpx.get(url, headers=token_of(known)).status_code in {200, 202}
    finally:
        assert processes.stop([first]) == []
    assert log.read_text() == "".join(f"{name} {known[name]}\n" for name in TOLD) * 2


def test_a_child_that_cannot_start_says_why(tmp_path: Path, running_oracle: FhirSandbox) -> None:
    port = running_oracle.origin.rpartition(":")[2]
    failed = child.start("fhir", tmp_path / "fhir", "--port", port, log=tmp_path / "log")
    with pytest.raises(child.NotStarted, match="in use"):
        child.wait_until_ready(failed, tmp_path / "fhir")


TOLD = ("base_url", "store_url", "client_id", "kid")


def token_of(known: dict[str, Any]) -> dict[str, str]:
    """Headers of a client that knows what ``client.json`` says."""
    claims = {"iss": known["client_id"], "sub": known["client_id"], "aud": known["token_url"]}
    claims |= {"jti": str(uuid.uuid4()), "exp": int(time.time()) + 200}
    signed = jwt.encode(claims, known["private_pem"], algorithm=known["algorithm"], headers={"kid": known["kid"]})
    form = {"grant_type": "client_credentials", "scope": "system/*.read", "client_assertion_type": JWT_BEARER}
    answer = httpx.post(known["token_url"], data=form | {"client_assertion": signed})
    return ASYNC | {"Authorization": f"Bearer {answer.json()['access_token']}"}


def kick_off_as(known: dict[str, Any]) -> str:
    answer = httpx.get(known["base_url"] + "/Group/everyone/$export", headers=token_of(known))
    return str(answer.headers["content-location"])


def test_as_a_process_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "concord.sandbox.fhir", "--profile", "epic", "--state", str(tmp_path / "fhir")]
    command += ["--employer-members", "100", "--members", "20"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert process.stdout
        told = dict(process.stdout.readline().split() for _ in range(4))
        known = json.loads((tmp_path / "fhir" / "client.json").read_text())
        assert {name: known[name] for name in told} == told
        assert httpx.get(told["base_url"] + "/metadata").json()["software"]["name"].endswith("epic profile")
        assert kick_off_as(known).startswith(known["base_url"])
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not (tmp_path / "fhir" / "client.json").exists()
