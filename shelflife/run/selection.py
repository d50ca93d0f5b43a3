"""What a person wants back out of the trash, and where it is: found on the disk, not in a record."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.errors import StorageError, UsageError
from shelflife.files.listing import EntryKind, entry_at
from shelflife.files.restoring import restoring
from shelflife.files.trash import prune_trash
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY, place_of
from shelflife.remove.restoring import Start
from shelflife.run.trashed import PartFilter, TrashedFile, files_of, parts_of
from shelflife.settings import BASE_PATH
from shelflife.storage.areas import hold_roots
from shelflife.storage.paths import Place, locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.policy.area import Area
    from shelflife.run.trashed import Part
    from shelflife.run.workplace import Workplace
    from shelflife.storage.root import AreaRoot

SHOWN = "`shelflife trash list` shows what is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(PartFilter):
    """What is to come back: all that fits each of these."""

    paths: tuple[str, ...] = ()
    """What was there, or below; empty: anywhere."""
    new_path: str | None = None
    """Another path for the one path."""
    into: str | None = None
    """A directory below which it comes back, laid out as it was below its area."""

    def __post_init__(self) -> None:
        if self.new_path is not None and (self.runs or len(self.paths) != 1 or self.into is not None):
            raise UsageError("only one file or directory can get another path; leave out --as")
        narrows = (self.runs, self.paths, self.areas, self.since is not None, self.until is not None)
        if not any(narrows):
            raise UsageError("say what is to come back: a run, paths, an area, or a time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What of one run's part of the trash is selected."""

    area: Area
    directory: str
    """The area's directory that it was in, relative to the base path."""
    part: Part
    starts: tuple[Start, ...]
    files: int
    """Files and links that these are."""


@dataclass(slots=True)
class Goal:
    """Where things come back to, if not to where they were."""

    place: Place
    is_new_path: bool


def find(work: Workplace, base: int, selection: Selection) -> list[Found]:
    """Return what is selected and waits in the trash, the latest of each directory first.

    `base` is the open base path.

    Raises UsageError where something that is asked for by its path or run is not there, StorageError.
    """
    places = _outermost([locate(path, work.settings.base_path, work.areas) for path in selection.paths])
    goal = goal_of(work, selection)
    found: list[Found] = []
    faults: list[str] = []
    for name in selection.areas or work.areas:
        area = work.areas[name]
        if places and not any(place.area.name == name for place in places):
            continue
        with _roots_of(base, area, faults) as roots:
            for _, directory, anchor in roots:
                here = [place for place in places if place.directory == directory]
                if here or not places:
                    found += _found_in(area, directory, anchor, selection, here, goal)
                    faults += _fault_of(directory, anchor)
    if goal is not None and goal.is_new_path:
        found = found[:1]
    _require_all(work, selection, places, found, faults)
    return found


@contextmanager
def _roots_of(base: int, area: Area, faults: list[str]) -> Iterator[list[AreaRoot]]:
    """Hold an area's directories, as a context; none where it leads away, which is told."""
    with ExitStack() as opened:
        try:
            roots, _ = opened.enter_context(hold_roots(base, area))
        except StorageError as error:
            faults.append(str(error))
            roots = []
        yield roots


def _found_in(
    area: Area,
    directory: str,
    anchor: Anchor,
    selection: Selection,
    places: Sequence[Place],
    goal: Goal | None,
) -> Iterator[Found]:
    primitives = restoring(anchor)
    for part in reversed(parts_of(anchor)):
        if not selection.covers(part):
            continue
        starts: list[Start] = []
        files = 0
        for path in [place.path for place in places] or [""]:
            start = _start_of(anchor, part, path, goal)
            if start is None:
                continue
            inner = f"{start.inner}{start.name}/" if start.name else start.inner
            count = primitives.count(anchor, part.top + inner)
            is_file = start.name is not None and _kind_of(anchor, part.top + path) is not EntryKind.DIRECTORY
            if count or is_file:
                starts.append(start)
                files += count + is_file
        if starts:
            yield Found(area=area, directory=directory, part=part, starts=tuple(starts), files=files)


def _start_of(anchor: Anchor, part: Part, path: str, goal: Goal | None) -> Start | None:
    """Return where to begin for a path below the area's directory; None where nothing of it is in the part."""
    prefix = ""
    if goal is not None and not goal.is_new_path and goal.place.path:
        prefix = f"{goal.place.path}/"
    if not path:
        return Start("", prefix)
    if _kind_of(anchor, part.top + path) is None:
        return None
    head, slash, name = path.rpartition("/")
    inner = head + slash
    if goal is not None and goal.is_new_path:
        above, slash, new = goal.place.path.rpartition("/")
        return Start(inner, above + slash, name, new)
    return Start(inner, prefix + inner, name)


def _kind_of(anchor: Anchor, path: str) -> EntryKind | None:
    """Return what is at a path below an anchor; None where nothing is."""
    parent, slash, name = path.rpartition("/")
    with suppress(OSError), anchor.directory(parent + slash) as fd:
        return entry_at(fd, name).kind
    return None


def goal_of(work: Workplace, selection: Selection) -> Goal | None:
    """Return where things come back to, if not to where they were. Raises UsageError."""
    path = selection.new_path if selection.into is None else selection.into
    if path is None:
        return None
    place = locate(path, work.settings.base_path, work.areas)
    if TRASH_DIRECTORY in place.path.split("/"):
        raise UsageError(f"{place.whole} lies in the trash itself")
    if selection.new_path is not None and not place.path:
        raise UsageError(f"{place.whole} is an area's own directory")
    return Goal(place, is_new_path=selection.into is None)


def _outermost(places: Sequence[Place]) -> list[Place]:
    """Return the places that lie in none of the others, each once."""
    wholes = {place.whole for place in places}

    def is_covered(place: Place) -> bool:
        if BASE_PATH in wholes:
            return place.whole != BASE_PATH
        path = place.whole
        while path := path.rpartition("/")[0]:
            if path in wholes:
                return True
        return False

    return [place for place in dict.fromkeys(places) if not is_covered(place)]


def _fault_of(directory: str, anchor: Anchor) -> list[str]:
    """Return what is wrong with the trash of one of an area's directories, if it cannot be looked at."""
    try:
        with anchor.directory(f"{TRASH_DIRECTORY}/"):
            return []
    except FileNotFoundError:
        return []
    except OSError as error:
        hint = "a volume of its own (a mount)" if error.errno == errno.EXDEV else error.strerror
        return [f"{place_of(directory, TRASH_DIRECTORY)} cannot be looked at: {hint}"]


def _require_all(
    work: Workplace,
    selection: Selection,
    places: Sequence[Place],
    found: Sequence[Found],
    faults: Sequence[str],
) -> None:
    """Raise UsageError where a path or a run that was named is not in the trash, or nothing at all is."""
    why = f"; {'; '.join(faults)}" if faults else f"; {SHOWN}"
    for run in selection.runs:
        if not any(one.part.run == run for one in found):
            raise UsageError(f"nothing that run {run} removed is in the trash{why}")
    for place in places:
        starts = [start for one in found if one.directory == place.directory for start in one.starts]
        if not any(place.path == start.inner + (start.name or "") for start in starts):
            if os.path.isdir(work.settings.base_path / place.whole):
                raise UsageError(f"nothing below {place.whole} is in the trash{why}")
            raise UsageError(f"{place.whole} is not in the trash{why}")
    if not found:
        raise UsageError(f"nothing of that is in the trash{why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Returning:
    """A file that would come back."""

    file: TrashedFile
    home: str
    """Where to, relative to the base path."""
    is_taken: bool
    """Whether something of that name is there, so that it would stay in the trash."""


def preview(work: Workplace, selection: Selection) -> Iterator[Returning]:
    """Yield what would come back now, of each path the latest. Changes nothing. Raises as `find`."""
    goal = goal_of(work, selection)
    with work.hold_base() as base:
        found = find(work, base, selection)
        seen: set[str] | None = set() if len(found) > 1 else None
        for one in found:
            home_directory = one.directory if goal is None else goal.place.directory
            for start in one.starts:
                old = place_of(one.directory, start.inner + (start.name or ""))
                new = place_of(home_directory, start.home + (start.new or start.name or ""))
                for file in _waiting(base, one, start):
                    home = new + file.path[len(old) :]
                    if seen is None or home not in seen:
                        taken = os.path.lexists(work.settings.base_path / home)
                        yield Returning(file=file, home=home, is_taken=taken)
                    if seen is not None:
                        seen.add(home)


def _waiting(base: int, one: Found, start: Start) -> Iterator[TrashedFile]:
    with hold_roots(base, one.area) as (roots, _):
        anchor = {root.directory: root.anchor for root in roots}[one.directory]
        yield from files_of(one.area, one.directory, anchor, one.part, start.inner + (start.name or ""))


def prune_empty(work: Workplace, base: int, selection: Selection) -> None:
    """Remove what a killed restore left of parts of the trash: directories with no file in them."""
    for area in work.areas.values():
        with _roots_of(base, area, []) as roots:
            for _, _, anchor in roots:
                for part in parts_of(anchor):
                    if selection.covers(part) and not restoring(anchor).count(anchor, part.top):
                        with suppress(OSError):
                            paths = [path for path, _, entries in walk(anchor, part.top) if not entries]
                            for path in reversed(paths):
                                prune_trash(anchor, path)
