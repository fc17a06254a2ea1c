"""Who may do what: a reviewed page is the catalogue, every verb is tried as every role, and no trick tells more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.role_matrix import PAGE, Thing, expected, page, things, tried
from tests.tally import count

if TYPE_CHECKING:
    from tests.playground import Playground
    from tests.rosters import Driver

LOGINS = ("loader", "analyst", "auditor", "revealer")
UNPINNED = """
SELECT p.oid::regprocedure::text AS name FROM pg_proc p
WHERE p.prosecdef AND p.pronamespace::regnamespace::text IN ('ops', 'core', 'mart', 'stage', 'public')
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) setting
                  WHERE setting ~ '^search_path=pg_catalog(, (ops|core))*, pg_temp$')
"""


@contextmanager
def spoiled(blank: Playground, *statements: str) -> Iterator[psycopg.Connection[Any]]:
    """The catalogue as the owner would have made it otherwise, for a while."""
    with blank.connection.transaction(force_rollback=True):
        for statement in ("SET LOCAL ROLE concord_owner", *statements):
            blank.connection.execute(statement)
        blank.connection.execute("RESET ROLE")
        yield blank.connection


# ── the matrix ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def found(blank: Playground) -> list[Thing]:
    """What the catalogue says."""
    return things(blank.connection)


def test_the_reviewed_page_is_what_the_catalogue_says(found: list[Thing]) -> None:
    """Red where an object or a grant is new: write the page (python -m tests.role_matrix) and read what changed."""
    assert page(found) == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("login", LOGINS)
def test_every_verb_on_every_object_is_let_through_or_refused_as_the_page_says(
    login: str, blank: Playground, found: list[Thing]
) -> None:
    statements = {(thing.name, verb): text for thing in found for verb, text in thing.attempts.items()}
    outcomes = tried(getattr(blank.settings, f"{login}_url"), list(statements.values()))
    let_through = dict(zip(statements, outcomes, strict=True))
    should = expected(found, f"concord_{login}")
    assert len(should) > 500
    assert {key for key, may in should.items() if let_through[key] != may} == set()


def test_everybody_may_do_nothing_and_the_orchestrator_may_not_even_connect(
    blank: Playground, found: list[Thing]
) -> None:
    may = {thing.name: verbs for thing in found if (verbs := thing.allowed["public"])}
    assert may == {"public": frozenset({"USAGE"})}
    airflow = make_conninfo(**{**conninfo_to_dict(str(blank.settings.loader_url)), "user": "airflow", "password": "x"})
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(airflow)
    assert next(thing for thing in found if thing.kind == "database").allowed["airflow"] == set()


MADE_LATER = (
    "CREATE TABLE ops.made_later (id bigint GENERATED ALWAYS AS IDENTITY)",
    "CREATE FUNCTION ops.made_later() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE VIEW mart.made_later AS SELECT 1 AS one",
)


def test_what_a_later_migration_makes_is_nobodys_and_turns_the_page_red(blank: Playground) -> None:
    with spoiled(blank, *MADE_LATER) as connection:
        later = [thing for thing in things(connection) if "made_later" in thing.name]
        assert len(later) == 4
        assert {verb for thing in later for verbs in thing.allowed.values() for verb in verbs} == set()
        assert page(things(connection)) != PAGE.read_text(encoding="utf-8")


GRANTED = {
    "a table": "GRANT SELECT ON ops.audit TO concord_loader",
    "a column": "GRANT UPDATE (hash) ON ops.audit TO concord_loader",
    "a function": "GRANT EXECUTE ON FUNCTION ops.reveal TO concord_analyst",
    "a schema": "GRANT CREATE ON SCHEMA mart TO concord_analyst",
    "everybody": "GRANT SELECT ON core.member TO PUBLIC",
}


@pytest.mark.full
@pytest.mark.parametrize("what", GRANTED)
def test_a_grant_that_nobody_reviewed_turns_the_page_red(what: str, blank: Playground) -> None:
    """Negative control."""
    with spoiled(blank, GRANTED[what]) as connection:
        red = page(things(connection)) != PAGE.read_text(encoding="utf-8")
    count("negative controls", tried=1, red=int(red))
    assert red


def test_trying_tells_what_is_granted_from_what_is_not(blank: Playground) -> None:
    """Negative control of the trying itself."""
    read = ["SELECT * FROM ops.audit LIMIT 0"]
    url = str(blank.settings.loader_url)
    assert tried(url, read) == [False]
    blank.connection.execute("GRANT SELECT ON ops.audit TO concord_loader")
    try:
        assert tried(url, read) == [True]
    finally:
        blank.connection.execute("REVOKE SELECT ON ops.audit FROM concord_loader")


# ── functions with their owner's rights ────────────────────────────────────────


def test_every_function_with_its_owners_rights_has_its_search_path_pinned(blank: Playground) -> None:
    assert blank.connection.execute(UNPINNED).fetchall() == []


@pytest.mark.parametrize("path", ["", "SET search_path = ops", "SET search_path = pg_catalog, ops"])
def test_a_function_without_a_pinned_path_would_be_found(path: str, blank: Playground) -> None:
    """Negative control; the last one leaves pg_temp in front."""
    unpinned = f"CREATE FUNCTION ops.unpinned() RETURNS int LANGUAGE sql SECURITY DEFINER {path} AS 'SELECT 1'"
    with spoiled(blank, unpinned) as connection:
        assert [row["name"] for row in connection.execute(UNPINNED).fetchall()] == ["ops.unpinned()"]


# ── analysts ───────────────────────────────────────────────────────────────────

HIDDEN = ("Sample", "1980", "400-55", "40055", "@", "Kid")
TRICKS = {
    "a cheap function in WHERE": "SELECT count(*) FROM mart.eligible_member m WHERE pg_temp.tell(m.*::text)",
    "a function in ORDER BY": "SELECT partner FROM mart.eligible_member m ORDER BY pg_temp.tell(m.*::text)",
    "a function over the function": "SELECT count(*) FROM mart.eligible_members_as_of('2026-11-20') m"
    " WHERE pg_temp.tell(m.*::text)",
}
ERRORS = {
    "a cast that fails": "SELECT ssn_token::integer FROM mart.eligible_member",
    "a division by zero": "SELECT 1 / (birth_year - birth_year) FROM mart.eligible_member",
    "a regular expression that fails": "SELECT subscriber_id ~ ('(' || ssn_token) FROM mart.eligible_member",
    "a table that is not theirs": "SELECT last_name FROM core.member WHERE last_name::integer = 1",
    "statistics of a table that is not theirs": "SELECT 1 / count(*) FROM pg_stats WHERE schemaname = 'core'",
    "another session's statement": "SELECT 1 / count(*) FROM pg_stat_activity WHERE query LIKE '%%core.%%'"
    " AND pid <> pg_backend_pid()",
}
TELL = """
CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN RAISE NOTICE '%', $1; RETURN true; END $$
"""


@contextmanager
def analyst(url: str, told: list[str]) -> Iterator[psycopg.Connection[Any]]:
    """An analyst's session that hears what the server says."""
    with psycopg.connect(url, options="-c default_transaction_read_only=off") as connection:
        connection.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
        yield connection


@pytest.mark.parametrize("trick", TRICKS)
def test_no_function_of_an_analyst_sees_a_row_or_a_column_that_the_view_does_not_show(trick: str, acme: Driver) -> None:
    told: list[str] = []
    with analyst(str(acme.site.settings.analyst_url), told) as connection:
        shown = connection.execute("SELECT m.*::text FROM mart.eligible_members_as_of('2026-11-20') m").fetchall()
        connection.execute(TELL)
        connection.execute(TRICKS[trick].encode())
    assert told
    assert set(told) <= {text for (text,) in shown}
    assert [text for text in told if any(value in text.replace(",1980,", ",") for value in HIDDEN)] == []


@pytest.mark.parametrize("trick", ERRORS)
def test_no_error_that_an_analyst_provokes_quotes_what_the_view_hides(trick: str, acme: Driver) -> None:
    told: list[str] = []
    with analyst(str(acme.site.settings.analyst_url), told) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(ERRORS[trick].encode()).fetchall()
    said = [*told, str(caught.value), str(caught.value.diag.message_detail), str(caught.value.diag.context)]
    assert [text for text in said if any(value in text for value in HIDDEN)] == []


JO = """
DO $$ BEGIN CREATE ROLE jo_analyses LOGIN PASSWORD 'x' IN ROLE concord_analyst;
EXCEPTION WHEN duplicate_object THEN NULL; END $$
"""


@pytest.fixture
def scoped(first_day: Playground, acme: Driver) -> Iterator[psycopg.Connection[Any]]:
    """The login of an analyst who is told partners one by one."""
    first_day.connection.execute(JO)
    parts = {**conninfo_to_dict(str(acme.site.settings.analyst_url)), "user": "jo_analyses", "password": "x"}
    with analyst(make_conninfo(**parts), []) as connection:
        connection.autocommit = True
        yield connection
    first_day.connection.execute("DELETE FROM ops.analyst_scope WHERE login = 'jo_analyses'")


def members(connection: psycopg.Connection[Any]) -> int:
    (number,) = connection.execute("SELECT count(*) FROM mart.eligible_members_as_of('2026-11-20')").fetchone() or (0,)
    return int(number)


def test_an_analyst_sees_the_members_of_the_partners_in_scope_and_of_no_other(
    scoped: psycopg.Connection[Any], first_day: Playground
) -> None:
    def scope(partner: str) -> None:
        first_day.connection.execute("INSERT INTO ops.analyst_scope VALUES ('jo_analyses', %s)", [partner])

    first_day.connection.execute("UPDATE core.eligibility SET partner = 'borealis' WHERE subscriber_id = 'E0000003'")
    (everybody,) = first_day.connection.execute("SELECT count(*) AS n FROM core.eligibility").fetchall()
    assert members(scoped) == 0, "nobody said which partners"
    scope("borealis")
    assert members(scoped) == 1
    told: list[str] = []
    scoped.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
    scoped.execute(TELL)
    scoped.execute(b"SELECT FROM mart.eligible_members_as_of('2026-11-20') m WHERE pg_temp.tell(m.partner)")
    assert set(told) == {"borealis"}
    scope("*")
    assert members(scoped) == everybody["n"]


def test_an_analyst_cannot_widen_the_scope(scoped: psycopg.Connection[Any]) -> None:
    for statement in (
        b"INSERT INTO ops.analyst_scope VALUES ('jo_analyses', '*')",
        b"SET ROLE concord_loader",
        b"SET SESSION AUTHORIZATION concord_analyst",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            scoped.execute(statement)
    scoped.execute("CREATE TEMPORARY TABLE analyst_scope (login text, partner text)")
    scoped.execute("INSERT INTO analyst_scope VALUES ('jo_analyses', '*')")
    scoped.execute(sql.SQL("SET search_path = pg_temp, ops"))
    assert members(scoped) == 0


@pytest.mark.full
def test_a_function_with_its_callers_rights_could_be_pushed_down_and_would_tell(
    first_day: Playground, scoped: psycopg.Connection[Any]
) -> None:
    """Negative control: a view without a barrier shows one partner, and a trick hears of the other."""
    first_day.connection.execute("UPDATE core.eligibility SET partner = 'borealis' WHERE subscriber_id = 'E0000003'")
    first_day.connection.execute(
        "CREATE VIEW mart.careless AS SELECT partner FROM core.eligibility WHERE partner || '' = 'borealis';"
        "GRANT SELECT ON mart.careless TO concord_analyst"
    )
    told: list[str] = []
    scoped.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
    try:
        scoped.execute(TELL)
        scoped.execute(b"SELECT FROM mart.careless WHERE pg_temp.tell(partner)")
    finally:
        first_day.connection.execute("DROP VIEW mart.careless")
    count("negative controls", tried=1, red=int("acme" in told))
    assert "acme" in told
