"""The pieces of SQL in which entities and feeds differ: keys, comparisons, effective values."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from concord.contract import Blank, Feed
from concord.entities import Entity
from concord.stage import SSN_COLUMNS, Staging, attributes, content_hash


@dataclass(frozen=True)
class Parts:
    """Composes SQL for one entity of one delivery.

    ``missing`` are canonical columns whose source column is not in this file: they
    keep what is held, like blanks under ``keep``.
    """

    feed: Feed
    entity: Entity
    staging: Staging
    missing: frozenset[str] = frozenset()
    rows: sql.Identifier | None = None
    """What of the staging is looked at, where it is not all of it."""

    def all(self) -> dict[str, sql.Composable]:
        """Every placeholder the plan and apply statements know, by name."""
        key, scope = self.entity.key, self.entity.scope
        return {
            "stage": self.rows or self.staging.table,
            "core": sql.Identifier("core", self.entity.name),
            "history": sql.Identifier("core", f"{self.entity.name}_history"),
            "hash": sql.Identifier(f"{self.entity.name}_hash"),
            "key": columns(key),
            "key_incomplete": incomplete(key),
            "s_key_incomplete": incomplete(key, "s"),
            "changed": self.changed(),
            "s_end": self.stated_end(),
            "s_is_h": same(key, "s", "h"),
            "h_is_t": same(key, "h", "t"),
            "q_is_h": same(key, "q", "h"),
            "p_is_h": same(key, "p", "h"),
            "s_is_p": same(key, "s", "p"),
            "seen_is_h": same(key, "seen", "h"),
            "u_is_s": same(key, "u", "s"),
            "u_key_incomplete": incomplete(key, "u"),
            "t_is_alike": same(key, "t", "alike"),
            "t_is_ambiguous": same(key, "t", "ambiguous"),
            "s_key": columns(key, "s"),
            "h_key": columns(key, "h"),
            "t_key": columns(key, "t"),
            "p_key": columns(key, "p"),
            "s_scope": columns(scope, "s"),
            "h_scope": columns(scope, "h"),
        }

    def keeps(self, column: str) -> bool:
        """Whether a null of ``column`` means: what is held stays."""
        name = "ssn" if column in SSN_COLUMNS else column
        return name in self.missing or self.feed.blank_means(name) is Blank.KEEP

    def effective(self, column: str) -> sql.Composed:
        """The value a column has after this row: the row's, or what is held where blank means keep."""
        name = sql.Identifier(column)
        if column in SSN_COLUMNS and self.keeps(column):
            return sql.SQL("CASE WHEN s.ssn_token IS NULL THEN h.{0} ELSE s.{0} END").format(name)
        if self.keeps(column) and self.feed.is_of_records:
            kept = sql.SQL("CASE WHEN {1} = ANY (s.cleared) THEN NULL ELSE coalesce(s.{0}, h.{0}) END")
            return kept.format(name, sql.Literal(column))
        return sql.SQL("coalesce(s.{0}, h.{0})" if self.keeps(column) else "s.{0}").format(name)

    def stated_end(self) -> sql.Composable:
        """The end row ``s`` states for held ``h``: a blank one in a change file leaves the end of ``h`` alone."""
        if self.entity.end is None or not self.keeps(self.entity.end):
            return sql.SQL("s.effective_to")
        return sql.SQL(
            "CASE WHEN s.effective_to IS NULL AND coalesce(s.maintenance_action, 'change') NOT IN ('add', 'reinstate')"
            " AND s.effective_from < coalesce(h.effective_to, 'infinity') THEN h.effective_to ELSE s.effective_to END"
        )

    def changed(self) -> sql.Composed:
        """An array of the names of attributes in which row ``s`` differs from held ``h``."""
        cases = [
            sql.SQL("CASE WHEN {} IS DISTINCT FROM h.{} THEN {} END").format(
                self.effective(name), sql.Identifier(name), sql.Literal(name)
            )
            for name in attributes(self.entity)
        ]
        return sql.SQL("array_remove(ARRAY[{}]::text[], NULL)").format(sql.SQL(", ").join(cases))

    def carried(self) -> tuple[str, ...]:
        """Columns that are written with a row: its attributes, what is not compared, and an SSN's other two forms."""
        own = attributes(self.entity)
        hidden = tuple(name for name in SSN_COLUMNS if name not in own and "ssn_token" in own)
        return own + self.entity.untracked + hidden

    def written(self) -> sql.Composed:
        """The effective value of every carried column, in their order."""
        return sql.SQL(", ").join(self.effective(name) for name in self.carried())

    def held_hash(self) -> sql.Composed:
        """The content hash of a row of the core table, alias ``c``."""
        return content_hash(self.entity, "c")


def columns(names: tuple[str, ...], alias: str | None = None) -> sql.Composed:
    """``s."a", s."b"``; identifiers only."""
    return sql.SQL(", ").join(sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names)


def same(names: tuple[str, ...], left: str, right: str) -> sql.Composed:
    """``left."a" = right."a" AND ...``."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(left, name), sql.Identifier(right, name)) for name in names
    )


def incomplete(names: tuple[str, ...], alias: str | None = None) -> sql.Composed:
    """True where a part of the key could not be read."""
    return sql.SQL(" OR ").join(
        sql.SQL("{} IS NULL").format(sql.Identifier(alias, name) if alias else sql.Identifier(name)) for name in names
    )
