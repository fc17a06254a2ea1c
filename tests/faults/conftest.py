"""A real partner beside the database of the steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from concord.sandbox.sftp_server import SftpPartner
from tests.faults.partner import Partnership
from tests.integration.conftest import acme, blank, first_day, new_acme
from tests.rosters import Driver

__all__ = ["acme", "blank", "first_day", "new_acme"]


@pytest.fixture
def partnership(new_acme: Driver, sftp_partner: SftpPartner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Partnership]:
    """Acme before its first day, with its SFTP server; the second look at a drop comes at once."""
    with Partnership.begun(new_acme, sftp_partner, monkeypatch) as found:
        yield found
