"""``concord_keys``: from one key to the next; triggered by hand once the newer key is first in the ring.

`rewrap` puts everything sealed under the first of CONCORD_SEAL_KEYS, `retoken` every token under the first
of CONCORD_TOKEN_KEYS. Feeds go on meanwhile, no delivery counts anything as changed, and doing it twice
changes nothing. Afterwards `concord keys status` says which keys nothing needs any more.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, task

from concord.orchestrate.operations import care
from concord.orchestrate.tasks import Counts, opened, person

KEYS = "concord_keys"
LIMIT = timedelta(hours=4)


def keys_dag() -> DAG:
    """Builds the DAG that rotates keys."""

    @task(multiple_outputs=False, execution_timeout=LIMIT)
    def rewrap() -> Counts:
        """Puts everything sealed under the first seal key."""
        with opened() as site:
            from concord import steps

            return {**steps.rewrap(site, actor=person())}

    @task(multiple_outputs=False, execution_timeout=LIMIT)
    def retoken() -> Counts:
        """Makes every token under the first token key."""
        with opened() as site:
            from concord import steps

            return {**steps.retoken(site, actor=person())}

    with DAG(
        dag_id=KEYS,
        description="Puts what is kept under the newest keys, while everything goes on.",
        doc_md=__doc__,
        schedule=None,
        max_active_runs=1,
        default_args=care(),
        tags=["operations"],
    ) as dag:
        rewrap() >> retoken()
    return dag
