"""Feeds by how they are written: what is true of rows in columns need not be of records that say what they are."""

from __future__ import annotations

from concord import catalogue
from concord.contract import Delimited, Feed

DELIMITED: dict[str, Feed] = {
    name: feed for name, feed in sorted(catalogue.feeds().items()) if isinstance(feed.format, Delimited)
}
"""Rows of delimited text."""

ROWS: dict[str, Feed] = {name: feed for name, feed in sorted(catalogue.feeds().items()) if feed.has_columns}
"""Rows in any format: they have named files in ``tests/feeds``, and somebody in the sandbox who sends them."""

RECORDS: dict[str, Feed] = {name: feed for name, feed in sorted(catalogue.feeds().items()) if feed.is_of_records}
"""FHIR resources and HL7v2 messages: invented ones in ``tests/resources.py``, real ones in ``CONCORD_CORPUS``."""
