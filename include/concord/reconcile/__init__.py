"""Reconciling: sift what the file says, plan against what is held, guard, apply.

The rules stand in the specification of reconciling (docs/reconciling.md); each SQL
file under ``sql/plan`` and ``sql/apply`` is one of its sentences.
"""
