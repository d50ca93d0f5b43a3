"""Decisions: pure functions over values. Nothing here does I/O, reads a clock or changes its input.

area       what is managed, and by which rules
rules      what decides over each of its files: classes, the table of rules, the one judge
verdict    what becomes of one file, and why
cutoff     the one number a cleanup has for each class of an area's files
choose     how retention and quota come to that number
plan       what a cleanup would do: the value that is shown, approved and executed
"""
