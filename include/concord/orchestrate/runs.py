"""Opens runs from inside a task that has to decide its own colour as well.

``TriggerDagRunOperator`` opens one run by ending its task with an exception that means
success; ``settle`` has to open the next run *and* may have to end red. So it sends the
message that Airflow's own task runner sends for that exception
(``airflow.sdk.execution_time.task_runner._handle_trigger_dag_run``). That is not public
API: a test runs it against a real Airflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from concord.contract import Feed
from concord.errors import SourceUnavailable


def open_run(dag_id: str, run_id: str, conf: Mapping[str, Any]) -> bool:
    """Opens run ``run_id`` of ``dag_id``; False where that run is there already.

    Raises :class:`SourceUnavailable` where Airflow would not open it.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun

    message = TriggerDagRun(dag_id=dag_id, run_id=run_id, conf=dict(conf), logical_date=None)
    refused: str | None = None
    try:
        answer = task_runner.SUPERVISOR_COMMS.send(message)
    except AirflowRuntimeError as error:
        refused = error.error.error.value
    else:
        if isinstance(answer, ErrorResponse):
            if answer.error == ErrorType.DAGRUN_ALREADY_EXISTS:
                return False
            refused = answer.error.value
    if refused is not None:
        raise SourceUnavailable(f"Airflow did not open a run of {dag_id}: {refused}")
    return True


def open_all(feed: Feed, wanted: Iterable[Mapping[str, Any]]) -> int:
    """Opens the runs that ``steps.open_runs`` names, in its order; returns how many were new."""
    return sum(open_run(feed.name, str(run["trigger_run_id"]), run["conf"]) for run in wanted)
