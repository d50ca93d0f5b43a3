"""When a row of the index may stand without another look at its directory."""

from __future__ import annotations

from dataclasses import dataclass

from shelflife.clock import SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """When a row may stand without another look. Durations and times in ns."""

    now: int
    settle: int
    """Age from which times are settled."""
    rescan_after: int
    """Age at which a row is read again, whatever its key says."""

    @property
    def settled_before(self) -> int:
        """Times before this one are settled."""
        return self.now - self.settle


def freshness_at(now: int, *, settle: int, rescan_after: int) -> Freshness:
    """Return the freshness that settings in seconds ask for at `now` (ns)."""
    return Freshness(now=now, settle=settle * SECOND, rescan_after=rescan_after * SECOND)
