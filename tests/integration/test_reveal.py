"""Unmasked values: who asks is logged first, and what was rolled back was never read."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner

from concord import reveal as revealing
from concord.cli import app
from concord.cli import reveal as command
from concord.entities import MEMBER
from concord.errors import RevealRefused
from concord.postgres import connect
from concord.reveal import FIELDS, Member, NoSuchMember, reveal
from tests.tally import count

if TYPE_CHECKING:
    from tests.playground import Playground
    from tests.rosters import Driver

WHO = Member("acme", "E0000003", "01")
ASK = "SELECT ops.request_reveal('ann', 'acme', 'E0000003', '01', %s, %s, 'a claim', NULL)"
VALUES = ("Sampled", "E0000003", "400-55-0003", "400550003", "1980-03-04", "Sampled".upper())


@pytest.fixture
def url(acme: Driver) -> str:
    return str(acme.site.settings.revealer_url)


@pytest.fixture
def trail(acme: Driver) -> Callable[[], list[dict[str, Any]]]:
    """Entries about reveals, as the auditor reads them."""

    def entries() -> list[dict[str, Any]]:
        with connect(str(acme.site.settings.auditor_url)) as connection:
            return connection.execute("SELECT * FROM ops.audit WHERE action = 'reveal' ORDER BY seq").fetchall()

    return entries


def seen(acme: Driver, *fields: str, purpose: str = "a claim") -> dict[str, str | None]:
    site = acme.site
    return dict(reveal(str(site.settings.revealer_url), site.keys, WHO, fields, actor="ann", purpose=purpose))


def ask(connection: psycopg.Connection[Any], *fields: str, token: str = "t:1") -> int:
    row = connection.execute(ASK, [token, list(fields) or ["last_name"]]).fetchone()
    return int(row[0]) if row else 0


# ── asking and getting ─────────────────────────────────────────────────────────


def test_who_says_what_for_is_given_exactly_the_fields_that_were_asked_for(acme: Driver) -> None:
    assert seen(acme, "last_name", "ssn", "birth_date", "email") == {
        "last_name": "Sampled", "ssn": "400550003", "birth_date": "1980-03-04", "email": seen(acme, "email")["email"],
    }  # fmt: skip
    assert set(seen(acme, "phone")) == {"phone"}


def test_the_trail_says_who_what_for_which_fields_and_no_value(
    acme: Driver, trail: Callable[[], list[dict[str, Any]]]
) -> None:
    seen(acme, "ssn", "last_name")
    (entry,) = trail()
    assert (entry["actor"], entry["db_role"], entry["purpose"]) == ("ann", "concord_revealer", "a claim")
    assert (entry["object"], entry["item_count"]) == (WHO.token(acme.site.keys), 1)
    assert entry["detail"]["fields"] == ["ssn", "last_name"]
    assert entry["detail"]["classes"] == ["direct", "secret"]
    assert [value for value in VALUES if value in repr(entry)] == []


def test_what_can_be_asked_for_is_what_the_entity_calls_an_identifier(first_day: Playground) -> None:
    told = {r["field"]: r["class"] for r in first_day.connection.execute("SELECT * FROM ops.reveal_field").fetchall()}
    assert told == {name: MEMBER.column(name).phi.value for name in FIELDS}


@pytest.mark.parametrize(
    ("fields", "purpose"), [(("last_name",), "  "), (("content_hash",), "a claim"), ((), "a claim")]
)
def test_without_a_purpose_or_for_other_columns_nothing_is_given(
    acme: Driver, fields: tuple[str, ...], purpose: str, trail: Callable[[], list[dict[str, Any]]]
) -> None:
    with pytest.raises(RevealRefused):
        seen(acme, *fields, purpose=purpose)
    assert trail() == []


def test_asking_for_somebody_unknown_is_logged_too(
    acme: Driver, url: str, trail: Callable[[], list[dict[str, Any]]]
) -> None:
    nobody = Member("acme", "E9999999", "01")
    with pytest.raises(NoSuchMember):
        reveal(url, acme.site.keys, nobody, ["last_name"], actor="ann", purpose="a claim")
    assert [(entry["object"], entry["item_count"]) for entry in trail()] == [(nobody.token(acme.site.keys), 0)]


# ── no reading without a trace ─────────────────────────────────────────────────


def traceless(connection: psycopg.Connection[Any], how: str) -> object:
    """Tries to read and to roll the asking back."""
    request = 0
    if how == "in one transaction":
        request = ask(connection)
    elif how == "chained before the commit":
        request = ask(connection)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    elif how == "from within a savepoint":
        connection.execute("SAVEPOINT s")
        request = ask(connection)
        connection.execute("RELEASE s; SET CONSTRAINTS ALL IMMEDIATE; SAVEPOINT s")
    try:
        return connection.execute("SELECT ops.reveal(%s)", [request]).fetchone()
    finally:
        connection.rollback()


HOW = ("in one transaction", "chained before the commit", "from within a savepoint")


@pytest.mark.parametrize("how", HOW)
def test_whoever_asks_and_rolls_back_has_read_nothing(how: str, url: str) -> None:
    with psycopg.connect(url) as connection, pytest.raises(psycopg.Error, match="commit it first"):
        traceless(connection, how)


def test_a_request_that_is_not_committed_is_worth_nothing_in_another_session(url: str) -> None:
    with psycopg.connect(url) as asking, psycopg.connect(url) as reading:
        request = ask(asking)
        with pytest.raises(psycopg.Error, match="there is no request"):
            reading.execute("SELECT ops.reveal(%s)", [request])


def test_the_trace_outlives_a_reader_who_rolls_back(url: str, trail: Callable[[], list[dict[str, Any]]]) -> None:
    with psycopg.connect(url) as connection:
        request = ask(connection)
        connection.commit()
        assert connection.execute("SELECT ops.reveal(%s)", [request]).fetchone() == ({"last_name": "Sampled"},)
        connection.rollback()
    assert [entry["detail"]["request"] for entry in trail()] == [request]


@pytest.mark.full
@pytest.mark.parametrize("how", HOW[1:])
def test_without_the_comparison_of_transactions_one_could_read_without_a_trace(
    how: str, url: str, first_day: Playground, trail: Callable[[], list[dict[str, Any]]]
) -> None:
    """Negative control."""
    source = first_day.connection.execute("SELECT pg_get_functiondef('ops.reveal'::regproc) AS it").fetchone()["it"]
    first_day.connection.execute(source.replace("asked.xid = pg_current_xact_id_if_assigned()", "false"))
    try:
        with psycopg.connect(url) as connection:
            read = traceless(connection, how)
    finally:
        first_day.connection.execute(source)
    count("negative controls", tried=1, red=int(read == ({"last_name": "Sampled"},) and not trail()))
    assert read == ({"last_name": "Sampled"},)
    assert trail() == []


def test_a_request_is_good_for_five_minutes(url: str, first_day: Playground) -> None:
    with psycopg.connect(url) as connection:
        request = ask(connection)
        connection.commit()
        first_day.connection.execute("UPDATE ops.reveal_request SET at = at - interval '5 minutes 1 second'")
        with pytest.raises(psycopg.Error, match="there is no request"):
            connection.execute("SELECT ops.reveal(%s)", [request])


@pytest.fixture
def persons(first_day: Playground, url: str) -> Iterator[list[str]]:
    """Two logins of persons who have the right, as an installation makes them."""
    urls = []
    for name in ("ann_reveals", "bob_reveals"):
        first_day.connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x' IN ROLE concord_revealer").format(sql.Identifier(name))
        )
        urls.append(make_conninfo(**{**conninfo_to_dict(url), "user": name, "password": "x"}))
    yield urls
    first_day.connection.execute("DROP ROLE ann_reveals, bob_reveals")


def test_a_request_is_good_for_the_login_that_made_it_and_the_trail_names_the_login(
    persons: list[str], trail: Callable[[], list[dict[str, Any]]]
) -> None:
    with psycopg.connect(persons[0]) as ann, psycopg.connect(persons[1]) as bob:
        request = ask(ann)
        ann.commit()
        with pytest.raises(psycopg.Error, match="there is no request"):
            bob.execute("SELECT ops.reveal(%s)", [request])
        assert ann.execute("SELECT ops.reveal(%s)", [request]).fetchone() == ({"last_name": "Sampled"},)
    assert [entry["db_role"] for entry in trail()] == ["ann_reveals"]


@pytest.mark.parametrize("table", ["core.member", "ops.audit", "ops.reveal_request", "mart.eligible_member"])
def test_the_right_to_ask_is_no_right_to_read(url: str, table: str) -> None:
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"SELECT FROM {table}".encode())


# ── who saw whom ───────────────────────────────────────────────────────────────


def saw(acme: Driver, member: Member) -> list[str]:
    values = {"partner": member.partner, "subscriber_id": member.subscriber_id, "person_code": member.person_code}
    from concord.postgres import run

    with connect(str(acme.site.settings.auditor_url)) as connection:
        rows = run(connection, "audit/select_who_saw", {**values, "tokens": list(member.tokens(acme.site.keys))})
    return [row["purpose"] for row in rows]


def test_a_false_token_hides_nobody(acme: Driver, url: str) -> None:
    with psycopg.connect(url) as connection:
        ask(connection, token="somebody:else")
    assert saw(acme, WHO) == ["a claim"]
    assert saw(acme, Member("acme", "E0000004", "01")) == []


# ── the command ────────────────────────────────────────────────────────────────


@pytest.fixture
def shell(acme: Driver, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    settings = acme.site.settings
    for role in ("loader", "auditor", "revealer"):
        monkeypatch.setenv(f"CONCORD_{role.upper()}_URL", getattr(settings, f"{role}_url"))
    monkeypatch.setenv("CONCORD_LANDING_URL", settings.landing_url)
    for name, keys in (("SEAL", settings.seal_keys), ("TOKEN", settings.token_keys)):
        monkeypatch.setenv(f"CONCORD_{name}_KEYS", f"test:{b64encode(keys['test']).decode()}")
    return lambda *arguments, typed="": CliRunner().invoke(app, list(arguments), input=typed)


def test_the_command_shows_values_on_a_screen_only_and_logs_none(
    shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = ("reveal", "acme:E0000003:01", "--fields", "last_name,ssn", "--purpose", "a claim", "--ticket", "T-1")
    piped = shell(*asked)
    assert (piped.exit_code, [value for value in VALUES if value in piped.output]) == (2, [])
    assert "on a terminal only" in piped.output
    monkeypatch.setattr(command, "is_screen", lambda: True)
    shown = shell(*asked)
    assert (shown.exit_code, "Sampled" in shown.stdout, "400550003" in shown.stdout) == (0, True, True)
    assert [value for value in VALUES if value in caplog.text] == []
    listed = shell("audit", "who-saw", typed="acme:E0000003:01\n")
    assert all(text in listed.stdout for text in ("a claim", "T-1", "last_name, ssn", "concord_revealer"))
    assert listed.stdout.count("a claim") == 1


def test_a_member_is_asked_for_so_that_no_shell_history_keeps_whom(
    shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "is_screen", lambda: True)
    shown = shell("reveal", "--fields", "last_name", "--purpose", "a claim", typed="acme:E0000003:01\n")
    assert (shown.exit_code, "Sampled" in shown.stdout) == (0, True), shown.output


@pytest.mark.parametrize("text", ["E0000003", "acme:E0000003", "acme::01", ""])
def test_a_member_is_named_in_three_parts_and_the_error_does_not_repeat_it(text: str) -> None:
    with pytest.raises(NoSuchMember) as caught:
        Member.parse(text)
    assert "E0000003" not in str(caught.value)
    assert "E0000003" not in repr(WHO)
    assert revealing.FIELDS == FIELDS
