"""What the section ``storage:`` of a configuration file means, as the tree that `Settings` are made of.

The file is written for people: retentions stand together under ``retention:``, or with their area under
``areas:``; the five areas of the media-analysis service are there without being named, unless
``default_areas: false``. Here that becomes one entry for each area. Values are checked later, by the model;
here only what the model can't see: two places for one value, and retentions of areas that don't exist.
"""

from __future__ import annotations

from collections.abc import Iterator

from shelflife.errors import Problem
from shelflife.settings.entry import SettingsEntry, Value
from shelflife.settings.layout import DEFAULT_RETENTION, area_key
from shelflife.settings.quantities import parse_retention
from shelflife.settings.spelling import did_you_mean

__all__ = ["arrange"]

_SECTIONS = ("cleanup", "pressure", "limits", "index", "journal", "http", "alerts")
_SETTINGS = ("base_path", "state_dir", "require_mount", *_SECTIONS)
_KEYS = ("base_path", "state_dir", "require_mount", "default_areas", "retention", "areas", *_SECTIONS)

_Areas = dict[str, SettingsEntry]


def arrange(storage: SettingsEntry) -> tuple[SettingsEntry, list[Problem]]:
    """Return the tree of settings that a section `storage` stands for, and what is wrong with its form."""
    given = storage.section
    problems = list(_misplaced(storage))
    areas: _Areas = {}
    problems += _add_defaults(areas, given.get("default_areas"))
    problems += _add_areas(areas, given.get("areas", SettingsEntry(None)))
    problems += _add_retentions(areas, given.get("retention", SettingsEntry(None)))
    tree: dict[str, SettingsEntry] = {key: given[key] for key in _SETTINGS if key in given}
    for key in _SECTIONS:
        if key in tree and tree[key].value is None:  # an empty section is one with defaults
            del tree[key]
    nowhere = SettingsEntry(None, where=given.get("default_areas", storage).where, key=f"{storage.key}.areas")
    tree["areas"] = given.get("areas", nowhere).become(dict(areas))
    return storage.become(tree), problems


def _misplaced(storage: SettingsEntry) -> Iterator[Problem]:
    """What is no section, or an unknown one."""
    for entry in (
        storage,
        *(storage.section.get(key, SettingsEntry(None)) for key in ("areas", "retention")),
    ):
        if entry.value is not None and not isinstance(entry.value, dict):
            yield entry.problem("not a section; allowed: a mapping of keys to values")
    for key, entry in storage.section.items():
        if key not in _KEYS:
            yield entry.problem(f"unknown key; allowed: {', '.join(_KEYS)}{did_you_mean(key, _KEYS)}")


def _add_defaults(areas: _Areas, wanted: SettingsEntry | None) -> Iterator[Problem]:
    if wanted is not None and not isinstance(wanted.value, bool):
        yield wanted.problem("not a truth value; allowed: true, false")
    if wanted is None or wanted.value is not False:
        for key, retention in DEFAULT_RETENTION.items():
            areas[key] = SettingsEntry({"retention": SettingsEntry(retention)})


def _add_areas(areas: _Areas, given: SettingsEntry) -> Iterator[Problem]:
    for name, entry in given.section.items():
        key = area_key(name)
        if key in areas and areas[key].where:
            yield entry.problem(f"is the area {areas[key].key}, which {_line(areas[key])} has already")
        elif isinstance(entry.value, dict) or entry.value is None:
            default = areas[key].section if key in areas else {}
            areas[key] = entry.become({**default, **entry.section})
        else:
            areas[key] = entry


def _add_retentions(areas: _Areas, given: SettingsEntry) -> Iterator[Problem]:
    seen: dict[str, SettingsEntry] = {}
    for name, entry in given.section.items():
        key = area_key(name)
        if key not in areas:
            known = f"{', '.join(areas)}; others are named in storage.areas{did_you_mean(name, areas)}"
            yield entry.problem(f"unknown area; areas: {known}")
        elif key in seen:
            yield entry.problem(f"is {seen[key].key}, which {_line(seen[key])} has already")
        else:
            seen[key] = entry
            yield from _add_retention(areas, key, entry)


def _add_retention(areas: _Areas, key: str, entry: SettingsEntry) -> Iterator[Problem]:
    other = areas[key].section.get("retention", SettingsEntry(None))
    if not other.where:
        areas[key] = areas[key].put(("retention",), entry)
    elif (reason := _refused(entry.value)) is not None:
        yield entry.problem(reason)
    elif _refused(other.value) is None and parse_retention(entry.value) != parse_retention(other.value):
        yield other.problem(f"differs from {entry.key}: {entry.text} in {_line(entry)}; keep one of them")


def _refused(value: Value) -> str | None:
    try:
        parse_retention(value)
    except ValueError as error:
        return str(error)
    return None


def _line(entry: SettingsEntry) -> str:
    return f"line {entry.where.rpartition(':')[2]}"
