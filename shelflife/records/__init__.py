"""What is remembered: all SQL of the project is in this folder.

state       where records are kept, and who owns them
marker      the UUID that a storage and its journal share
statistics  an area in numbers, from the index
history     the values of the journal, and how they are stored
sqlite/     the journal and the index as SQLite files
"""
