"""The embedded server: private, silent about values, and gone when it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from concord.postgres import connect
from concord.sandbox.postgres import EmbeddedServer
from concord.sandbox.roles import ROLES, bootstrap, role_url
from tests.conftest import Database

CANARY = "qxbcdfghj"


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def refused(url: str) -> str:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(url, connect_timeout=5)
    return str(caught.value)


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedServer:
    """A server that a test may stop; below /tmp/pytest-of-…, which only we may enter."""
    return EmbeddedServer(tmp_path_factory.mktemp("server") / "pg", durable=False)


def test_it_runs_where_only_root_may_enter_and_finds_its_data_again(own_server: EmbeddedServer) -> None:
    try:
        with own_server as server, psycopg.connect(server.admin_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1")
        with own_server as server:
            assert ask(server.admin_url, "SELECT count(*) FROM kept") == 1
        assert own_server.data.exists()
    finally:
        own_server.remove()
    assert not own_server.data.exists()


def test_a_server_whose_owner_was_killed_stops_by_itself(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("orphan") / "pg"
    script = (
        "import os, signal, sys; from pathlib import Path; from concord.sandbox.postgres import EmbeddedServer\n"
        f"s = EmbeddedServer(Path({str(folder)!r}), durable=False).start()\n"
        "print(s.identity[0], flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert finished.returncode == -signal.SIGKILL
    pid, until = int(finished.stdout), time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)
    EmbeddedServer(folder).remove()


def test_the_data_a_killed_server_left_is_used_again(own_server: EmbeddedServer) -> None:
    try:
        own_server.start()
        identity = own_server.identity
        assert identity
        os.kill(identity[0], signal.SIGKILL)
        again = EmbeddedServer(own_server.directory, durable=False)
        with again:
            assert ask(again.admin_url, "SELECT 1") == 1
    finally:
        own_server.remove()


def test_a_server_that_crashed_comes_back_where_it_was_with_what_was_committed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    durable = EmbeddedServer(tmp_path_factory.mktemp("server") / "pg")
    try:
        with durable as server, psycopg.connect(server.admin_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1")
            assert not server.restart_ended(), "it runs"
            before = server.admin_url
            server.crash()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
            assert server.restart_ended()
            assert ask(before, "SELECT count(*) FROM kept") == 1
    finally:
        durable.remove()


def test_it_listens_on_this_machine_only_and_has_no_socket_file(server: EmbeddedServer) -> None:
    assert server.identity
    process = psutil.Process(server.identity[0])
    listening = [connection.laddr.ip for connection in process.net_connections() if connection.status == "LISTEN"]
    assert listening == ["127.0.0.1"]
    assert ask(server.admin_url, "SELECT current_setting('unix_socket_directories')") == ""


def test_it_does_not_run_as_root(server: EmbeddedServer) -> None:
    assert server.identity
    assert psutil.Process(server.identity[0]).uids().effective != 0


def test_every_line_of_access_control_asks_for_a_scram_password(server: EmbeddedServer) -> None:
    methods = ask(server.admin_url, "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules")
    assert methods == ["scram-sha-256"]
    parts = conninfo_to_dict(server.admin_url)
    assert "password" in refused(f"postgresql://postgres@127.0.0.1:{parts['port']}/postgres")


def test_errors_leave_no_value_in_the_servers_log(server: EmbeddedServer) -> None:
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE t (a text PRIMARY KEY)")
        connection.execute("INSERT INTO t VALUES (%s)", [CANARY])
        for statement in ("INSERT INTO t VALUES (%s)", "SELECT %s::date", "SELECT 1 / length(%s) / 0"):
            with pytest.raises(psycopg.Error):
                connection.execute(statement.encode(), [CANARY])
        # The control: what the server says at this level does arrive.
        connection.execute("DO $$ BEGIN RAISE LOG 'heard'; END $$")
    log = server.log.read_text()
    assert "heard" in log
    assert CANARY not in log


def test_bootstrapping_twice_keeps_given_passwords_and_the_data(database: Database) -> None:
    passwords = {role: f"secret-{role}" for role in ROLES}
    before = {role: getattr(database, f"{role.removeprefix('concord_')}_url") for role in ROLES if role != "airflow"}
    kept = {role: str(conninfo_to_dict(url)["password"]) for role, url in before.items()}
    urls = bootstrap(database.admin_url, passwords=passwords | kept)
    assert urls == bootstrap(database.admin_url, passwords=passwords | kept)
    assert ask(before["concord_loader"], "SELECT count(*) FROM ops.delivery") == 0


def test_passwords_are_stored_as_scram_verifiers(database: Database) -> None:
    query = "SELECT bool_and(rolpassword LIKE 'SCRAM-SHA-256$%') FROM pg_authid WHERE rolname LIKE 'concord%'"
    assert ask(database.admin_url, query) is True


def test_the_loader_cannot_hold_a_feed_up_for_ever(database: Database) -> None:
    names = ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout")
    found = [ask(database.loader_url, f"SELECT current_setting('{name}')") for name in names]
    assert found == ["1min", "30s", "30min"]


@pytest.mark.parametrize("role", ["loader", "analyst", "auditor", "revealer"])
def test_who_leaves_a_transaction_open_is_logged_off(database: Database, role: str) -> None:
    """45 CFR 164.312(a)(2)(iii)."""
    setting = "SELECT current_setting('idle_in_transaction_session_timeout')"
    assert ask(getattr(database, f"{role}_url"), setting) == "1min"


def test_a_server_that_went_away_without_a_word_is_noticed(database: Database) -> None:
    url = database.loader_url
    with connect(url) as connection, connect(f"{url}?keepalives_idle=7") as told:
        assert connection.info.get_parameters()["tcp_user_timeout"] == "60000"
        assert [c.info.get_parameters()["keepalives_idle"] for c in (connection, told)] == ["30", "7"]


def test_concord_and_airflow_do_not_see_each_other(database: Database) -> None:
    passwords = {role: f"secret-{role}" for role in ("airflow",)}
    kept = {
        f"concord_{role}": str(conninfo_to_dict(getattr(database, f"{role}_url"))["password"])
        for role in ("owner", "loader", "analyst", "auditor", "revealer")
    }
    urls = bootstrap(database.admin_url, passwords=passwords | kept)
    assert ask(urls["airflow"], "SELECT current_database()") == "airflow"
    assert "permission denied" in refused(
        role_url(database.admin_url, "airflow", passwords["airflow"], database="concord")
    )
    for role, password in kept.items():
        assert "permission denied" in refused(role_url(database.admin_url, role, password, database="airflow"))


def test_nobody_but_the_administrator_enters_the_maintenance_databases(database: Database) -> None:
    for maintenance in ("postgres", "template1"):
        assert "permission denied" in refused(database.loader_url.rpartition("/")[0] + "/" + maintenance)


def test_a_cloned_database_is_closed_like_the_original(database: Database) -> None:
    query = "SELECT has_database_privilege('airflow', current_database(), 'CONNECT')"
    assert ask(database.admin_url.rpartition("/")[0] + "/" + database.name, query) is False


def test_the_trigram_extension_is_there(database: Database) -> None:
    assert ask(database.owner_url, "SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'") == 1


def test_analysts_read_and_do_not_write(database: Database) -> None:
    assert ask(database.analyst_url, "SELECT count(*) FROM mart.delivery_reconciliation") == 0
    with psycopg.connect(database.analyst_url) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT * FROM core.member")


def test_two_tests_do_not_share_a_database(database: Database, tmp_path: Path) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("CREATE TABLE only_here (a int)")
    query = "SELECT count(*) FROM pg_class WHERE relname = 'only_here'"
    assert ask(database.admin_url, query) == 0
