"""Removing what a plan names.

batch        the batch loop: what is done around every batch, whichever way it goes
root         one of an area's directories where a run works, and what it works with
careful      from due directories to outcomes
opened       the careful way: entries of one open directory, one at a time
compiled     the ordinary way: many directories a call, in several threads
directories  directories that go as one
pruning      directories that are empty
purge        what has waited long enough in the trash
recorder     what a run writes down while it works
report       what a run did, as values
throttle     how fast files go
"""
