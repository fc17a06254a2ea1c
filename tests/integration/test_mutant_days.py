"""Damaged files through every step: each comes to an end, adds up in Postgres, and leaves the tables sound."""

from __future__ import annotations

from random import Random

import pytest

from concord import check
from tests.fuzz import mutator
from tests.rosters import BASE, WED, Driver, next_day
from tests.tally import count
from tests.unit.acme_rows import file

MUTANTS = 150
ENDS = {"published", "declined", "rejected", "duplicate"}
UNACCOUNTED = """
SELECT d.delivery_id FROM ops.delivery d
LEFT JOIN (SELECT delivery_id, range_agg(lines) AS lines, sum(line_total) AS total FROM ops.line_account GROUP BY 1) a
    USING (delivery_id)
WHERE d.state IN ('published', 'declined')
  AND (a.lines IS DISTINCT FROM int8multirange(int8range(1, %s + 1)) OR a.total <> %s) AND d.delivery_id = %s
"""


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(2))
def test_days_of_damaged_files_come_to_an_end_and_add_up(acme: Driver, part: int) -> None:
    good = file(*BASE, header=tuple(BASE[0]))
    random, day = Random(part), WED
    for seed in range(2_000_000 + part, 2_000_000 + MUTANTS, 2):
        day = next_day(day)
        data, accidents = mutator.mutant(acme.feed, good, seed)
        run = acme.run(acme.deliver(data, day), random.choice(("approve", "decline")))
        lines = data.count(b"\n")
        lost = acme.all(UNACCOUNTED, lines, lines, run.delivery_id)
        assert (run.state in ENDS, lost) == (True, []), (seed, accidents, run.state)
        held = acme.reasons(run.delivery_id)
        verdict = "rejected" if run.rejection else "quarantined" if held else "accepted"
        count("mutants", tried=1, unaccounted=len(lost), **{verdict: 1})
    assert check.run(acme.site, deep=True) == []
