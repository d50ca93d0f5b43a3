"""Restoring: what a person does about the trash.

The trash is read from the disk, not from a record: what is there can be brought back, also without the journal.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.errors import PartlyRestored, UsageError
from shelflife.files.anchor import Anchor
from shelflife.files.listing import EntryKind, entry_at
from shelflife.files.rename import put_back
from shelflife.files.trash import DISPLACED, TrashName, prune_trash
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.records.journal import Journal
from shelflife.records.marker import check_marker
from shelflife.records.state import Owner
from shelflife.remove.purge import trash_names
from shelflife.run.holds import record_hold
from shelflife.run.lock import cleanup_lock
from shelflife.run.trash_count import count_trash
from shelflife.storage.areas import hold_roots
from shelflife.storage.paths import Place, locate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shelflife.policy.area import Area
    from shelflife.run.workplace import Workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashedFile:
    """A file, or link, that waits in the trash. Times in ns since the epoch."""

    area: str
    path: str
    """Where it was, relative to the base path."""
    place: str
    """Where it is, relative to the base path."""
    run: int
    """The run that put it there."""
    trashed: int
    """When that run began."""
    until: int | None
    """When it is purged; None: never, since it was displaced."""
    size: int
    """Bytes."""
    mtime: int


def trashed_files(work: Workplace, areas: Iterable[Area]) -> Iterator[TrashedFile]:
    """Yield what waits in the trash, by area, the oldest first. Raises StorageError."""
    with work.hold_base() as base:
        for area in areas:
            with hold_roots(base, area) as (roots, _):
                for directory, anchor in roots:
                    yield from _trashed(area, directory, anchor)


def _trashed(area: Area, directory: str, anchor: Anchor) -> Iterator[TrashedFile]:
    for name, top, displaced in _tops(anchor):
        with suppress(OSError):
            for path, _, entries in walk(anchor, top):
                for entry in entries:
                    if entry.kind is EntryKind.DIRECTORY:
                        continue
                    yield TrashedFile(
                        area=area.name,
                        path=f"{directory}/{path[len(top) :]}{entry.name}",
                        place=f"{directory}/{path}{entry.name}",
                        run=name.run,
                        trashed=name.at,
                        until=None if displaced else name.at + (area.trash or 0),
                        size=entry.size,
                        mtime=entry.mtime,
                    )


def _tops(anchor: Anchor) -> Iterator[tuple[TrashName, str, bool]]:
    """Yield (name, path below the area, whether displaced) of each run's part of the trash."""
    for name in trash_names(anchor):
        yield name, f"{TRASH_DIRECTORY}/{name}/", False
    with suppress(OSError), anchor.directory(f"{TRASH_DIRECTORY}/{DISPLACED}/") as fd:
        for text in sorted(os.listdir(fd)):
            if (displaced := TrashName.parse(text)) is not None:
                yield displaced, f"{TRASH_DIRECTORY}/{DISPLACED}/{text}/", True


def restore(work: Workplace, target: str, *, to: str | None = None, hold: bool = True) -> list[str]:
    """Bring back a file or tree by its former path, or all that a run removed, by the run's number.

    Nothing is ever replaced: what is in the way is named, and stays. `to` is another path to restore a single
    file or tree as. What comes back is held for one retention of its area, unless `hold` is False, since the
    next run would take it again. Returns the paths that came back, relative to the base path.
    Raises UsageError, StorageError, RecordsError, CleanupBusy.
    """
    records = work.records
    with cleanup_lock(records.state, "restoring from the trash"), records.open_journal() as journal:
        check_marker(records.state, journal)
        try:
            return _restore(work, journal, target, to, hold=hold)
        finally:
            with work.hold_base() as base:
                count_trash(journal.trash, base, work.areas)


def _restore(work: Workplace, journal: Journal, target: str, to: str | None, *, hold: bool) -> list[str]:
    if target.isdecimal():
        if to is not None:
            raise UsageError("a whole run can only be restored to where its files were; leave out --as")
        return _restore_run(work, journal, int(target), hold=hold)
    place = locate(target, work.settings.base_path, work.areas)
    goal = place if to is None else locate(to, work.settings.base_path, work.areas)
    if to is None and os.path.isdir(work.settings.base_path / goal.whole):
        return _restore_into(work, journal, place, hold=hold)
    return [_restore_path(work, journal, place, goal, hold=hold)]


def _restore_path(
    work: Workplace, journal: Journal, place: Place, goal: Place, *, hold: bool, run: int | None = None
) -> str:
    """Bring back the latest that was there, or what `run` has put into the trash."""
    with work.hold_base() as base, Anchor.open(base, place.directory) as anchor:
        for name, top, _ in reversed(list(_tops(anchor))):
            if run in (None, name.run) and _is_there(anchor, top + place.path):
                _move_back(work, base, anchor, top, place, goal)
                break
        else:
            raise UsageError(f"{place.whole} is not in the trash; `shelflife trash list` shows what is")
    if hold:
        _hold(work, journal, goal)
    return goal.whole


def _restore_run(work: Workplace, journal: Journal, run: int, *, hold: bool) -> list[str]:
    files = [file for file in trashed_files(work, work.areas.values()) if file.run == run]
    if not files:
        raise UsageError(
            f"nothing that run {run} removed is in the trash; `shelflife trash list` shows what is"
        )
    trees = _restore_trees(work, journal, run, hold=hold)
    under = tuple(f"{tree}/" for tree in trees)
    back = [file.path for file in files if file.path.startswith(under)] if under else []
    rest = [file for file in files if not (under and file.path.startswith(under))]
    return _restore_files(work, journal, rest, hold=hold, restored=back)


def _restore_trees(work: Workplace, journal: Journal, run: int, *, hold: bool) -> list[str]:
    """Bring back whole directories of a run by one rename each, where their names are free; return their paths.

    Each is held as one. What is left – in directories that are there, and what failed – comes back file by file.
    """
    trees: list[str] = []
    with work.hold_base() as base:
        for area in work.areas.values():
            with hold_roots(base, area) as (roots, _):
                for directory, anchor in roots:
                    for name, top, _ in _tops(anchor):
                        if name.run == run:
                            places = [Place(area, directory, path) for path in _rename_back(anchor, top)]
                            trees += [place.whole for place in places]
                            for place in places if hold else ():
                                _hold(work, journal, place)
    return trees


def _rename_back(anchor: Anchor, top: str) -> Iterator[str]:
    """Rename back each directory of a run's trash whose name is free; yield the paths, without a trailing slash.

    Those whose names are taken by directories are gone through, down to what is free in them; without recursion,
    since a tree may be deeper than calls can be.
    """
    waiting, visited = [""], []
    while waiting:
        inner = waiting.pop()
        visited.append(inner)
        try:
            with anchor.directory(top + inner) as source, anchor.directory(inner) as home:
                names = sorted(
                    entry.name for entry in os.scandir(source) if entry.is_dir(follow_symlinks=False)
                )
                for name in names:
                    try:
                        put_back(source, name, home, name)
                    except FileExistsError:
                        waiting.append(f"{inner}{name}/")
                    except OSError:
                        continue  # file by file it is told why
                    else:
                        yield inner + name
        except OSError:
            continue  # gone meanwhile, or not to be read
    for inner in reversed(visited):  # what is below comes first
        prune_trash(anchor, top + inner)


def _restore_into(work: Workplace, journal: Journal, place: Place, *, hold: bool) -> list[str]:
    """Bring back what was below a directory that is there (again, or still); of each path the latest."""
    prefix = f"{place.whole}/"
    waiting = trashed_files(work, [place.area])
    latest = {file.path: file for file in waiting if file.path.startswith(prefix)}
    if not latest:
        raise UsageError(f"nothing below {place.whole} is in the trash; `shelflife trash list` shows what is")
    return _restore_files(work, journal, list(latest.values()), hold=hold)


def _restore_files(
    work: Workplace,
    journal: Journal,
    files: list[TrashedFile],
    *,
    hold: bool,
    restored: Iterable[str] = (),
) -> list[str]:
    """Bring back files one by one; return their paths after those that are `restored` already."""
    restored, faults = list(restored), []
    for file in files:
        place = _place_of(work, file)
        try:
            restored.append(_restore_path(work, journal, place, place, hold=hold, run=file.run))
        except UsageError as error:
            faults.append(str(error))
    if faults and restored:
        raise PartlyRestored(restored, faults)
    if faults:
        raise UsageError("; ".join(faults[:5]))
    return restored


def _place_of(work: Workplace, file: TrashedFile) -> Place:
    area = work.areas[file.area]
    directory = next(name for name in area.directories if file.path.startswith(f"{name}/"))
    return Place(area, directory, file.path[len(directory) + 1 :])


def _is_there(anchor: Anchor, path: str) -> bool:
    parent, _, name = path.rpartition("/")
    try:
        with anchor.directory(f"{parent}/") as fd:
            entry_at(fd, name)
    except OSError:
        return False
    return True


def _move_back(work: Workplace, base: int, anchor: Anchor, top: str, place: Place, goal: Place) -> None:
    """Rename from the trash to where it was, or shall be; parents are made again as they were."""
    inner, _, name = place.path.rpartition("/")
    try:
        with Anchor.open(base, goal.directory) as target:
            parent, _, new_name = goal.path.rpartition("/")
            fd = _make_parents(anchor, top, target, parent, Owner.of(work.settings.base_path))
            try:
                with anchor.directory(f"{top}{inner}/" if inner else top) as source:
                    put_back(source, name, fd, new_name)
            finally:
                os.close(fd)
    except FileExistsError:
        raise UsageError(
            f"cannot restore {goal.whole}: something of that name is there; move it away, or restore --as another"
        ) from None
    except OSError as error:
        hint = "; it lies on another volume" if error.errno == errno.EXDEV else ""
        raise UsageError(f"cannot restore {goal.whole}: {error.strerror}{hint}") from error
    prune_trash(anchor, f"{top}{inner}/" if inner else top)


def _make_parents(trash: Anchor, top: str, target: Anchor, path: str, owner: Owner) -> int:
    """Open the directory at `path` below `target`, made where it is missing with what the trash knows of it."""
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=target.fd)
    done = ""
    try:
        for part in path.split("/") if path else ():
            done += f"{part}/"
            made = False
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=fd)
                made = True
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = below
            if made:
                _copy_owner_and_mode(trash, f"{top}{done}", fd, owner)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _copy_owner_and_mode(trash: Anchor, path: str, fd: int, owner: Owner) -> None:
    uid, gid = owner.uid, owner.gid
    with suppress(OSError), trash.directory(path) as mirror:
        status = os.fstat(mirror)
        uid, gid = status.st_uid, status.st_gid
        os.fchmod(fd, status.st_mode & 0o7777)
    if os.geteuid() == 0:
        with suppress(OSError):
            os.fchown(fd, uid, gid)


def _hold(work: Workplace, journal: Journal, place: Place) -> None:
    retention = place.area.retention
    if retention is not None:
        until = work.clock() + retention
        record_hold(work, journal, place, until=until, reason="restored from the trash")
