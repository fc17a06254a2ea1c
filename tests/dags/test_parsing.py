"""Airflow's own parser reads the DAG files: no errors, nothing heavy, nothing asked of anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).parents[2] / "dags"
HEAVY = ["pandas", "pandera", "numpy", "pyarrow", "psycopg", "paramiko", "asyncssh", "s3fs"]
HEAVY += ["concord.steps", "concord.postgres", "concord.orchestrate.access"]

PROBE = """
import json, os, socket, sys

import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators import hitl, trigger_dagrun
from airflow.sdk import Connection, Variable

heavy = json.loads(os.environ["HEAVY"])
before = [name for name in heavy if name in sys.modules]
asked = []

def refuse(what):
    def refused(*_args, **_kwargs):
        asked.append(what)
        raise RuntimeError(f"{what} at parse")
    return refused

Connection.get = refuse("a connection")
Variable.get = refuse("a variable")
socket.socket.connect = refuse("the network")
import concord.settings
concord.settings.Settings.from_environment = refuse("settings")
bag = DagBag(sys.argv[1])
loaded = [name for name in heavy if name in sys.modules]
found = {"dags": sorted(bag.dags), "errors": bag.import_errors, "before": before, "loaded": loaded, "asked": asked}
print("FOUND " + json.dumps(found))
"""


def parsed(folder: Path, home: Path, **more: str) -> dict[str, Any]:
    """What Airflow's parser finds in ``folder``, in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "CONCORD_"))}
    environment = kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "HEAVY": json.dumps(HEAVY),
        **more,
    }
    command = [sys.executable, "-c", PROBE, str(folder)]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=100, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("FOUND ")), None)
    assert line is not None, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(line.removeprefix("FOUND "))
    return result


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return parsed(DAGS, tmp_path_factory.mktemp("airflow"))


def test_every_dag_file_parses(found: dict[str, Any]) -> None:
    assert found["errors"] == {}
    assert {"acme_eligibility", "acme_eligibility_watch", "concord_reconciler", "concord_check"} <= set(found["dags"])


def test_nothing_heavy_is_imported_while_parsing(found: dict[str, Any]) -> None:
    assert found["before"] == [], "Airflow itself imports it: the test would say nothing"
    assert found["loaded"] == []


def test_no_connection_variable_setting_or_network_is_used_while_parsing(found: dict[str, Any]) -> None:
    assert found["asked"] == []


def test_a_heavy_or_curious_dag_file_would_be_found_out(tmp_path: Path) -> None:
    """Negative control."""
    folder = tmp_path / "dags"
    folder.mkdir()
    text = "import pandas\nfrom airflow.sdk import DAG, Connection\nDAG('x', schedule=None)\nConnection.get('x')\n"
    (folder / "careless.py").write_text(text, encoding="utf-8")
    result = parsed(folder, tmp_path)
    assert "pandas" in result["loaded"]
    assert result["asked"] == ["a connection"]
    assert result["errors"] != {}


def test_a_task_process_parses_only_its_own_dag(tmp_path: Path) -> None:
    result = parsed(DAGS / "feeds.py", tmp_path, _AIRFLOW_PARSING_CONTEXT_DAG_ID="acme_eligibility")
    assert result["dags"] == ["acme_eligibility"]
