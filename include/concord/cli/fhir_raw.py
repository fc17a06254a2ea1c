"""``concord fhir raw`` and ``who-saw``: a resource as it was sent, on the screen of who asked, and who asked before."""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Annotated

import typer

from concord.catalogue import feed as feed_of
from concord.cli import environment, reveal, show
from concord.cli.fhir_access import NotAnExport
from concord.contract import FhirNdjson
from concord.errors import RevealRefused

if TYPE_CHECKING:
    from concord.reveal import Record

FeedName = Annotated[str, typer.Argument(metavar="FEED", help="The feed, as in concord feeds.")]
ResourceType = Annotated[str, typer.Argument(metavar="RESOURCE_TYPE", help="As FHIR calls it: Patient, Observation, …")]
ResourceId = Annotated[str, typer.Argument(metavar="ID", help="Its id at the source; asked for when left out.")]
MARK = "\ue000"
"""Stands around a number while it is printed: 1.10 is not 1.1. For private use, so that no text has it."""


def raw(
    feed: FeedName,
    resource_type: ResourceType,
    purpose: Annotated[str, typer.Option(help="What for; the auditor reads it.")],
    resource_id: ResourceId = "",
    ticket: Annotated[str, typer.Option(help="A ticket number, kept with the entry.")] = "",
) -> None:
    """Shows the resource behind a row as it was sent, after who and what for are in the audit trail.

    Of a component (an observation's) it is the whole observation.
    """
    from concord.reveal import reveal_record

    site = environment.site()
    url = environment.required(site.settings.revealer_url, "CONCORD_REVEALER_URL")
    if not reveal.is_screen():
        raise RevealRefused("a resource is shown on a terminal only: a pipe or a file would keep it")
    record = _record(feed, resource_type, resource_id)
    found = reveal_record(
        url, site.keys, site.landing, record, actor=getpass.getuser(), purpose=purpose, ticket=ticket
    )  # fmt: skip
    show.say("Logged, and shown to you alone")
    for line in indented(found).splitlines():
        show.say(show.plain(line))


def who_saw(feed: FeedName, resource_type: ResourceType, resource_id: ResourceId = "") -> None:
    """Lists who asked to see a resource as it was sent, when and what for; as the auditor."""
    from concord.postgres import connect, run

    settings = environment.settings()
    url = environment.required(settings.auditor_url, "CONCORD_AUDITOR_URL")
    record = _record(feed, resource_type, resource_id)
    values = record.key | {"tokens": list(record.tokens(environment.site().keys))}
    with connect(url, application="concord audit") as connection:
        rows = run(connection, "audit/select_who_saw_record", values)
    listed = [(row["at"], row["actor"], row["db_role"], row["purpose"], row["detail"]["ticket"]) for row in rows]
    show.table("Who asked to see this resource", ("at", "who", "login", "purpose", "ticket"), listed)


def _record(feed: str, resource_type: str, resource_id: str) -> Record:
    """What was named; an id that is asked for stands in no shell history."""
    from concord.reveal import Record

    contract = feed_of(feed)
    if not isinstance(contract.format, FhirNdjson):
        raise NotAnExport(f"feed {feed} brings no FHIR resources: there is none behind a row of it")
    return Record(contract.partner, resource_type, resource_id or typer.prompt("id of the resource").strip())


def indented(raw: bytes) -> str:
    """A resource's JSON over several lines; numbers as they were written."""

    def number(text: str) -> str:
        return f"{MARK}{text}{MARK}"

    tree = json.loads(raw.decode("utf-8-sig"), parse_float=number, parse_int=number)
    text = json.dumps(tree, indent=2, ensure_ascii=False)
    return text.replace(f'"{MARK}', "").replace(f'{MARK}"', "")
