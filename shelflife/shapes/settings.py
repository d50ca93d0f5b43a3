"""Settings: what is in force, and where each value comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from shelflife.formats import printable
from shelflife.settings.origins import Origin, settings_in_detail
from shelflife.shapes.schema import TypedDict, shape, words_of

if TYPE_CHECKING:
    from shelflife.settings import Settings

__all__ = ["SettingInForce", "SettingsInForce", "settings_as_json"]


@shape
class SettingInForce(TypedDict):
    """One setting."""

    key: str
    """With all parents: `areas.uploads.retention`."""
    value: Any
    """Durations in seconds, sizes in bytes; of a secret, only that it is set."""
    origin: Annotated[str, words_of(Origin)]
    """What gave it its value."""
    where: str
    """`config.yaml:12`, or `environment STORAGE_BASE_PATH`; else empty."""


@shape
class SettingsInForce(TypedDict):
    """The settings in force."""

    source: str | None
    """The configuration file; null when a program made the settings."""
    broken: bool
    """Whether the file cannot be read as it is now: these are those of before, and nothing is cleaned up."""
    settings: list[SettingInForce]


def settings_as_json(settings: Settings, *, broken: bool) -> SettingsInForce:
    """Return settings, each with where it comes from."""
    return {
        "source": None if settings.source is None else printable(str(settings.source)),
        "broken": broken,
        "settings": [
            {"key": key, "value": value, "origin": origin.value, "where": printable(where)}
            for key, value, origin, where in settings_in_detail(settings)
        ],
    }
