"""No row in the message of a log call or an error, and no words of a third party's error either.

A message may name a delivery, a line, a column, a rule and counts. What holds rows here is
called by one of few names, so that the rule can be read off the source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

import concord.errors
from tests.architecture.test_architecture import HANDLES_VALUES, LOG_LEVELS, PRODUCT, ROOT, called, of

HOLDS_ROWS = frozenset(
    {
        "row", "rows", "record", "records", "raw", "frame", "table", "values", "value", "cell", "cells", "fields",
        "data", "content", "chunk", "block", "buffer", "body", "payload", "series", "accepted", "rejected",
        "person", "member", "members", "spans",
    }
)  # fmt: skip
SAFE_PARTS = frozenset(
    {"delivery_id", "fence", "overlaps", "accounted", "num_rows", "plan_id", "feed", "line", "lines", "count", "total"}
)
"""Ids and counts that may be taken out of a row or a frame."""
STRIPPED_BY = frozenset({"described", "_named", "_ours", "type", "len"})
"""What may be made of anything: the class of an error and its place, its SQLSTATE or number, how many."""
SAFE_FACTS = frozenset({"status_code", "errno", "sqlstate", "code"})
"""Of somebody else's error."""


def messages(tree: ast.AST) -> Iterator[ast.expr]:
    """What log calls and raised errors are given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in LOG_LEVELS and _is_logger(of(node)):
            yield from (*node.args, *(keyword.value for keyword in node.keywords))
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield node.exc


def _is_logger(node: ast.AST | None) -> bool:
    return "log" in str(getattr(node, "id", getattr(node, "attr", ""))).lower()


def spoken(node: ast.AST, names: frozenset[str], safe: frozenset[str]) -> Iterator[int]:
    """Lines where one of ``names`` stands, but for its ``safe`` parts and what strips it."""
    if isinstance(node, ast.Name) and node.id in names:
        yield node.lineno
        return
    if isinstance(node, ast.Call) and called(node) in STRIPPED_BY:
        return
    if isinstance(node, ast.Attribute) and node.attr in safe:
        return
    if isinstance(node, ast.Subscript) and getattr(node.slice, "value", None) in safe:
        return
    for child in ast.iter_child_nodes(node):
        yield from spoken(child, names, safe)


def rows_in_messages(tree: ast.AST) -> Iterator[int]:
    for message in messages(tree):
        yield from spoken(message, HOLDS_ROWS, SAFE_PARTS)


def our_errors() -> frozenset[str]:
    """Names of errors whose words are ours: those of ``concord.errors``, and what is derived from them anywhere."""
    ours = {name for name, kind in vars(concord.errors).items() if isinstance(kind, type)}
    classes = [
        node for file in PRODUCT for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef)
    ]
    for _ in range(3):  # a class may be derived from one that stands further down
        ours |= {node.name for node in classes if any(getattr(base, "id", "") in ours for base in node.bases)}
    return frozenset(ours | {"NotTold"})


OURS = our_errors()


def foreign_words(tree: ast.AST) -> Iterator[int]:
    """``except TheirError as error`` whose words go into a message: they quote values."""
    for handler in (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name):
        if not _caught(handler.type) <= OURS:
            for message in messages(handler):
                yield from spoken(message, frozenset({str(handler.name)}), SAFE_FACTS)


def _caught(kinds: ast.expr | None) -> set[str]:
    each = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    return {str(getattr(kind, "id", getattr(kind, "attr", "?"))) for kind in each}


@pytest.mark.parametrize("rule", [rows_in_messages, foreign_words], ids=lambda rule: rule.__name__)
def test_no_message_is_made_of_a_row_or_of_words_of_others(rule: object) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in HANDLES_VALUES
        for line in rule(ast.parse(file.read_text()))  # type: ignore[operator]
    ]
    assert found == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (rows_in_messages, 'log.info("refused %s", row)'),
        (rows_in_messages, 'self.log.warning("refused %s", row["last_name"])'),
        (rows_in_messages, 'raise DeliveryRejected("x", f"line {line}: {value!r}")'),
        (rows_in_messages, 'raise Ours(f"{values}")'),
        (rows_in_messages, 'log.debug("first: %s", frame.head())'),
        (rows_in_messages, 'raise Ours("bad", rows=rows)'),
        (foreign_words, "try:\n    f()\nexcept ValueError as error:\n    raise Ours(str(error)) from None"),
        (foreign_words, 'try:\n    f()\nexcept psycopg.Error as e:\n    log.error("failed: %s", e)'),
        (foreign_words, 'try:\n    f()\nexcept (Fenced, KeyError) as error:\n    raise Ours(f"{error}") from None'),
    ],
)
def test_a_breach_would_be_seen(rule: object, source: str) -> None:
    assert list(rule(ast.parse(source)))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (rows_in_messages, "raise Ours(f\"delivery {row['delivery_id']}: {len(rows)} rows\")"),
        (rows_in_messages, 'log.info("%s rows", table.num_rows)'),
        (foreign_words, "try:\n    f()\nexcept ValueError as error:\n    raise Ours(type(error).__name__) from None"),
        (foreign_words, "try:\n    f()\nexcept Fenced as error:\n    log.warning('%s', error)"),
    ],
)
def test_ids_and_counts_are_let_through(rule: object, source: str) -> None:
    assert list(rule(ast.parse(source))) == []  # type: ignore[operator]
