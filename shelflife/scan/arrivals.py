"""Arrivals: files that were already due at an earlier cleanup, which did not find them.

Birth times and ctimes would tell of a file that was copied in, and nothing of a tree that was moved in by one
rename, nor of a time that was set back. What tells of all of them is that the last cleanup left nothing before
its cutoff: whatever is before it now, and goes, was not there then, or was not to go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shelflife.scan.listing_cache import ListingCache
from shelflife.scan.planner import due_directories
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.scan.context import Context


def count_before(context: Context, area: Area, cutoffs: Cutoffs) -> int:
    """Return how many files of an area are before cutoffs, and would go by them, by listing their directories.

    Of the index it needs that it was brought up to date just now. Raises StorageError, OSError.
    """
    # What it reads is of no use to whoever removes, and must not stand in the listings for another cutoff.
    own = replace(context, listings=ListingCache(0))
    with hold_roots(context.base, area) as (roots, _):
        return sum(due.files for root in roots for due in due_directories(own, root, cutoffs, {}))
