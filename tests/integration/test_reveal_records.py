"""A resource as it was sent: who asks is logged first, of a component the whole is given, and nobody else reads it."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner

from concord import check
from concord.cli import app
from concord.cli import reveal as command
from concord.cli.fhir_raw import indented
from concord.entities import CLINICAL
from concord.errors import LandingDamaged, LandingShredded, RevealRefused
from concord.landing import Landing
from concord.postgres import connect
from concord.reveal import NoSuchRecord, Record, reveal_record
from concord.steps import Site
from tests.integration.test_records import LATE, Ehr, lax
from tests.resources import deleted, patient, pressure, updated, weight
from tests.tally import count

NAME = "Sampleb"
WHO = Record("northgate", "Patient", "p1")
ASK = "SELECT ops.request_reveal_record('ann', 'northgate', 'patient', %s, 't:1', 'a claim')"


@pytest.fixture
def ehr(site: Site) -> Ehr:
    found = Ehr(site, lax())
    found.send(patient(1), patient(2), weight(1, "80.50"), pressure(1, 120, 80), verdict="approve")
    return found


@pytest.fixture
def url(ehr: Ehr) -> str:
    return str(ehr.driver.site.settings.revealer_url)


@pytest.fixture
def trail(ehr: Ehr) -> Callable[[], list[dict[str, Any]]]:
    """Entries about reveals, as the auditor reads them."""

    def entries() -> list[dict[str, Any]]:
        with connect(str(ehr.driver.site.settings.auditor_url)) as connection:
            return connection.execute("SELECT * FROM ops.audit WHERE action = 'reveal' ORDER BY seq").fetchall()

    return entries


def seen(ehr: Ehr, record: Record = WHO, purpose: str = "a claim") -> dict[str, Any]:
    site = ehr.driver.site
    raw = reveal_record(
        str(site.settings.revealer_url), site.keys, site.landing, record, actor="ann", purpose=purpose
    )  # fmt: skip
    return dict(json.loads(raw))


def ask(connection: psycopg.Connection[Any], resource_id: str = "p1") -> int:
    row = connection.execute(ASK, [resource_id]).fetchone()
    return int(row[0]) if row else 0


# ── asking and getting ─────────────────────────────────────────────────────────


def test_the_resource_is_the_one_that_was_sent(ehr: Ehr) -> None:
    assert seen(ehr) == patient(1)
    assert seen(ehr, Record("northgate", "Patient", "p2")) == patient(2)


def test_of_a_component_it_is_the_whole(ehr: Ehr) -> None:
    assert {row["component"] != "" for row in ehr.rows("observation") if row["resource_id"] == "b1"} == {True, False}
    assert seen(ehr, Record("northgate", "Observation", "b1")) == pressure(1, 120, 80)


def test_it_is_the_newest_statement(ehr: Ehr) -> None:
    newer = updated(pressure(1, 120, 85), 2, LATE)
    ehr.send(newer)
    assert seen(ehr, Record("northgate", "Observation", "b1")) == newer


def test_the_trail_says_who_and_what_for_and_no_value(ehr: Ehr, trail: Callable[[], list[dict[str, Any]]]) -> None:
    seen(ehr)
    (entry,) = trail()
    assert (entry["actor"], entry["db_role"], entry["purpose"]) == ("ann", "concord_revealer", "a claim")
    assert (entry["object"], entry["item_count"]) == (WHO.token(ehr.driver.site.keys), 1)
    assert (entry["detail"]["entity"], entry["detail"]["fields"]) == ("patient", ["resource"])
    assert [value for value in (NAME, "1980-03-02", "'p1'", "Patient/p1") if value in repr(entry)] == []
    assert check.run(ehr.driver.site) == []


@pytest.mark.parametrize("purpose", ["", "  "])
def test_without_a_purpose_nothing_is_given(ehr: Ehr, purpose: str, trail: Callable[[], list[dict[str, Any]]]) -> None:
    with pytest.raises(RevealRefused):
        seen(ehr, purpose=purpose)
    assert trail() == []


def test_asking_for_what_is_not_there_is_logged_too(ehr: Ehr, trail: Callable[[], list[dict[str, Any]]]) -> None:
    ehr.send(updated(patient(1), 2, LATE), deleted("Patient/p2"))
    for resource_id in ("p2", "p9"):
        with pytest.raises(NoSuchRecord):
            seen(ehr, Record("northgate", "Patient", resource_id))
    assert [entry["item_count"] for entry in trail()] == [0, 0]


def test_another_partners_record_is_another(ehr: Ehr) -> None:
    with pytest.raises(NoSuchRecord):
        seen(ehr, Record("lakeview", "Patient", "p1"))


def test_every_table_of_records_can_be_asked_for_and_no_other(ehr: Ehr, url: str) -> None:
    statement = "SELECT ops.request_reveal_record('ann', 'northgate', %s, 'p9', 't:1', 'a claim')"
    with psycopg.connect(url, autocommit=True) as connection:
        for entity in CLINICAL:
            assert connection.execute(statement, [entity.name]).fetchone()
        for other in ("member", "patient_history", "pg_class", None):
            with pytest.raises(psycopg.Error, match="only clinical records"):
                connection.execute(statement, [other])


# ── no reading without a trace ─────────────────────────────────────────────────


def traceless(connection: psycopg.Connection[Any], how: str) -> object:
    """Tries to read and to roll the asking back."""
    if how == "from within a savepoint":
        connection.execute("SAVEPOINT s")
    request = ask(connection)
    if how != "in one transaction":
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    try:
        return connection.execute("SELECT ops.reveal_record(%s)", [request]).fetchone()
    finally:
        connection.rollback()


HOW = ("in one transaction", "chained before the commit", "from within a savepoint")


@pytest.mark.parametrize("how", HOW)
def test_whoever_asks_and_rolls_back_has_read_nothing(how: str, url: str) -> None:
    with psycopg.connect(url) as connection, pytest.raises(psycopg.Error, match="commit it first"):
        traceless(connection, how)


def test_without_the_comparison_of_transactions_one_could_read_without_a_trace(
    ehr: Ehr, url: str, database: Any, trail: Callable[[], list[dict[str, Any]]]
) -> None:
    """Negative control."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        (source,) = owner.execute("SELECT pg_get_functiondef('ops.reveal_record'::regproc)").fetchone() or ("",)
        owner.execute(source.replace("asked.xid = pg_current_xact_id_if_assigned()", "false"))
    with psycopg.connect(url) as connection:
        read = traceless(connection, HOW[1])
    count("negative controls", tried=1, red=int(read is not None and not trail()))
    assert (read is not None, trail()) == (True, [])


def test_a_request_is_good_for_its_login_its_kind_and_five_minutes(url: str, database: Any) -> None:
    with psycopg.connect(database.admin_url.rpartition("/")[0] + f"/{database.name}", autocommit=True) as admin:
        admin.execute("CREATE ROLE eve_reveals LOGIN PASSWORD 'x' IN ROLE concord_revealer")
        try:
            other = make_conninfo(**{**conninfo_to_dict(url), "user": "eve_reveals", "password": "x"})
            with psycopg.connect(url, autocommit=True) as asking, psycopg.connect(other, autocommit=True) as reading:
                request = ask(asking)
                with pytest.raises(psycopg.Error, match="there is no request"):
                    reading.execute("SELECT ops.reveal_record(%s)", [request])
                assert asking.execute("SELECT ops.reveal(%s)", [request]).fetchone() == (None,)
                member = asking.execute(
                    "SELECT ops.request_reveal('ann', 'acme', 'E1', '01', 't:1', '{ssn}', 'a claim')"
                ).fetchone()
                with pytest.raises(psycopg.Error, match="there is no request"):
                    asking.execute("SELECT ops.reveal_record(%s)", member)
                assert asking.execute("SELECT ops.reveal_record(%s)", [request]).fetchone() != (None,)
                admin.execute("SET session_replication_role = replica")
                admin.execute("UPDATE ops.reveal_request SET at = at - interval '5 minutes 1 second'")
                with pytest.raises(psycopg.Error, match="there is no request"):
                    asking.execute("SELECT ops.reveal_record(%s)", [request])
        finally:
            admin.execute("DROP ROLE eve_reveals")


ROLES = ("loader", "analyst", "auditor")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("call", ["ops.reveal_record(1)", "ops.find_record('northgate', 'patient', 'p1')"])
def test_nobody_else_may_ask(role: str, call: str, database: Any) -> None:
    for statement in (f"SELECT {call}", "SELECT ops.request_reveal_record('a', 'b', 'patient', 'c', 'd', 'e')"):
        with (
            psycopg.connect(getattr(database, f"{role}_url")) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())


@pytest.mark.parametrize("what", ["core.patient", "ops.delivery", "ops.reveal_request", "ops.quarantine"])
def test_the_right_to_ask_is_no_right_to_read(what: str, url: str) -> None:
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"SELECT FROM {what}".encode())


def test_where_a_record_lies_is_told_to_nobody_who_was_not_logged(url: str) -> None:
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT ops.find_record('northgate', 'patient', 'p1')")


# ── where it lies ──────────────────────────────────────────────────────────────


def test_a_row_that_a_replay_brought_leads_to_what_was_refused(ehr: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    from concord import steps
    from concord.entities import clinical
    from concord.parse.fhir import file
    from concord.quarantine import Selection

    known = dict(clinical.RESOURCE_TYPES)
    monkeypatch.setattr(file, "RESOURCE_TYPES", {name: known[name] for name in known if name != "Patient"})
    ehr.send(patient(3), weight(3, "70.0", of=3))
    monkeypatch.setattr(file, "RESOURCE_TYPES", known)
    driver = ehr.driver
    assert len(steps.rehearse(driver.feed, Selection(driver.feed.name), driver.site)) == 1
    (replay,) = steps.replay(driver.feed, Selection(driver.feed.name), by="ann", site=driver.site)["replays"]
    assert driver.run(replay, "approve").state == "published"
    assert seen(ehr, Record("northgate", "Patient", "p3")) == patient(3)


def test_what_is_destroyed_is_not_shown(ehr: Ehr, database: Any) -> None:
    with psycopg.connect(database.admin_url.rpartition("/")[0] + f"/{database.name}", autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            """UPDATE ops.delivery SET shredded_at = now(), file_name_sealed = NULL,"""
            """ manifest = jsonb_set(manifest, '{wrapped_key}', '""')"""
        )
    with pytest.raises(LandingShredded, match="retention is over"):
        seen(ehr)


def test_another_resource_at_its_place_is_not_shown(ehr: Ehr) -> None:
    """Where ledger and archive disagree, nobody sees another person's record."""
    ehr.driver.do("UPDATE core.patient SET line = 2 WHERE resource_id = 'p1'")
    with pytest.raises(LandingDamaged) as caught:
        seen(ehr)
    assert "p2" not in str(caught.value)


# ── the command ────────────────────────────────────────────────────────────────


@pytest.fixture
def shell(ehr: Ehr, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    settings = ehr.driver.site.settings
    for role in ("loader", "auditor", "revealer"):
        monkeypatch.setenv(f"CONCORD_{role.upper()}_URL", getattr(settings, f"{role}_url"))
    monkeypatch.setenv("CONCORD_LANDING_URL", settings.landing_url)
    for name, keys in (("SEAL", settings.seal_keys), ("TOKEN", settings.token_keys)):
        monkeypatch.setenv(f"CONCORD_{name}_KEYS", f"test:{b64encode(keys['test']).decode()}")
    return lambda *arguments, typed="": CliRunner().invoke(app, ["fhir", *arguments], input=typed)


def test_it_is_shown_on_a_screen_only_and_never_logged(
    shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    trail: Callable[[], list[dict[str, Any]]],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    asked = ("raw", "northgate_ehr", "Patient", "p1", "--purpose", "a claim", "--ticket", "T-1")
    piped = shell(*asked)
    assert (piped.exit_code, NAME in piped.output, "on a terminal only" in piped.output) == (2, False, True)
    assert trail() == []
    monkeypatch.setattr(command, "is_screen", lambda: True)
    shown = shell(*asked)
    assert (shown.exit_code, NAME in shown.stdout) == (0, True), shown.output
    assert NAME not in caplog.text
    listed = shell("who-saw", "northgate_ehr", "Patient", typed="p1\n")
    assert all(text in listed.stdout for text in ("a claim", "T-1", "concord_revealer")), listed.output
    assert "a claim" not in shell("who-saw", "northgate_ehr", "Patient", "p2").stdout


def test_it_is_logged_before_anything_is_read(
    shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, trail: Callable[[], list[dict[str, Any]]]
) -> None:
    found: list[int] = []

    def opened(*_: object, **__: object) -> Any:
        found.append(len(trail()))
        raise OSError

    monkeypatch.setattr(command, "is_screen", lambda: True)
    monkeypatch.setattr(Landing, "open", opened)
    shown = shell("raw", "northgate_ehr", "Patient", "p1", "--purpose", "a claim")
    assert (shown.exit_code, found) == (2, [1]), shown.output


def test_an_id_may_be_asked_for_and_an_error_does_not_repeat_it(
    shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "is_screen", lambda: True)
    shown = shell("raw", "northgate_ehr", "Patient", "--purpose", "a claim", typed="p1\n")
    assert (shown.exit_code, NAME in shown.stdout) == (0, True), shown.output
    missing = shell("raw", "northgate_ehr", "Patient", "zz-unheard-of", "--purpose", "a claim")
    assert (missing.exit_code, "zz-unheard-of" in missing.output) == (2, False)
    assert "p1" not in repr(WHO)


@pytest.mark.parametrize(
    ("feed", "kind", "says"),
    [
        ("acme_eligibility", "Patient", "brings no FHIR resources"),
        ("riverbend_adt", "Patient", "brings no FHIR resources"),
        ("northgate_ehr", "Binary", "no such resource type"),
    ],
)
def test_only_resources_that_are_kept_can_be_named(
    feed: str, kind: str, says: str, shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "is_screen", lambda: True)
    refused = shell("raw", feed, kind, "x", "--purpose", "a claim")
    assert (refused.exit_code, says in refused.stderr) == (2, True)


def test_a_false_token_hides_nobody(ehr: Ehr, url: str, shell: Callable[..., Any]) -> None:
    with psycopg.connect(url) as connection:
        ask(connection)
    assert "a claim" in shell("who-saw", "northgate_ehr", "Patient", "p1").stdout
    assert "a claim" not in shell("who-saw", "northgate_ehr", "Observation", "b1").stdout


def test_numbers_are_shown_as_they_were_written() -> None:
    assert indented(b'{"value": 1.10, "big": 12345678901234567890, "e": 1E2, "text": "1.10"}').splitlines() == [
        "{", '  "value": 1.10,', '  "big": 12345678901234567890,', '  "e": 1E2,', '  "text": "1.10"', "}",
    ]  # fmt: skip
