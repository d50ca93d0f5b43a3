"""Answers: what the engine knows, told to people. As JSON they leave it in `shelflife.shapes`.

why           what will happen to one path (present), or what happened to it (past)
answer        the answer to that, as a value
check         whether a storage can be looked after as it is
check_areas   of that, the areas, and what their file systems can do
findings      what a check says, as values
unexpected    what nobody is likely to have meant
status        how it stands, on one screen
foresee       what if, and what next
log           what a run tells the log
"""
