"""One sheet of a workbook: chunks of text columns, and an account of every row.

``archive.py`` looks at the zip before it is unpacked · ``markup.py`` looks at its XML before openpyxl does ·
``cells.py`` makes text of a cell, ``formats.py`` of a number as it is shown · ``rows.py`` says what is wrong with a
row, and how it is kept · ``delivery.py`` puts them together, for a workbook and for refused rows read again.
"""

from concord.parse.xlsx.delivery import XlsxFile, reread

__all__ = ["XlsxFile", "reread"]
