"""Effects: bringing the index up to date, planning from it, and carrying out a plan.

storage    the base path and the areas' directories, held open
planner    from the index to what would go, exactly
cleanup    refresh, plan and act, area by area
site       where a run removes, and what every way of removing does there
executor   from due directories to outcomes
parcels    the ordinary way: many directories at a time, in several threads
units      the same for directories that go as one
recovery   what a run that was killed left open
lock       one cleanup at a time over one storage
report     what a run did, as values
"""
