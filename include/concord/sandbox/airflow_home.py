"""What one Airflow is made of: its folder, port, users, secrets, and every setting that differs from the default.

What makes it survive faults stands in ``concord/airflow.env`` and is the same in ``docker-compose.yaml``.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from concord.sandbox.private import write_private
from concord.sandbox.processes import free_ports

SIMPLE_AUTH = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"

USERS = {"admin": "admin", "analyst": "viewer", "concord": "op"}
"""Users and their roles in the Simple auth manager; ``concord`` is the service account of shell and reconciler."""


@dataclass(frozen=True)
class AirflowHome:
    """Where one Airflow lives and what it is made of. Secrets are made up once per home.

    ``database_url`` is a libpq URL. ``users`` maps user names to roles of the Simple
    auth manager; ``passwords`` is filled for each.
    """

    home: Path
    database_url: str = field(repr=False)
    dags: Path
    plugins: Path
    port: int
    users: Mapping[str, str] = field(default_factory=lambda: dict(USERS))
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def create(cls, home: Path, *, database_url: str, project: Path, port: int | None = None) -> AirflowHome:
        """A home below ``home`` with the project's ``dags`` and ``plugins``; keeps the secrets it finds there."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(
            home=home,
            database_url=database_url,
            dags=project / "dags",
            plugins=project / "plugins",
            port=port or free_ports(1)[0],
            secrets=_secrets(home / "secrets.json"),
        )

    @property
    def url(self) -> str:
        """Address of the UI and the REST API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def passwords(self) -> dict[str, str]:
        """Password by user name."""
        return {user: self.secrets[f"password_{user}"] for user in self.users}

    def environment(self) -> dict[str, str]:
        """Every ``AIRFLOW*`` variable of this installation."""
        own = {f"AIRFLOW__{name}": value for name, value in self._options().items()}
        return {"AIRFLOW_HOME": str(self.home)} | resilience() | own

    def _options(self) -> dict[str, str]:
        # An option that Airflow does not know is ignored without a word: keep to names of its config.yml.
        return {
            "CORE__DAGS_FOLDER": str(self.dags),
            "CORE__PLUGINS_FOLDER": str(self.plugins),
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "4",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__AUTH_MANAGER": SIMPLE_AUTH,
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in self.users.items()),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "CORE__FERNET_KEY": self.secrets["fernet_key"],
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": self.database_url.replace("postgresql://", "postgresql+psycopg://", 1),
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__BASE_URL": self.url,
            "API__WORKERS": "1",
            "API__SECRET_KEY": self.secrets["api_secret"],
            "API__EXPOSE_CONFIG": "False",
            "API__EXPOSE_STACKTRACE": "False",
            "API_AUTH__JWT_SECRET": self.secrets["jwt_secret"],
            "LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(self.home / "logs" / "dag_processor"),
            # A worker looks whether its task has ended only this often (seconds), and keeps its slot until then.
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        }


def resilience() -> dict[str, str]:
    """The variables of ``concord/airflow.env``, which every installation has: each says there which fault it is for."""
    lines = files("concord").joinpath("airflow.env").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _secrets(path: Path) -> dict[str, str]:
    """The secrets of a home, made up at the first call."""
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    made = {
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "jwt_secret": secrets.token_hex(64),
        "api_secret": secrets.token_hex(32),
    } | {f"password_{user}": secrets.token_urlsafe(12) for user in USERS}
    write_private(path, json.dumps(made))
    return made
