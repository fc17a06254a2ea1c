"""The server as a supervised child process, for an installation that lives longer than one story.

    child = start("fhir_epic", state, "--profile", "epic", "--port", "8801", log=log)
    known = wait_until_ready(child, state)      # base_url, client_id, kid, private_pem, ...
    child.alive(); processes.stop([child])

A child that is started again on the same state and ports goes on with its jobs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from concord.errors import ConcordError
from concord.sandbox import processes
from concord.sandbox.processes import Child
from concord.sandbox.state import PROJECT


class NotStarted(ConcordError):
    """The server did not come up; the log says why."""


def start(name: str, state: Path, *options: str, log: Path) -> Child:
    """Starts ``python -m concord.sandbox.fhir`` with ``options`` on the folder ``state``."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / "client.json").unlink(missing_ok=True)  # of one that was killed
    command = [sys.executable, "-m", "concord.sandbox.fhir", "--state", str(state), *options]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(PROJECT / "include")}
    return processes.start(name, command, log=log, environment=environment)


def wait_until_ready(child: Child, state: Path, *, within: float = 20.0) -> dict[str, Any]:
    """What a client must know once the server answers; raises :class:`NotStarted`."""
    until = time.monotonic() + within
    while time.monotonic() < until and child.alive():
        if (state / "client.json").exists():
            known: dict[str, Any] = json.loads((state / "client.json").read_text(encoding="utf-8"))
            return known
        time.sleep(0.02)
    raise NotStarted(f"{child.name} did not come up: {child.tail()}")
