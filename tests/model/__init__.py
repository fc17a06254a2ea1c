"""An independent model of reconciling, written from the specification: dictionaries and dates, no SQL.

``values`` → ``in_file`` (rows against each other) → ``pair`` and ``absence`` (rows against
what is held) → ``reconcile_model`` (decide, apply) → ``guards`` (what makes a plan
extraordinary) → ``ledger`` (order and states of deliveries). ``test_model`` is the rule
book of the model itself; ``test_stateful`` drives the real reconciler against it.
"""
