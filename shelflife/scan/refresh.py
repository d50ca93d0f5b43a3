"""Bringing the index up to date: one pass over its rows, listing only what changed.

The rows of a root come in preorder. Each directory is looked at by one stat; as long as its key is the
recorded one, its row and the set of its children stand. A directory whose key differs (or whose row is not
to be trusted) is listed; what its listing lacks is dropped with all below, and what it has that the index
lacks is walked when the pass leaves the directory. So the memory that a refresh takes is one page of rows and
the children of the directories that are open on the way down.

A directory that cannot be read keeps its last known counts and makes nothing due, it or anything below it.
A child keeps its row until a listing of its parent lacks it.

A refresh may be stopped or killed after it recorded a directory and before it reached that one's children,
which then have no rows. So a row counts only once a refresh that came to its end is as young as its listing.
"""

from __future__ import annotations

import errno
import os
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shelflife.events import DirectoriesScanned
from shelflife.files.counting import survey_directory
from shelflife.files.mounts import is_trusted
from shelflife.files.reading import DueCounts, Flag, Search
from shelflife.policy.cutoff import KEEP_ALL, Cutoffs
from shelflife.policy.rules import LOST_AND_FOUND
from shelflife.records.index import RowState, Trust
from shelflife.scan.way import for_reading, read_all

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from shelflife.files.reading import Reading
    from shelflife.files.survey import Survey
    from shelflife.records.index import Page
    from shelflife.scan.context import Context
    from shelflife.storage.root import AreaRoot

_PROGRESS: Final = 500
"""Directories between two reports of progress."""

_PIECE: Final = 32
"""Directories that are handed to a thread at once."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A directory that could not be looked at."""

    path: str
    """Relative to the area's directory."""

    errno: int
    """Why."""


@dataclass(slots=True)
class Refreshed:
    """What a refresh of one root found."""

    skipped: int = 0
    """Directories whose row still stood."""

    listed: int = 0
    """Directories that were read."""

    unreadable: list[Unreadable] = field(default_factory=list)
    """Directories that could not be looked at, and so keep what they hold."""

    mounts: list[str] = field(default_factory=list)
    """Directories on which something is mounted: never entered."""

    due: dict[str, DueCounts] = field(default_factory=dict)
    """Of the directories that were read, those with something before the cutoffs."""


class _Frame:
    """A directory on the way down, with the children that a listing found and no row has claimed yet."""

    __slots__ = ("path", "pending")

    def __init__(self, path: str, pending: set[str] | None) -> None:
        self.path = path
        self.pending = pending


class Refresh:
    """One refresh of one root."""

    def __init__(self, context: Context, root: AreaRoot, *, cutoffs: Cutoffs = KEEP_ALL) -> None:
        """Prepare; the context is asked between directories whether to go on, and may raise to end the refresh.

        What was read of directories with something before the cutoffs goes into its `listings`.
        """
        self._context = context
        self._index = context.index
        self._anchor = root.anchor
        self._area = root.area
        self._root = context.index.root(root.directory)
        self._directory = root.directory
        self._freshness = context.freshness
        self._cutoffs = cutoffs
        self._primitives = for_reading(root.anchor)
        self._pool = context.pool.suited_to(self._primitives)
        self._trusted = is_trusted(root.anchor.fd)
        self._frames: list[_Frame] = []
        self._unreachable: str | None = None
        self._files = 0
        self._completed = self._last_completed()
        self.result = Refreshed()

    def run(self) -> Refreshed:
        """Bring the root up to date and return what was found. Raises OSError if the root cannot be read."""
        if self._index.row(self._root, "") is None:
            self._walk([""])
        else:
            self._pass()
        self._report()
        self._index.complete(self._root, as_of=self._freshness.now)
        return self.result

    def _pass(self) -> None:
        """Go over the rows, the root's own first."""
        trust = Trust(
            self._area.rules.fingerprint, self._completed, self._freshness.now, self._freshness.rescan_after
        )
        pages = self._index.pages(self._root, trust)
        with closing(
            self._pool.run(self._recognise, lambda: next(pages, None), between=self._context.between)
        ) as recognised:
            _, mask = next(recognised)
            self._frames = [_Frame("", None if mask[0] else self._children_of(""))]
            self.result.skipped += mask[0]
            for page, mask in recognised:
                if 0 in mask or self._unreachable is not None or not self._claim_all(page):
                    self._pass_page(page, mask)
                else:
                    self.result.skipped += len(mask)
                    self._report()
        while self._frames:
            self._leave(self._frames.pop())

    def _claim_all(self, page: Page) -> bool:
        """Claim the directories of a page in which every row stands; return whether it was as easy as that.

        It is unless a directory below the root was listed on the way here, or the root's listing lacks one.
        """
        root = self._frames[0]
        if any(frame.pending for frame in self._frames[1:]):
            return False
        if root.pending is None:
            return True
        names = [path.partition("/")[0] for path in os.fsdecode(page.paths).split("\0")]
        below = self._frames[1].path[:-1] if len(self._frames) > 1 else ""
        claimed = {name for name in names if name != below}
        if not claimed <= root.pending:
            return False
        root.pending -= claimed
        self._frames[1:] = [_Frame(f"{names[-1]}/", None)]
        return True

    def _recognise(self, page: Page, stop: Flag) -> tuple[Page, bytes]:
        """Return a page, and for each of its rows 1 when it stands for its directory, else 0."""
        if not self._trusted:
            return page, bytes(len(page.trusted))
        mask = self._primitives.stand(self._anchor, page.paths, page.keys, stop)
        if b"0" in page.trusted:
            # the digits 0 and 1 end in these bits
            mask = bytes(stands & trusted for stands, trusted in zip(mask, page.trusted, strict=True))
        return page, mask

    def _pass_page(self, page: Page, mask: bytes) -> None:
        """Go over a page of rows one by one; those that do not stand have been read ahead."""
        rows = list(zip(os.fsdecode(page.paths).split("\0"), mask, strict=True))
        changed = [path for path, stands in rows if not stands and self._may_be_there(path)]
        with closing(self._read(changed)) as ahead:
            for path, stands in rows:
                while not path.startswith(self._frames[-1].path):
                    self._leave(self._frames.pop())
                if self._unreachable is not None and path.startswith(self._unreachable):
                    continue
                self._unreachable = None
                if not self._claim(self._frames[-1], path):
                    self._unreachable = path
                elif stands:
                    self.result.skipped += 1
                    self._progress()
                    self._frames.append(_Frame(path, None))
                else:
                    self._enter(path, ahead)

    def _may_be_there(self, path: str) -> bool:
        """Return whether it is worth reading a directory ahead: nothing says that it is gone."""
        if self._unreachable is not None and path.startswith(self._unreachable):
            return False
        frame = next((frame for frame in reversed(self._frames) if path.startswith(frame.path)), None)
        return frame is None or frame.pending is None or _first(path, frame.path) in frame.pending

    def _enter(self, path: str, ahead: Iterator[tuple[str, Reading]]) -> None:
        """Take a known directory that was read, and go on below it if it could be."""
        survey = self._take(path, ahead)
        if survey is None:
            self._unreachable = path
        else:
            self._frames.append(_Frame(path, set(survey.children)))

    def _take(self, path: str, ahead: Iterator[tuple[str, Reading]]) -> Survey | None:
        """Return what was read ahead of one directory, recorded; None when it cannot be read."""
        for found, reading in ahead:
            if found == path:
                return self._put(path, reading)
        return self._list(path)  # it was not read ahead

    def _children_of(self, path: str) -> set[str]:
        survey = self._list(path)
        return set(survey.children) if survey is not None else set()

    def _last_completed(self) -> int:
        """Return when the last refresh that came to its end was made; 0 when the clock was set back since."""
        completed = self._index.totals(self._directory).as_of
        if completed <= self._freshness.now:
            return completed
        self._index.complete(self._root, as_of=0)
        return 0

    def _claim(self, parent: _Frame, path: str) -> bool:
        """Return whether a row's directory is still in its parent; forget it where it is not."""
        if parent.pending is None:
            return True
        name = path[len(parent.path) : -1]
        if name in parent.pending:
            parent.pending.remove(name)
            return True
        self._index.drop(self._root, path)
        return False

    def _leave(self, frame: _Frame) -> None:
        """Walk what a directory holds that the index did not know."""
        if frame.pending:
            self._walk([f"{frame.path}{name}/" for name in frame.pending])

    def _walk(self, paths: list[str]) -> None:
        """Read directories, and all below them."""
        for path, reading in self._read(paths):
            survey = self._put(path, reading)
            if survey is not None:
                paths.extend(f"{path}{name}/" for name in survey.children)

    def _read(self, paths: list[str]) -> Generator[tuple[str, Reading]]:
        """Read directories and yield each with its path, in order; more may be added meanwhile.

        The first are taken from the front of `paths` only as long as nothing is added.
        """
        paths.reverse()

        def take() -> list[str] | None:
            piece = [paths.pop() for _ in range(min(_PIECE, len(paths)))]
            return piece or None

        for piece in self._pool.run(self._read_piece, take, between=self._context.between):
            yield from piece

    def _read_piece(self, paths: list[str], stop: Flag) -> list[tuple[str, Reading]]:
        search = Search(self._area, self._cutoffs, self._pool.workers)
        readings = read_all(self._anchor, paths, search, stop)
        return list(zip(paths, readings, strict=False))

    def _list(self, path: str) -> Survey | None:
        """Read one directory and record it; return None when it cannot be read."""
        self._context.between()
        ((_, reading),) = self._read_piece([path], Flag())
        return self._put(path, reading)

    def _put(self, path: str, reading: Reading) -> Survey | None:
        """Record what was read of one directory; None when it could not be read."""
        survey = reading.survey
        if reading.error:
            try:
                survey = self._read_carefully(path)
            except OSError as error:
                self._fail(path, error.errno or 0)
                return None
        if not path:  # part of the file system, and only e2fsck's business
            survey.children.pop(LOST_AND_FOUND, None)
        survey.finish(path, self._freshness.settled_before, self._area.rules)
        self._record(path, survey, reading)
        self._progress()
        return survey

    def _read_carefully(self, path: str) -> Survey:
        """Read a directory with which something is out of the ordinary. Raises OSError."""
        with self._anchor.directory(path) as fd:
            return survey_directory(
                fd, path, self._area, settled_before=self._freshness.settled_before, cutoffs=self._cutoffs
            )

    def _record(self, path: str, survey: Survey, reading: Reading) -> None:
        now, rules = self._freshness.now, self._area.rules.fingerprint
        self.result.listed += 1
        self._files += survey.files + sum(part.files for part in survey.others.values())
        if not survey.complete:
            self.result.unreadable.append(Unreadable(path, survey.errno))
            self._index.put(self._root, path, survey, listed=now, rules=rules, state=RowState.UNREADABLE)
            return
        state = None if self._trusted else RowState.UNSETTLED
        self._index.put(self._root, path, survey, listed=now, rules=rules, state=state)
        if survey.is_due(self._cutoffs):
            self.result.due[path] = DueCounts.of(survey)
            self._context.listings.put(self._root, path, reading)

    def _fail(self, path: str, code: int) -> None:
        if not path:
            raise OSError(code, os.strerror(code), self._directory)
        if code == errno.EXDEV:
            self.result.mounts.append(path)
            self._index.mark(self._root, path, RowState.MOUNT, listed=self._freshness.now)
            return
        if code not in (
            errno.ENOENT,
            errno.ENOTDIR,
            errno.ELOOP,
        ):  # gone, or replaced, since its parent was read
            self.result.unreadable.append(Unreadable(path, code))
        self._index.mark(self._root, path, RowState.UNREADABLE, listed=self._freshness.now)

    def _progress(self) -> None:
        if (self.result.skipped + self.result.listed) % _PROGRESS == 0:
            self._report()

    def _report(self) -> None:
        self._context.listener(
            DirectoriesScanned(
                area=self._area.name,
                directories=self.result.skipped + self.result.listed,
                listed=self.result.listed,
                files=self._files,
            )
        )


def _first(path: str, parent: str) -> str:
    """Return the name of the directory right below `parent` that leads to `path`."""
    return path[len(parent) :].partition("/")[0]
