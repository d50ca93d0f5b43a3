"""What is remembered of a storage, behind small protocols.

records     opening the journal and the index: the one way in
journal     the journal's books: runs, removals, slots, approvals …
holds, alerts, usage    further books, with their values
history     the values of the journal, and how they are stored
statistics  an area in numbers, from the index
state       the directory of the records, and who owns it
marker      the UUID that a storage and its journal share
sqlite/     all of it in SQLite: all SQL of the project is there
"""
