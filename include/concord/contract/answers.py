"""What goes back to a partner after a delivery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concord.entities import Phi

if TYPE_CHECKING:
    from concord.contract.feed import Feed

REPORTS = ("csv", "html")


@dataclass(frozen=True)
class Answers:
    """Files that are put into ``directory`` at the partner, over the feed's own SFTP connection.

    ``acknowledge`` sends TA1 and 999 for an 834: what the syntax is worth, within minutes of its arrival. ``report``
    says what became of the rows, once that is known: of each refused one its line, column and rule, and the partner's
    own ``row_id`` (canonical columns, as far as they could be read; nothing else of the row). A file is written under
    ``temporary`` and renamed when it is whole.
    """

    directory: str
    acknowledge: bool = False
    report: tuple[str, ...] = ("csv", "html")
    row_id: tuple[str, ...] = ("subscriber_id", "person_code")
    temporary: str = ".part"

    @property
    def phrase(self) -> str:
        """In a few words."""
        sent = ["TA1 and 999"] if self.acknowledge else []
        sent += [f"a report ({', '.join(self.report)})"] if self.report else []
        return f"{' and '.join(sent)} into `{self.directory}`"


def contradictions(feed: Feed, answers: Answers) -> Iterator[tuple[str, str]]:
    """What cannot be meant, as (field, message)."""
    if feed.pulls or feed.is_of_records:
        yield "answers", "go to a partner who drops files of members: there is nobody to answer here"
        return
    if not answers.directory.startswith("/"):
        yield "answers.directory", "must be absolute"
    if answers.directory.rstrip("/") == feed.drop.directory.rstrip("/"):
        yield "answers.directory", "is where the partner drops: answers would be looked at as deliveries"
    if answers.acknowledge and not feed.says_its_mode:
        yield "answers.acknowledge", "only an 834 is acknowledged by TA1 and 999"
    if not set(answers.report) <= set(REPORTS):
        yield "answers.report", f"is any of {', '.join(REPORTS)}"
    if not answers.acknowledge and not answers.report:
        yield "answers", "nothing is answered"
    if not answers.temporary.startswith(".") or "/" in answers.temporary:
        yield "answers.temporary", "is an ending, as in .part"
    for name in answers.row_id:
        if name not in feed.canonical or feed.phi(name) in (Phi.DIRECT, Phi.SECRET):
            yield "answers.row_id", f"{name!r} is no column that may be told: an id of the partner's own"
