"""The DAG of a contract that cannot be built: it says what is wrong, and goes red every hour."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from concord.errors import ContractError
from concord.orchestrate.operations import care


def broken_dag(module: str, message: str) -> DAG:
    """Builds the DAG that stands in for the contract in ``feeds/<module>.py``, which is wrong by ``message``."""

    text = f"`include/feeds/{module}.py` cannot be built, so this feed has no DAGs and nothing is fetched."

    @task
    def mend_the_contract() -> None:
        """Fails until the contract can be built."""
        raise ContractError(module, "contract", message)

    with DAG(
        dag_id=f"{module}_broken",
        description="The contract cannot be built: nothing is fetched for this feed.",
        doc_md=f"{text}\n\n    {message}",
        schedule=CronTriggerTimetable("0 * * * *", timezone="UTC", run_immediately=timedelta(0)),
        catchup=False,
        max_active_runs=1,
        default_args=care(),
        tags=["broken", "operations"],
    ) as dag:
        mend_the_contract()
    return dag
