"""Fixed-width text: chunks of text columns, and an account of every record.

``framing.py`` cuts the stream into records · ``judging.py`` says what each is and what is wrong with it · ``values.py``
reads columns, packed and zoned numbers too · ``promises.py`` compares control records · ``delivery.py`` puts them
together, for a file and for refused records read again.
"""

from concord.parse.fixed_width.delivery import FixedWidthFile, reread

__all__ = ["FixedWidthFile", "reread"]
