"""The storage: what is where.

areas  the base path and the areas' directories below it, held open
preconditions  what a cleanup needs, in one list for `check` and for every run
disks  which areas are on which file system, and how full that is
paths  where a path that a person gave lies
"""
