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
    from shelflife.clock import as_datetime
    from shelflife.engine import Engine
    from shelflife.errors import (
        AlreadyThere,
        CleanupBusy,
        CleanupDisabled,
        NeedsApproval,
        NoRoom,
        RecordsError,
        SettingsError,
        ShelflifeError,
        StorageError,
        UsageError,
    )
    from shelflife.explain.answer import Answer
    from shelflife.explain.findings import Finding
    from shelflife.explain.foresee import Forecast, WhatIf
    from shelflife.policy.holds import Hold
    from shelflife.policy.plan import AreaPlan, Plan
    from shelflife.records.alerts import ActiveAlert
    from shelflife.records.history import FileRecord, RunRecord, Totals, Trigger
    from shelflife.records.statistics import AreaStatistics, Statistics
    from shelflife.remove.report import AreaReport, Failure, RunReport
    from shelflife.run.lock import Holder
    from shelflife.run.relief_task import DiskRelief
    from shelflife.run.restored import Restored
    from shelflife.run.selection import Returning, Selection
    from shelflife.run.trashed import TrashedFile
    from shelflife.scan.planner import PlannedFile
    from shelflife.settings import Settings, load_settings
    from shelflife.storage.disks import Disk

__all__ = [
    "ActiveAlert",
    "AlreadyThere",
    "Answer",
    "AreaPlan",
    "AreaReport",
    "AreaStatistics",
    "CleanupBusy",
    "CleanupDisabled",
    "Disk",
    "DiskRelief",
    "Engine",
    "Failure",
    "FileRecord",
    "Finding",
    "Forecast",
    "Hold",
    "Holder",
    "NeedsApproval",
    "NoRoom",
    "Plan",
    "PlannedFile",
    "RecordsError",
    "Restored",
    "Returning",
    "RunRecord",
    "RunReport",
    "Selection",
    "Settings",
    "SettingsError",
    "ShelflifeError",
    "Statistics",
    "StorageError",
    "Totals",
    "TrashedFile",
    "Trigger",
    "UsageError",
    "WhatIf",
    "as_datetime",
    "load_settings",
]

__getattr__ = _loader(
    __name__,
    {
        "clock": ("as_datetime",),
        "engine": ("Engine",),
        "errors": (
            "AlreadyThere",
            "CleanupBusy",
            "CleanupDisabled",
            "NeedsApproval",
            "NoRoom",
            "RecordsError",
            "SettingsError",
            "ShelflifeError",
            "StorageError",
            "UsageError",
        ),
        "explain.findings": ("Finding",),
        "explain.foresee": (
            "Forecast",
            "WhatIf",
        ),
        "explain.answer": ("Answer",),
        "policy.holds": ("Hold",),
        "policy.plan": (
            "AreaPlan",
            "Plan",
        ),
        "records.alerts": ("ActiveAlert",),
        "records.history": (
            "FileRecord",
            "RunRecord",
            "Totals",
            "Trigger",
        ),
        "records.statistics": (
            "AreaStatistics",
            "Statistics",
        ),
        "remove.report": (
            "AreaReport",
            "Failure",
            "RunReport",
        ),
        "run.lock": ("Holder",),
        "run.relief_task": ("DiskRelief",),
        "run.restored": ("Restored",),
        "run.selection": (
            "Returning",
            "Selection",
        ),
        "run.trashed": ("TrashedFile",),
        "scan.planner": ("PlannedFile",),
        "settings": (
            "Settings",
            "load_settings",
        ),
        "storage.disks": ("Disk",),
    },
)
