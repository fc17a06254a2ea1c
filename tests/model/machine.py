"""The machine that drives a system and the model side by side, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from concord.contract import Feed, Mode
from tests.model.rosters import FIRST_DAY, SCOPES, feed_of, files, policies
from tests.model.systems import ModelSystem, System
from tests.model.values import Row

Opened = Callable[[Feed], System]
EXAMPLES = count(1)
"""Each example has a feed of its own: all share one database."""


class Comparison(RuleBasedStateMachine):
    """Every step is done twice; afterwards both must tell the same story.

    ``open_system`` makes the system under test for a contract; it is set by a subclass.
    """

    open_system: Opened

    def __init__(self) -> None:
        super().__init__()
        self.day = FIRST_DAY
        self.sent: list[list[Row]] = []

    @initialize(data=st.data(), mode=st.sampled_from([Mode.FULL, Mode.FULL, Mode.DELTA]))
    def begin(self, data: st.DataObject, mode: Mode) -> None:
        """A feed of its own for every example."""
        self.feed = feed_of(f"model_{next(EXAMPLES)}", mode, data.draw(policies(mode)), data.draw(SCOPES))
        self.model = ModelSystem(self.feed)
        self.real = type(self).open_system(self.feed)
        if data.draw(st.sampled_from([True] * 7 + [False])):
            self.send(data.draw(files(self.model.model.held, mode)), 0)
            self.work_is_done()
            if self.model.states() == ["held"]:
                self.decided(0, approve=True)

    # ── steps ──

    @rule(
        data=st.data(), days=st.sampled_from([1, 1, 1, 0, 3, 15, 30, 50]), later=st.sampled_from([False] * 4 + [True])
    )
    def a_file_arrives(self, data: st.DataObject, days: int, later: bool) -> None:
        """The next file, or one of the same day; worked on now or with the next."""
        self.day += timedelta(days=days)
        self.send(data.draw(files(self.model.model.held, self.feed.mode)), 0)
        if not later:
            self.work_is_done()

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), days_late=st.sampled_from([0, 0, 1, 20]), again=st.booleans())
    def a_late_file_arrives(self, data: st.DataObject, days_late: int, again: bool) -> None:
        """A file dated before the last one, or the same bytes once more."""
        rows = data.draw(st.sampled_from(self.sent) if again else files(self.model.model.held, self.feed.mode))
        self.send(rows, days_late)
        self.work_is_done()

    @precondition(lambda self: "held" in self.model.states())
    @rule(data=st.data(), approve=st.sampled_from([True, True, True, False]))
    def a_person_decides(self, data: st.DataObject, approve: bool) -> None:
        """About one of the deliveries that wait."""
        held = [number for number, state in enumerate(self.model.states()) if state == "held"]
        number = data.draw(st.sampled_from(held))
        self.decided(number, approve=approve)

    def send(self, rows: list[Row], days_late: int) -> None:
        """Lands the file on both sides."""
        self.sent.append(rows)
        content = tuple((row.content, row.reason) for row in rows)
        for side in (self.model, self.real):
            side.deliver(rows, self.day - timedelta(days=days_late), content)

    def decided(self, number: int, *, approve: bool) -> None:
        """The decision is carried out, and what it let through is worked on."""
        expected, found = (side.decide(number, approve=approve) for side in (self.model, self.real))
        assert found == expected, f"delivery {number}, decided: {found}, the model says {expected}"
        self.work_is_done()

    def work_is_done(self) -> None:
        """Everything that may start is staged, planned and, where ordinary, applied."""
        while (number := self.model.next()) is not None:
            assert self.real.next() == number
            expected, found = self.model.plan(number), self.real.plan(number)
            self.same_plan(number)
            assert found == expected, f"delivery {number}: {found}, the model says {expected}"
            event(expected)
            if expected == "planned":
                assert self.real.apply(number) == self.model.apply(number)
        assert self.real.next() is None

    # ── what must agree ──

    def same_plan(self, number: int) -> None:
        """The plan's actions, the guards, and what became of every line."""
        for action in self.model.actions(number):
            event(f"{action[0]} {action[1]}")
        for question in ("actions", "counts", "reasons", "lines", "guards"):
            expected, found = (getattr(side, question)(number) for side in (self.model, self.real))
            assert found == expected, f"delivery {number}, {question}: {found}\n the model says: {expected}"

    @invariant()
    def both_believe_the_same(self) -> None:
        """States, spans and members."""
        if not hasattr(self, "real"):
            return
        assert self.real.states() == self.model.states()
        assert self.real.spans() == self.model.spans()
        assert self.real.members() == self.model.members()
