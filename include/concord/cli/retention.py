"""``concord retention`` and ``concord legal-hold``: what goes, and what must stay."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from concord.catalogue import feeds as every_feed
from concord.cli import environment, show
from concord.cli.guard import one_line
from concord.custody import legal_holds

holds = typer.Typer(no_args_is_help=True, help="Legal holds: what is not destroyed, whatever its retention.")


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is due and destroy nothing.")] = False,
    confirm: Annotated[
        int | None, typer.Option(min=1, help="Destroy more than an ordinary night's: the number that is due.")
    ] = None,
) -> None:
    """Destroys files and refused rows whose retention is over; exit code 1 where more is due than usual."""
    from concord import steps

    site = environment.site()
    done = steps.retain(every_feed().values(), site, dry_run=dry_run, confirm=confirm, actor=getpass.getuser())
    rows = [(feed, done["due"].get(feed, 0), stays(done["stays"].get(feed, {}))) for feed in every_feed()]
    show.table("Retention is over", ("feed", "deliveries due", "stay all the same"), rows)
    show.say(f"{done['files']:,} files and {done['rows']:,} refused rows destroyed{' (dry run)' if dry_run else ''}")
    if done["stopped"]:
        total = sum(done["due"].values())
        show.warn(
            f"{', '.join(done['stopped'])}: more than in an ordinary night, so nothing of it was destroyed. Was "
            f"retention_days shortened on purpose? Then: concord retention --confirm {total}"
        )
        raise typer.Exit(1)


def stays(reasons: dict[str, int]) -> list[str]:
    """``3 legal hold``, ..."""
    return [f"{count:,} {reason}" for reason, count in reasons.items()]


def add(
    matter: Annotated[str, typer.Option(help="The case, as counsel names it; no member data.")],
    delivery: Annotated[str | None, typer.Option(help="One delivery, by its id.")] = None,
    feed: Annotated[str | None, typer.Option(help="Every delivery of this feed, those to come included.")] = None,
    partner: Annotated[str | None, typer.Option(help="Every delivery of this partner.")] = None,
) -> None:
    """Places a hold on one delivery, a feed or a partner; it stands until it is released."""
    target: dict[str, Any] = {"delivery_id": delivery, "feed": feed, "partner": partner}
    if sum(value is not None for value in target.values()) != 1:
        raise typer.BadParameter("exactly one of --delivery, --feed and --partner")
    with environment.site().database(getpass.getuser()) as connection:
        number = legal_holds.add(connection, by=getpass.getuser(), matter=matter, **target)
        covered = legal_holds.covered(connection, number)
    show.say(
        f"legal hold {number} stands, on {covered:,} deliveries so far: nothing it names is destroyed until "
        f"concord legal-hold release {number}"
    )


def release(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As concord legal-hold list shows it.")],
    reason: Annotated[str, typer.Option(help="Why it may be destroyed again; no member data.")],
) -> None:
    """Releases a hold: what is past its retention goes from the next night on."""
    with environment.site().database(getpass.getuser()) as connection:
        legal_holds.release(connection, number, by=getpass.getuser(), reason=reason)
    show.say(f"legal hold {number} is released; the contracts' retention counts again")


def listed(
    everything: Annotated[bool, typer.Option("--all", help="Those that were released too.")] = False,
) -> None:
    """Lists the holds that stand."""
    with environment.ledger(environment.settings()) as connection:
        rows = legal_holds.every(connection, released=everything)
    show.records("Legal holds", rows)


for name, command in (("add", add), ("release", release), ("list", listed)):
    holds.command(name)(one_line(command))
