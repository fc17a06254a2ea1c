"""The ledger of answers to partners: each entered once, kept sealed, and sent once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from concord.postgres import Connection, one, run
from concord.protect import KeyRing


@dataclass(frozen=True)
class Answer:
    """A file for a partner. ``about`` and ``kind`` tell it apart from the others of its delivery."""

    delivery_id: str
    feed: str
    kind: str
    about: str
    file_name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Due:
    """One that is to be sent."""

    outgoing_id: int
    delivery_id: str
    kind: str
    about: str
    file_name: str
    content_sealed: bytes = field(repr=False)
    entered_at: datetime


def context(delivery_id: str, kind: str, about: str) -> str:
    """What an answer's content is sealed to."""
    return f"ops.outgoing|content|{delivery_id}|{kind}|{about}"


def enter(connection: Connection, keys: KeyRing, answer: Answer) -> bool:
    """Makes it due; False where it was entered before: twice changes nothing."""
    sealed = keys.seal(answer.content, context=context(answer.delivery_id, answer.kind, answer.about))
    values = {
        "delivery_id": answer.delivery_id, "feed": answer.feed, "kind": answer.kind, "about": answer.about,
        "file_name": answer.file_name, "content_sealed": sealed, "byte_count": len(answer.content),
    }  # fmt: skip
    return one(connection, "outgoing/insert_answer", values) is not None


def next_number(connection: Connection) -> int:
    """Our next interchange control number."""
    return int((one(connection, "outgoing/next_number") or {})["number"])


def due(connection: Connection, feed: str) -> list[Due]:
    """What is to be sent to the feed's partner, oldest first."""
    return [Due(**row) for row in run(connection, "outgoing/list_due", {"feed": feed})]


def is_any_due(connection: Connection, feed: str) -> bool:
    """Whether something waits, also what another is sending just now."""
    return bool((one(connection, "outgoing/find_any_due", {"feed": feed}) or {})["waits"])


def next_due(connection: Connection, feed: str, after: int) -> Due | None:
    """The oldest of these behind ``after`` that nobody else is sending; locked until the caller commits."""
    row = one(connection, "outgoing/get_next_due", {"feed": feed, "after": after})
    return Due(**row) if row else None


def content(keys: KeyRing, answer: Due) -> bytes:
    """What the file says."""
    return keys.open(answer.content_sealed, context=context(answer.delivery_id, answer.kind, answer.about))


def sent(connection: Connection, outgoing_id: int) -> None:
    """It lies in the partner's folder."""
    run(connection, "outgoing/mark_sent", {"outgoing_id": outgoing_id})


def failed(connection: Connection, feed: str, failure: str) -> None:
    """What is due of the feed could not be sent: by the class of the failure."""
    run(connection, "outgoing/note_failure", {"feed": feed, "failure": failure})


def untold(connection: Connection, feed: str, kinds: tuple[str, ...], states: tuple[str, ...]) -> list[dict[str, Any]]:
    """Deliveries in ``states`` for which a report of one of ``kinds`` was not entered: id and state."""
    values = {"feed": feed, "kinds": list(kinds), "states": list(states)}
    return run(connection, "outgoing/list_untold", values)
