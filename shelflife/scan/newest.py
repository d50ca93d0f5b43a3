"""The newest files, which stay however old they are: what `keep_newest` makes of an area's cutoffs.

Of an area, or of each directory right below it, that is found as for a quota: from the histogram of the index,
and on the disk for the hour that decides. (Of each directory it is found when that directory is listed: it is a
rule like any other, `shelflife.policy.rules.table`.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shelflife.files.listing import FOREVER
from shelflife.policy.choose import limited
from shelflife.scan.measure import stocks_of
from shelflife.settings import Per

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.scan.context import Context
    from shelflife.storage.root import AreaRoot


def keeping_newest(context: Context, area: Area, roots: Sequence[AreaRoot], cutoffs: Cutoffs) -> Cutoffs:
    """Return cutoffs of an area that keep its newest files, as far as those are not found in each directory.

    The index was brought up to date just now. Raises what `context.between` raises.
    """
    keep = area.rules.settings.keep_newest
    if not keep.count or not cutoffs:
        return cutoffs
    match keep.per:
        case Per.AREA:
            return limited(area, cutoffs, stocks_of(context, area, roots, before=FOREVER))
        case Per.TOP:
            index = context.index
            tops = {"", *(top for root in roots for top in index.tops(index.root(root.directory)))}
            within = {
                top: limited(area, cutoffs, stocks_of(context, area, roots, before=FOREVER, top=top))
                for top in sorted(tops)
            }
            return replace(cutoffs, tops=within)
        case Per.DIRECTORY:
            return cutoffs
