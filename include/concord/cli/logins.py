"""``concord unblock``: a connection whose logins were refused was mended."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from concord.cli import environment, show


def unblock(
    conn_id: Annotated[str, typer.Argument(metavar="CONNECTION", help="The Airflow connection, as the incident says.")],
    by: Annotated[str, typer.Option(help="Who says so.", default_factory=getpass.getuser, show_default="you")],
    reason: Annotated[str, typer.Option(help="What was mended; no secret.")],
) -> None:
    """Lets the next login at a partner be tried after refused ones: mend the connection first."""
    from concord import steps

    refused = steps.unblock(conn_id, by=by, reason=reason, site=environment.site())
    show.say(
        f"{refused} refused logins of {show.plain(conn_id)} are forgotten; the next watch run tries again, or trigger "
        "it now. Its incident closes when a login succeeds"
    )
