"""The Airflow DAGs that look after all feeds."""

from __future__ import annotations

from airflow.sdk import DAG

from concord.orchestrate.checking import check_dag
from concord.orchestrate.connections import connections_dag
from concord.orchestrate.expectations import expectations_dag
from concord.orchestrate.keys import keys_dag
from concord.orchestrate.links import links_dag
from concord.orchestrate.operations import reconciler_dag
from concord.orchestrate.replay import replay_dag
from concord.orchestrate.retention import retention_dag

CHECK: DAG = check_dag()
CONNECTIONS: DAG = connections_dag()
EXPECTATIONS: DAG = expectations_dag()
KEYS: DAG = keys_dag()
LINKS: DAG = links_dag()
RECONCILER: DAG = reconciler_dag()
REPLAY: DAG = replay_dag()
RETENTION: DAG = retention_dag()
