"""Removing what a plan names.

batch        what every way of removing does around a batch: journal, remove, count, tell, watch the disk
careful      the careful way: entry by entry
compiled     the fast way: many directories a call, in several threads
directories  directories that go as one
purge        what has waited long enough in the trash
recorder     what a run writes down while it works
report       what a run did, as values
throttle     how fast files go
"""
