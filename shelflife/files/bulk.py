"""Reading a plain directory in bulk, where there is no compiled code: files only, no patterns, nothing odd.

Whatever Python does entry by entry costs more than the system call for it. So the attributes of all files are
gathered in lists, and builtins sum these up. A directory that is not that plain is read entry by entry instead.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from stat import S_IFMT, S_IFREG
from typing import TYPE_CHECKING, Final

from shelflife.clock import HOUR
from shelflife.files.counting import count_entry
from shelflife.files.listing import Entry, clamp, entry_of, signed
from shelflife.policy.cutoff import BEGINNING
from shelflife.policy.load import Load
from shelflife.policy.rules import stays_by_name
from shelflife.policy.rules.times import AgeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.files.reading import Search
    from shelflife.files.survey import Survey

_LARGEST: Final = 256 * 1024
"""Bytes of a directory itself, up to which all of its names are held at once: some ten thousand."""


def count_in_bulk(
    fd: int, status: os.stat_result, path: str, search: Search, rest: Survey, gone: Survey
) -> list[Entry] | None:
    """Count the open directory `fd`, which is `path` below its area's directory: what is due into `gone`.

    Returns the entries that are due, or None, with nothing counted, when it must be read entry by entry.
    """
    has_subdirectories = not path or status.st_nlink > 2  # where the file system counts them
    native = search.native
    if native is None or native.age is AgeKind.ARRIVED or has_subdirectories or status.st_size > _LARGEST:
        return None
    try:
        names = os.listdir(fd)
        stats = [os.stat(name, dir_fd=fd, follow_symlinks=False) for name in names]
    except OSError:  # one of them vanished, or cannot be looked at
        return None
    kinds = {S_IFMT(found.st_mode) for found in stats}
    if any(map(stays_by_name, names)) or kinds - {S_IFREG} or _has_noise(names, native.noise):
        return None
    if not stats:
        return []
    ctimes = [found.st_ctime_ns for found in stats]
    times = _times(stats, ctimes, native.age)
    first, last = min(*times, *ctimes), max(*times, *ctimes)
    if clamp(first) != first or clamp(last) != last:
        return None
    cutoff = BEGINNING if native.cutoff is None else native.cutoff
    kept: Sequence[int] = range(len(times))
    due: list[Entry] = []
    if min(times) < cutoff:
        those = zip(names, stats, times, strict=True)
        due = [entry_of(name, found, at) for name, found, at in those if at < cutoff]
        for entry in due:
            count_entry(gone, entry, path, search.area, due=True)
        kept = [position for position, at in enumerate(times) if at >= cutoff]
    if kept:
        _add(rest, [stats[n] for n in kept], [times[n] for n in kept], [ctimes[n] for n in kept])
        rest.move_to(native.number)
    return due


def _has_noise(names: list[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _times(stats: Sequence[os.stat_result], ctimes: list[int], age: AgeKind) -> list[int]:
    """Return what the ages of files are counted from: the later of two of their times, or one."""
    mtimes = [found.st_mtime_ns for found in stats]
    if age is AgeKind.CHANGED:
        return list(map(max, mtimes, ctimes))
    if age is AgeKind.ACCESSED:
        return list(map(max, mtimes, [found.st_atime_ns for found in stats]))
    return mtimes


def _add(
    survey: Survey, stats: Sequence[os.stat_result], times: Sequence[int], ctimes: Sequence[int]
) -> None:
    """Count files into a survey of none."""
    sizes = [found.st_size for found in stats]
    survey.entries = survey.files = len(stats)
    survey.bytes = sum(sizes)
    shares = [512 * found.st_blocks // max(1, found.st_nlink) for found in stats]
    survey.allocated = sum(shares)
    survey.first_due = survey.oldest = min(times)
    survey.oldest_inode = signed(stats[times.index(survey.oldest)].st_ino)
    survey.newest, survey.newest_change = max(times), max(ctimes)
    if survey.oldest // HOUR == survey.newest // HOUR:
        survey.hours = {survey.oldest // HOUR: Load(len(stats), survey.bytes, survey.allocated)}
        return
    for time, size, share in zip(times, sizes, shares, strict=True):
        survey.add_to_hour(time, size, share)
