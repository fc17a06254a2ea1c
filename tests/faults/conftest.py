"""A real partner beside the database of the steps; nights, in which something breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from concord.sandbox.sftp_server import SftpPartner
from tests.faults.ehr import hospital_of
from tests.faults.nights import Nights, partner_at
from tests.faults.partner import Partnership
from tests.integration.conftest import acme, blank, first_day, new_acme
from tests.playground import playground
from tests.rosters import Driver

__all__ = ["acme", "blank", "first_day", "new_acme"]


@pytest.fixture
def partnership(new_acme: Driver, sftp_partner: SftpPartner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Partnership]:
    """Acme before its first day, with its SFTP server; the second look at a drop comes at once."""
    with Partnership.begun(new_acme, sftp_partner, monkeypatch) as found:
        yield found


@pytest.fixture(scope="session")
def nights(template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """Every night there is, at one database, archive and two partners; the first that asks for one has it prepared."""
    folder = tmp_path_factory.mktemp("nights")
    with (
        playground(template, folder / "landing") as place,
        partner_at(folder / "partner") as partner,
        hospital_of() as ehr,
    ):
        yield Nights(place, partner, ehr, folder)
