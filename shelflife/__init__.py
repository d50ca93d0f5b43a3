"""shelflife: retention for the directories of a media service – safe, explained, undoable.

>>> from shelflife import Engine, Settings
>>> engine = Engine(Settings.build(base_path="/srv/media", areas={"uploads": "7d", "outputs": -1}))
>>> engine.plan().files  # doctest: +SKIP
42
"""

from shelflife.engine import Engine
from shelflife.errors import (
    CleanupBusy,
    CleanupDisabled,
    RecordsError,
    SettingsError,
    ShelflifeError,
    StorageError,
    UsageError,
)
from shelflife.policy.plan import AreaPlan, Plan
from shelflife.records.journal import Trigger
from shelflife.settings import Settings, load_settings

__all__ = [
    "AreaPlan",
    "CleanupBusy",
    "CleanupDisabled",
    "Engine",
    "Plan",
    "RecordsError",
    "Settings",
    "SettingsError",
    "ShelflifeError",
    "StorageError",
    "Trigger",
    "UsageError",
    "load_settings",
]
