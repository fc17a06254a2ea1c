"""From a sample to a contract: what a data engineer needs to take a partner on in an afternoon.

``generic.py`` contracts for a format by itself · ``private.py`` an installation that lasts as long as a question ·
``trial.py`` a contract over local files, through the same steps as every day.
"""
