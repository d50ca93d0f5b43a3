"""shelflife: retention for the directories of a media service – safe, explained, undoable.

>>> from shelflife import Engine, Settings
>>> engine = Engine(Settings.build(base_path="/srv/media", areas={"uploads": "7d", "outputs": -1}))
>>> engine.plan().files  # doctest: +SKIP
42

Names are loaded when they are first used: whoever imports one part, or asks the command line for help, does
not wait for the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_MODULES = {
    "engine": ("Engine",),
    "errors": (
        "CleanupBusy",
        "CleanupDisabled",
        "RecordsError",
        "SettingsError",
        "ShelflifeError",
        "StorageError",
        "UsageError",
    ),
    "policy.plan": ("AreaPlan", "Plan"),
    "records.journal": ("Trigger",),
    "settings": ("Settings", "load_settings"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
