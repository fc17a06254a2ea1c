"""What a server says it gave, what has landed of it, and what became of that: side by side, counts only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concord.cli import show
from concord.cli.deliveries import NoSuchDelivery, guard_row, newest_plan
from concord.postgres import run

if TYPE_CHECKING:
    from concord.postgres import Connection

Row = Mapping[str, Any]
DISPOSITIONS = ("consumed", "quarantined", "duplicate", "ignored", "control")
NOT_READ = frozenset({"discovered", "landed", "waiting", "duplicate", "rejected"})
"""States in which no line need have become anything yet, or ever."""
GUARDS = ("", "guard", "scope", "count", "of", "share", "limit", "and at least", "in words")


@dataclass(frozen=True)
class Verdict:
    """Whether a delivery's counts agree, and where it stands."""

    delivery_id: str
    state: str
    agrees: bool


def files_of(connection: Connection, delivery_id: str) -> list[Row]:
    """The files of a manifest with their counts, in its order."""
    return [dict(row) for row in run(connection, "cli/select_export_files", {"delivery_id": delivery_id})]


def disagreement(file: Row, *, is_read: bool) -> str:
    """What does not agree in a file, in words; empty where everything does.

    The manifest counts resources, which are lines that are not blank; every line has exactly one disposition.
    """
    if file["landed"] is None:
        return "not landed"
    if file["kind"] == "error":
        return "the server names errors" if file["landed"] else ""
    if file["declared"] not in (None, file["landed"]):
        return "another count than the manifest's"
    accounted = sum(file[name] for name in DISPOSITIONS)
    return "lines without a disposition" if is_read and accounted != file["lines"] else ""


def report(connection: Connection, delivery_id: str, state: str) -> Verdict:
    """Prints a delivery's counts by resource type, its plan by entity, and the guards that hold it."""
    files, is_read = files_of(connection, delivery_id), state not in NOT_READ
    show_types(f"Delivery {delivery_id}, {state}", files, is_read=is_read)
    show_plan(connection, delivery_id)
    return Verdict(delivery_id, state, not any(disagreement(file, is_read=is_read) for file in files))


def show_types(title: str, files: Iterable[Row], *, is_read: bool) -> None:
    """One row per resource type and kind of file."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for file in files:
        grouped.setdefault((file["kind"], file["resource_type"]), []).append(file)
    columns = ("resource type", "files", "manifest", "landed", *DISPOSITIONS[:-1], "error entries", "")
    show.table(title, columns, [_typed(kind, name, some, is_read) for (kind, name), some in grouped.items()])


def _typed(kind: str, name: str, files: list[Row], is_read: bool) -> tuple[object, ...]:
    wrong = dict.fromkeys(filter(None, (disagreement(file, is_read=is_read) for file in files)))
    label = name if kind == "output" else f"{name} ({kind})"
    spread = [sum(file[column] for file in files) if is_read else None for column in DISPOSITIONS]
    return (label, len(files), total(files, "declared"), total(files, "landed"), *spread, ", ".join(wrong) or "agrees")


def total(files: Iterable[Row], column: str) -> int | None:
    """The sum over what is known; None where nothing is."""
    known = [file[column] for file in files if file[column] is not None]
    return sum(known) if known else None


def show_plan(connection: Connection, delivery_id: str) -> None:
    """The newest plan, where there is one: counts by entity, and the guards that hold it."""
    try:
        found = newest_plan(connection, delivery_id)
    except NoSuchDelivery:
        return
    show_entities(found["counts"])
    guards = run(connection, "cli/select_plan_guards", {"plan_id": found["plan_id"]})
    held = [guard for guard in guards if guard["tripped"]]
    if held:
        show.table("Guards that hold it", GUARDS, map(guard_row, held))


def show_entities(counts: Mapping[str, Any]) -> None:
    """One row per entity, one column per count that any of them has."""
    entities = {name: value for name, value in counts.items() if isinstance(value, Mapping)}
    names = list(dict.fromkeys(name for value in entities.values() for name in value))
    rows = [(entity, *(value.get(name, 0) for name in names)) for entity, value in entities.items()]
    show.table("Plan", ("entity", *names), rows)
