"""Every place of a running installation where people and machines read, as text; and what may not stand there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg

from concord.sandbox.dirt import COLUMNS
from tests.canaries import Canaries

if TYPE_CHECKING:
    from concord.sandbox.installation import Installation

NOT_OURS_TO_SHOW = frozenset({"ops.quarantine", "ops.plan_row", "ops.absence"})
"""Tables of ``ops`` that hold members' ids or sealed rows, and that only the loader reads."""


def canaries(records: Iterable[Sequence[str]]) -> Canaries:
    """What may not be found, of records of Acme's files (spoiled ones are left out)."""
    rows = [dict(zip(COLUMNS, record, strict=True)) for record in records if len(record) == len(COLUMNS)]
    return Canaries.of(
        words=[row[name] for row in rows for name in ("LASTNAME", "FIRSTNAME", "STREET", "EMAIL")],
        numbers=[row[name] for row in rows for name in ("SSN", "PHONE")],
        ids=[row["EMPID"] for row in rows if len(row["EMPID"]) == 8],
        born=[datetime.strptime(row["DOB"], "%m/%d/%Y").date() for row in rows if _is_us_date(row["DOB"])],  # noqa: DTZ007
    )


def _is_us_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%m/%d/%Y")  # noqa: DTZ007
    except ValueError:
        return False
    return True


def places(installation: Installation) -> dict[str, str]:
    """Logs of tasks, processes and Postgres, all tables of Airflow's, ours that are read, files and their names."""
    root = installation.state.root
    logs = [path for folder in (root / "airflow", root / "postgres") for path in folder.rglob("*.log*")]
    kept = [path for folder in (root / "landing", root / "tmp") for path in folder.rglob("*")]
    texts = {str(path.relative_to(root)): path.read_text("latin-1") for path in (*logs, *kept) if path.is_file()}
    own = [path for path in root.rglob("*") if root / "partner" not in path.parents]
    texts["names of files"] = "\n".join(str(path.relative_to(root)) for path in own)
    metadata = installation.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
    ours = dumped(installation.settings.owner_url or "", "ops")
    return texts | dumped(metadata, "public") | {n: text for n, text in ours.items() if n not in NOT_OURS_TO_SHOW}


def dumped(url: str, schema: str) -> dict[str, str]:
    """Every row of every table of a schema as text, by table."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname = %s",
            [schema],
        ).fetchall()
        return {
            name: "\n".join(row[0] for row in connection.execute(f"SELECT t::text FROM {name} t"))  # type: ignore[call-overload]
            for (name,) in tables
        }


def secrets(installation: Installation) -> set[str]:
    """Keys and passwords of the installation, as they are written in its environment."""
    found = set(installation.airflow.home.passwords.values())
    for name, value in installation.environment.items():
        if name.endswith("_KEYS"):
            found |= {entry.partition(":")[2] for entry in value.split(",")}
        elif "://" in value and urlsplit(value).password:
            found.add(str(urlsplit(value).password))
    found |= {value for name, value in installation.state.secrets().items() if name.startswith("password_")}
    return {secret for secret in found if len(secret) >= 12}


@contextmanager
def webhook() -> Iterator[tuple[str, list[str]]]:
    """A chat system's address and what it was told."""
    told: list[str] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append(json.dumps(json.loads(body), ensure_ascii=False))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Sink)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", told
    finally:
        server.shutdown()
        server.server_close()


def temp_folder(root: Path) -> Path:
    """Where everything that is started keeps its temporary files, so that they can be looked through."""
    folder = root / "state" / "tmp"
    folder.mkdir(mode=0o700, parents=True)
    return folder
