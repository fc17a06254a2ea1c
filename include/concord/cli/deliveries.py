"""``concord deliveries`` and ``concord plan``: what arrived, and what it would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concord.cli import environment, show
from concord.entities import CLINICAL, ENTITIES
from concord.errors import ConcordError
from concord.steps.texts import COUNTS, drift_sentence

if TYPE_CHECKING:
    from concord.postgres import Connection

Id = Annotated[str, typer.Argument(metavar="ID", help="The delivery's short id, eight characters.")]
EFFECTS = ("unchanged", "added", "changed", "corrected", "reinstated", "ended", "voided")
RECORDS = frozenset(entity.name for entity in CLINICAL)


class NoSuchDelivery(ConcordError):
    """The ledger has no delivery of that id, or it has no plan yet."""


def deliveries(
    feed: Annotated[str | None, typer.Option(help="Only this feed.")] = None,
    state: Annotated[str | None, typer.Option(help="Only this state, for example held.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
) -> None:
    """Lists the deliveries, newest first: state, lines and what they changed."""
    values = {"feed": feed, "state": state, "limit": limit}
    with environment.ledger(environment.settings()) as connection:
        rows = _run(connection, "select_deliveries", values)
    columns = ("delivery", "feed", "file date", "state", "lines", "quarantined", "effect", "balances", "why")
    show.table("Deliveries", columns, map(listed, rows))


def listed(row: Mapping[str, Any]) -> tuple[object, ...]:
    """A delivery as one row of the list: effects that are zero are left out."""
    effects = [f"{row[name]:,} {name}" for name in EFFECTS if row[name]] or records(row["counts"] or {})
    balances = [f"{name}: {row[name + '_balance']}" for name in ("lines", "spans") if row[name + "_balance"]]
    head = (row["delivery_id"], row["feed"], row["file_date"], row["state"], row["lines"], row["quarantined"])
    why = filter(None, (row["replay_of"] and f"replay of {row['replay_of']}", row["state_reason"]))
    return *head, effects, balances, ": ".join(why) or None


def records(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What a delivery does to clinical records, over all entities."""
    own = [entity for name, entity in counts.items() if name in RECORDS]
    words = {"unchanged": "unchanged", "add": "added", "change": "changed", "void": "deleted"}
    totals = {said: sum(entity.get(name, 0) for entity in own) for name, said in words.items()}
    return [f"{total:,} {said}" for said, total in totals.items() if total]


def plan(
    delivery_id: Id,
    rows: Annotated[int, typer.Option(min=0, help="How many rows of the plan to show, losses first.")] = 10,
) -> None:
    """Shows the stored plan of a delivery: counts, guards, changes per column (values masked), and its digest."""
    with environment.ledger(environment.settings()) as connection:
        found = newest_plan(connection, delivery_id)
        show_plan(connection, found)
        if rows:
            show_rows(_run(connection, "select_plan_rows", {"plan_id": found["plan_id"], "limit": rows}))
    show.say(f"digest  {show.plain(found['digest'])}")


def newest_plan(connection: Connection, delivery_id: str) -> dict[str, Any]:
    """The delivery joined with its newest finished plan; raises :class:`NoSuchDelivery` where there is none."""
    found = _run(connection, "select_delivery_plan", {"delivery_id": delivery_id})
    if not found:
        raise NoSuchDelivery("no delivery has that id; concord deliveries lists them")
    if found[0]["plan_id"] is None:
        raise NoSuchDelivery(f"delivery {delivery_id} is {found[0]['state']} and has no plan")
    return dict(found[0])


def show_plan(connection: Connection, found: Mapping[str, Any]) -> None:
    """Prints everything about a plan that a reviewer decides on; values of identifying columns never."""
    from concord.cli.changes import column_changes

    of_plan = {"plan_id": found["plan_id"]}
    show_head(found)
    if files := _run(connection, "select_delivery_files", {"delivery_id": found["delivery_id"]}):
        show.records("Files as they arrived", files)
    show.records("Lines", _run(connection, "select_delivery_lines", {"delivery_id": found["delivery_id"]}))
    show_envelopes(_run(connection, "select_envelopes", {"delivery_id": found["delivery_id"]}))
    show_counts(found["counts"])
    show.records("Rows of the plan", _run(connection, "select_plan_actions", of_plan))
    show_guards(_run(connection, "select_plan_guards", of_plan))
    show.table("Changes per column", ("entity", "column", "rows", "commonest"), column_changes(connection, found))


def show_head(found: Mapping[str, Any]) -> None:
    """Who, when and in which state; the decision, where one stands."""
    show.say(
        f"[bold]{show.plain(found['feed'])}[/bold] delivery [bold]{show.plain(found['delivery_id'])}[/bold]"
        f" is [bold]{show.plain(found['state'])}[/bold]"
        f", file date {show.plain(found['file_date'])}, as of {show.plain(found['as_of_date'])}"
        f", attempt {show.plain(found['attempt'])}, base {show.plain(found['base_seq'])}"
    )
    if found["state_reason"]:
        show.say(show.plain(found["state_reason"]))
    if told := drift_sentence(found["drift"]):
        show.say(f"the file comes {show.plain(told)}")
    if found["decision"]:
        show.say(f"decided: {show.plain(found['decision'])} by {show.plain(found['decided_by'])}")


def show_envelopes(rows: Sequence[Mapping[str, Any]]) -> None:
    """The X12 envelopes of an 834, with their control numbers and verdicts; nothing for other formats."""
    if rows:
        show.records("Envelopes", rows)


def show_counts(counts: Mapping[str, Any]) -> None:
    """One column per entity, one row per count that any of them has; the other way round for many entities."""
    entities = [name for name, value in counts.items() if isinstance(value, Mapping)]
    given = {name for entity in entities for name in counts[entity]}
    names = [*(name for name in COUNTS if name in given), *sorted(given - set(COUNTS))]
    if len(entities) > SIDE_BY_SIDE:
        names, entities = entities, names
        rows = [(name, *(_count(counts[name].get(entity)) for entity in entities)) for name in names]
    else:
        rows = [(name, *(_count(counts[entity].get(name)) for entity in entities)) for name in names]
    show.table("Counts", ("", *entities), rows)


SIDE_BY_SIDE = 3
"""Entities that are read side by side; of more each has a row of its own."""


def show_guards(guards: Sequence[Mapping[str, Any]]) -> None:
    """Every guard with its figures, tripped ones first."""
    rows = map(guard_row, guards)
    columns = ("", "guard", "scope", "count", "of", "share", "limit", "and at least", "in words")
    show.table("Guards", columns, rows)


def guard_row(guard: Mapping[str, Any]) -> tuple[object, ...]:
    """A guard as one row of the list; a share is shown where the contract limits one."""
    share = show.percent(guard["share"]) if guard["limit_share"] is not None else ""
    verdict = "HOLDS" if guard["tripped"] else "passes"
    figures = (guard["count"], guard["base"], share, show.percent(guard["limit_share"]), guard["limit_floor"])
    return verdict, guard["guard"], guard["scope"], *figures, guard["text"]


def show_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """A sample of the plan's rows: identifiers masked, spans and names of the changed columns."""
    shown = [
        (
            row["entity"], row["action"], masked_key(row["entity"], row["key"]), row["line"],
            span(row["from_before"], row["to_before"]), span(row["from_after"], row["to_after"]),
            row["changed"], "inferred" if row["inferred"] else row["reason"],
        )
        for row in rows
    ]  # fmt: skip
    show.table(
        f"{len(shown)} rows, losses first",
        ("entity", "action", "key", "line", "before", "after", "columns", "why"),
        shown,
    )


def masked_key(entity: str, key: Sequence[str]) -> str:
    """The key columns of a row, each masked as its PHI class demands."""
    from concord.protect import masked

    columns = [ENTITIES[entity].column(name) for name in ENTITIES[entity].key]
    return " ".join(masked(value, column.phi) for column, value in zip(columns, key, strict=False))


def span(start: object, end: object) -> str:
    """A half-open span as text; empty where there is none."""
    return f"{start} to {end or 'open'}" if start else ""


def _count(value: object) -> object:
    return value if value is None or isinstance(value, int) else str(value)


def _run(connection: Connection, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    from concord.postgres import run

    return [dict(row) for row in run(connection, f"cli/{name}", values)]
