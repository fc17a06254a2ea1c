"""Judges rows of text by the contract: accepted rows in canonical text, rejected ones with every reason.

``reading.py`` and ``dates.py`` turn the partner's text into canonical text ·
``damage.py`` knows what spreadsheets do to values ·
``rules.py`` judges columns against each other · ``schema.py`` is the pandera schema
built from the contract · ``judge.py`` puts them together. Pure: no clock, database or
logger; ``as_of`` is an argument. Nothing here quotes a value in an error.
"""

from concord.validate.judge import Rejected, Validated, validate

__all__ = ["Rejected", "Validated", "validate"]
