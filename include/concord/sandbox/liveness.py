"""Which of Airflow's processes live and do nothing, as a cluster's liveness probes find out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

PARTS: Mapping[str, str] = {
    "api-server": "api_server",
    "scheduler": "scheduler",
    "dag-processor": "dag_processor",
    "triggerer": "triggerer",
}
"""Each process and its name in the answer of ``/monitor/health``; the API server is well when it answers."""

LOOK_EVERY_S = 5.0
HUNG_AFTER_S = 90.0
"""Longer than any of them takes to start on a busy machine."""


def healthy(client: httpx.Client) -> set[str]:
    """What says of itself that it is well, by its name in the answer; nothing when nobody answers."""
    try:
        answer = client.get("/api/v2/monitor/health").json()
    except (httpx.HTTPError, ValueError):
        return set()
    return {"api_server"} | {part for part, told in answer.items() if (told or {}).get("status") == "healthy"}


@dataclass
class Liveness:
    """Remembers since when each process is found unwell, look after look."""

    url: str
    _since: dict[str, float] = field(default_factory=dict)
    _looked: float = 0.0

    def hung(self) -> list[str]:
        """The processes that were unwell at every look of the last :data:`HUNG_AFTER_S`; forgets them."""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_S:
            return []
        self._looked = now
        self._since = {name: self._since.get(name, now) for name in self._unwell()}
        hung = [name for name, since in self._since.items() if now - since >= HUNG_AFTER_S]
        for name in hung:
            del self._since[name]
        return hung

    def _unwell(self) -> list[str]:
        """Those that can be judged: without the API server nobody else can, without the database nobody at all."""
        with httpx.Client(base_url=self.url, timeout=10) as client:
            found = healthy(client)
        if "api_server" not in found:
            return ["api-server"]
        return [name for name, part in PARTS.items() if part not in found] if "metadatabase" in found else []
