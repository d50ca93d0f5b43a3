"""What is remembered: all SQL of the project is in this folder.

state     where records are kept, and who owns them
database  opening SQLite
index     what is on disk, one row a directory: a cache
refresh   bringing the index up to date
journal   what happened: runs, files, slots, totals
"""
