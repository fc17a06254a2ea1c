"""What is read of FHIR resources goes into Postgres as it is: every column has the type it promises."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import psycopg
import pytest
from psycopg import sql

from concord.entities.clinical import RESOURCE_TYPES
from concord.stage import to_copy_text
from tests.conftest import Database
from tests.unit.fhir_resources import chunk, line
from tests.unit.test_fhir_mutants import FULL, damaged, whole


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.owner_url) as connection:
        yield connection


def test_every_entity_can_be_copied_whole_and_damaged(connection: psycopg.Connection) -> None:
    for kind in FULL:
        rng, entity = Random(kind), RESOURCE_TYPES[kind]
        lines = [line(whole(kind)), *(damaged(rng, kind).replace(b"\n", b" ") + b"\n" for _ in range(150))]
        frame = chunk(b"".join(lines)).frames[entity.name]
        kinds = {"line": "bigint", "lines": "bigint", "deleted": "boolean"}
        kinds |= {column.name: column.kind.value for column in entity.columns}
        columns = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(k)) for n, k in kinds.items())
        table = sql.Identifier(entity.name)
        connection.execute(sql.SQL("CREATE TEMP TABLE {} ({})").format(table, columns))
        with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(table)) as copy:
            copy.write(to_copy_text(frame))
        (count,) = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone() or (0,)
        assert count == len(frame) > 10
