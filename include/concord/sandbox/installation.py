"""A whole Concord on this machine: database, partner, keys, Airflow; started in the order that waits least.

Airflow's metadata migration and its four processes need most of the time, so that
everything else happens while they come up.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

import asyncssh

from concord.catalogue import feeds
from concord.contract import Feed, SftpDrop
from concord.migrations import migrate
from concord.pools import pools
from concord.sandbox.airflow import LocalAirflow
from concord.sandbox.airflow_home import AirflowHome
from concord.sandbox.hospitals import Hospitals
from concord.sandbox.liveness import HUNG_AFTER_S
from concord.sandbox.postgres import EmbeddedServer
from concord.sandbox.roles import bootstrap
from concord.sandbox.sftp_server import SftpPartner, host_key_from
from concord.sandbox.state import PROJECT, Running, State
from concord.settings import Settings

if TYPE_CHECKING:
    from concord.sandbox.pgp import PgpKeys

Say = Callable[[str], None]

FEED = "acme_eligibility"
"""The feed that runs unless another is asked for."""
OPERATIONS = ("concord_reconciler", "concord_check", "concord_expectations", "concord_replay", "concord_links")
PASSED_ON = ("CONCORD_NOTIFY", "CONCORD_NOTIFY_WEBHOOK_URL")
"""Settings of the caller that count here as well."""


class Installation:
    """Everything that runs, as one context manager: entering starts it, leaving stops it.

    ``say`` is told what is done; ``extra`` joins the environment of Airflow's processes.
    ``CONCORD_DATABASE_URL`` (an administrator's libpq URL) names a real server to use instead
    of the embedded one. Call it from the main thread.
    """

    def __init__(self, state: State, *, say: Say, extra: Mapping[str, str] | None = None) -> None:
        self.state, self.say, self._extra = state, say, dict(extra or {})
        self.environment: dict[str, str] = {}
        self.hospitals = Hospitals(state)
        self._stack = ExitStack()
        self._server: EmbeddedServer | None = None

    def __enter__(self) -> Installation:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def settings(self) -> Settings:
        """Concord's settings of this installation."""
        return Settings.from_environment(self.environment)

    def running(self) -> Running:
        """The processes it is made of, besides this one."""
        server = {"postgres": self._server.identity} if self._server and self._server.identity else {}
        return self.airflow.pids() | server

    def restart_ended(self) -> list[str]:
        """Starts again what ended or hangs, the database first; returns the names. Call it every few seconds."""
        database = ["postgres"] if self._server and self._server.restart_ended() else []
        ended, hung = [*database, *self.airflow.restart_ended()], self.airflow.restart_hung()
        for name in ended:
            self.say(f"{name} had ended and is started again")
        for name in hung:
            self.say(f"{name} was not well for {HUNG_AFTER_S:.0f} s and is started again")
        return [*ended, *hung]

    def get_ready(self, *feeds: str) -> None:
        """Waits for Airflow, creates its pools, un-pauses the DAGs of ``feeds``; those of the others stay paused."""
        dags = (*(dag for feed in feeds or (FEED,) for dag in (feed, f"{feed}_watch")), *OPERATIONS)
        self.airflow.wait_until_healthy(
            progress=lambda part: self.say(f"Airflow's {part.replace('_', ' ')} is healthy")
        )
        self.airflow.make_pools(pools())
        self.airflow.wait_for_dags(dags)
        with self.airflow.api() as api:
            for dag in dags:
                api.unpause(dag)
        self.say(f"{len(dags)} DAGs are parsed and run")

    def _start(self) -> None:
        admin_url = self._database()
        urls = bootstrap(admin_url, passwords=self.state.passwords())
        self.say("roles and databases are there")
        home = AirflowHome.create(self.state.airflow, database_url=urls["airflow"], project=PROJECT)
        connections = self._partners()
        concord = _concord(self.state, urls, home)
        self.airflow = LocalAirflow(home, extra=_for_airflow(concord) | connections | self._extra)
        self._stack.callback(self._stop_airflow)
        self.environment = concord | home.environment() | connections
        self.airflow.begin_migration()
        migrate(urls["concord_owner"])
        self.say("Concord's tables are there")
        self.airflow.finish_migration()
        self.say("Airflow's tables are there")
        self.airflow.start()
        self.state.write_environment(self.environment)
        self._stack.callback(self.state.forget_running)

    def _stop_airflow(self) -> None:
        self.say("stopping Airflow")
        killed = self.airflow.stop()
        self.say(f"Airflow is stopped{' (killed: ' + ', '.join(killed) + ')' if killed else ''}")

    def _database(self) -> str:
        given = os.environ.get("CONCORD_DATABASE_URL")
        if given:
            self.say("using the Postgres of CONCORD_DATABASE_URL")
            return given
        self._server = EmbeddedServer(self.state.postgres)
        self._stack.callback(self._server.remove if self.state.temporary else self._server.stop)
        self._server.start()
        self.say("Postgres answers")
        return self._server.admin_url

    def _partners(self) -> dict[str, str]:
        """Starts the partners' servers; returns their Airflow connections."""
        self._stack.callback(self.hospitals.stop)
        self.hospitals.start()
        return self._drops() | self.hospitals.connections()

    def _drops(self) -> dict[str, str]:
        """Starts the SFTP server of those who drop files, with a user and a folder for each."""
        client_key = host_key_from(self.state.root / "client_key")
        server = SftpPartner(self.state.partner, host_key=host_key_from(self.state.root / "host_key"))
        dropping = [feed for feed in feeds().values() if isinstance(feed.source, SftpDrop)]
        for feed in dropping:
            home = self.state.employer(feed.partner)
            for folder in (feed.drop.directory, feed.answers.directory if feed.answers else "/"):
                (home / folder.strip("/")).mkdir(mode=0o700, parents=True, exist_ok=True)
            server.add_user(feed.partner, public_key=client_key.export_public_key().decode("ascii"), root=home)
        self._stack.enter_context(server)
        self.say("the employers' SFTP server answers")
        logins = {feed.source.conn_id: _connection(server, client_key, feed.partner) for feed in dropping}
        for feed in dropping:
            logins |= {conn_id: self._keys(feed).connection for conn_id in feed.connections[1:]}
        return {f"AIRFLOW_CONN_{conn_id.upper()}": connection for conn_id, connection in logins.items()}

    def _keys(self, feed: Feed) -> PgpKeys:
        """The keys of both sides of a partner who encrypts."""
        from concord.sandbox.pgp import PgpKeys

        return PgpKeys.kept(self.state.root / f"{feed.partner}_pgp.json", feed.partner)

    def wrapped(self, feed: Feed, name: str, content: bytes) -> tuple[str, bytes]:
        """A file as the partner of ``feed`` sends it: its name and bytes, encrypted where that was agreed on."""
        if len(feed.connections) == 1:
            return name, content
        return f"{name}.pgp", self._keys(feed).encrypt_and_sign(content)


def _connection(server: SftpPartner, client_key: asyncssh.SSHKey, user: str) -> str:
    extra = {"host_key": server.host_key_line, "private_key": client_key.export_private_key("openssh").decode("ascii")}
    return json.dumps({"conn_type": "sftp", "host": "127.0.0.1", "port": server.port, "login": user, "extra": extra})


def _concord(state: State, urls: dict[str, str], home: AirflowHome) -> dict[str, str]:
    """Every ``CONCORD_*`` variable."""
    keys = state.secrets()
    settings = {
        "CONCORD_LOADER_URL": urls["concord_loader"],
        "CONCORD_OWNER_URL": urls["concord_owner"],
        "CONCORD_ANALYST_URL": urls["concord_analyst"],
        "CONCORD_AUDITOR_URL": urls["concord_auditor"],
        "CONCORD_REVEALER_URL": urls["concord_revealer"],
        "CONCORD_LANDING_URL": state.landing.as_uri(),
        "CONCORD_SEAL_KEYS": f"demo:{keys['seal']}",
        "CONCORD_TOKEN_KEYS": f"demo:{keys['token']}",
        "CONCORD_AIRFLOW_URL": home.url,
        "CONCORD_AIRFLOW_USER": "concord",
        "CONCORD_AIRFLOW_PASSWORD": home.passwords["concord"],
    }
    return settings | {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}


def _for_airflow(concord: dict[str, str]) -> dict[str, str]:
    """What tasks need: the loading role only."""
    return {name: value for name, value in concord.items() if name not in BEYOND_TASKS}


BEYOND_TASKS = ("CONCORD_OWNER_URL", "CONCORD_ANALYST_URL", "CONCORD_AUDITOR_URL", "CONCORD_REVEALER_URL")
