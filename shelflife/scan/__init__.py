"""Scanning: what is on disk, by the index, and what of it would go.

context        what the steps of one operation share: the held storage, the index, the moment
refresh        the index brought up to date in one pass, listing only what changed
listing_cache  what was read for the plan and will be needed again
planner        from the index to what would go, exactly
measure        how much of an area has which age
"""
