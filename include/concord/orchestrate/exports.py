"""The wait for a FHIR server's export: hours or weeks, in which no worker is held."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, Context

from concord.contract import Feed
from concord.orchestrate.tasks import Counts, opened


class AwaitExport(BaseOperator):
    """Asks the server how far an export is, and sleeps in the triggerer until it wants to be asked again."""

    template_fields = ("delivery_id",)

    def __init__(self, *, feed: Feed, delivery_id: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.feed, self.delivery_id = feed, delivery_id

    def execute(self, context: Context, event: Any = None) -> str:  # noqa: ARG002 — Airflow's signature
        """The delivery's id, as soon as its export is ready or over."""
        outcome = self._asked()
        if outcome["state"] == "running":
            self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=outcome["wait_s"])), method_name="execute")
        return self.delivery_id

    def _asked(self) -> Counts:
        with opened() as site:
            from concord import steps
            from concord.orchestrate.access import fhir_access

            found: Counts = steps.await_export(self.feed, self.delivery_id, fhir_access(self.feed.source.conn_id), site)
        self.log.info("export of delivery %s: %s", self.delivery_id, found["state"])
        return found
