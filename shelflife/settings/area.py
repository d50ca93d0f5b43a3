"""One area: its directories, and what expires there when; and the rules that areas keep among each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from shelflife.settings import checks, layout, places, quantities
from shelflife.settings.entry import Loc
from shelflife.settings.section import NO_SECTION, Parts, Section, field, listed, section

__all__ = [
    "AgeFrom",
    "AreaSettings",
    "Expire",
    "InUse",
    "KeepNewest",
    "Per",
    "RuleSettings",
    "area_faults",
    "place_faults",
    "read_areas",
]


class Expire(StrEnum):
    """What expires as one thing."""

    FILE = "file"
    """Each file by itself."""
    STEM = "stem"
    """The files of one directory that have the same name but for the last suffix, by the newest of them."""
    DIRECTORY = "directory"
    """Each directory right below the area, as a whole, by its newest file."""


class Per(StrEnum):
    """Of what the newest files are kept."""

    AREA = "area"
    """Of all of the area."""
    TOP = "top"
    """Of each directory right below the area, with all below it; of the area's own directory, likewise."""
    DIRECTORY = "directory"
    """Of each directory, without what is below it."""


class AgeFrom(StrEnum):
    """Since when a file's age counts."""

    MODIFIED = "modified"
    """Its modification time (mtime)."""
    CHANGED = "changed"
    """The later of its mtime and ctime: for files that arrive with an old mtime."""
    ARRIVED = "arrived"
    """The later of its mtime and birth time: for files that arrive with an old mtime, and whose mode or name may
    change later. Where no birth time is recorded, ctime stands for it."""
    ACCESSED = "accessed"
    """The later of its mtime and atime: for files that stay as long as they are read."""


class InUse(StrEnum):
    """Whether it is looked whether somebody has a file open for writing before it goes."""

    CHECK = "check"
    """Such a file stays until the next cleanup."""
    OFF = "off"
    """It is not looked: faster, where nobody writes to old files."""


NOISE = (".DS_Store", "._*", "Thumbs.db", "desktop.ini", "@eaDir/")
"""What file managers and indexers leave behind wherever they look."""


_directory = checks.text(layout.check_directory)
_patterns = listed(checks.text(checks.pattern))


def _one_or_more(value: object) -> object:
    if isinstance(value, list | tuple) and not value:
        raise ValueError("no patterns; allowed: one, or a list of them")
    return _patterns((value,) if isinstance(value, str) else value)


class RuleSettings(Section):
    """A retention of their own for files that match patterns."""

    match: tuple[str, ...] = field(_one_or_more)
    """Gitignore-style patterns, relative to the area; one, or a list."""
    retention: int = field(quantities.parse_retention)
    """How long such files are kept, in seconds; -1: indefinitely."""


class KeepNewest(Section):
    """How many of the newest files are kept, however old they are."""

    count: int = field(checks.natural_number, default=0)
    """How many; 0: none."""
    per: Per = field(checks.one_of(Per), default=Per.AREA)
    """Of what."""


def _count_or_section(value: object) -> KeepNewest:
    return KeepNewest.read(value if isinstance(value, KeepNewest | Mapping) else {"count": value})


class AreaSettings(Section):
    """One area: which directories it has, and what expires there when."""

    path: str = field(_directory, default="")
    """Its directory, below the base path; ``""`` only until `Settings` names it after the area's key."""
    aliases: tuple[str, ...] = field(listed(_directory), default=())
    """Further directories of the area, below the base path."""
    retention: int = field(quantities.parse_retention, default=quantities.INDEFINITE)
    """How long files are kept, in seconds; -1: indefinitely."""
    expire: Expire = field(checks.one_of(Expire), default=Expire.FILE)
    """What expires as one thing."""
    age_from: AgeFrom = field(checks.one_of(AgeFrom), default=AgeFrom.MODIFIED)
    """Since when a file's age counts."""
    protect: tuple[str, ...] = field(_patterns, default=())
    """Gitignore-style patterns, relative to the area; what matches never expires."""
    rules: tuple[RuleSettings, ...] = field(listed(RuleSettings.read), default=())
    """Retentions of their own for files that match patterns; the first that matches decides."""
    keep_newest: KeepNewest = section(KeepNewest, read=_count_or_section, default=KeepNewest())
    """How many of the newest files never expire."""
    ignore: tuple[str, ...] = field(_patterns, default=NOISE)
    """Patterns of what counts for no group's age (`expire: stem`, `directory`), and goes with the group."""
    prune: bool = field(checks.truth, default=True)
    """Whether directories go that are empty."""
    trash: int = field(quantities.parse_duration, default=0)
    """Seconds that removed files stay restorable; 0: they are removed at once."""
    in_use: InUse = field(checks.one_of(InUse), default=InUse.CHECK)
    """Whether files that somebody has open for writing stay."""
    quota: int | None = field(checks.optional(checks.positive(quantities.parse_size)), default=None)
    """Bytes that the area may hold: beyond them the oldest files go before they expire; None: any number."""
    max_files: int | None = field(checks.optional(checks.count), default=None)
    """Files that the area may hold, likewise."""
    min_age: int = field(quantities.parse_duration, default=86_400)
    """Seconds: nothing younger goes because of a quota or a full disk."""
    priority: int | None = field(checks.optional(checks.natural_number), default=None)
    """When the disk is full, unexpired files go from the area of the lowest number first; None: never."""
    receive_share: int = field(checks.positive(quantities.parse_share), default=100)
    """Percent of the room on its disk that may be promised to what it receives; the rest is for others."""

    @property
    def directories(self) -> tuple[str, ...]:
        """All directories of the area, below the base path; the one to create comes first."""
        return (self.path, *self.aliases)

    @property
    def written(self) -> dict[str, object]:
        """Its keys and values as a file could have them, to be changed and read again: with their units."""
        quota = None if self.quota is None else quantities.format_size(self.quota)
        return {**dict(self), "quota": quota, "receive_share": f"{self.receive_share}%"}

    @property
    def is_indefinite(self) -> bool:
        """Whether its files are kept however old they are."""
        return self.retention == quantities.INDEFINITE


def read_areas(value: object) -> dict[str, AreaSettings]:
    """Return areas by key; under either spelling of it. Raises ValueError, `Refused`."""
    if not isinstance(value, Mapping):
        raise ValueError(NO_SECTION)  # noqa: TRY004 - readers raise no other
    if not value:
        raise ValueError("no areas; allowed: at least one area to manage")
    parts, seen = Parts(), set[str]()
    for name, area in value.items():
        key = layout.area_key(str(name))
        twice = key in seen  # under its other name, so that it is still there to be reported
        parts.read(key.replace("_", "-") if twice else key, AreaSettings.read, _with_directories(key, area))
        seen.add(key)
    return parts.whole()


def _with_directories(key: str, area: object) -> object:
    """Return what is to become an area, with the directories that its key implies unless it names its own."""
    path, *aliases = layout.default_directories(key)
    match area:
        case AreaSettings(path=""):
            return area.but(path=path, aliases=(*area.aliases, *aliases))
        case {"path": _}:
            return area
        case {"aliases": list() | tuple() as more, **others}:
            return {**others, "path": path, "aliases": [*more, *aliases]}
        case {**others}:
            return {"aliases": aliases, **others, "path": path}
    return area


def area_faults(areas: Mapping[str, AreaSettings]) -> Iterator[tuple[Loc, object, str]]:
    """Yield place, value and reason for each bad name, and each directory that another area has too."""
    proper: dict[str, tuple[str, ...]] = {}
    for key, area in areas.items():
        if layout.area_key(key) != key:
            yield (key,), key, f"is the area {layout.area_key(key)}, which is here already"
        elif not layout.is_area_key(key):
            yield (key,), key, "not the name of an area; allowed: a-z, 0-9, _ and -, beginning with a letter"
        else:
            proper[key] = area.directories
        yield from _never_applied(key, area)
    for key, directory, reason in layout.overlaps(proper):
        yield (key, "path" if directory == areas[key].path else "aliases"), directory, reason


def place_faults(base: Path, areas: Mapping[str, AreaSettings]) -> Iterator[tuple[Loc, object, str]]:
    """Yield place, value and reason for each directory below the base path that must not be an area's."""
    homes = places.homes()
    for key, area in areas.items():
        for directory in area.directories:
            if reason := places.unsafe_area(base, directory, homes):
                yield (key, "path" if directory == area.path else "aliases"), directory, reason


def _never_applied(key: str, area: AreaSettings) -> Iterator[tuple[Loc, object, str]]:
    """An indefinite area loses nothing, so that a bound on it would only seem to be one."""
    keep = area.keep_newest
    if keep.count and area.expire is Expire.DIRECTORY and keep.per is not Per.AREA:
        reason = "not with expire: directory, where it counts directories of the area; allowed: per: area"
        yield (key, "keep_newest"), keep.per.value, reason
    if keep.count and area.expire is Expire.STEM and keep.per is not Per.DIRECTORY:
        reason = "not with expire: stem, which is found directory by directory; allowed: per: directory"
        yield (key, "keep_newest"), keep.per.value, reason
    is_meant = "retention" in area.given  # else what was given may have been wrong
    for name in ("quota", "max_files", "priority") if area.is_indefinite and is_meant else ():
        if (value := getattr(area, name)) is not None:
            reason = (
                "has no effect where files are kept indefinitely; give the area a retention, or leave it out"
            )
            yield (key, name), value, reason
