"""The settings of a storage, and where they come from.

Names are loaded when they are first used: a command that only prints its help need not wait for YAML and cron.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.lazy import loader as _loader

if TYPE_CHECKING:
    from shelflife.settings.alerts import AlertsSettings, WebhookSettings
    from shelflife.settings.area import AgeFrom, AreaSettings, Expire, InUse, KeepNewest, Per, RuleSettings
    from shelflife.settings.http import HttpSettings
    from shelflife.settings.layout import DEFAULT_RETENTION, STATE_DIRECTORY, TRASH_DIRECTORY
    from shelflife.settings.loader import CONFIG_NAME, find_config, load_settings
    from shelflife.settings.model import (
        CleanupSettings,
        IndexSettings,
        JournalSettings,
        LimitsSettings,
        PressureSettings,
        Settings,
    )
    from shelflife.settings.places import unsafe_base_path
    from shelflife.settings.quantities import (
        INDEFINITE,
        format_duration,
        format_size,
        parse_duration,
        parse_retention,
        parse_size,
    )
    from shelflife.settings.spelling import did_you_mean

__all__ = [
    "CONFIG_NAME",
    "DEFAULT_RETENTION",
    "INDEFINITE",
    "STATE_DIRECTORY",
    "TRASH_DIRECTORY",
    "AgeFrom",
    "AlertsSettings",
    "AreaSettings",
    "CleanupSettings",
    "Expire",
    "HttpSettings",
    "InUse",
    "IndexSettings",
    "JournalSettings",
    "KeepNewest",
    "LimitsSettings",
    "Per",
    "PressureSettings",
    "RuleSettings",
    "Settings",
    "WebhookSettings",
    "did_you_mean",
    "find_config",
    "format_duration",
    "format_size",
    "load_settings",
    "parse_duration",
    "parse_retention",
    "parse_size",
    "unsafe_base_path",
]

__getattr__ = _loader(
    __name__,
    {
        "alerts": ("AlertsSettings", "WebhookSettings"),
        "area": ("AgeFrom", "AreaSettings", "Expire", "InUse", "KeepNewest", "Per", "RuleSettings"),
        "http": ("HttpSettings",),
        "layout": ("BASE_PATH", "DEFAULT_RETENTION", "STATE_DIRECTORY", "TRASH_DIRECTORY"),
        "loader": ("CONFIG_NAME", "find_config", "load_settings"),
        "model": (
            "CleanupSettings",
            "IndexSettings",
            "JournalSettings",
            "LimitsSettings",
            "PressureSettings",
            "Settings",
        ),
        "places": ("unsafe_base_path",),
        "spelling": ("did_you_mean",),
        "quantities": (
            "INDEFINITE",
            "format_duration",
            "format_size",
            "parse_duration",
            "parse_retention",
            "parse_size",
        ),
    },
)
