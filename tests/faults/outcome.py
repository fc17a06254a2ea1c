"""What a night came to, so that two nights can be compared whatever ids and times they had."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from concord.entities import ENTITIES, Entity
from concord.postgres import identifiers
from concord.stage import attributes

CONTENT = """
SELECT count(*) AS rows,
       coalesce(sum(hash_record_extended(ROW(partner, feed, line, {columns}), 0)::numeric), 0) AS hash
FROM {table}
"""
EVENTS = """
SELECT o.entity, o.action, ROW({key}, r.line)::text AS key, count(*) AS times
FROM ops.outbox o LEFT JOIN LATERAL (
    SELECT {key}, line FROM (SELECT {key}, line, known_from FROM {core} WHERE row_id = o.row_id
                             UNION ALL SELECT {key}, line, known_from FROM {history} WHERE row_id = o.row_id) v
    ORDER BY known_from DESC LIMIT 1) r ON true
WHERE o.entity = {entity} GROUP BY 1, 2, 3
"""
APPLIES = """
SELECT (SELECT count(*) FROM ops.delivery_event WHERE to_state = 'applied') AS events,
       (SELECT count(*) FROM ops.audit WHERE action = 'apply') AS audited,
       (SELECT sum(state_seq)::bigint FROM ops.lease) AS advanced
"""


EXPORTS = """
SELECT state, CASE over_reason WHEN 'landed' THEN 'landed' ELSE '' END AS reason, count(*) AS n FROM ops.export
GROUP BY 1, 2
UNION ALL
SELECT 'single files', '', count(*) FROM ops.export_file WHERE manifest IS NOT NULL
"""

LINKS = """
SELECT said, count(*) AS n FROM (
    SELECT string_agg(partner || entity || key::text, ' ' ORDER BY partner, entity, key) AS said
    FROM core.crosswalk GROUP BY person_id) p GROUP BY 1
UNION ALL SELECT 'before', count(*) FROM core.crosswalk_history
UNION ALL SELECT 'reviews', count(*) FROM core.link_review
UNION ALL SELECT 'persons', count(*) FROM core.person
"""

ARRIVALS = (
    "SELECT kind, part, sha256, manifest IS NOT NULL AS landed, count(*) AS n FROM ops.arrival GROUP BY 1, 2, 3, 4"
)

ANSWERS = "SELECT kind, about, state, count(*) AS n FROM ops.outgoing GROUP BY 1, 2, 3"


@dataclass(frozen=True)
class Result:
    """Tables by content, events by effect, deliveries by state, open incidents by kind, and what still lies about.

    ``exports`` are by state and why they are over, and ``single files`` counts those that are objects of their own.
    ``arrivals`` are the single files of deliveries, with how often each is there.
    ``answers`` are what the partner has to hear, and ``heard`` the files that lie in their folder, by kind.
    ``links`` are the records of each person, and how many links there were before.
    ``applies`` counts applies by three witnesses: events, audit and leases; ``running`` the
    transactions that somebody still has open.
    """

    tables: dict[str, tuple[int, int]]
    events: Counter[tuple[str, str, str]]
    states: Counter[str]
    incidents: Counter[str]
    quarantined: Counter[tuple[int, str]]
    applies: tuple[int, int, int]
    stage_tables: int
    exports: Counter[tuple[str, str]]
    arrivals: Counter[tuple[Any, ...]]
    answers: Counter[tuple[Any, ...]]
    heard: Counter[str]
    links: Counter[str]
    parts: int
    objects: int
    running: int


def result_of(connection: Any, landing: Path, heard: Path | None = None) -> Result:
    """The result as it lies there now; ``heard`` is the partner's folder for what we say, where there is one."""

    def counted(statement: str) -> Counter[Any]:
        rows = connection.execute(statement).fetchall()
        return Counter({tuple(row.values()) if len(row) > 1 else next(iter(row.values())): 1 for row in rows})

    events: Counter[tuple[str, str, str]] = Counter()
    for entity in ENTITIES.values():
        for row in connection.execute(_events(entity)).fetchall():
            events[row["entity"], row["action"], row["key"]] += row["times"]
    states = connection.execute("SELECT state, count(*) AS n FROM ops.delivery GROUP BY state").fetchall()
    incidents = connection.execute(
        "SELECT kind, count(*) AS n FROM ops.incident WHERE state = 'open' GROUP BY kind"
    ).fetchall()
    stage = "SELECT count(*) AS n FROM pg_class WHERE relnamespace = 'stage'::regnamespace AND relkind = 'r'"
    running = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
        " AND xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return Result(
        tables={name: found for entity in ENTITIES.values() for name, found in _tables(connection, entity)},
        events=events,
        states=Counter({row["state"]: row["n"] for row in states}),
        incidents=Counter({row["kind"]: row["n"] for row in incidents}),
        quarantined=counted("SELECT DISTINCT line, reasons::text FROM ops.quarantine"),
        applies=tuple(connection.execute(APPLIES).fetchone().values()),
        exports=_exports(connection),
        arrivals=counted(ARRIVALS),
        answers=counted(ANSWERS),
        heard=Counter(path.name.partition("_")[0] + path.suffix for path in (heard.iterdir() if heard else ())),
        links=Counter({row["said"]: row["n"] for row in connection.execute(LINKS).fetchall()}),
        stage_tables=connection.execute(stage).fetchone()["n"],
        parts=sum(path.is_file() for path in (landing / "parts").glob("*")),
        objects=sum(path.is_file() for path in (landing / "objects").glob("*/*")),
        running=connection.execute(running).fetchone()["n"],
    )


def _exports(connection: Any) -> Counter[tuple[str, str]]:
    rows = connection.execute(EXPORTS).fetchall()
    return Counter({(row["state"], row["reason"]): row["n"] for row in rows})


def _tables(connection: Any, entity: Entity) -> Any:
    span = (entity.start, entity.end, "end_kind") if entity.start else ()
    names = tuple(name for name in (*entity.key, *attributes(entity), *span) if name)
    for table, more in ((entity.name, ()), (f"{entity.name}_history", ("closed_by_action",))):
        statement = sql.SQL(CONTENT).format(columns=identifiers((*names, *more)), table=sql.Identifier("core", table))
        row = connection.execute(statement).fetchone()
        yield table, (row["rows"], int(row["hash"]))


def _events(entity: Entity) -> sql.Composed:
    return sql.SQL(EVENTS).format(
        entity=sql.Literal(entity.name),
        key=identifiers(entity.key),
        core=sql.Identifier("core", entity.name),
        history=sql.Identifier("core", f"{entity.name}_history"),
    )
