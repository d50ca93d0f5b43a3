"""A value and where it was written, so that every problem can name its place.

Settings come from a file, from the environment and from defaults, and a value may move on its way
(``retention.frames`` becomes ``areas.frames.retention``). Each value therefore carries its origin along,
instead of a second table that would have to follow each move.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from shelflife.errors import Problem

__all__ = ["Loc", "SettingsEntry", "Value", "shown"]

Value = str | int | float | bool | None | dict[str, "SettingsEntry"] | list["SettingsEntry"]
"""A scalar, or the entries of a section or list."""
Loc = tuple[str | int, ...]
"""Keys and indices that lead from a tree's root to a value."""


@dataclass(frozen=True, slots=True)
class SettingsEntry:
    """One value of a configuration, with its origin."""

    value: Value
    """A scalar, or the entries of a section or list."""
    where: str = ""
    """``config.yaml:12`` or ``environment STORAGE_BASE_PATH``; empty for a default."""
    key: str = ""
    """Its key with all parents, as in the file."""
    text: str = ""
    """The value as it was written."""

    @property
    def section(self) -> dict[str, SettingsEntry]:
        """The entries of a section: none when it is empty or no section at all."""
        return self.value if isinstance(self.value, dict) else {}

    def plain(self) -> object:
        """Return the value without origins."""
        match self.value:
            case dict():
                return {key: entry.plain() for key, entry in self.value.items()}
            case list():
                return [entry.plain() for entry in self.value]
            case scalar:
                return scalar

    def find(self, loc: Loc) -> tuple[SettingsEntry, Loc]:
        """Return the deepest entry on the way to `loc`, and what is left of the way."""
        below: SettingsEntry | None = None
        match self.value, loc[:1]:
            case dict() as entries, (str() as key,):
                below = entries.get(key)
            case list() as items, (int() as index,) if index < len(items):
                below = items[index]
        return below.find(loc[1:]) if below else (self, loc)

    def put(self, loc: tuple[str, ...], entry: SettingsEntry) -> SettingsEntry:
        """Return a tree with an entry at `loc`; unchanged where that leads through what is no section."""
        if self.value is not None and not isinstance(self.value, dict):
            return self
        key, *rest = loc
        below = self.section.get(key, SettingsEntry(None)).put(tuple(rest), entry) if rest else entry
        return self.become({**self.section, key: below})

    def become(self, value: Value) -> SettingsEntry:
        """Return an entry with another value and the same origin."""
        return replace(self, value=value)

    def problem(self, reason: str) -> Problem:
        """Return a problem with this entry."""
        return Problem(where=self.where, key=self.key, value=self.text, reason=reason)


def shown(value: object) -> str:
    """Return a value as YAML would have it, short enough for a message."""
    match value:
        case None | bool():
            return json.dumps(value)
        case int() | float():
            return repr(value)
        case dict():
            return "{…}" if value else "{}"
        case list() | tuple():
            return "[…]" if value else "[]"
    text = str(value).encode("utf-8", "backslashreplace").decode()
    return json.dumps(text if len(text) <= 80 else f"{text[:79]}…", ensure_ascii=False)
