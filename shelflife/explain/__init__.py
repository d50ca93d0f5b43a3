"""Answers: what the engine knows, told to people and to their programs.

why           what will happen to one path (present), or what happened to it (past)
answer        the answer to that, as a value
check         whether a storage can be looked after as it is
log           what a run tells the log
results       what a cleanup did or would do, in the dictionaries of the service
presentation  the shapes of statistics, plans, runs and answers as JSON
formats       sizes, durations, times and paths as everybody shows them
"""
