"""From a sample to a contract: what a data engineer needs to take a partner on in an afternoon.

What a sample is: ``recognise.py`` · ``dialects.py``, ``tables.py`` delimited · ``workbooks.py`` · ``fixed.py``,
``positions.py``, ``layouts.py`` fixed width · ``recognised.py`` what was found. What its columns are: ``profile.py`` ·
``meanings.py`` by their names · ``by_values.py`` without names. What is made of it: ``proposal.py`` ·
``contract_text.py``, ``form_text.py``, ``source_text.py`` a contract · ``invented.py`` a fixture · ``writing.py``.

A contract over files: ``trial.py`` through the same steps as every day · ``private.py`` an installation that lasts as
long as a question · ``envelopes.py`` · ``generic.py`` contracts for a format by itself · ``drift.py`` what changed.
"""
