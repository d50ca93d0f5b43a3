"""Where each setting comes from: a line of the file, a variable of the environment, a program, or the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from shelflife.settings.section import Section

if TYPE_CHECKING:
    from shelflife.settings.entry import Loc, SettingsEntry
    from shelflife.settings.model import Settings

__all__ = ["Origin", "SettingInForce", "settings_in_detail"]


class Origin(StrEnum):
    """What gave a setting its value."""

    FILE = "file"
    ENVIRONMENT = "environment"
    PROGRAM = "program"
    """A program that made the settings itself."""
    DEFAULT = "default"


class SettingInForce(NamedTuple):
    """One setting, and where its value comes from."""

    key: str
    """With all parents: `areas.uploads.retention`."""
    value: Any
    """As JSON has it; of a secret, that it is one."""
    origin: Origin
    where: str
    """`config.yaml:12`, or `environment STORAGE_BASE_PATH`; else empty."""


def settings_in_detail(settings: Settings) -> Iterator[SettingInForce]:
    """Yield all settings of a storage, the areas' included, in their order."""
    plain = settings.plain()
    for name, value in settings:
        if name != "source":
            yield from _below(value, plain[name], (name,), settings.tree, is_given=name in settings.given)


def _below(
    value: Any, plain: Any, loc: Loc, tree: SettingsEntry | None, *, is_given: bool
) -> Iterator[SettingInForce]:
    """Yield what is at a place, key by key where it is a section, or the sections of the areas."""
    if isinstance(value, Section):
        for name, part in value:
            given = is_given and name in value.given
            yield from _below(part, plain[name], (*loc, name), tree, is_given=given)
    elif isinstance(value, Mapping) and any(isinstance(part, Section) for part in value.values()):
        for name, part in value.items():
            yield from _below(part, plain[name], (*loc, name), tree, is_given=is_given)
    else:
        origin, where = _origin(loc, tree, is_given=is_given)
        yield SettingInForce(".".join(map(str, loc)), plain, origin, where)


def _origin(loc: Loc, tree: SettingsEntry | None, *, is_given: bool) -> tuple[Origin, str]:
    if tree is None:
        return (Origin.PROGRAM if is_given else Origin.DEFAULT), ""
    entry, missing = tree.find(loc)
    if missing or not entry.where:
        return Origin.DEFAULT, ""
    return (Origin.ENVIRONMENT if entry.where.startswith("environment ") else Origin.FILE), entry.where
