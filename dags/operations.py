"""The Airflow DAGs that look after all feeds."""

from __future__ import annotations

from airflow.sdk import DAG

from concord.orchestrate.operations import reconciler_dag

RECONCILER: DAG = reconciler_dag()
