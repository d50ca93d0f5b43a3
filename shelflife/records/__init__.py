"""What is remembered: all SQL of the project is in this folder.

state         where records are kept, and who owns them
marker        the UUID that a storage and its journal share
database      opening SQLite
index         what is on disk, one row a directory: a cache
index_file    making and opening its file
refresh       bringing the index up to date
statistics    an area in numbers, from the index
history       the values of the journal, and how they are stored
journal       what happened: runs, files, slots, totals
journal_file  making, migrating and opening its file
holds         what people pinned
usage         how much there was
alerts        what people were told
"""
