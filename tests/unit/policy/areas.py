"""Areas as the settings make them, for tests of the decisions about their files."""

from __future__ import annotations

from shelflife.policy.area import Area, areas_of
from shelflife.settings import Settings

DAY = 86_400 * 10**9


def an_area(**values: object) -> Area:
    """Return an area of 7 days, other than that as `values` say (keys of the configuration)."""
    area = {"retention": "7d"} | values
    return areas_of(Settings.build(base_path="/srv/storage-of-a-test", areas={"frames": area}))["frames"]
