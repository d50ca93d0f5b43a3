"""Decisions: pure functions over values. Nothing here does I/O, reads a clock or changes its input.

area       what is managed, and by which rules
protection what a pattern keeps
cutoff     the one number a cleanup has for each area
verdict    what becomes of one file, and why
plan       what a cleanup would do: the value that is shown, approved and executed
"""
