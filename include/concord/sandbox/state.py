"""What one installation of the sandbox keeps on disk, and how others find it.

``.concord/`` of the project for ``make up``, a temporary folder for the plain demo::

    environment      KEY=VALUE, 0600: every CONCORD_* and AIRFLOW_* variable, while it runs
    supervisor.json  who runs it, while it runs
    secrets.json     keys and database passwords, made up once
    postgres/  airflow/  landing/  partner/  client_key  host_key  demo.log
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from concord.sandbox.private import write_private
from concord.sandbox.processes import created, stop_recorded
from concord.sandbox.roles import ROLES

PROJECT = Path(__file__).resolve().parents[3]
"""The checkout: its ``dags`` and ``plugins`` are Airflow's."""

KEPT = PROJECT / ".concord"
"""State of ``make up``."""

Running = dict[str, tuple[int, float]]
"""(pid, creation time) by name; ``supervisor`` comes first."""


@dataclass(frozen=True)
class State:
    """The folder of one installation."""

    root: Path
    temporary: bool = False

    @classmethod
    def create(cls, root: Path, *, temporary: bool = False) -> State:
        """Makes the folder; others may walk through it (the server's account has to) and not look around."""
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o711 if os.geteuid() == 0 else 0o700)
        state = cls(root.resolve(), temporary)
        for folder in (state.landing, state.partner / "outbound"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return state

    @property
    def postgres(self) -> Path:
        """Folder of the embedded server."""
        return self.root / "postgres"

    @property
    def airflow(self) -> Path:
        """``AIRFLOW_HOME``."""
        return self.root / "airflow"

    @property
    def landing(self) -> Path:
        """Folder of the archive."""
        return self.root / "landing"

    @property
    def partner(self) -> Path:
        """Root of the employer's SFTP server."""
        return self.root / "partner"

    def employer(self, partner: str) -> Path:
        """What ``partner`` sees as ``/`` of the SFTP server; made when it is not there."""
        folder = self.partner if partner == "acme" else self.partner / "homes" / partner
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def environment_file(self) -> Path:
        """Found by the ``concord`` command from the project's folder."""
        return self.root / "environment"

    @property
    def log(self) -> Path:
        """What the background demo printed."""
        return self.root / "demo.log"

    def secrets(self) -> dict[str, str]:
        """Keys (``seal``, ``token``, base64) and ``password_<role>``; made up at the first call."""
        path = self.root / "secrets.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        made = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in ("seal", "token")}
        made |= {f"password_{role}": secrets.token_hex(24) for role in ROLES}
        if made.keys() - kept.keys():  # at first, or where a newer Concord has another role
            write_private(path, json.dumps(made | kept))
            return made | kept
        return dict(kept)

    def passwords(self) -> dict[str, str]:
        """Database password by role."""
        return {role: self.secrets()[f"password_{role}"] for role in ROLES}

    def write_environment(self, environment: Mapping[str, str]) -> None:
        """Writes the file by which the shell finds this installation."""
        lines = ["# Made by the demo; holds passwords and keys. Gone when it is stopped."]
        lines += [f"{name}={value}" for name, value in sorted(environment.items())]
        write_private(self.environment_file, "\n".join(lines) + "\n")

    def write_running(self, children: Running) -> None:
        """Records who runs this installation: this process, and its ``children``."""
        running = {"supervisor": (os.getpid(), created(os.getpid()))} | children
        write_private(self.root / "supervisor.json", json.dumps(running))

    def running(self) -> Running:
        """The recorded processes that still run; empty when it was stopped, or died."""
        try:
            recorded = json.loads((self.root / "supervisor.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {name: (pid, since) for name, (pid, since) in recorded.items() if _same(pid, since)}

    def forget_running(self) -> None:
        """Removes what says that it runs."""
        for path in (self.environment_file, self.root / "supervisor.json"):
            path.unlink(missing_ok=True)

    def stop(self) -> bool:
        """Stops a recorded installation: the supervisor first, which stops the rest. Returns whether one ran."""
        running = self.running()
        for name, (pid, since) in running.items():
            stop_recorded(pid, since, patience=90 if name == "supervisor" else 20)
        self.forget_running()
        return bool(running)


def _same(pid: int, since: float) -> bool:
    found = created(pid)
    return found is not None and abs(found - since) < 1
