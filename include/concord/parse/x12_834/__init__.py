"""ASC X12N 834: member loops as rows.

``separators.py`` and ``segments.py`` cut bytes into segments · ``survey.py`` reads the envelopes · ``loops.py`` says
where a segment stands · ``columns.py`` takes elements out · ``actions.py`` and ``persons.py`` make what no element says
· ``file.py`` puts rows together · ``rereading.py`` reads refused ones again.
"""

from collections.abc import Sequence

from concord.contract import Feed
from concord.parse.x12_834.file import X12834File
from concord.parse.x12_834.rereading import RereadLoops

__all__ = ["RereadLoops", "X12834File", "reread"]


def reread(records: Sequence[bytes], line_counts: Sequence[int], feed: Feed) -> RereadLoops:
    """Refused rows of one delivery, each a small 834 of its own, read again by themselves."""
    return RereadLoops(records, line_counts, feed)
