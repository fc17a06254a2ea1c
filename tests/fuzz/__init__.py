"""Mutation fuzzing: good files of every feed, damaged in thousands of ways, and an independent count of their lines.

``mutator.py`` makes the damage · ``reader.py`` takes a file through the pure stages ·
``counter.py`` counts without looking at how Concord does it.
"""
