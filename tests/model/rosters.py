"""Small rosters for the stateful test: few keys and few dates, so that collisions are frequent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from hypothesis import strategies as st

from concord.contract import (
    Action,
    Codes,
    Delimited,
    Feed,
    From,
    Guards,
    Limit,
    Mode,
    Omission,
    Policy,
    Scope,
    SftpDrop,
    Text,
    ToDate,
    Weekdays,
    date_in,
)
from tests.model.values import Held, Key, Row, Span

FIRST_DAY = date(2026, 3, 2)
KEY_PARTS = ("subscriber_id", "person_code", "coverage_line")
KEYS: tuple[Key, ...] = (
    ("E1", "01", "HLT"), ("E1", "01", "DEN"), ("E1", "02", "HLT"),
    ("E2", "01", "HLT"), ("E2", "02", "HLT"), ("E3", "01", "HLT"),
)  # fmt: skip
STARTS = tuple(
    date(*day) for day in ((2025, 12, 1), (2026, 2, 1), (2026, 3, 1), (2026, 3, 10), (2026, 4, 1), (2026, 6, 1))
)
ENDS = (None, None, None, *STARTS[1:])
LONG_AGO = date(2022, 1, 1), date(2023, 1, 1)
ODD = ("same", "other", "email", "bad", "bad_key")
BORN = {("E1", "01"): "1980-01-01", ("E2", "01"): "1980-01-01"}
COLUMNS = {
    "subscriber_id": From("SUB", Text(r"\AE[0-9]\Z"), required=True),
    "person_code": From("PERSON", Text(r"\A[0-9]{2}\Z"), required=True),
    "coverage_line": From("LINE", Codes({"HLT": "HLT", "DEN": "DEN"}), required=True),
    "effective_from": From("FROM", date_in("%Y-%m-%d"), required=True),
    "effective_to": From("TO", date_in("%Y-%m-%d")),
    "group_id": From("GROUP", Text(r"\A[A-Z0-9]{1,8}\Z"), required=True),
    "plan_code": From("PLAN", Text()),
    "relationship_code": From("REL", Text(), required=True),
    "last_name": From("LAST", Text(), required=True),
    "first_name": From("FIRST", Text(), required=True),
    "birth_date": From("BORN", date_in("%Y-%m-%d"), required=True),
    "gender_code": From("SEX", Codes({"F": "F", "M": "M"}), required=True),
    "email": From("EMAIL", Text()),
    "maintenance_action": From("ACTION", Codes({a.value.upper(): a.value for a in Action})),
}
FULL_OMISSIONS = (*Omission, Omission.AS_OF_DATE, Omission.END_OF_MONTH)
NEVER = Limit(share=0.99, floor=1_000_000)


def feed_of(name: str, mode: Mode, policy: Policy, scope: Scope) -> Feed:
    """A contract with dates that need no conversion, so that the test reads them as they are."""
    return Feed(
        name=name,
        partner=name,
        about="Made up for the comparison with the model.",
        owner="tests",
        source=SftpDrop(conn_id="none", directory="/outbound", pattern="F_{date:%Y%m%d}.csv"),
        schedule=Weekdays(at="05:30", tz="UTC", expected_by="07:00"),
        format=Delimited(),
        mode=mode,
        columns=COLUMNS,
        scope=scope,
        policy=replace(policy, to_date=ToDate.FIRST_UNCOVERED_DAY),
    )


@st.composite
def policies(draw: st.DrawFn, mode: Mode) -> Policy:
    """Policies that hold now and then."""
    omission = draw(st.sampled_from(FULL_OMISSIONS if mode is Mode.FULL else (Omission.HOLD,)))
    ends = omission not in (Omission.HOLD, Omission.KEEP)
    guards = Guards(
        ends=draw(st.sampled_from([NEVER, Limit(0.4, 2)])),
        adds=draw(st.sampled_from([NEVER, NEVER, Limit(0.5, 3)])),
        rejected=draw(st.sampled_from([NEVER, Limit(0.3, 2)])),
        unreadable_keys=draw(st.sampled_from([Limit(0.2, 2), NEVER])),
        minimum_rows=draw(st.sampled_from([1, 1, 4])),
        tail_losses=draw(st.sampled_from([1_000_000, 2])),
    )
    return Policy(
        omission=omission,
        absences=draw(st.sampled_from([1, 1, 2])) if ends else 1,
        grace=timedelta(days=draw(st.sampled_from([45, 10]))),
        retro_limit=timedelta(days=draw(st.sampled_from([60, 3_650, 3_650]))),
        guards=guards,
    )


SCOPES = st.sampled_from([Scope(), Scope(("G1",), ("HLT", "DEN")), Scope(("G1", "G2"), ("HLT", "DEN"))])


def said_of(
    key: Key, start: date, end: date | None, plan: str | None, group: str, email: str | None, action: str = ""
) -> Row:
    """A row of this key; line numbers are given when the file is put together."""
    code = key[1]
    member = {
        "relationship_code": "18" if code == "01" else "19",
        "last_name": "Doe",
        "first_name": f"P{code}",
        "birth_date": BORN.get(key[:2], f"199{key[0][1]}-0{code[1]}-01"),
        "gender_code": "F",
        "email": email,
    }
    return Row(0, *key, start, end, {"group_id": group, "plan_code": plan}, member, action)


def rows_about(random: Random, key: Key, spans: Sequence[Span], mode: Mode, email: str | None) -> list[Row]:
    """What a file says about one key: mostly what is held, with something moved."""
    start, end, plan, group = anything(random)
    if spans and one_in(random, 15, fails=True):
        base = random.choice(spans)
        start = random.choice([base.start] * 3 + [start, *after(random, base)])
        end = random.choice([base.end if base.end_kind == "explicit" else None] * 3 + [None, None, end])
        plan = plan if one_in(random, 4) else base.attributes["plan_code"]
        group = group if one_in(random, 10) else str(base.attributes["group_id"])
    end = end if end is None or end >= start else None
    first = said_of(key, start, end, plan, group, email, action(random, mode, bool(spans)))
    if end is None or one_in(random, 2):
        return [first]
    later = end + timedelta(days=random.choice([0, 1, 20]))
    until = random.choice([None, None, later + timedelta(days=15)])
    return [
        first,
        said_of(key, later, until, random.choice("AB"), group, email, first.action if mode is Mode.DELTA else ""),
    ]


def anything(random: Random) -> tuple[date, date | None, str | None, str]:
    """Start, end, plan and group, whatever is held."""
    start, end = LONG_AGO if one_in(random, 15) else (random.choice(STARTS), random.choice(ENDS))
    return start, end, random.choice(["A", "A", "B", None]), random.choice(["G1"] * 12 + ["G2"])


def after(random: Random, base: Span) -> list[date]:
    """Starts at or soon after the end of ``base``."""
    return [] if base.end is None else [base.end + timedelta(days=random.choice([0, 7, 30]))] * 3


def action(random: Random, mode: Mode, held: bool) -> str:
    """Words for what the row is about; seldom any in a full file."""
    if mode is Mode.FULL:
        return random.choice(["cancel", "end"]) if one_in(random, 15) else ""
    usual = ["", "change", "add", "end", "cancel", "reinstate"] if held else ["add"] * 8
    return random.choice([*usual, "change", "add"])


def one_in(random: Random, times: int, *, fails: bool = False) -> bool:
    """True once in ``times`` draws, or all but once when it ``fails``."""
    return (random.randrange(times) == times - 1) is not fails


@st.composite
def files(draw: st.DrawFn, held: Held, mode: Mode) -> list[Row]:
    """One file: rows of some keys, some twice, some contradicting, some bad."""
    random = draw(st.randoms(use_true_random=False))
    left_out = 3 if mode is Mode.DELTA else 5
    keys = [key for key in KEYS if not one_in(random, left_out)] or [KEYS[0]]
    emails = {key[:2]: random.choice([None, None, "a@example.org"]) for key in keys}
    rows = [row for key in keys for row in rows_about(random, key, held.spans.get(key, ()), mode, emails[key[:2]])]
    for odd in random.choice([*[()] * 5, *((odd,) for odd in ODD), ("bad_key",) * 3, ("same", "bad")]):
        rows = made_odd(random, rows, odd)
    return [replace(row, line=number) for number, row in enumerate(rows, start=2)]


def made_odd(random: Random, rows: list[Row], odd: str) -> list[Row]:
    """``rows`` with one row out of the ordinary."""
    index = random.randrange(len(rows))
    row = rows[index]
    if odd == "same":
        return [*rows, row]
    if odd == "other":
        return [*rows, replace(row, attributes={**row.attributes, "plan_code": "Z"})]
    if odd == "email":
        return [*rows[:index], replace(row, member={**row.member, "email": "z@example.org"}), *rows[index + 1 :]]
    return rows if row.reason else [*rows[:index], spoiled(random, row, odd), *rows[index + 1 :]]


def spoiled(random: Random, row: Row, odd: str) -> Row:
    """``row`` as validation will refuse it, with or without a part of its key."""
    born = None if odd == "bad_key" and one_in(random, 2) else row.member["birth_date"]
    bad = replace(row, reason="gender_code.code", member={**row.member, "gender_code": "?", "birth_date": born})
    return replace(bad, **{random.choice(KEY_PARTS): None}) if odd == "bad_key" else bad  # type: ignore[arg-type]


def csv_of(rows: Sequence[Row]) -> bytes:
    """The file the partner would send: what cannot be read is a question mark."""
    header = ",".join(column.source for column in COLUMNS.values())
    return ("\n".join([header, *(line_of(row) for row in rows)]) + "\n").encode()


def line_of(row: Row) -> str:
    """One record."""
    key = dict(zip(KEY_PARTS, key_texts(row), strict=True))
    dates = {
        "effective_from": row.start.isoformat() if row.start else "",
        "effective_to": row.end.isoformat() if row.end else "",
    }
    member = {**row.member, "birth_date": row.member.get("birth_date") or "?"}
    said = {**key, **dates, **row.attributes, **member, "maintenance_action": row.action.upper()}
    return ",".join(said.get(name) or "" for name in COLUMNS)


def day_text(day: date | None) -> str:
    """An ISO date, or nothing."""
    return day.isoformat() if day else ""


def key_texts(row: Row) -> tuple[str, str, str]:
    """Key parts as text; unreadable ones as a question mark."""
    return row.subscriber_id or "?", row.person_code or "?", row.coverage_line or "?"
