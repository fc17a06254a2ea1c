"""Every feed's two Airflow DAGs, from the contracts in ``include/feeds``.

A task process parses this file too: it then builds only the DAG it needs.
"""

from __future__ import annotations

from airflow.sdk import DAG, get_parsing_context

from concord.orchestrate.dags import feed_dags

DAGS: list[DAG] = feed_dags(get_parsing_context().dag_id)
globals().update({dag.dag_id: dag for dag in DAGS})
