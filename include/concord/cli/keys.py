"""``concord keys``: what is under which key, and from one key to the next (docs/security.md, Keys)."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import typer

from concord.cli import environment, show
from concord.cli.guard import one_line

if TYPE_CHECKING:
    from concord.custody import Census

app = typer.Typer(no_args_is_help=True, help="Keys: what is under which, and from one to the next.")
LATER = "Run it again once whatever was busy is through: concord keys status says when nothing is left."


def status() -> None:
    """Counts what is under which key, and says which keys may go; exit code 1 where one is missing."""
    from concord import steps

    found = steps.key_census(environment.site())
    rows = [(use.kind, use.key_id or "(none known)", use.place, use.count) for use in found.uses]
    show.table("Under which key", ("for", "key", "where", "how many"), rows)
    missing = [show_verdict(found, kind, variable) for kind, variable in VARIABLES.items()]
    raise typer.Exit(1 if any(missing) else 0)


REMEDIES = {"seal": "rewrap", "token": "retoken"}
VARIABLES = {"seal": "CONCORD_SEAL_KEYS", "token": "CONCORD_TOKEN_KEYS"}


def show_verdict(found: Census, kind: str, variable: str) -> list[str]:
    """Says what may go, what has to be done first, and what is missing; returns the last."""
    missing, older = found.missing(kind), found.older(kind)
    if missing:
        show.say(f"[red]{variable}[/red]: {show.plain(missing)} is needed and not in the ring: put it back")
    if older:
        show.say(
            f"{variable}: {older:,} under an earlier key: concord keys {'rewrap' if kind == 'seal' else 'retoken'}"
        )
    if removable := found.removable(kind):
        show.say(
            f"[green]{variable}[/green]: {show.plain(removable)} may go, four hours after the newer key came first "
            "everywhere (the longest task still has the ring it began with); keep it with the backups that need it"
        )
    return missing


def rewrap() -> None:
    """Puts everything sealed under the first of CONCORD_SEAL_KEYS; readers go on, ciphertext in landing stays."""
    from concord import steps

    done = steps.rewrap(environment.site(), actor=getpass.getuser())
    show.say(f"{done['objects']:,} objects wrapped anew, {done['values']:,} values sealed anew")
    if done["objects_busy"]:
        show.warn(f"{done['objects_busy']:,} objects are being worked on. {LATER}")
    if unreadable := done["objects_unreadable"] + done["values_unreadable"]:
        show.warn(f"{unreadable:,} do not open under any key of the ring: concord keys status, concord check")


def retoken() -> None:
    """Makes every token under the first of CONCORD_TOKEN_KEYS; nothing counts as changed by it."""
    from concord import steps

    done = steps.retoken(environment.site(), actor=getpass.getuser())
    show.say(f"{done['members']:,} members and {done['names']:,} file names have tokens under the first key")
    show.say("Deliveries that are held are planned again when they are applied, and ask their person again.")
    if done["names_unreadable"]:
        show.warn(f"{done['names_unreadable']:,} file names do not open under any key of the ring")


for command in (status, rewrap, retoken):
    app.command()(one_line(command))
