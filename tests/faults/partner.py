"""Acme and its SFTP server, with the fault proxy between: driven by the steps, as a watch run would."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from concord import check, steps
from concord.acquire import SftpAccess, sftp
from concord.acquire.sftp import StabilityProbe
from concord.sandbox.sftp_server import SftpPartner
from tests.faults.proxy import Proxy
from tests.rosters import WED, Driver, Row, file

PASSWORD = "open sesame"
AT_ONCE = StabilityProbe(pause=timedelta(0), sleep=lambda seconds: None)


@dataclass
class Partnership:
    """One feed, its partner's server, and what lies between them."""

    driver: Driver
    server: SftpPartner
    proxy: Proxy
    access: SftpAccess

    @classmethod
    @contextmanager
    def begun(cls, driver: Driver, server: SftpPartner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Partnership]:
        """A partner who knows us; the second look at a drop is taken at once."""
        monkeypatch.setattr(sftp, "StabilityProbe", lambda: AT_ONCE)
        server.add_user("concord", password=PASSWORD)
        with Proxy(server.port) as proxy:
            access = SftpAccess(
                "127.0.0.1", proxy.port, "concord", server.host_key_line, password=PASSWORD, timeout_s=5
            )
            yield cls(driver, server, proxy, access)

    # ── the partner ──

    def drop(self, rows: Sequence[Row] | bytes, day: date = WED, *, name: str | None = None) -> Path:
        """A file in the partner's folder, an hour old."""
        path = self.server.root / "outbound" / (name or f"ELIG_{day:%Y%m%d}.csv")
        path.write_bytes(rows if isinstance(rows, bytes) else file(*rows, header=tuple(rows[0])))
        aged(path)
        return path

    # ── a watch run ──

    def discover(self, **access: Any) -> list[str]:
        """The watch's first task; ``access`` changes how it logs in."""
        return steps.discover(self.driver.feed, replace(self.access, **access), self.driver.site)

    def fetch(self, delivery_id: str, **access: Any) -> dict[str, Any]:
        """Its second."""
        return steps.fetch(self.driver.feed, delivery_id, replace(self.access, **access), self.driver.site)

    def discovered(self, rows: Sequence[Row] | bytes, day: date = WED) -> str:
        """The id of a file that was just dropped."""
        self.drop(rows, day)
        (delivery_id,) = self.discover()
        return delivery_id

    # ── afterwards ──

    def findings(self) -> list[check.Finding]:
        """What ``concord check --deep`` says, and parts that are left, however young."""
        left = [check.Finding("part", (path,), "left") for path in self.driver.site.landing.parts()]
        return [*check.run(self.driver.site, deep=True), *left]


def aged(path: Path, seconds: float = 3600) -> None:
    """As if it had been written ``seconds`` ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))
