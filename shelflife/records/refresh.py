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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shelflife.events import DirectoriesScanned
from shelflife.files.mounts import is_trusted
from shelflife.files.survey import Key, survey_directory
from shelflife.policy.area import SECOND
from shelflife.records.index import Row, RowState

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.events import Listener
    from shelflife.files.anchor import Anchor
    from shelflife.files.survey import Survey
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff
    from shelflife.records.index import Index

_PROGRESS: Final = 500
"""Directories between two reports of progress."""


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

    due: dict[str, Survey] = field(default_factory=dict)
    """Of the directories that were read, those with something before the cutoff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """When a row may stand without another look. Durations and times in ns."""

    now: int
    settle: int
    """Age from which times are settled."""
    rescan_after: int
    """Age at which a row is read again, whatever its key says."""

    @property
    def settled_before(self) -> int:
        """Times before this one are settled."""
        return self.now - self.settle

    def is_stale(self, row: Row) -> bool:
        """Return whether a row is due for its rolling re-scan.

        Spread by inode over the second half of the time, so that what was first scanned in one night is not
        scanned again in one night.
        """
        share = (row.inode % 1024) / 2048
        return row.listed > self.now or self.now - row.listed > self.rescan_after * (0.5 + share)


class _Frame:
    """A directory on the way down, with the children that a listing found and no row has claimed yet."""

    __slots__ = ("path", "pending")

    def __init__(self, path: str, pending: set[str] | None) -> None:
        self.path = path
        self.pending = pending


class Refresh:
    """One refresh of one root."""

    def __init__(
        self,
        index: Index,
        anchor: Anchor,
        area: Area,
        directory: str,
        *,
        freshness: Freshness,
        cutoff: Cutoff | None = None,
        listener: Listener,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; `between` is called between directories and may raise to end the refresh."""
        self._index = index
        self._anchor = anchor
        self._area = area
        self._directory = directory
        self._root = index.root(directory)
        self._freshness = freshness
        self._cutoff = cutoff
        self._listener = listener
        self._between = between
        self._trusted = is_trusted(anchor.fd)
        self._files = 0
        self._completed = self._last_completed()
        self.result = Refreshed()

    def run(self) -> Refreshed:
        """Bring the root up to date and return what was found. Raises OSError if the root cannot be read."""
        frames: list[_Frame] = []
        unreachable: str | None = None
        for row in self._index.rows(self._root):
            while frames and not row.path.startswith(frames[-1].path):
                self._leave(frames.pop())
            if unreachable is not None and row.path.startswith(unreachable):
                continue
            unreachable = None
            frame = self._enter(row) if not frames or self._claim(frames[-1], row) else None
            if frame is None:
                unreachable = row.path
            else:
                frames.append(frame)
        if not frames:
            self._walk([""])
        while frames:
            self._leave(frames.pop())
        self._report()
        self._index.complete(self._root, as_of=self._freshness.now)
        return self.result

    def _last_completed(self) -> int:
        """Return when the last refresh that came to its end was made; 0 when the clock was set back since."""
        completed = self._index.totals(self._directory).as_of
        if completed <= self._freshness.now:
            return completed
        self._index.complete(self._root, as_of=0)
        return 0

    def _claim(self, parent: _Frame, row: Row) -> bool:
        """Return whether the row's directory is still in its parent; forget it where it is not."""
        if parent.pending is None:
            return True
        name = row.path[len(parent.path) : -1]
        if name in parent.pending:
            parent.pending.remove(name)
            return True
        self._index.drop(self._root, row.path)
        return False

    def _enter(self, row: Row) -> _Frame | None:
        """Look at a known directory; return None when it cannot be entered."""
        if self._stands(row):
            self.result.skipped += 1
            self._progress()
            return _Frame(row.path, None)
        survey = self._list(row.path)
        return None if survey is None else _Frame(row.path, set(survey.children))

    def _stands(self, row: Row) -> bool:
        if not self._trusted or row.state != RowState.OK or row.rules != self._area.rules:
            return False
        if row.listed > self._completed or self._freshness.is_stale(row):
            return False
        try:
            status = self._anchor.stat(row.path)
        except OSError:
            return False
        return Key.of(status) == row.key and status.st_dev == self._anchor.identity.device

    def _leave(self, frame: _Frame) -> None:
        """Walk what a directory holds that the index did not know."""
        if frame.pending:
            self._walk([f"{frame.path}{name}/" for name in frame.pending])

    def _walk(self, paths: list[str]) -> None:
        while paths:
            path = paths.pop()
            survey = self._list(path)
            if survey is not None:
                paths.extend(f"{path}{name}/" for name in survey.children)

    def _list(self, path: str) -> Survey | None:
        """Read one directory and record it; return None when it cannot be read."""
        self._between()
        try:
            with self._anchor.directory(path) as fd:
                survey = survey_directory(
                    fd,
                    path,
                    self._area,
                    settled_before=self._freshness.settled_before,
                    cutoff=self._cutoff,
                )
        except OSError as error:
            self._fail(path, error.errno or 0)
            return None
        self._record(path, survey)
        self._progress()
        return survey

    def _record(self, path: str, survey: Survey) -> None:
        now, rules = self._freshness.now, self._area.rules
        self.result.listed += 1
        self._files += survey.files
        if not survey.complete:
            self.result.unreadable.append(Unreadable(path, survey.errno))
            self._index.put(self._root, path, survey, listed=now, rules=rules, state=RowState.UNREADABLE)
            return
        self._index.put(self._root, path, survey, listed=now, rules=rules)
        if self._cutoff is not None and survey.first_due < self._cutoff.at:
            self.result.due[path] = survey

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
        self._listener(
            DirectoriesScanned(
                area=self._area.name,
                directories=self.result.skipped + self.result.listed,
                listed=self.result.listed,
                files=self._files,
            )
        )


def freshness_at(now: int, *, settle: int, rescan_after: int) -> Freshness:
    """Return the freshness that settings in seconds ask for at `now` (ns)."""
    return Freshness(now=now, settle=settle * SECOND, rescan_after=rescan_after * SECOND)
