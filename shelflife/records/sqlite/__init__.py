"""The records as SQLite files.

records       opening them
database      opening SQLite
journal       the journal: its books over one connection
journal_file  its file, and what stands in for it on a full disk
migrations    its schema
runs, removals, slots, approvals, identity, holds, alerts, usage    its books, each with its queries
index         what is on disk, one row a directory: a cache
index_file    making and opening its file
"""
