"""Every text says partner, delivery, state, what is safe and what to press; every kind of incident has one."""

from __future__ import annotations

import ast
import pkgutil
import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import concord
from concord import docs, steps
from concord.incidents import KINDS, Severity, Text
from concord.steps import telling
from concord.steps.runbook import DELIVERY, EXAMPLES, FEED, Example, examples

ABOUT_ALL = {"operation", "check", "connection", "links"}
NO_VALUES = re.compile(r"\d{3}-\d{2}-\d{4}|@|\b(None|NaN|\{|\})\b")
each = pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.kind}-{e.words.__name__}")


def complaints(text: Text, *, about_all: bool) -> list[str]:
    """What a person called at night would miss in ``text``."""
    head = "All partners: " if about_all else f"Partner {FEED.partner}, feed {FEED.name}, "
    delivery = re.search(rf"delivery ({DELIVERY.delivery_id}|arrived)|no delivery", text.happened)
    wanted = {
        "who": text.happened.startswith(head),
        "which delivery": about_all or delivery,
        "in what state": re.search(r": \S", text.happened),
        "what is safe": len(text.safe) > 20 and "\n\nSafe: " in text.body,
        "what to press": text.press and "\n\nPress: " in text.body,
        "a subject of one line": text.subject and "\n" not in text.subject and len(text.subject) <= 120,
        "no value": not NO_VALUES.search(text.subject + text.body),
        "whole sentences": text.safe.endswith(".") and text.press.endswith("."),
    }
    return [name for name, is_there in wanted.items() if not is_there]


@each
def test_a_text_says_all_that_has_to_be_said(example: Example) -> None:
    text = example.words(*example.given)
    assert complaints(text, about_all=example.kind in ABOUT_ALL) == []


def test_a_text_that_says_less_would_be_found_out() -> None:
    """Negative control."""
    careless = Text("failed\nbadly", "Something failed for None", "ok", "", "")
    assert len(complaints(careless, about_all=False)) == 8


def test_every_kind_of_incident_has_its_words_and_no_words_are_of_no_kind() -> None:
    assert {example.kind for example in EXAMPLES} == KINDS.keys()
    assert all(examples(kind) for kind in KINDS)


def worded(module: str) -> set[str]:
    """Public functions of a module of ``concord.steps`` that word a text."""
    tree = ast.parse(Path(str(import_module(module).__file__)).read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"))
    return {f"{module}.{f.name}" for f in functions if isinstance(f.returns, ast.Name) and f.returns.id == "Text"}


def test_every_function_that_words_a_text_is_in_the_runbook() -> None:
    modules = [info.name for info in pkgutil.iter_modules(steps.__path__, "concord.steps.")]
    found = set().union(*map(worded, modules)) - {"concord.steps.texts.held"}  # reads what ``waits`` words
    assert {f"{example.words.__module__}.{example.words.__name__}" for example in EXAMPLES} == found


def reported_kinds() -> set[str]:
    """The kinds that the source reports, as far as they are literals there."""
    root = Path(concord.__file__).parent
    calls = [
        node
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("incidents.report", "_report") and node.args
    ]
    return {a.value for call in calls for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}


def test_every_kind_is_reported_somewhere() -> None:
    assert KINDS.keys() <= reported_kinds()


def test_the_runbook_has_a_chapter_for_every_kind() -> None:
    page = docs.incidents_page(Path())
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == list(KINDS)
    for kind in KINDS:
        for text in examples(kind):
            assert " ".join(text.press.split()).replace("|", "\\|") in page


@pytest.mark.parametrize("event", telling.FRAMES)
def test_a_message_keeps_what_the_incident_says_and_adds_what_became_of_it(event: str) -> None:
    (text, *_) = examples("rejected")
    notice: dict[str, Any] = {
        "event": event, "subject": text.subject, "text": text.body, "severity": "urgent", "incident_id": 12,
        "age": timedelta(hours=8), "opened_at": datetime(2026, 11, 20, tzinfo=UTC), "acked_by": "ann",
        "feed": FEED.name, "partner": FEED.partner, "delivery_id": DELIVERY.delivery_id, "delivery_state": "superseded",
    }  # fmt: skip
    message = telling.message_of(notice)
    assert message.severity is Severity.URGENT
    assert message.subject.endswith(text.subject)
    for words in (f"Partner {FEED.partner}", DELIVERY.delivery_id, "Safe: ", "Press: "):
        assert words in message.text
    assert "{" not in message.text
