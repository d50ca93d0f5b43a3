"""Check: whether a storage can be looked after as it is, told as a list of findings.

It looks and creates nothing, and it says what it found also where all is well. Whether the program may write
is told for the user who asks, best the one that the service runs as.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shelflife.clock import HOUR, SECOND, as_datetime
from shelflife.errors import RecordsError, StorageError
from shelflife.files import kernel, primitives
from shelflife.files.mounts import TRUSTED, file_system_of, free_bytes, room_of
from shelflife.formats import format_age, format_bytes, moment
from shelflife.policy.schedule import Schedule
from shelflife.records.statistics import statistics_of
from shelflife.run.lock import holder_of
from shelflife.storage.areas import DIRECTORY_MODE, hold_base, hold_roots
from shelflife.storage.preconditions import unfit_for_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from shelflife.files.anchor import Anchor
    from shelflife.policy.area import Area
    from shelflife.records.records import Records
    from shelflife.settings import Settings

FULL: Final = 0.90
"""Share of a file system in use from which a warning is due."""

_GRACE: Final = HOUR
"""How far (ns) the clock may be behind the last run before that is said."""


class Level(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but somebody should know."""
    ERROR = "error"
    """Cleanups do not work like this, or not everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """What was looked at, in a word or two; stable."""

    level: Level

    message: str
    """What was found, and what to do about it."""


@dataclass(frozen=True, slots=True)
class _Storage:
    settings: Settings
    areas: Mapping[str, Area]
    now: int


def check_storage(
    *, settings: Settings, areas: Mapping[str, Area], records: Records | None, now: int
) -> list[Finding]:
    """Look at a storage at `now` (ns) and return what was found, from the ground up.

    `records` is None when the base path is not there. Never raises for what is wrong with the storage.
    """
    storage = _Storage(settings, areas, now)
    found = [_settings(settings), *_kernel(), _compiled(), *_base(storage)]
    if records is None:
        return found
    found += [*_areas(storage), place := _state(storage)]
    if place.level is not Level.ERROR:  # what cannot be read is not empty
        found += [_index(storage, records), _lock(storage, records), *_journal(storage, records)]
    return found


def _ok(check: str, message: str) -> Finding:
    return Finding(check=check, level=Level.OK, message=message)


def _warning(check: str, message: str) -> Finding:
    return Finding(check=check, level=Level.WARNING, message=message)


def _error(check: str, message: str) -> Finding:
    return Finding(check=check, level=Level.ERROR, message=message)


# -- before the storage


def _settings(settings: Settings) -> Finding:
    if settings.cleanup.dry_run:
        return _warning("settings", "cleanup.dry_run is true: no cleanup removes anything, whoever starts it")
    return _ok("settings", f"{settings.source or 'the settings'}: valid, {len(settings.areas)} areas")


def _kernel() -> Iterator[Finding]:
    if _works(_openat2):
        yield _ok("kernel", "openat2 works: nothing leads out of an area")
    else:
        yield _warning(
            "kernel",
            "openat2 is missing (before Linux 5.6, or forbidden): directories are opened step by step, "
            "which is slower, and does not see bind mounts of the same file system",
        )
    if not _works(_renameat2):
        yield _warning("kernel", "renameat2 is missing: areas with `expire: directory` are not cleaned")


def _compiled() -> Finding:
    if primitives.chosen().is_compiled:
        return _ok("compiled part", "in use")
    return _warning(
        "compiled part",
        "missing: files are read and removed in Python, two to three times slower; install a C compiler "
        "(Debian: apt-get install gcc libc6-dev) and shelflife again",
    )


def _openat2() -> None:
    fd = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.close(kernel.openat2(fd, ".", os.O_RDONLY | os.O_DIRECTORY, kernel.RESOLVE_BENEATH))
    finally:
        os.close(fd)


def _renameat2() -> None:
    """Raises ENOENT where the call is there: no name is empty."""
    kernel.rename_noreplace(-1, "", -1, "")


def _works(call: Callable[[], None]) -> bool:
    try:
        call()
    except OSError as error:
        return error.errno not in (errno.ENOSYS, errno.EPERM)
    except AttributeError:  # a C library without it
        return False
    return True


# -- the base path and the areas


def _base(storage: _Storage) -> Iterator[Finding]:
    path = storage.settings.base_path
    try:
        with hold_base(path) as fd:
            yield _access("base path", path)
            yield _volume(path, fd)
            yield _room(path, fd)
    except StorageError as error:
        yield _error("base path", str(error))


def _access(check: str, path: Path) -> Finding:
    if _may(path, os.R_OK | os.W_OK | os.X_OK):
        return _ok(check, f"{path}: readable and writable")
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return _error(check, f"{path}: on a file system that is mounted read-only")
    lacking = "readable" if not _may(path, os.R_OK | os.X_OK) else "writable"
    return _error(
        check, f"{path}: not {lacking} for user {os.geteuid()}; it belongs to user {path.stat().st_uid}"
    )


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=True)  # those that open(2) goes by


def _volume(path: Path, fd: int) -> Finding:
    here, above = os.fstat(fd).st_dev, os.stat(path.resolve().parent).st_dev
    if here == above:
        return _ok("volume", "the base path is on the file system of its parent (no volume of its own)")
    return _ok("volume", f"the base path is a volume of its own ({file_system_of(fd)})")


def _room(path: Path, fd: int) -> Finding:
    status = os.fstatvfs(fd)
    used = status.f_blocks - status.f_bfree
    share = used / (used + status.f_bavail) if used + status.f_bavail else 0.0  # as df shows it
    free = f"{format_bytes(free_bytes(fd))} free, {share:.0%} in use"
    room = room_of(status)
    if room.bytes is None:
        return _warning("room", f"{path}: the file system does not say how much room it has")
    if room.inodes is not None and room.inodes < status.f_files * (1 - FULL):
        return _warning("room", f"{path}: {free}, and only {room.inodes} inodes are left")
    return _warning("room", f"{path}: {free}") if share >= FULL else _ok("room", f"{path}: {free}")


def _areas(storage: _Storage) -> Iterator[Finding]:
    with hold_base(storage.settings.base_path) as base:
        for area in storage.areas.values():
            check = f"area {area.name}"
            try:
                with hold_roots(base, area) as (roots, faults):
                    for fault in faults:
                        yield _error(check, f"{fault}; `shelflife init` creates what is missing")
                    for directory, anchor in roots:
                        yield _root(check, storage.settings.base_path / directory, anchor)
            except StorageError as error:
                yield _error(check, str(error))


def _root(check: str, path: Path, anchor: Anchor) -> Finding:
    access = _access(check, path)
    if access.level is Level.ERROR:
        return access
    mode = os.fstat(anchor.fd).st_mode & 0o7777
    if mode != DIRECTORY_MODE:
        return _warning(check, f"{path}: mode {mode:o}, not {DIRECTORY_MODE:o}; it is left as it is")
    kind = file_system_of(anchor.fd)
    if kind not in TRUSTED:
        return _warning(
            check,
            f"{path}: on {kind}, whose times do not prove that a directory is unchanged: "
            "each one is read at every run",
        )
    return _ok(check, f"{path}: readable and writable, on {kind}: unchanged directories are skipped")


# -- the records


def _state(storage: _Storage) -> Finding:
    check, path = "state directory", storage.settings.state_path
    place = path
    while not place.exists():
        place = place.parent
    if not _may(place, os.R_OK | os.W_OK | os.X_OK):
        return _error(
            check,
            f"{place}: not readable and writable for user {os.geteuid()}; the records were not looked at",
        )
    if reason := unfit_for_records(path):
        return _error(check, f"{path}: {reason}")
    if place != path:
        return _ok(check, f"{path}: not there yet; the first run makes it")
    return _ok(check, f"{path}: readable and writable")


def _index(storage: _Storage, records: Records) -> Finding:
    with records.read_index() as index:
        statistics = statistics_of(storage.areas.values(), index)
    if index is None:
        return _ok("index", "not there yet; the first scan builds it")
    if statistics.as_of is None:
        missing = [area.area for area in statistics.areas if area.as_of is None]
        return _ok("index", f"not complete yet: {', '.join(missing)} to be scanned")
    return _ok("index", f"as of {moment(statistics.as_of)}: {statistics.files:,} files")


def _lock(storage: _Storage, records: Records) -> Finding:
    holder = holder_of(records.state)
    if holder is None:
        return _ok("lock", "free")
    now = as_datetime(storage.now)
    if holder.is_stuck(now, storage.settings.cleanup.lock_timeout):
        silent = format_age(int((now - holder.heartbeat).total_seconds()) * SECOND)
        return _error("lock", f"held by {holder}, without a sign of life for {silent}: look at that process")
    return _ok("lock", f"held by {holder}: a cleanup is running")


def _journal(storage: _Storage, records: Records) -> Iterator[Finding]:
    try:
        with records.read_journal() as journal:
            last = journal.history.totals().last_success if journal else None
    except RecordsError as error:
        yield _error("journal", str(error))
        return
    yield _ok("journal", "readable" if journal else "not there yet; the first run begins it")
    yield _schedule(storage, last)


def _schedule(storage: _Storage, last: int | None) -> Finding:
    cleanup, now = storage.settings.cleanup, storage.now
    ended = "no run yet" if last is None else f"the last run ended {format_age(now - last)} ago"
    if not cleanup.enabled:
        return _warning("schedule", f"cleanup.enabled is false: nothing runs by itself; {ended}")
    if last is not None and last > now + _GRACE:
        return _warning("schedule", f"the last run ended on {moment(last)}, after now: look at the clock")
    following = Schedule.of(cleanup).next_after(now)
    coming = "" if following is None else f"; the next is due on {moment(following)}"
    return _ok("schedule", f"{ended}{coming}")
