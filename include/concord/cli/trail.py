"""``concord audit``: the audit trail, read and checked as the auditor, anchored as the loader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from concord.cli import environment, show
from concord.cli.guard import one_line

if TYPE_CHECKING:
    from concord.audit.chain import Verified

audit = typer.Typer(help="The audit trail: who did what to what.", no_args_is_help=True)


def list_(
    actor: Annotated[str | None, typer.Option(help="Only what this person or step did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action, for example apply.")] = None,
    of: Annotated[str | None, typer.Option(metavar="OBJECT", help="Only this delivery, feed, key or token.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
) -> None:
    """Lists entries, newest first."""
    from concord.postgres import connect, run

    values = {"actor": actor, "action": action, "object": of, "limit": limit}
    with connect(_auditor_url(), application="concord audit") as connection:
        rows = run(connection, "audit/select_entries", values)
    show.records("Audit trail", rows)


def verify() -> None:
    """Computes every chain again and compares it with the anchors outside the database; exit code 1 on a flaw."""
    from concord.audit.chain import verify
    from concord.postgres import connect

    url, kept = _auditor_url(), environment.site().anchors.kept()
    with connect(url, application="concord audit") as connection:
        seen = verify(connection, kept.genuine)
    newest = kept.newest()
    rows = [(stream, seq, newest[stream].seq if stream in newest else None) for stream, seq in seen.heads.items()]
    show.table("Streams", ("stream", "entries", "anchored up to"), rows)
    raise typer.Exit(1 if _told(seen, kept.doubtful) else 0)


def _told(seen: Verified, doubtful: tuple[str, ...]) -> int:
    """Prints what is wrong; returns how much."""
    for flaw in seen.flaws:
        show.say(f"[red]stream {show.plain(flaw.stream)}, entry {flaw.seq}[/red] {show.plain(flaw.text)}")
    for path in doubtful:
        show.say(f"[red]anchor {show.plain(path)}[/red] is not genuine, or its key is gone")
    wrong = len(seen.flaws) + len(doubtful)
    show.say(f"{wrong} flaws" if wrong else f"[green]{seen.entries:,} entries, unbroken[/green]")
    return wrong


def anchor() -> None:
    """Keeps the heads of all streams outside the database now; the reconciler does so every five minutes."""
    from concord import steps

    done = steps.anchor_audit(environment.site())
    show.say(f"{done['anchored']} streams anchored")


def who_saw(
    member: Annotated[
        str, typer.Argument(metavar="PARTNER:SUBSCRIBER:PERSON", help="The member; asked for when left out.")
    ] = "",
) -> None:
    """Lists who asked to see unmasked values of a member, when, what for and which."""
    from concord.postgres import connect, run
    from concord.reveal import Member

    whom = Member.parse(member or typer.prompt("member (partner:subscriber:person)"))
    key = {"partner": whom.partner, "subscriber_id": whom.subscriber_id, "person_code": whom.person_code}
    tokens = list(whom.tokens(environment.site().keys))
    with connect(_auditor_url(), application="concord audit") as connection:
        rows = run(connection, "audit/select_who_saw", {**key, "tokens": tokens})
    listed = [
        (row["at"], row["actor"], row["db_role"], row["detail"]["fields"], row["purpose"], row["detail"]["ticket"])
        for row in rows
    ]
    show.table("Who asked to see this member", ("at", "who", "login", "fields", "purpose", "ticket"), listed)


def _auditor_url() -> str:
    return environment.required(environment.settings().auditor_url, "CONCORD_AUDITOR_URL")


audit.command("list")(one_line(list_))
for command in (verify, anchor, who_saw):
    audit.command()(one_line(command))
