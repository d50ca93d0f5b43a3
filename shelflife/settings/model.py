"""The settings of a storage: what is managed, how long things are kept, when cleanups run.

They are values: immutable, complete, and valid by construction, wherever they come from. A program makes them
itself, with exactly the areas it names::

    settings = Settings.build(base_path="/srv/media", areas={"uploads": "7d", "outputs": -1})

or has them read from a configuration file (`shelflife.settings.load_settings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any, Self

from shelflife.errors import UsageError
from shelflife.settings import checks, layout, places, quantities
from shelflife.settings.alerts import AlertsSettings
from shelflife.settings.area import AreaSettings, area_faults, place_faults, read_areas
from shelflife.settings.entry import Loc, SettingsEntry
from shelflife.settings.http import HttpSettings
from shelflife.settings.pressure import PressureSettings
from shelflife.settings.schedule import check_cron, check_zone, find_zone
from shelflife.settings.section import Section, field, section
from shelflife.settings.spelling import did_you_mean

__all__ = [
    "AlertsSettings",
    "CleanupSettings",
    "IndexSettings",
    "JournalSettings",
    "LimitsSettings",
    "PressureSettings",
    "Settings",
]


_span = checks.positive(quantities.parse_duration)
_number_or_none = checks.optional(checks.count)
_size = checks.positive(quantities.parse_size)


def _path_of(value: object) -> Path:
    return Path(str(value))


class CleanupSettings(Section):
    """When and how scheduled cleanups run."""

    enabled: bool = field(checks.truth, default=True)
    """False switches off what runs by itself; explicit calls still work."""
    schedule: str = field(checks.text(check_cron), default="0 2 * * *")
    """Five cron fields: minute, hour, day of month, month, day of week (0 and 7 are Sunday)."""
    dry_run: bool = field(checks.truth, default=False)
    """True: no cleanup removes anything, whoever calls it."""
    batch_size: int = field(checks.count, default=100)
    """Files removed between two looks at the clock, the lock and the holds."""
    lock_timeout: int = field(_span, default=300)
    """Seconds without a sign of life after which the lock's holder is reported as stuck."""
    timezone: str = field(checks.text(check_zone), default="UTC")
    """The time zone of the schedule, by its IANA name."""
    retries: int = field(checks.natural_number, default=3)
    """Further tries after an error of the disk that may pass; each waits twice as long."""
    workers: int = field(checks.at_most(64), default=2)
    """Threads that read and remove, 1 to 64."""
    max_per_second: int | None = field(_number_or_none, default=None)
    """Files that go in a second, where users wait for the same disk; None: as many as can. Pressure waits not."""

    @property
    def zone(self) -> tzinfo:
        """The time zone of the schedule."""
        return find_zone(self.timezone)


class LimitsSettings(Section):
    """What a run by schedule, command line or HTTP may not remove without a person's approval."""

    confirm_above: int = field(quantities.parse_share, default=50)
    """Percent of an area's files."""
    confirm_above_files: int = field(checks.natural_number, default=1000)
    """Files of an area: what is above that share is large above so many."""
    confirm_above_bytes: int = field(quantities.parse_size, default=10**10)
    """Bytes of an area, likewise. Also large is nine tenths of an area with 20 files or more."""
    max_files: int | None = field(_number_or_none, default=None)
    """Files that one run may remove, over all areas; None: any number."""
    max_bytes: int | None = field(checks.optional(_size), default=None)
    """Bytes that one run may remove, over all areas; None: any number."""


class IndexSettings(Section):
    """How far the index of directories is trusted."""

    settle: int = field(quantities.parse_duration, default=600)
    """Seconds that a directory must have been left alone before a listing of it counts for longer."""
    rescan_after: int = field(_span, default=2_592_000)
    """Seconds after which a directory is listed again although it looks unchanged."""


class JournalSettings(Section):
    """How long the journal remembers."""

    keep: int = field(_span, default=7_776_000)
    """Seconds that runs are remembered."""
    keep_files: int = field(_span, default=1_209_600)
    """Seconds that single removed files are remembered."""
    max_bytes: int = field(_size, default=10**9)
    """Bytes that the journal may take; the oldest details go first."""


class Settings(Section):
    """All settings of one storage."""

    source: Path | None = field(checks.optional(_path_of), default=None)
    """The configuration file they were read from; None when a program made them."""
    base_path: Path = field(places.check_path)
    """The directory that holds the areas; absolute."""
    areas: Mapping[str, AreaSettings] = field(read_areas)
    """What is managed, by key, in the order of the file; at least one area. Don't change it: it is shared."""
    state_dir: Path | None = field(checks.optional(places.check_path), default=None)
    """Where index, journal and lock are kept; None: ``.shelflife`` below the base path."""
    require_mount: bool = field(checks.truth, default=False)
    """Whether the base path must be a mount point: refused while the volume is not there."""
    cleanup: CleanupSettings = section(CleanupSettings, default=CleanupSettings())
    """Scheduled cleanups."""
    pressure: PressureSettings | None = section(PressureSettings, default=None)
    """What is done before the disk is full; None: nothing."""
    limits: LimitsSettings = section(LimitsSettings, default=LimitsSettings())
    """What needs a person's approval."""
    index: IndexSettings = section(IndexSettings, default=IndexSettings())
    """The index of directories."""
    journal: JournalSettings = section(JournalSettings, default=JournalSettings())
    """The journal of runs."""
    http: HttpSettings = section(HttpSettings, default=HttpSettings())
    """Who may send what over HTTP."""
    alerts: AlertsSettings = section(AlertsSettings, default=AlertsSettings())
    """Whom to tell when something needs a person."""

    @classmethod
    def build(cls, *, base_path: Path | str, areas: Mapping[str, object], **others: object) -> Self:
        """Make settings from plain values, as they stand in a configuration file.

        Args:
            base_path: absolute.
            areas: for each area its retention (``"7d"``, ``604800``, ``-1``), a mapping of the keys of
                `AreaSettings`, or an `AreaSettings`. There are no others.
            others: the other fields, sections as mappings: ``cleanup={"enabled": False}``.

        Raises:
            SettingsError: with everything that is wrong.
        """
        values: dict[str, Any] = {"base_path": base_path, "areas": _spelled_out(areas), **others}
        return cls(**values)

    def replace(
        self,
        *,
        base_path: Path | str | None = None,
        state_dir: Path | str | None = None,
        retention: Mapping[str, int | str] | None = None,
        cleanup: Mapping[str, object] | None = None,
    ) -> Self:
        """Return a copy with other values, checked as a whole.

        Args:
            base_path: absolute.
            state_dir: absolute.
            retention: for areas, by any of their names; the other areas keep theirs.
            cleanup: values of the section `cleanup`; those not named stay.

        Raises:
            UsageError: an area is unknown.
            SettingsError: with everything that is wrong.
        """
        changed = {self.area_name(name): value for name, value in (retention or {}).items()}
        values = dict(self) | {
            "base_path": self.base_path if base_path is None else base_path,
            "state_dir": self.state_dir if state_dir is None else state_dir,
            "areas": {
                key: area.written | (_kept_for(changed[key]) if key in changed else {})
                for key, area in self.areas.items()
            },
            "cleanup": dict(self.cleanup) | dict(cleanup or {}),
        }
        return type(self)(**values)

    def with_areas(self, changes: Mapping[str, object]) -> Self:
        """Return a copy in which single keys of areas have other values, checked as a whole.

        Args:
            changes: value by area and key: ``{"uploads.retention": "3d", "frames.quota": "50GB"}``.

        Raises:
            UsageError: a key names no area.
            SettingsError: with everything that is wrong.
        """
        areas: dict[str, dict[str, object]] = {key: area.written for key, area in self.areas.items()}
        for place, value in changes.items():
            name, _, key = place.partition(".")
            if not key:
                raise UsageError(f'"{place}": not a key of an area; allowed: AREA.KEY, as uploads.retention')
            areas[self.area_name(name)][key] = value
        return type(self)(**dict(self) | {"areas": areas})

    @property
    def tree(self) -> SettingsEntry | None:
        """The tree that they were read from, which knows where each value stood; None for a program's own."""
        tree: SettingsEntry | None = self.__dict__.get("_tree")
        return tree

    def read_from(self, tree: SettingsEntry) -> Self:
        """Return the same settings, which know the tree that they were read from."""
        made = self.but()
        made.__dict__["_tree"] = tree
        return made

    @property
    def state_path(self) -> Path:
        """Where index and journal are kept."""
        return self.state_dir or self.home_path

    @property
    def home_path(self) -> Path:
        """Where lock and marker are, which stay with the storage."""
        return self.base_path / layout.STATE_DIRECTORY

    def area_name(self, text: str) -> str:
        """Return the key of the area that a name means: ``contact_sheets`` for ``contact-sheets``.

        Raises:
            UsageError: there is no such area; the message lists those there are.
        """
        key = layout.area_key(text)
        if key in self.areas:
            return key
        names = ", ".join(self.areas)
        raise UsageError(f'unknown area "{text}"; areas: {names}{did_you_mean(text, self.areas)}')

    @classmethod
    def suspect(cls, loc: Loc) -> Loc:
        """An area whose directory is wrong would take part in further checks with one that nobody gave it."""
        match loc:
            case ("areas", _, "path" | "aliases"):
                return loc[:2]
            case ("pressure", _):  # its keys are about each other
                return loc[:1]
        return loc

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> Iterator[tuple[Loc, object, str]]:
        """Yield what is no place for a storage, and areas that are in each other's way."""
        base, areas, state = (values.get(name) for name in ("base_path", "areas", "state_dir"))
        if base and (reason := places.unsafe_base_path(base, source=values.get("source"))):
            yield ("base_path",), base, reason
            base = None
        if areas is None:
            return
        found = [*area_faults(areas), *(place_faults(base, areas) if base else ())]
        yield from ((("areas", *loc), value, reason) for loc, value, reason in found)
        if state and base and not found:
            yield from _state_faults(state, base, areas)


def _kept_for(retention: int | str) -> dict[str, object]:
    """What changes with an area's retention: what bounds it means nothing where files are kept indefinitely."""
    changes: dict[str, object] = {"retention": retention}
    if retention == quantities.INDEFINITE:
        changes |= {"quota": None, "max_files": None, "priority": None}
    return changes


def _spelled_out(areas: Mapping[str, object]) -> dict[str, object]:
    """Areas with a retention alone become mappings."""
    full = (Mapping, AreaSettings)
    return {key: area if isinstance(area, full) else {"retention": area} for key, area in areas.items()}


def _state_faults(
    state: Path, base: Path, areas: Mapping[str, AreaSettings]
) -> Iterator[tuple[Loc, object, str]]:
    for key, area in areas.items():
        for directory in area.directories:
            is_home = directory == layout.BASE_PATH and state == base / layout.STATE_DIRECTORY
            if not is_home and places.overlap(state, base / directory):
                reason = f"overlaps {directory}, a directory of area {key}; choose one outside of it"
                yield ("state_dir",), state, reason
                return
