"""The look at every test's log finds somebody who is named."""

from __future__ import annotations

import logging

import pytest

from tests.conftest import Overheard
from tests.rosters import BASE, SEEN_OF_A_PERSON


@pytest.mark.parametrize("column", ["LASTNAME", "EMPID", "SSN", "DOB"])
def test_every_employee_would_be_seen_in_a_log_line(column: str) -> None:
    overheard, log = Overheard(), logging.getLogger("elsewhere")
    log.propagate = False
    log.addHandler(overheard)
    for row in BASE:
        log.warning("refused %s", row[column])
    log.removeHandler(overheard)
    given = [row[column] for row in BASE if row[column] and not row["FIRSTNAME"].startswith("Kid")]
    seen = [line for line in overheard.lines if SEEN_OF_A_PERSON.search(line)]
    assert len(seen) >= len(given) > 0
