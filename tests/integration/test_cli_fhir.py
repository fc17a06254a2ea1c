"""``concord fhir`` against a server of the sandbox: what it does, what its exit code says, and what it never says."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from concord import check
from concord import failpoint as failpoints
from concord.acquire.fhir_bulk.access import FhirAccess
from concord.catalogue import feed
from concord.cli import app, fhir_export
from concord.postgres import connect
from concord.sandbox.fhir.keys import new_key
from concord.sandbox.fhir.population import Population
from concord.sandbox.fhir.profiles import EPIC
from concord.sandbox.fhir.server import FhirSandbox
from concord.sandbox.people import CANARY
from concord.sandbox.roster import Employer
from concord.steps import Site
from tests.exports import Hospital

POPULATION = Population(1, Employer(20, 300, start=date(2026, 11, 18)), profile=EPIC, members=12, strangers=4)
AGREES = "manifest, landing and accounting agree"


@pytest.fixture
def ehr() -> Iterator[FhirSandbox]:
    with FhirSandbox(POPULATION, profile=EPIC, lines_per_file=200) as found:
        yield found


@pytest.fixture
def hospital(site: Site, ehr: FhirSandbox) -> Hospital:
    return Hospital(feed("northgate_ehr"), site, ehr)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that were taken, of no length."""
    found: list[float] = []
    monkeypatch.setattr(fhir_export.time, "sleep", found.append)
    return found


@pytest.fixture
def installed(site: Site, slept: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's environment, without a connection of any feed."""
    settings = site.settings
    for role in ("loader", "auditor", "revealer"):
        monkeypatch.setenv(f"CONCORD_{role.upper()}_URL", getattr(settings, f"{role}_url"))
    monkeypatch.setenv("CONCORD_LANDING_URL", settings.landing_url)
    for name, keys in (("SEAL", settings.seal_keys), ("TOKEN", settings.token_keys)):
        monkeypatch.setenv(f"CONCORD_{name}_KEYS", f"test:{b64encode(keys['test']).decode()}")


@pytest.fixture
def connected(installed: None, ehr: FhirSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Northgate's connection, as Airflow has it."""
    told = ehr.client()
    extra = {
        "base_url": told["base_url"], "private_key": told["private_pem"], "kid": told["kid"], "scopes": "system/*.rs",
        "allowed_hosts": urlsplit(told["store_url"]).netloc,
    }  # fmt: skip
    connection = {"conn_type": "http", "host": "127.0.0.1", "login": told["client_id"], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_NORTHGATE_FHIR", json.dumps(connection))


@pytest.fixture
def typed(ehr: FhirSandbox, tmp_path: Path) -> list[str]:
    """Everything about the server as options, the key in a file."""
    told, file = ehr.client(), tmp_path / "key.pem"
    file.write_text(told["private_pem"])
    file.chmod(0o600)
    return [
        "--base", told["base_url"], "--client-id", told["client_id"], "--kid", told["kid"], "--key-file", str(file),
        "--scope", "system/*.rs", "--allowed-host", urlsplit(told["store_url"]).netloc,
    ]  # fmt: skip


def concord(*arguments: str, typing: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=typing)


def held(hospital: Hospital) -> str:
    """The delivery that waits for a person."""
    (row,) = hospital.driver.all("SELECT delivery_id FROM ops.delivery WHERE state = 'held'")
    return str(row["delivery_id"])


def export(*options: str, **more: Any) -> Result:
    return concord("fhir", "export", *options, **more)


# ── from the request to the tables ─────────────────────────────────────────────


def test_the_first_export_is_held_and_its_counts_agree(connected: None, hospital: Hospital) -> None:
    shown = export("--feed", "northgate_ehr")
    assert (shown.exit_code, AGREES in shown.stdout) == (0, True), shown.output
    for name, count in hospital.server.population.truth(1).counts.items():
        (line,) = [line for line in shown.stdout.splitlines() if line.startswith(f"│ {name} ")]
        cells = [cell.strip().replace(",", "") for cell in line.strip("│").split("│")]
        assert cells[2:5] == [str(count)] * 3, line
        assert cells[-1] == "agrees"
    assert "first_full" in shown.stdout
    assert f"concord approve {held(hospital)}" in shown.stdout
    assert hospital.counts() == {}


def test_with_apply_what_was_approved_and_what_is_ordinary_gets_in(connected: None, hospital: Hospital) -> None:
    waits = export("--feed", "northgate_ehr", "--apply", "--yes")
    assert (waits.exit_code, hospital.counts()) == (1, {}), waits.output
    assert concord("approve", held(hospital), "--by", "ann", "--yes").exit_code == 0
    done = export("--feed", "northgate_ehr", "--apply", "--yes")
    assert (done.exit_code, hospital.states()) == (0, ["published"]), done.output
    assert hospital.counts() == hospital.server.population.truth(1).counts
    hospital.server.day = 2
    second = export("--feed", "northgate_ehr", "--apply", "--yes")
    assert (second.exit_code, hospital.states()) == (0, ["published", "published"]), second.output
    truth = hospital.server.population.truth(2).counts
    assert {name for name, count in hospital.counts().items() if count < truth[name]} == set()  # Epic names no deletes
    assert check.run(hospital.site) == []


def test_yes_never_approves_what_is_held(connected: None, hospital: Hospital) -> None:
    export("--feed", "northgate_ehr", "--apply", "--yes")
    export("--feed", "northgate_ehr", "--apply", "--yes")
    assert hospital.states() == ["held"]
    assert hospital.server.stats.kick_offs == 1


def test_an_ordinary_plan_is_shown_and_asked_about(connected: None, hospital: Hospital) -> None:
    hospital.day(1, "approve")
    hospital.server.day = 2
    refused = export("--feed", "northgate_ehr", "--apply", typing="n\n")
    assert refused.exit_code == 1
    assert hospital.states() == ["published", "planned"]
    assert "observation" in refused.stdout
    done = export("--feed", "northgate_ehr", "--apply", typing="y\n")
    assert (done.exit_code, hospital.states()) == (0, ["published", "published"]), done.output


def test_a_refusal_of_a_person_is_carried_out(connected: None, hospital: Hospital) -> None:
    export("--feed", "northgate_ehr")
    declined = concord("decline", held(hospital), "--by", "ann", "--reason", "too early", "--yes")
    assert declined.exit_code == 0, declined.output
    hospital.server.faults.failed = True  # what is asked for next is of no interest here
    again = export("--feed", "northgate_ehr", "--apply", "--yes")
    assert again.exit_code == 1
    assert hospital.states()[0] == "declined"
    assert hospital.counts() == {}


# ── who is meant ───────────────────────────────────────────────────────────────


def test_the_feed_is_found_by_its_connections_base(connected: None, hospital: Hospital) -> None:
    shown = export("--base", hospital.server.base_url + "/")
    assert shown.exit_code == 0, shown.output
    assert {row["feed"] for row in hospital.driver.all("SELECT feed FROM ops.export")} == {"northgate_ehr"}


def test_everything_may_be_typed_but_the_key(installed: None, hospital: Hospital, typed: list[str]) -> None:
    shown = export("--feed", "northgate_ehr", *typed)
    assert (shown.exit_code, hospital.states()) == (0, ["held"]), shown.output


def test_the_key_may_come_from_the_environment(
    installed: None, hospital: Hospital, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = typed.index("--key-file")
    monkeypatch.setenv("CONCORD_FHIR_KEY_FILE", typed[place + 1])
    shown = export("--feed", "northgate_ehr", *typed[:place], *typed[place + 2 :])
    assert (shown.exit_code, hospital.states()) == (0, ["held"]), shown.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "name a feed"),
        (["--base", "https://fhir.example/r4"], "no connections have that base"),
        (["--feed", "acme_eligibility"], "asks for no exports"),
        (["--feed", "northgate_ehr"], "there is no Airflow connection"),
        (["--feed", "northgate_ehr", "--client-id", "us", "--kid", "k"], "--base is missing"),
        (["--feed", "northgate_ehr", "--base", "https://fhir.example/r4", "--client-id", "us"], "--kid is missing"),
        (
            ["--feed", "northgate_ehr", "--base", "https://fhir.example/r4", "--client-id", "us", "--kid", "k"],
            "no private key",
        ),
        (["--feed", "northgate_ehr", "--base", "http://fhir.example/r4", "--no-auth"], "https://"),
        (["--feed", "northgate_ehr", "--base", "https://a:b@fhir.example", "--no-auth"], "user name or password"),
        (["--feed", "northgate_ehr", "--no-auth", "--client-id", "us"], "leave --client-id"),
    ],
)
def test_what_is_missing_is_said_in_one_line(options: list[str], says: str, installed: None) -> None:
    refused = export(*options)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1), refused.output
    assert says in refused.stderr


def test_a_key_that_others_may_read_is_not_used(installed: None, hospital: Hospital, typed: list[str]) -> None:
    Path(typed[typed.index("--key-file") + 1]).chmod(0o644)
    refused = export("--feed", "northgate_ehr", *typed)
    assert (refused.exit_code, "chmod 600" in refused.stderr) == (2, True)
    assert hospital.server.stats.kick_offs == 0


def test_a_server_that_is_not_the_connections_is_asked_about(
    connected: None, hospital: Hospital, typed: list[str]
) -> None:
    with FhirSandbox(POPULATION, profile=EPIC) as other:
        place = typed.index("--base")
        options = [*typed[:place], *typed[place + 2 :], "--base", other.base_url]
        refused = export("--feed", "northgate_ehr", *options, typing="n\n")
        assert (refused.exit_code, "has another base" in refused.output) == (1, True)
        assert (other.stats.kick_offs, other.stats.tokens) == (0, 0)


def test_a_job_at_one_server_is_not_looked_for_at_another(connected: None, hospital: Hospital) -> None:
    """Its address would be out of reach there, and the job given up."""
    (delivery_id,) = hospital.ask()
    shown = export("--feed", "northgate_ehr", "--base", "https://fhir.example/r4", "--no-auth", "--yes")
    assert (shown.exit_code, f"delivery {delivery_id} has its job at another server" in shown.stderr) == (2, True)
    assert hospital.states() == ["discovered"]
    assert hospital.driver.all("SELECT state FROM ops.export") == [{"state": "running"}]


@pytest.mark.parametrize("told_apart", [True, False])
def test_a_token_of_one_server_is_not_shown_to_another(
    told_apart: bool, connected: None, hospital: Hospital, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its negative control: kept by the connection's name alone, the first server's token goes to the second."""
    if not told_apart:
        monkeypatch.setattr(FhirAccess, "fingerprint", "")
    export("--feed", "northgate_ehr", "--timeout", "0")
    hospital.driver.do("UPDATE ops.delivery SET state = 'failed'")
    hospital.driver.do("UPDATE ops.export SET state = 'over', over_at = now()")
    other = FhirSandbox(POPULATION, profile=EPIC)
    other.keys = hospital.server.keys
    with other:
        place = typed.index("--base")
        options = [*typed[:place], *typed[place + 2 :], "--base", other.base_url, "--yes", "--timeout", "0"]
        export("--feed", "northgate_ehr", *options)
        assert (other.stats.kick_offs, other.stats.refused_requests) == (1, int(not told_apart))


# ── what goes wrong ────────────────────────────────────────────────────────────


def test_a_wrong_key_is_refused_once(connected: None, hospital: Hospital, typed: list[str]) -> None:
    Path(typed[typed.index("--key-file") + 1]).write_text(new_key("RS384").private_pem)
    refused = export("--feed", "northgate_ehr", *typed)
    assert (refused.exit_code, "the client was refused" in refused.stderr) == (2, True), refused.output
    assert hospital.server.stats.kick_offs == 0


def test_a_wrong_count_is_said_and_nothing_gets_in(connected: None, hospital: Hospital) -> None:
    hospital.server.faults.wrong_count = frozenset({"Observation"})
    shown = export("--feed", "northgate_ehr", "--apply", "--yes")
    assert (shown.exit_code, "export.count" in shown.stderr, AGREES in shown.stdout) == (1, True, False), shown.output
    assert (hospital.states(), hospital.counts()) == (["rejected"], {})
    hospital.server.faults.wrong_count = frozenset()
    assert export("--feed", "northgate_ehr").exit_code == 0
    assert hospital.states() == ["superseded", "held"]


def test_errors_that_the_server_names_do_not_agree(connected: None, hospital: Hospital) -> None:
    hospital.server.faults.error_entries = 2
    shown = export("--feed", "northgate_ehr")
    assert (shown.exit_code, "the server names errors" in shown.stdout) == (1, True), shown.output
    assert "export_errors" in shown.stdout


def test_out_of_time_the_job_goes_on_and_is_taken_up_again(connected: None, hospital: Hospital) -> None:
    hospital.server.faults.polls_until_ready = 2
    hospital.server.faults.retry_after = "30"
    short = export("--feed", "northgate_ehr", "--timeout", "10")
    assert (short.exit_code, "takes the job up again" in " ".join(short.stderr.split())) == (1, True), short.output
    hospital.server.faults.retry_after = "1"
    again = export("--feed", "northgate_ehr")
    assert (again.exit_code, hospital.states()) == (0, ["held"]), again.output
    assert hospital.server.stats.kick_offs == 1


def test_the_server_is_asked_when_it_wants_to_be(connected: None, hospital: Hospital, slept: list[float]) -> None:
    hospital.server.faults.polls_until_ready = 3
    hospital.server.faults.retry_after = "7"
    hospital.server.faults.progress = "40 percent"
    shown = export("--feed", "northgate_ehr")
    assert shown.exit_code == 0, shown.output
    assert slept[:3] == [7.0, 7.0, 7.0]
    assert shown.stdout.count("40 percent") == 1


def test_a_server_that_is_away_for_a_while_is_asked_again(
    connected: None, hospital: Hospital, slept: list[float]
) -> None:
    hospital.server.faults.transient = 2
    hospital.server.faults.transient_files = 1
    shown = export("--feed", "northgate_ehr")
    assert (shown.exit_code, hospital.states()) == (0, ["held"]), shown.output
    assert len(slept) >= 3
    assert hospital.server.stats.kick_offs == 1


def test_who_asked_and_which_server_is_in_the_trail(connected: None, hospital: Hospital) -> None:
    export("--feed", "northgate_ehr", "--timeout", "0")
    with connect(str(hospital.site.settings.auditor_url)) as connection:
        (entry,) = connection.execute("SELECT * FROM ops.audit WHERE action = 'export'").fetchall()
    assert entry["object"] == "northgate_ehr"
    assert entry["detail"]["server"] == urlsplit(hospital.server.base_url).netloc


# ── the jobs in the ledger ─────────────────────────────────────────────────────


def test_jobs_are_listed_with_where_they_stand(connected: None, hospital: Hospital) -> None:
    hospital.server.faults.polls_until_ready = 2
    hospital.server.faults.progress = "40 percent"
    export("--feed", "northgate_ehr", "--timeout", "0")
    shown = concord("fhir", "exports", "--feed", "northgate_ehr").stdout
    assert all(text in shown for text in ("running", "everyone", "40 percent", "discovered")), shown
    assert "running" not in concord("fhir", "exports", "--feed", "lakeview_ehr").stdout


def test_files_are_shown_one_by_one(connected: None, hospital: Hospital) -> None:
    export("--feed", "northgate_ehr")
    shown = concord("fhir", "files", held(hospital))
    assert (shown.exit_code, shown.stdout.count("agrees")) == (
        0,
        len(hospital.driver.all("SELECT FROM ops.export_file")),
    )
    hospital.driver.do("UPDATE ops.export_file SET declared_count = declared_count + 1 WHERE part = 2")
    doubted = concord("fhir", "files", held(hospital))
    assert (doubted.exit_code, doubted.stdout.count("another count")) == (1, 1)


def test_a_line_without_a_disposition_would_be_seen(connected: None, hospital: Hospital) -> None:
    """Negative control of the accounting by file."""
    export("--feed", "northgate_ehr")
    hospital.driver.do("UPDATE ops.line_account SET lines = lines - '{[5,6)}'::int8multirange")
    doubted = concord("fhir", "files", held(hospital))
    assert (doubted.exit_code, doubted.stdout.count("lines without a disposition")) == (1, 1)


def test_a_person_gives_a_job_up(connected: None, hospital: Hospital) -> None:
    hospital.server.faults.polls_until_ready = 99
    export("--feed", "northgate_ehr", "--timeout", "0")
    (row,) = hospital.driver.all("SELECT delivery_id FROM ops.export")
    name = row["delivery_id"]
    assert concord("fhir", "cancel", name, "--by", "ann", "--reason", " ", "--yes").exit_code == 2
    assert concord("fhir", "cancel", name, "--by", "ann", "--reason", "stuck", typing="n\n").exit_code == 1
    assert hospital.states() == ["discovered"]
    done = concord("fhir", "cancel", name, "--by", "ann", "--reason", "stuck for a week", "--yes")
    assert done.exit_code == 0, done.output
    (row,) = hospital.driver.all(
        "SELECT d.state, state_reason, e.state AS job FROM ops.delivery d JOIN ops.export e USING (delivery_id)"
    )
    assert row == {"state": "rejected", "state_reason": "export.cancelled: given up by ann", "job": "over"}
    assert hospital.server.stats.deletes == 1
    with connect(str(hospital.site.settings.auditor_url)) as connection:
        (entry,) = connection.execute("SELECT * FROM ops.audit WHERE action = 'cancel'").fetchall()
    assert (entry["actor"], entry["object"], entry["purpose"]) == ("ann", name, "stuck for a week")
    assert check.run(hospital.site) == []
    hospital.server.faults.polls_until_ready = 0
    assert export("--feed", "northgate_ehr").exit_code == 0
    assert hospital.states() == ["superseded", "held"]


def test_a_cancel_without_its_entry_would_be_found(connected: None, hospital: Hospital) -> None:
    """Negative control."""
    (delivery_id,) = hospital.ask()
    hospital.driver.do(
        "UPDATE ops.delivery SET state = 'rejected', state_reason = 'export.cancelled: given up by x'"
        " WHERE delivery_id = %s",
        delivery_id,
    )
    rows = hospital.driver.all("SELECT * FROM ops.find_unaudited()")
    assert rows == [{"what": "cancel", "id": delivery_id}]


@pytest.mark.parametrize(("point", "state"), [("cancel.before_commit", "discovered"), ("cancel.committed", "rejected")])
def test_giving_up_that_breaks_off_is_done_or_not_and_the_server_hears_of_it(
    connected: None, hospital: Hospital, point: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (delivery_id,) = hospital.ask()
    monkeypatch.setenv("CONCORD_FAILPOINTS", f"{point}=raise")
    failpoints._seen.clear()
    assert concord("fhir", "cancel", delivery_id, "--by", "ann", "--reason", "stuck", "--yes").exit_code != 0
    monkeypatch.delenv("CONCORD_FAILPOINTS")
    assert (hospital.states(), hospital.server.stats.deletes) == ([state], 0)
    assert check.run(hospital.site) == []
    if state == "discovered":
        concord("fhir", "cancel", delivery_id, "--by", "ann", "--reason", "stuck", "--yes")
    else:
        hospital.ask()
    assert hospital.server.stats.deletes == 1
    assert check.run(hospital.site) == []


def test_a_server_that_does_not_hear_of_it_is_told_later(connected: None, hospital: Hospital) -> None:
    hospital.server.faults.polls_until_ready = 1
    export("--feed", "northgate_ehr", "--timeout", "0")
    (row,) = hospital.driver.all("SELECT delivery_id FROM ops.export")
    hospital.driver.do("DELETE FROM ops.access_token")
    hospital.server.faults.token_errors = 1
    done = concord("fhir", "cancel", row["delivery_id"], "--by", "ann", "--reason", "stuck", "--yes")
    assert (done.exit_code, "does not know yet" in done.stderr, hospital.states()) == (1, True, ["rejected"])
    assert hospital.server.stats.deletes == 0
    assert export("--feed", "northgate_ehr").exit_code == 0
    assert hospital.server.stats.deletes == 2


def test_what_has_landed_cannot_be_cancelled(connected: None, hospital: Hospital) -> None:
    export("--feed", "northgate_ehr")
    refused = concord("fhir", "cancel", held(hospital), "--by", "ann", "--reason", "stuck", "--yes")
    assert (refused.exit_code, "is held" in refused.stderr) == (2, True)
    assert concord("fhir", "cancel", "00000000", "--by", "ann", "--reason", "stuck", "--yes").exit_code == 2


# ── silence ────────────────────────────────────────────────────────────────────


def test_nothing_of_a_person_a_key_or_an_address_is_printed(
    connected: None, hospital: Hospital, typed: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hospital.server.faults.bad_syntax = {"Observation": 1}
    hospital.server.faults.transient = 1
    shown = [
        export("--feed", "northgate_ehr", *typed),
        concord("fhir", "exports"),
        concord("fhir", "files", held(hospital)),
        concord("fhir", "cancel", held(hospital), "--by", "ann", "--reason", "x", "--yes"),
    ]
    text = "\n".join(result.output for result in shown) + caplog.text
    resources = list(POPULATION.resources(1))
    names = {each["id"] for each in resources}
    assert not CANARY.search(text)
    assert [name for name in names if name in text] == []
    secret = hospital.server.key.private_pem
    lines = [line for line in secret.splitlines() if len(line) > 20 and "-----" not in line]
    assert [line for line in lines if line in text] == []
    assert "http://" not in text
    assert "Bearer" not in text
