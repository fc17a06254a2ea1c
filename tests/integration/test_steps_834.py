"""834s through every step: what the file is, what its envelopes promise, who comes and goes, and what is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from concord import check, steps
from concord.contract import Answers, From, Omission, OrderBy, Policy, SftpDrop, Text
from concord.quarantine import Selection
from tests.rosters import FRI, LAX_GUARDS, MON, THU, WED, Driver
from tests.unit.x12_files import FEED, feed, interchange, member, text, transaction

LEAVES = "INS*Y*18*024*08*A***TE"


def agreed(**form: Any) -> Any:
    policy = Policy(omission=Omission.END_OF_MONTH, guards=LAX_GUARDS, retro_limit=timedelta(days=3_650))
    source = SftpDrop("sample_sftp", "/out", "834_{date:%Y%m%d}_{sequence}*")
    group = {"group_id": From("group", Text(r"\AGRP[0-9]\Z"), required=True)}
    order = OrderBy(file_date=True)
    answers = Answers("/back", acknowledge=True)
    return replace(feed(group, **form), policy=policy, source=source, order=order, answers=answers)


@pytest.fixture
def plan(new_acme: Driver) -> Driver:
    """Three subscribers and a dependent with medical, the first with dental as well."""
    new_acme.feed = agreed()
    both = ("HD*030**HLT*PPO1*FAM", "DTP*348*D8*20260101", "HD*030**DEN*D1*FAM", "DTP*348*D8*20260101")
    run = sent(new_acme, [member(1, hd=both), member(2), member(2, code="02"), member(3)], WED, "RX", "approve")
    assert (run.state, run.counts["add"]) == ("published", 5)
    return new_acme


NUMBERS: dict[date, int] = {WED: 1, THU: 2, FRI: 3, MON: 4}


def sent(
    driver: Driver, members: Sequence[Sequence[str]], day: date, action: str, verdict: str | None = None, **isa: Any
) -> Any:
    data = text(*interchange(transaction(*members, action=action), **{"number": NUMBERS[day], **isa}))
    return driver.day(data, day, verdict)


def ends(driver: Driver) -> dict[tuple[str, str, str], date | None]:
    return {key: spans[-1][1] for key, spans in driver.spans().items()}


def test_a_change_file_of_a_full_feed_ends_nobody_by_silence(plan: Driver) -> None:
    run = sent(
        plan, [member(9, ins="INS*Y*18*021*EC*A***FT", hd=("HD*021**HLT*PPO1*EMP", "DTP*348*D8*20261201"))], THU, "2"
    )
    assert (run.state, run.counts["add"], run.counts.get("end", 0)) == ("published", 1, 0)
    assert plan.facts(run.delivery_id)["mode"] == "delta"


def test_a_replacement_ends_who_is_not_in_it(plan: Driver) -> None:
    run = sent(plan, [member(1), member(2), member(2, code="02"), member(3)], THU, "RX", "approve")
    assert plan.facts(run.delivery_id)["mode"] == "full"
    assert ends(plan)["M000001", "01", "DEN"] == date(2026, 12, 1)


def test_a_verify_file_changes_nothing(plan: Driver) -> None:
    before = plan.tables()
    run = sent(plan, [member(1)], THU, "4")
    assert (run.state, plan.tables()) == ("compared", before)


def test_a_test_file_changes_nothing(plan: Driver) -> None:
    before = plan.tables()
    run = sent(plan, [member(1)], THU, "RX", usage="T")
    assert (run.state, plan.tables()) == ("compared", before)


def test_a_member_who_leaves_takes_all_coverage_along(plan: Driver) -> None:
    gone = member(1, ins=LEAVES, hd=("-",))
    gone[4:4] = ["DTP*357*D8*20261130"]
    run = sent(plan, [gone], THU, "2")
    assert (run.state, run.counts["end"]) == ("published", 2)
    assert {key[2]: end for key, end in ends(plan).items() if key[0] == "M000001"} == {
        "HLT": date(2026, 12, 1), "DEN": date(2026, 12, 1),
    }  # fmt: skip
    back = sent(plan, [member(1, ins="INS*Y*18*025*20*A***FT", hd=("-",))], FRI, "2")
    assert (back.counts["reinstate"], ends(plan)["M000001", "01", "HLT"]) == (2, None)


def test_a_coverage_ends_by_its_own_date_also_without_a_beginning(plan: Driver) -> None:
    gone = member(1, ins="INS*Y*18*001*22*A***FT", hd=("HD*024**DEN", "DTP*349*D8*20261130"))
    run = sent(plan, [gone], THU, "2")
    assert (run.state, plan.reasons(run.delivery_id)) == ("published", {})
    assert (ends(plan)["M000001", "01", "DEN"], ends(plan)["M000001", "01", "HLT"]) == (date(2026, 12, 1), None)


def test_a_plan_that_ends_where_the_next_begins_is_a_change(plan: Driver) -> None:
    hd = ("HD*024**DEN", "DTP*349*D8*20261130", "HD*021**DEN*D2*FAM", "DTP*348*D8*20261201")
    run = sent(plan, [member(1, ins="INS*Y*18*001*22*A***FT", hd=hd)], THU, "2")
    assert (run.state, plan.reasons(run.delivery_id)) == ("published", {})
    rows = plan.all("SELECT plan_code, effective_from FROM core.eligibility WHERE coverage_line = 'DEN' ORDER BY 2")
    assert [tuple(row.values()) for row in rows] == [("D1", date(2026, 1, 1)), ("D2", date(2026, 12, 1))]


def test_an_end_without_a_beginning_and_a_gap_cannot_be_told_apart(plan: Driver) -> None:
    hd = ("HD*024**DEN", "DTP*349*D8*20261115", "HD*021**DEN*D2*FAM", "DTP*348*D8*20261201")
    run = sent(plan, [member(1, ins="INS*Y*18*001*22*A***FT", hd=hd)], THU, "2")
    assert set(plan.reasons(run.delivery_id).values()) == {("ambiguous_key",)}


def test_what_the_row_asked_for_and_why_is_kept_and_is_no_change_by_itself(plan: Driver) -> None:
    rows = plan.all("SELECT DISTINCT maintenance_type_code, maintenance_reason_code FROM core.eligibility")
    assert [tuple(row.values()) for row in rows] == [("030", "XN")]
    same = [member(n, ins="INS*Y*18*001*29*A***FT") for n in (2, 3)]
    run = sent(plan, same, THU, "2")
    assert (run.counts["unchanged"], run.counts.get("change", 0)) == (2, 0)


def test_a_control_number_that_comes_again_is_rejected_and_acknowledged_as_a_duplicate(plan: Driver) -> None:
    run = sent(plan, [member(1)], THU, "2", number=1)
    assert (run.state, run.rejection.code) == ("rejected", "x12.repeated_control_number")
    (told,) = plan.all("SELECT * FROM ops.outgoing WHERE delivery_id = %s AND kind IN ('ta1', '999')", run.delivery_id)
    from concord import outgoing

    context = outgoing.context(told["delivery_id"], told["kind"], told["about"])
    content = plan.site.keys.open(told["content_sealed"], context=context)
    assert b"TA1*000000001*261118*0900*R*025~" in content


def test_some_senders_never_count(plan: Driver) -> None:
    plan.feed = agreed(control_numbers="ignored")
    assert sent(plan, [member(1)], THU, "2", number=1).state == "published"


@pytest.mark.parametrize(("promise", "number", "state"), [
    ("gapless", 5, "held"), ("gapless", 2, "published"), ("increasing", 5, "published"), ("unique", 5, "published"),
])  # fmt: skip
def test_a_missing_control_number_holds_where_none_may_be(plan: Driver, promise: str, number: int, state: str) -> None:
    plan.feed = agreed(control_numbers=promise)
    run = sent(plan, [member(3)], THU, "2", number=number)
    assert run.state == state
    assert ("control_numbers" in run.plan["breaches"]) == (state == "held")


def test_a_number_that_went_back_holds(plan: Driver) -> None:
    sent(plan, [member(3)], THU, "2", number=7)
    plan.feed = agreed(control_numbers="increasing")
    assert sent(plan, [member(2)], FRI, "2", number=5).plan["breaches"] == ["control_numbers"]


def test_a_rejected_set_keeps_its_members_and_is_replayed(plan: Driver) -> None:
    bad = transaction(member(1), member(2), action="RX")
    bad[-1] = "SE*99*0001"
    good = transaction(member(3), action="RX", number="0002")
    run = plan.day(text(*interchange(bad, good, number=2)), THU, "approve")
    assert set(plan.reasons(run.delivery_id).values()) == {("x12.set_rejected",)}
    assert all(end is None for key, end in ends(plan).items() if key[0] in ("M000001", "M000002"))
    steps.replay(plan.feed, Selection(plan.feed.name), by="ann", site=plan.site)
    replayed = plan.run(plan.open()[0], "approve")
    assert replayed.state == "published"
    assert {row["state"] for row in plan.all("SELECT state FROM ops.quarantine")} <= {"replayed", "waived"}


def test_every_line_and_every_invariant_holds(plan: Driver) -> None:
    gone = member(1, ins=LEAVES, hd=("-",))
    gone[4:4] = ["DTP*357*D8*20261130"]
    run = sent(plan, [gone, member(2, hd=("HD*030",)), member(3)], THU, "2")
    assert sum(plan.lines(run.delivery_id).values()) == plan.facts(run.delivery_id)["line_count"]
    assert check.run(plan.site) == []
    assert FEED.name == plan.feed.name


BOTH = ("HD*030**HLT*PPO1*FAM", "DTP*348*D8*20260101", "HD*030**DEN*D1*FAM", "DTP*348*D8*20260101")


@pytest.mark.parametrize("damage", ["truncated", "segments lost", "no ISA"])
def test_who_was_lost_with_a_rejected_part_of_a_replacement_is_not_ended(plan: Driver, damage: str) -> None:
    """Not by silence: the part that was rejected, or what was cut off with it, may have named them."""
    first = transaction(member(1, hd=BOTH), member(2), member(2, code="02"))
    rest = transaction(member(4), member(3), number="0002")
    if damage == "segments lost":
        del rest[-11:-1]
        data = text(*interchange(first, rest, number=2))
    else:
        second = text(*interchange(rest, number=3))
        data = text(*interchange(first, number=2)) + (second[:420] if damage == "truncated" else second[3:])
    run = plan.day(data, THU)
    assert (run.state, run.plan["breaches"]) == ("held", ["envelopes"])
    assert ends(plan)["M000003", "01", "HLT"] is None


@pytest.mark.parametrize(("hd", "end"), [
    (("HD*024**DEN", "DTP*349*D8*20261130"), date(2026, 12, 1)), (("HD*025**DEN",), None),
])  # fmt: skip
def test_an_end_or_return_of_a_coverage_does_not_begin_it_with_the_eligibility(
    plan: Driver, hd: tuple[str, ...], end: date | None
) -> None:
    own = member(1, ins="INS*Y*18*001*22*A***FT", hd=hd)
    own[4:4] = ["DTP*356*D8*20200101"]
    sent(plan, [own], THU, "2")
    assert plan.spans()["M000001", "01", "DEN"] == [(date(2026, 1, 1), end)]


@pytest.mark.parametrize(("bgn01", "bgn08"), [("00", "1"), ("22", "RX"), ("22", "2")])
def test_a_purpose_that_nobody_knows_and_an_information_copy_change_nothing(
    plan: Driver, bgn01: str, bgn08: str
) -> None:
    before, own = plan.tables(), member(1, hd=("HD*024**DEN", "DTP*349*D8*20261130"))
    segments = transaction(own, action=bgn08)
    segments[1] = segments[1].replace("BGN*00", f"BGN*{bgn01}")
    run = plan.day(text(*interchange(segments, number=2)), THU)
    assert (run.state, plan.tables()) == ("compared", before)


def test_in_a_full_file_no_coverage_outlives_the_members_eligibility(plan: Driver) -> None:
    own = member(3)
    own[4:4] = ["DTP*357*D8*20261130"]
    sent(plan, [member(1, hd=BOTH), member(2), member(2, code="02"), own], THU, "RX")
    assert ends(plan)["M000003", "01", "HLT"] == date(2026, 12, 1)


def test_an_interchange_without_a_group_gets_no_999(plan: Driver) -> None:
    """A 999 answers a group."""
    whole = text(*interchange(transaction(member(3), action="2"), number=2))
    alone = text(interchange(number=3)[0], "IEA*0*000000003")
    run = plan.day(whole + alone, THU, "approve")
    rows = plan.all("SELECT kind, about FROM ops.outgoing WHERE delivery_id = %s AND kind = '999'", run.delivery_id)
    assert [row["about"] for row in rows] == ["1"]
