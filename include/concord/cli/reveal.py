"""``concord reveal``: unmasked values of one member, on the screen of the person who asked, and nowhere else."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from concord.cli import environment, show
from concord.errors import RevealRefused


def reveal(
    fields: Annotated[str, typer.Option(help="Which, by comma: last_name,birth_date,ssn.")],
    purpose: Annotated[str, typer.Option(help="What for; the auditor reads it.")],
    member: Annotated[
        str, typer.Argument(metavar="PARTNER:SUBSCRIBER:PERSON", help="The member; asked for when left out.")
    ] = "",
    ticket: Annotated[str, typer.Option(help="A ticket number, kept with the entry.")] = "",
) -> None:
    """Shows values of one member, after who, what for and which fields are in the audit trail."""
    from concord.reveal import FIELDS, Member
    from concord.reveal import reveal as read

    site = environment.site()
    url = environment.required(site.settings.revealer_url, "CONCORD_REVEALER_URL")
    if not is_screen():
        raise RevealRefused("values are shown on a terminal only: a pipe or a file would keep them")
    asked = [name.strip() for name in fields.split(",")]
    if unknown := [name for name in asked if name not in FIELDS]:
        raise RevealRefused(f"no such field: {', '.join(unknown)}; there are {', '.join(FIELDS)}")
    whom = Member.parse(member or typer.prompt("member (partner:subscriber:person)"))
    found = read(url, site.keys, whom, asked, actor=getpass.getuser(), purpose=purpose, ticket=ticket)
    show.table("Logged, and shown to you alone", ("field", "value"), found.items())


def is_screen() -> bool:
    """Whether a person reads what is printed."""
    return sys.stdout.isatty()
