"""``concord answers``: what partners were told, and what waits to be."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from concord.cli import environment, reveal, show
from concord.cli.guard import one_line
from concord.errors import ConcordError, RevealRefused

app = typer.Typer(help="Acknowledgements and reports that go back to partners.", no_args_is_help=True)
COLUMNS = ("id", "delivery", "feed", "kind", "about", "file", "bytes", "state", "tries", "failure", "entered", "sent")


class NoSuchAnswer(ConcordError):
    """No answer has that id, or what it said is gone with its delivery."""


def listed(
    delivery: Annotated[str | None, typer.Option(help="Only of this delivery.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 30,
) -> None:
    """Lists answers, newest first: what they are about, and whether they lie in the partner's folder."""
    from concord.postgres import run

    with environment.ledger(environment.settings()) as connection:
        rows = run(connection, "outgoing/list_answers", {"delivery_id": delivery, "limit": limit})
    show.table("Answers", COLUMNS, (tuple(row.values()) for row in rows))


def shown(
    answer: Annotated[int, typer.Argument(metavar="ID", help="As in concord answers list.")],
    purpose: Annotated[str, typer.Option(help="What for; the auditor reads it.")],
) -> None:
    """Shows what an answer says, after who asked and what for are in the audit trail. It may name row ids."""
    from concord import audit, outgoing
    from concord.postgres import one

    if not reveal.is_screen():
        raise RevealRefused("an answer is shown on a terminal only: a pipe or a file would keep it")
    site = environment.site()
    with site.database(getpass.getuser()) as connection:
        row = one(connection, "outgoing/get_answer", {"outgoing_id": answer})
        if row is None:
            raise NoSuchAnswer("no answer has that id, or its content is gone with its delivery")
        audit.record(
            connection, actor=getpass.getuser(), action="read_answer", object_id=row["delivery_id"], purpose=purpose
        )
    typer.echo(outgoing.content(site.keys, outgoing.Due(**row)).decode("utf-8", "replace"))


app.command("list")(one_line(listed))
app.command("show")(one_line(shown))
