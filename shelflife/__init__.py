"""shelflife: retention for the directories of a media service – safe, explained, undoable.

>>> from shelflife import Engine, Settings
>>> engine = Engine(Settings.build(base_path="/srv/media", areas={"uploads": "7d", "outputs": -1}))
>>> engine.plan().files  # doctest: +SKIP
42

Names are loaded when they are first used: whoever imports one part, or asks the command line for help, does
not wait for the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.lazy import loader as _loader

if TYPE_CHECKING:
    from shelflife.engine import Engine
    from shelflife.errors import (
        CleanupBusy,
        CleanupDisabled,
        NeedsApproval,
        RecordsError,
        SettingsError,
        ShelflifeError,
        StorageError,
        UsageError,
    )
    from shelflife.policy.plan import AreaPlan, Plan
    from shelflife.records.history import Trigger
    from shelflife.settings import Settings, load_settings

__all__ = [
    "AreaPlan",
    "CleanupBusy",
    "CleanupDisabled",
    "Engine",
    "NeedsApproval",
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

__getattr__ = _loader(
    __name__,
    {
        "engine": ("Engine",),
        "errors": (
            "CleanupBusy",
            "CleanupDisabled",
            "NeedsApproval",
            "RecordsError",
            "SettingsError",
            "ShelflifeError",
            "StorageError",
            "UsageError",
        ),
        "policy.plan": ("AreaPlan", "Plan"),
        "records.history": ("Trigger",),
        "settings": ("Settings", "load_settings"),
    },
)
