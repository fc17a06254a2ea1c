"""The only part of Concord that imports Airflow.

``access`` turns Connections into plain values, ``tasks`` opens the installation
inside a task; ``retry``, ``callbacks`` and ``defaults`` are the policy of every
task; ``channels`` tells people; ``approval`` asks a person, ``runs`` opens runs. ``watch``, ``delivery``,
``operations``, ``checking`` and ``broken`` build the DAGs, ``documentation`` their text;
``contracts`` finds what there is to build, and ``dags`` builds it.
"""
