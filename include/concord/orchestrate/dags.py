"""All DAGs of all contracts, or only the one a task process asks for."""

from __future__ import annotations

from airflow.sdk import DAG

from concord.contract import Feed
from concord.orchestrate.broken import broken_dag
from concord.orchestrate.contracts import readable
from concord.orchestrate.delivery import delivery_dag
from concord.orchestrate.watch import watch_dag, watch_id


def feed_dags(only: str | None = None) -> list[DAG]:
    """The DAGs of every feed and of every broken contract; with ``only`` (a DAG id) just that one."""
    if only is None:
        contracts = readable()
        whole = [dag for feed in contracts.sound for dag in (watch_dag(feed), delivery_dag(feed))]
        return whole + [broken_dag(module, message) for module, message in contracts.broken.items()]
    return _one(only)


def _one(dag_id: str) -> list[DAG]:
    """The DAG ``dag_id``, without reading a contract that is not its own."""
    for ending in ("", "_watch", "_broken"):
        name = dag_id.removesuffix(ending)
        if f"{name}{ending}" != dag_id:
            continue
        contracts = readable(name)
        if ending == "_broken" and name in contracts.broken:
            return [broken_dag(name, contracts.broken[name])]
        found = [_built(feed, dag_id) for feed in contracts.sound if dag_id in (feed.name, watch_id(feed.name))]
        if found:
            return found
    # Not found by name (a contract that is broken only beside the others): build all.
    return feed_dags()


def _built(feed: Feed, dag_id: str) -> DAG:
    return delivery_dag(feed) if dag_id == feed.name else watch_dag(feed)
