"""Writers of every format that partners send: seeded, streaming, and independent of the readers.

``loops.py`` is a member of an 834 as a value, and the segments it takes · ``x12_834.py`` puts envelopes around them ·
``members.py`` makes them of the sandbox's families · ``fixed_width.py``, ``xlsx.py`` and ``delimited.py`` write rows.
Nothing here imports what it tests: a rule that is wrong twice must be wrong in two places.
"""
