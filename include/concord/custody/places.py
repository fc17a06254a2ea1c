"""Where the database keeps sealed values, and what each of them is bound to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from concord import arrivals, exports, ledger, outgoing, quarantine, stage
from concord.postgres import Connection, identifiers, run

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """A column of sealed values: ``key`` puts its rows in order, ``context`` says what a row's value is sealed to."""

    name: str
    table: sql.Identifier
    key: tuple[str, ...]
    sealed: str
    needs: tuple[str, ...]
    context: Callable[[Row], str]

    def parts(self) -> dict[str, sql.Composable]:
        """What the statements of ``sql/custody`` call it."""
        return {
            "table": self.table,
            "sealed": sql.Identifier(self.sealed),
            "key": identifiers(self.key),
            "columns": identifiers(tuple(dict.fromkeys((*self.key, *self.needs)))),
        }


MEMBER = ("partner", "subscriber_id", "person_code")


def _member(row: Row) -> str:
    return stage.ssn_context(row["partner"], row["subscriber_id"], row["person_code"])


def _patient(row: Row) -> str:
    return stage.patient_ssn_context(row["partner"], row["resource_id"])


def _address(what: str) -> Callable[[Row], str]:
    return lambda row: exports.context(row["delivery_id"], what)


PATIENT = ("partner", "resource_id")
EXPORT = sql.Identifier("ops", "export")

PLACES = (
    Place(
        "quarantined rows", sql.Identifier("ops", "quarantine"), ("quarantine_id",), "raw_sealed",
        ("delivery_id", "line"), lambda row: quarantine.context(row["delivery_id"], row["line"]),
    ),
    Place(
        "file names", sql.Identifier("ops", "delivery"), ("delivery_id",), "file_name_sealed",
        ("delivery_id",), lambda row: ledger.name_context(row["delivery_id"]),
    ),
    Place(
        "names of single files", sql.Identifier("ops", "arrival"), ("delivery_id", "file"), "file_name_sealed",
        (), lambda row: arrivals.name_context(row["delivery_id"], row["file"]),
    ),
    Place(
        "answers to partners", sql.Identifier("ops", "outgoing"), ("outgoing_id",), "content_sealed",
        ("delivery_id", "kind", "about"), lambda row: outgoing.context(row["delivery_id"], row["kind"], row["about"]),
    ),
    Place("SSNs now", sql.Identifier("core", "member"), ("row_id",), "ssn_sealed", MEMBER, _member),
    Place(
        "SSNs before", sql.Identifier("core", "member_history"), ("row_id", "known_from"), "ssn_sealed", MEMBER, _member
    ),
    Place("patients' SSNs now", sql.Identifier("core", "patient"), ("row_id",), "ssn_sealed", PATIENT, _patient),
    Place(
        "patients' SSNs before", sql.Identifier("core", "patient_history"), ("row_id", "known_from"), "ssn_sealed",
        PATIENT, _patient,
    ),
    Place(
        "addresses of exports", EXPORT, ("delivery_id",), "status_url_sealed", ("delivery_id",), _address("status_url")
    ),
    Place(
        "manifests of exports", EXPORT, ("delivery_id",), "manifest_sealed", ("delivery_id",), _address("manifest")
    ),
)  # fmt: skip


def staged(connection: Connection) -> list[Place]:
    """The stage tables: what is in them is copied to core when a held delivery is applied."""
    return [_staged(**row) for row in run(connection, "custody/list_stagings")]


def _staged(delivery_id: str, stage_no: int, partner: str, is_of_records: bool) -> Place:
    table = stage.table(delivery_id, stage_no)
    if is_of_records:
        return Place(
            "stage tables", table, ("line", "entity"), "ssn_sealed", ("resource_id",),
            lambda row: stage.patient_ssn_context(partner, row["resource_id"]),
        )  # fmt: skip
    return Place(
        "stage tables", table, ("line",), "ssn_sealed", ("subscriber_id", "person_code"),
        lambda row: stage.ssn_context(partner, row["subscriber_id"], row["person_code"]),
    )  # fmt: skip
