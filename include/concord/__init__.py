"""Concord: batch ETL for digital health. Plan, then apply.

The package in the order the data takes::

    contract, entities, catalogue   what was promised, and the canonical tables
    acquire                         partner → ciphertext in landing
    landing                         the encrypted, immutable archive
    parse                           bytes → chunks of text, every line accounted
    validate                        text → accepted, rejected with all reasons
    transform                       accepted → canonical columns
    stage                           COPY into the attempt's table
    reconcile                       plan, guard, apply: set-based SQL
    publish                         notifications, later acknowledgements and files
    steps                           one function per task: references in, references out
    orchestrate                     the only part that knows Airflow

Beside them: ``ledger``, ``quarantine``, ``audit``, ``incidents`` (what happened),
``protect`` (keys), ``match_key`` and ``custody`` (under which key, and for how long),
``check`` (the invariants), ``failpoint`` (places where tests let it break), ``cli``, ``sandbox``
(stand-ins for partners). Imports go one way; ``tests/architecture`` holds it.
"""
