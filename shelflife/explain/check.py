"""Check: whether cleanups can work on a storage as it is, told as a list of findings.

It says what it found also where all is well, and ✗ exactly where a cleanup refuses, or leaves an area out: both
go by `shelflife.storage.preconditions`. It looks and creates nothing – but on file systems whose directories'
times mean nothing to us it tries once, in a directory that is gone afterwards, what the areas need. Whether the
program may write is told for the user who asks, best the one that the service runs as.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shelflife.clock import HOUR, SECOND, as_datetime
from shelflife.errors import RecordsError, StorageError
from shelflife.explain.arrived import arrived
from shelflife.explain.check_areas import check_areas
from shelflife.explain.findings import Finding, Level, error, ok, warning
from shelflife.explain.unexpected import unexpected
from shelflife.files import kernel, primitives
from shelflife.files.mounts import file_system_of, free_bytes, room_of
from shelflife.formats import counted, format_age, human_size, moment
from shelflife.policy.schedule import Schedule
from shelflife.records.statistics import statistics_of
from shelflife.run.lock import holder_of
from shelflife.storage.areas import hold_base, is_mount_point
from shelflife.storage.preconditions import base_obstacle, records_obstacles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from shelflife.policy.area import Area
    from shelflife.records.records import Records
    from shelflife.settings import Settings

__all__ = ["Finding", "Level", "check_storage"]

FULL: Final = 0.90
"""Share of a file system in use from which a warning is due."""

_GRACE: Final = HOUR
"""How far (ns) the clock may be behind the last run before that is said."""


@dataclass(frozen=True, slots=True)
class _Storage:
    settings: Settings
    areas: Mapping[str, Area]
    now: int


def check_storage(
    *, settings: Settings, areas: Mapping[str, Area], records: Records | None, now: int, trying: bool = False
) -> list[Finding]:
    """Look at a storage at `now` (ns) and return what was found, from the ground up.

    With `trying`, what file systems can do is tried out where that is not known, and files are looked at that may
    have come with old times: not for whoever asks every few seconds. `records` is None when the base path is not
    there. Never raises for what is wrong with the storage.
    """
    storage = _Storage(settings, areas, now)
    found = [_settings(settings), *_kernel(), _compiled(), *_base(storage)]
    if records is None:
        return found
    found += check_areas(settings.base_path, areas.values(), trying=trying)
    faults = records_obstacles(records)
    found += [error(fault.subject, fault.message) for fault in faults]
    if any(fault.subject == "state directory" for fault in faults):  # what cannot be read is not empty
        return [*found, *unexpected(settings.base_path, areas.values(), None, now)]
    found += [_state(storage), _index(storage, records), _lock(storage, records)]
    if not faults:
        found += _journal(storage, records)
    with suppress(RecordsError), records.read_index() as index:
        found += unexpected(settings.base_path, areas.values(), index, now)
    if trying:
        with suppress(StorageError), hold_base(settings.base_path) as base:
            found += arrived(base, areas.values(), records, now)
    return found


# -- before the storage


def _settings(settings: Settings) -> Finding:
    if settings.cleanup.dry_run:
        return warning("settings", "cleanup.dry_run is true: no cleanup removes anything, whoever starts it")
    areas = counted(len(settings.areas), "area", "areas")
    return ok("settings", f"{settings.source or 'the settings'}: valid, {areas}")


def _kernel() -> Iterator[Finding]:
    if _works(_openat2):
        yield ok("kernel", "openat2 works: nothing leads out of an area")
    else:
        yield warning(
            "kernel",
            "openat2 is missing (before Linux 5.6, or forbidden): directories are opened step by step, "
            "which is slower, and does not see bind mounts of the same file system",
        )
    if not _works(_renameat2):
        yield warning("kernel", "renameat2 is missing: areas with `expire: directory` are not cleaned")


def _compiled() -> Finding:
    if primitives.chosen().is_compiled:
        return ok("compiled part", "in use")
    return warning(
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
    if fault := base_obstacle(storage.settings):
        yield error(fault.subject, fault.message)
        return
    with suppress(StorageError), hold_base(path) as fd:
        yield ok("base path", f"{path}: readable")
        yield _volume(fd)
        yield _room(path, fd)


def _volume(fd: int) -> Finding:
    kind = file_system_of(fd)
    if is_mount_point(fd):
        return ok("volume", f"the base path is a mount point ({kind})")
    return ok("volume", f"the base path is on the file system of its parent ({kind}; no volume of its own)")


def _room(path: Path, fd: int) -> Finding:
    status = os.fstatvfs(fd)
    used = status.f_blocks - status.f_bfree
    share = used / (used + status.f_bavail) if used + status.f_bavail else 0.0  # as df shows it
    free = f"{human_size(free_bytes(fd))} free, {share:.0%} in use"
    room = room_of(status)
    if room.bytes is None:
        return warning("room", f"{path}: the file system does not say how much room it has")
    if room.inodes is not None and room.inodes < status.f_files * (1 - FULL):
        return warning("room", f"{path}: {free}, and only {room.inodes} inodes are left")
    return warning("room", f"{path}: {free}") if share >= FULL else ok("room", f"{path}: {free}")


# -- the records


def _state(storage: _Storage) -> Finding:
    path = storage.settings.state_path
    if not path.exists():
        return ok("state directory", f"{path}: not there yet; the first run makes it")
    return ok("state directory", f"{path}: readable and writable")


def _index(storage: _Storage, records: Records) -> Finding:
    with records.read_index() as index:
        statistics = statistics_of(storage.areas.values(), index)
    if index is None:
        return ok("index", "not there yet; the first scan builds it")
    if statistics.as_of is None:
        missing = [area.area for area in statistics.areas if area.as_of is None]
        return ok("index", f"not complete yet: {', '.join(missing)} to be scanned")
    return ok("index", f"as of {moment(statistics.as_of)}: {counted(statistics.files, 'file', 'files')}")


def _lock(storage: _Storage, records: Records) -> Finding:
    holder = holder_of(records.state)
    if holder is None:
        return ok("lock", "free")
    now = as_datetime(storage.now)
    if holder.is_stuck(now, storage.settings.cleanup.lock_timeout):
        silent = format_age(int((now - holder.heartbeat).total_seconds()) * SECOND)
        return error("lock", f"held by {holder}, without a sign of life for {silent}: look at that process")
    return ok("lock", f"held by {holder}: a cleanup is running")


def _journal(storage: _Storage, records: Records) -> Iterator[Finding]:
    try:
        with records.read_journal() as journal:
            last = journal.history.totals().last_success if journal else None
    except RecordsError as broken:
        yield error("journal", str(broken))
        return
    yield ok("journal", "readable" if journal else "not there yet; the first run begins it")
    yield _schedule(storage, last)


def _schedule(storage: _Storage, last: int | None) -> Finding:
    cleanup, now = storage.settings.cleanup, storage.now
    ended = "no run yet" if last is None else f"the last run ended {format_age(now - last)} ago"
    if not cleanup.enabled:
        return warning("schedule", f"cleanup.enabled is false: nothing runs by itself; {ended}")
    if last is not None and last > now + _GRACE:
        return warning("schedule", f"the last run ended on {moment(last)}, after now: look at the clock")
    following = Schedule.of(cleanup).next_after(now)
    coming = "" if following is None else f"; the next is due on {moment(following)}"
    return ok("schedule", f"{ended}{coming}")
