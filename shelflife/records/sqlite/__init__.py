"""The records as SQLite files.

database      opening SQLite
index         what is on disk, one row a directory: a cache
index_file    making and opening its file
journal       what happened: runs, files, slots, totals
journal_file  making, migrating and opening its file
holds         what people pinned
usage         how much there was
alerts        what people were told
"""
