"""The sandbox's hospitals: for each FHIR feed an EHR of its maker, as supervised child processes.

Their patients overlap the members of the employer whose story the demo tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from concord.catalogue import feeds
from concord.contract import Feed, FhirBulk
from concord.sandbox import processes
from concord.sandbox.fhir import child
from concord.sandbox.processes import Child
from concord.sandbox.state import State

MAKERS: Mapping[str, str] = {"northgate_ehr": "epic", "lakeview_ehr": "oracle"}
SEED, MEMBERS = 20, 4_000
"""The employer whose members are treated."""
PATIENTS: Mapping[str, tuple[str, ...]] = {
    "northgate_ehr": ("--seed", "1", "--members", "120"),
    "lakeview_ehr": ("--seed", "2", "--members", "200"),
}


class Hospitals:
    """Starts and stops the FHIR servers of one installation."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._children: dict[str, Child] = {}

    def start(self) -> None:
        """Starts them all; returns at once."""
        from concord.sandbox.story import last_weekdays

        start = last_weekdays(date.today())[0].isoformat()  # noqa: DTZ011 - the employer's first day, where we are
        employer = ("--employer-seed", str(SEED), "--employer-members", str(MEMBERS), "--start", start)
        for feed in self._feeds():
            options = ("--profile", MAKERS[feed.name], *employer)
            self._children[feed.name] = child.start(
                f"EHR of {feed.partner}", self._folder(feed), *options, *PATIENTS[feed.name],
                log=self._state.root / f"{feed.name}.log",
            )  # fmt: skip

    def connections(self) -> dict[str, str]:
        """Their Airflow connections, as soon as they answer."""
        return {f"AIRFLOW_CONN_{feed.source.conn_id.upper()}": _connection(self.client(feed)) for feed in self._feeds()}

    def client(self, feed: Feed) -> dict[str, Any]:
        """What a client of the feed's server must know."""
        return child.wait_until_ready(self._children[feed.name], self._folder(feed))

    def stop(self) -> None:
        """Stops them all."""
        processes.stop(self._children.values(), patience=5)

    def _folder(self, feed: Feed) -> Any:
        return self._state.root / "hospitals" / feed.partner

    def _feeds(self) -> list[Feed]:
        return [feed for feed in feeds().values() if isinstance(feed.source, FhirBulk)]


def _connection(client: Mapping[str, Any]) -> str:
    extra = {
        "base_url": client["base_url"],
        "private_key": client["private_pem"],
        "kid": client["kid"],
        "scopes": "system/*.rs",
        "allowed_hosts": urlsplit(client["store_url"]).netloc,
    }
    host = urlsplit(client["base_url"])
    return json.dumps(
        {"conn_type": "http", "host": host.hostname, "port": host.port, "login": client["client_id"], "extra": extra}
    )
