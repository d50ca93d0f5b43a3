"""Answers: what the engine knows, told to people. As JSON they leave it in `shelflife.shapes`.

why           what will happen to one path (present), or what happened to it (past)
answer        the answer to that, as a value
check         whether cleanups can work on a storage as it is
check_areas   of that, the areas, and what their file systems can do
check_shared  what two mounts of one storage know of each other
findings      what a check says, as values
unexpected    what nobody is likely to have meant
status        how things stand, on one screen
foresee       what if, and what next
log           what a run tells the log
"""
