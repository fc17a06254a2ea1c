"""``concord fhir``: exports of FHIR servers from a shell, by the code that Airflow runs."""

from __future__ import annotations

import typer

from concord.cli.fhir_export import export
from concord.cli.fhir_jobs import cancel, exports, files
from concord.cli.fhir_raw import raw, who_saw
from concord.cli.guard import one_line

app = typer.Typer(no_args_is_help=True, help="Exports of FHIR servers: run, followed, given up, and read raw.")

for command in (export, exports, files, cancel, raw, who_saw):
    app.command()(one_line(command))
