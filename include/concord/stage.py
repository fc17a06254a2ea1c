"""The stage table of one attempt: what a delivery says, judged and typed, in Postgres.

Stage tables are unlogged, one per delivery *and* staging, and only a cache: one
killed backend can empty them while the ledger still says ``staged``, and an empty
stage looks like "everyone left". So a staging is registered with its count and
checksum, and plan and apply verify both before they believe it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.errors import LockNotAvailable
from psycopg.types.json import Jsonb

from concord.contract import EXTRA_COLUMNS, Feed
from concord.entities import Entity
from concord.errors import StageLost
from concord.failpoint import failpoint
from concord.postgres import Connection, identifiers, one, run

if TYPE_CHECKING:
    from pandas import DataFrame
    from pyarrow import ChunkedArray

STEERING = ("line", "lines", "refused", "hints")
RECORD_STEERING = {"entity": "text", "deleted": "boolean", "cleared": "text[]"}
"""Of records: which table a row is for, whether the source deleted it, and which columns it says are blank."""
SSN_COLUMNS = {"ssn_token": "text", "ssn_sealed": "bytea", "ssn_last_four": "text"}


@dataclass(frozen=True)
class Staging:
    """A finished staging: the table's number and what it held when it was finished."""

    delivery_id: str
    stage_no: int
    row_count: int
    checksum: int
    line_count: int
    flags: Mapping[str, int]
    contract_hash: str
    token_key_id: str | None

    @property
    def table(self) -> sql.Identifier:
        """The stage table's qualified name."""
        return table(self.delivery_id, self.stage_no)


def table(delivery_id: str, stage_no: int) -> sql.Identifier:
    """``stage.d_<delivery>_<stage_no>``."""
    return sql.Identifier("stage", f"d_{delivery_id}_{stage_no}")


def ssn_context(partner: str, subscriber_id: str, person_code: str) -> str:
    """What an SSN is sealed to, in stage and core: it opens for no other member."""
    return f"core.member|ssn|{partner}|{subscriber_id}|{person_code}"


def patient_ssn_context(partner: str, resource_id: str) -> str:
    """What an SSN of a patient is sealed to, in stage and core."""
    return f"core.patient|ssn|{partner}|{resource_id}"


def stored_columns(feed: Feed) -> dict[str, str]:
    """Columns of the feed's stage table that hold data, with their Postgres types, in COPY order."""
    columns: dict[str, str] = {}
    for entity in feed.entities:
        for column in entity.columns:
            columns |= SSN_COLUMNS if column.name == "ssn" else {column.name: column.kind.value}
    steering = RECORD_STEERING if feed.is_of_records else {name: kind.value for name, kind in EXTRA_COLUMNS.items()}
    return columns | steering


def attributes(entity: Entity) -> tuple[str, ...]:
    """The columns whose content is compared: an SSN by its token."""
    return tuple("ssn_token" if name == "ssn" else name for name in entity.attributes)


def content_hash(entity: Entity, alias: str | None = None, **instead: sql.Composable) -> sql.Composed:
    """The 64-bit hash expression over an entity's attributes; equal content, equal hash.

    ``instead`` are expressions that take the place of a column.
    """
    prefix = sql.SQL(alias + "." if alias else "")
    names = sql.SQL(", ").join(instead.get(name, prefix + sql.Identifier(name)) for name in attributes(entity))
    return sql.SQL("hash_record_extended(ROW({}), 0)").format(names)


def begin(connection: Connection, feed: Feed, delivery_id: str, attempt: int, token_key_id: str | None = None) -> int:
    """Registers a new staging, whose SSN tokens are under ``token_key_id``, and creates its table; its number."""
    values = {
        "delivery_id": delivery_id, "attempt": attempt, "contract_hash": feed.fingerprint, "token_key_id": token_key_id,
    }  # fmt: skip
    row = one(connection, "stage/begin_staging", values)
    if row is None:
        raise StageLost(f"delivery {delivery_id}: no staging was begun")
    stage_no = int(row["stage_no"])
    run(connection, "stage/create_stage_table", stage=table(delivery_id, stage_no), columns=_definitions(feed))
    return stage_no


def _definitions(feed: Feed) -> sql.Composed:
    stored = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in stored_columns(feed).items()
    ]
    return sql.SQL(", ").join([*stored, *(_record_hash(feed) if feed.is_of_records else _hashes(feed))])


def _hashes(feed: Feed) -> Iterator[sql.Composable]:
    """A row is of all entities at once, and has a hash for each."""
    for entity in feed.entities:
        name = sql.Identifier(f"{entity.name}_hash")
        yield sql.SQL("{} bigint GENERATED ALWAYS AS ({}) STORED").format(name, content_hash(entity))


def _record_hash(feed: Feed) -> Iterator[sql.Composable]:
    """A record is of one entity, and has the hash of that."""
    cases = [
        sql.SQL("WHEN {} THEN {}").format(sql.Literal(entity.name), content_hash(entity)) for entity in feed.entities
    ]
    yield sql.SQL("content_hash bigint GENERATED ALWAYS AS (CASE entity {} END) STORED").format(
        sql.SQL(" ").join(cases)
    )


def copy_rows(connection: Connection, feed: Feed, delivery_id: str, stage_no: int, frame: DataFrame) -> None:
    """Copies rows into the stage table.

    ``frame`` has ``line``, ``lines`` (int64), ``refused`` (bool), ``hints`` (array
    literal or None) and any of the stored columns; a missing column is null.
    """
    names = [name for name in (*STEERING, *stored_columns(feed)) if name in frame.columns]
    target = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv{})").format(
        table(delivery_id, stage_no), identifiers(names), _empty_keys(feed, names)
    )
    with connection.cursor() as cursor, cursor.copy(target) as copy:
        copy.write(to_copy_text(frame[names]))


def _empty_keys(feed: Feed, names: list[str]) -> sql.Composable:
    """A record's key may hold nothing (the resource itself among its components), and that is not null."""
    keys = [name for entity in feed.entities for name in entity.key if name in names]
    if not feed.is_of_records or not keys:
        return sql.SQL("")
    return sql.SQL(", FORCE_NOT_NULL ({})").format(identifiers(tuple(dict.fromkeys(keys))))


def to_copy_text(frame: DataFrame) -> bytes:
    """``frame`` as CSV for ``COPY ... (FORMAT csv)``: no header, null is an unquoted nothing, ``""`` never occurs."""
    import pyarrow as pa
    from pyarrow import csv

    table = pa.Table.from_pandas(frame, preserve_index=False)
    columns = [_without_empty(column) for column in table.columns]
    target = io.BytesIO()
    csv.write_csv(pa.table(columns, names=table.column_names), target, csv.WriteOptions(include_header=False))
    return target.getvalue()


def _without_empty(column: ChunkedArray) -> ChunkedArray:
    """An empty string is null, as transform would have made it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.if_else(pc.equal(column, ""), None, column)
    return column


def finish(
    connection: Connection, delivery_id: str, stage_no: int, line_count: int, flags: Mapping[str, int]
) -> Staging:
    """Closes the staging with its count and checksum; from here on it is the delivery's staging."""
    row = _sum(connection, table(delivery_id, stage_no))
    run(
        connection,
        "stage/finish_staging",
        {"stage_no": stage_no, "line_count": line_count, "flags": Jsonb(dict(flags)), **row},
    )
    staging = current(connection, delivery_id)
    if staging is None:
        raise StageLost(f"delivery {delivery_id}: its staging was dropped while it was finished")
    return staging


def _sum(connection: Connection, table: sql.Identifier) -> dict[str, Any]:
    """Row count and checksum; which columns count, the table itself says."""
    values = {"table": table.as_string(connection), "column": "content_hash"}
    is_of_records = (one(connection, "stage/has_column", values) or {})["present"]
    name = "records/sum_stage" if is_of_records else "stage/sum_stage"
    return dict(one(connection, name, stage=table) or {"row_count": None, "checksum": 0})


def current(connection: Connection, delivery_id: str) -> Staging | None:
    """The newest finished staging whose table was not dropped, or None."""
    row = one(connection, "stage/get_staging", {"delivery_id": delivery_id})
    return Staging(**{**row, "checksum": int(row["checksum"])}) if row else None


def verify(connection: Connection, staging: Staging | None, delivery_id: str, contract_hash: str) -> Staging:
    """The staging, when its table still holds what was staged under this contract; raises :class:`StageLost`."""
    if staging is None or not _present(connection, staging):
        raise StageLost(f"delivery {delivery_id}: its stage table is gone")
    row = _sum(connection, staging.table)
    if (row["row_count"], int(row["checksum"])) != (staging.row_count, staging.checksum):
        raise StageLost(f"delivery {delivery_id}: its stage table is not what was staged")
    if staging.contract_hash != contract_hash:
        raise StageLost(f"delivery {delivery_id}: the contract changed since it was staged")
    return staging


def require_match_key(staging: Staging, key_id: str | None) -> None:
    """Raises :class:`StageLost` where the tokens of core are under another key by now: nothing would compare equal."""
    if staging.token_key_id not in (None, key_id):
        raise StageLost(f"delivery {staging.delivery_id}: the token key was changed since it was staged")


def _present(connection: Connection, staging: Staging) -> bool:
    name = staging.table.as_string(connection)
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL AS present", (name,)).fetchone()
    return bool(row and row["present"])


def drop(connection: Connection, keep: Iterable[str]) -> int:
    """Drops stage tables of deliveries that ended, but for ``keep``, and those a newer staging replaced.

    Returns how many. One that a stopped task still writes to is left for the next time.
    """
    rows = run(connection, "stage/list_droppable", {"keep": list(keep)})
    return sum(_dropped(connection, row["delivery_id"], row["stage_no"]) for row in rows)


def _dropped(connection: Connection, delivery_id: str, stage_no: int) -> bool:
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '500ms'")
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table(delivery_id, stage_no)))
            run(connection, "stage/mark_dropped", {"stage_no": stage_no})
            failpoint("stage.table_dropped")
    except LockNotAvailable:
        return False
    return True


def note_drift(connection: Connection, delivery_id: str, drift: Mapping[str, object]) -> None:
    """Remembers with the delivery how its header differs from the contract."""
    run(connection, "stage/note_drift", {"delivery_id": delivery_id, "drift": Jsonb(dict(drift))})


def forget_lines(connection: Connection, delivery_id: str) -> None:
    """Forgets the line accounts of an earlier staging."""
    run(connection, "stage/forget_lines", {"delivery_id": delivery_id})


def account_lines(
    connection: Connection, delivery_id: str, disposition: str, reason: str, lines: list[tuple[int, int]]
) -> None:
    """Accounts for lines that are no rows; ``lines`` are (first line, how many)."""
    if lines:
        values = {
            "delivery_id": delivery_id,
            "disposition": disposition,
            "reason": reason,
            "firsts": [first for first, _ in lines],
            "counts": [count for _, count in lines],
        }
        run(connection, "stage/account_lines", values)
