"""Restoring: what waits in the trash comes back to where it was, and replaces nothing.

A directory whose name is free comes back by one rename, whatever is in it, and is as it was: its own times and
its mode with it. Where the name is taken by a directory, what is in it comes back one by one, and its own
directories again as a whole where their names are free. Where anything else has the name, it stays in the trash,
and is told.

It goes by the one batch loop (`shelflife.remove.batch`): written down before, with its outcome after. A kill
between leaves each entry either here or there, and the disk tells which.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass, field
from stat import S_ISDIR
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.events import DirectoryRestored
from shelflife.files.candidates import Candidates, Fate, Going, Outcomes
from shelflife.files.coming import OTHER_ONE, Came, Coming
from shelflife.files.listing import Entry, EntryKind, entry_at
from shelflife.files.reading import TaskResult
from shelflife.files.removal import Outcome, Result
from shelflife.files.restoring import bring_one, make_directories, restoring
from shelflife.files.trash import prune_trash
from shelflife.policy.verdict import Reason
from shelflife.records.history import BatchKind
from shelflife.remove.batch import BatchLoop, BatchResult, Portion
from shelflife.remove.report import Failure
from shelflife.remove.root import AreaLost

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.remove.root import Root

_TOGETHER: Final = 1000
"""Entries whose return is journalled in one transaction."""

_TAKEN: Final = "something of that name is there"


@dataclass(slots=True)
class Return(Portion):
    """Entries that come back to one directory, `path` below the root."""

    source: str = field(kw_only=True)
    """The directory in the trash that they come from."""

    old: str | None = field(default=None, kw_only=True)
    """The name there of the one entry, where it gets another."""

    @property
    def packed(self) -> Candidates:
        """The entries that have no outcome yet."""
        rest = self.rest
        return rest if isinstance(rest, Candidates) else Candidates.of(rest)


class Start(NamedTuple):
    """What of one run's part of the trash is to come back, and where to."""

    inner: str
    """A directory of the part, below its top, with a trailing slash."""

    home: str
    """The directory, below the root, that it comes back to."""

    name: str | None = None
    """Only this entry of it; None: all that is in it."""

    new: str | None = None
    """What that entry shall be called; None: as before."""


class BringBack:
    """The way in which entries come back out of the trash."""

    def __init__(self, root: Root, trash: Anchor) -> None:
        """Bring entries from below `trash`, one of an area's directories, back below `root`."""
        self._root = root
        self._trash = trash
        self._primitives = restoring(root.anchor, trash)

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[BatchResult]:
        """See `Way`."""
        self._root.verify()
        if self._trash is not self._root.anchor and not self._trash.is_in_place():
            raise AreaLost(f"{self._trash.place}: was moved or replaced meanwhile")
        shares = [portion for portion in portions if isinstance(portion, Return)]
        given = [Coming(share.source, share.path, share.packed) for share in shares]
        in_bulk = [coming for share, coming in zip(shares, given, strict=True) if share.old is None]
        answers = iter(self._primitives.bring_back(self._trash, self._root.anchor, in_bulk, until))
        return [
            self._step(share, coming.entries, next(answers))
            if share.old is None
            else BatchResult(self._one_by_one(share, coming.entries))
            for share, coming in zip(shares, given, strict=True)
        ]

    def _step(self, share: Return, entries: Candidates, came: Came) -> BatchResult:
        if came.error:
            return BatchResult(self._one_by_one(share, entries))
        if any(came.codes):
            return BatchResult(self._outcomes(share, entries, came.codes))
        done = len(came.codes)
        fates = bytes([Fate.REMOVED]) * done
        files = 0 if share.kind is BatchKind.RESTORED_TREE else done
        return BatchResult(Outcomes(entries, fates, Going.RESTORED), answer=TaskResult(0, fates, files))

    def _outcomes(self, share: Return, entries: Candidates, codes: Sequence[int]) -> list[Outcome]:
        found = []
        for entry, code in zip(entries, codes, strict=False):
            if code == 0:
                found.append(Outcome(entry, Result.RESTORED, Reason.RESTORED))
            elif code == OTHER_ONE:
                found.append(Outcome(entry, Result.KEPT, Reason.CHANGED))
            else:
                found += self._one_by_one(share, [entry])
        return found

    def _one_by_one(self, share: Return, entries: Sequence[Entry]) -> list[Outcome]:
        """Bring entries back the careful way."""
        retries = self._root.options.retries
        code, reason = 0, Reason.VANISHED
        try:
            with self._trash.directory(share.source) as source:
                reason = Reason.RESTORED
                with self._root.anchor.directory(share.path) as home:
                    return [
                        self._apart(
                            share, bring_one(source, share.old or entry.name, entry, home, retries=retries)
                        )
                        for entry in entries
                    ]
        except OSError as error:
            code = error.errno or errno.EIO
        if reason is Reason.VANISHED and code == errno.ENOENT:
            return [Outcome(entry, Result.KEPT, Reason.VANISHED) for entry in entries]
        return [Outcome(entry, Result.FAILED, Reason.RESTORED, code) for entry in entries]

    def _apart(self, share: Return, outcome: Outcome) -> Outcome:
        """Return the outcome; where a directory cannot be renamed (overlayfs), one is made of its name."""
        if outcome.entry.kind is not EntryKind.DIRECTORY or outcome.errno != errno.EXDEV:
            return outcome
        if self._trash is self._root.anchor:  # elsewhere it is another volume, which no file gets to either
            like, home = f"{share.source}{share.old or outcome.name}/", f"{share.path}{outcome.name}/"
            with suppress(OSError):
                make_directories(self._root.anchor, home, self._trash, like, _owner(self._root))
                return Outcome(outcome.entry, Result.KEPT, Reason.NAME_TAKEN)
        return outcome


class Restorer:
    """Brings back what runs put into the trash of one of an area's directories, the latest run first."""

    def __init__(self, root: Root, trash: Anchor) -> None:
        """Bring back below `root` what waits below `trash`, the anchor of one of an area's directories."""
        self._root = root
        self._trash = trash
        self._loop = BatchLoop(root)
        self._way = BringBack(root, trash)
        self._primitives = restoring(root.anchor, trash)
        self._top = ""
        self._older: tuple[str, ...] = ()
        self._came = _Came()
        self._pending: list[Return] = []

    def bring(self, top: str, starts: Iterable[Start], *, older: Sequence[str] = ()) -> None:
        """Bring back from one run's part of the trash, at `top`; `older` are tops of parts that come later.

        What came back from a part before is the latest of its name: an older one stays in the trash, and that is
        no fault. Raises Stopped, and AreaLost when the disk fails.
        """
        self._top, self._older = top, tuple(older)
        waiting: list[tuple[str, str]] = []
        visited: list[str] = []
        try:
            for start in starts:
                visited.append(start.inner)
                self._begin(start, waiting)
                while waiting:
                    inner, home = waiting.pop()
                    visited.append(inner)
                    self._directory(inner, home, waiting)
            self._flush()
        finally:
            self._pending.clear()
            for inner in reversed(visited):  # what is below comes first
                prune_trash(self._trash, top + inner)

    def _begin(self, start: Start, waiting: list[tuple[str, str]]) -> None:
        root, source = self._root, self._top + start.inner
        like = source if start.new is None else None
        try:
            make_directories(root.anchor, start.home, self._trash, like, _owner(root))
            if start.name is None:
                waiting.append((start.inner, start.home))
                return
            with self._trash.directory(source) as fd, root.anchor.directory(start.home) as home:
                found = entry_at(fd, start.name)
                self._one(_Here(start.inner, start.home, home), start, found, waiting)
        except OSError as error:
            root.report.fail(root.failure(start.home, error.errno or errno.EIO))

    def _one(self, here: _Here, start: Start, found: Entry, waiting: list[tuple[str, str]]) -> None:
        """Bring back one entry, under the name that it shall have."""
        old = None if start.new is None else found.name
        entry = found._replace(name=start.new or found.name)
        if entry.kind is not EntryKind.DIRECTORY:
            if not self._is_older(here, entry.name):
                self._came.names.setdefault(here.home, set()).add(entry.name)
                source = self._top + here.inner
                self._pending.append(Return(here.home, [entry], BatchKind.RESTORED, source=source, old=old))
        elif _is_directory(here.fd, entry.name):
            waiting.append((f"{here.inner}{found.name}/", f"{here.home}{entry.name}/"))
        else:
            self._trees(here, [entry], waiting, old)

    def _directory(self, inner: str, home: str, waiting: list[tuple[str, str]]) -> None:
        """Bring back what is in a directory whose name is taken by one."""
        root = self._root
        try:
            with self._trash.directory(self._top + inner) as source, root.anchor.directory(home) as fd:
                here = _Here(inner, home, fd)
                for found in self._primitives.waiting(source):
                    self._directories(here, found.directories, waiting)
                    self._files(here, found.files)
        except OSError as error:
            root.report.fail(root.failure(home, error.errno or errno.EIO))
            root.watch_disk(error.errno or errno.EIO)

    def _directories(self, here: _Here, found: Candidates, waiting: list[tuple[str, str]]) -> None:
        free = []
        for entry in found:
            if _is_directory(here.fd, entry.name):
                waiting.append(here.below(entry.name))
            else:
                free.append(entry)
        size = self._root.batch_size
        for start in range(0, len(free), size):
            self._trees(here, free[start : start + size], waiting)

    def _trees(
        self, here: _Here, trees: list[Entry], waiting: list[tuple[str, str]], old: str | None = None
    ) -> None:
        """Bring back directories as a whole."""
        root, source = self._root, self._top + here.inner
        files = [self._primitives.count(self._trash, f"{source}{old or tree.name}/") for tree in trees]
        portion = Return(here.home, Candidates.of(trees), BatchKind.RESTORED_TREE, source=source, old=old)
        self._loop.run([portion], self._way)
        for outcome, count in zip(portion.outcomes, files, strict=True):
            path = f"{here.home}{outcome.name}"
            if outcome.result is Result.RESTORED:
                self._came.whole.add(f"{path}/")
                root.report.restored += count
                root.context.listener(
                    DirectoryRestored(area=root.area.name, directory=root.place(f"{path}/"), files=count)
                )
            elif outcome.reason is Reason.NAME_TAKEN:
                self._enter(here, outcome, old, count, waiting)

    def _enter(
        self, here: _Here, outcome: Outcome, old: str | None, files: int, waiting: list[tuple[str, str]]
    ) -> None:
        """Go on in a directory that did not come back as one, where there is one of its name."""
        inner, home = f"{here.inner}{old or outcome.name}/", f"{here.home}{outcome.name}/"
        root = self._root
        if _is_directory(here.fd, outcome.name):
            waiting.append((inner, home))
        else:
            root.report.taken += files
            root.report.note(_taken(root, home[:-1]))

    def _files(self, here: _Here, found: Candidates) -> None:
        """Bring back files, together with those of other directories."""
        root, source = self._root, self._top + here.inner
        if self._came.concerns(here.home):
            found = Candidates.of(entry for entry in found if not self._is_older(here, entry.name))
        if any(_leads_to(self._trash, top + here.inner) for top in self._older):
            self._came.names.setdefault(here.home, set()).update(entry.name for entry in found)
        for portion in found.portions(root.batch_size) if found else ():
            self._pending.append(Return(here.home, portion, BatchKind.RESTORED, source=source))
        if sum(len(portion.entries) for portion in self._pending) >= _TOGETHER:
            self._flush()

    def _is_older(self, here: _Here, name: str) -> bool:
        """Return whether a later one of this name came back before."""
        return self._came.has(here.home, name) and _is_there(here.fd, name)

    def _flush(self) -> None:
        portions, self._pending = self._pending, []
        if not portions:
            return
        self._loop.run(portions, self._way)
        for portion in portions:
            for outcome in () if isinstance(portion.outcomes, Outcomes) else portion.outcomes:
                if outcome.reason is Reason.NAME_TAKEN:
                    self._root.report.note(_taken(self._root, portion.path + outcome.name))


class _Here(NamedTuple):
    """A directory in the trash, and the one that what is in it comes back to."""

    inner: str
    home: str
    fd: int
    """The latter, open."""

    def below(self, name: str) -> tuple[str, str]:
        return f"{self.inner}{name}/", f"{self.home}{name}/"


@dataclass(slots=True)
class _Came:
    """What came back from later parts of the trash, as far as that has to be known."""

    whole: set[str] = field(default_factory=set)
    """Directories that came back as one."""
    names: dict[str, set[str]] = field(default_factory=dict)
    """Directory → names in it, of those that are in an older part, too."""

    def concerns(self, home: str) -> bool:
        return home in self.names or self._is_below(home)

    def has(self, home: str, name: str) -> bool:
        return name in self.names.get(home, ()) or self._is_below(home)

    def _is_below(self, home: str) -> bool:
        if not self.whole:
            return False
        while home:
            if home in self.whole:
                return True
            home = home[: home.rfind("/", 0, -1) + 1]
        return False


def _owner(root: Root) -> tuple[int, int]:
    return root.options.owner.uid, root.options.owner.gid


def _taken(root: Root, path: str) -> Failure:
    return Failure(path=root.place(path), errno=errno.EEXIST, error=_TAKEN)


def _is_there(fd: int, name: str) -> bool:
    with suppress(OSError):
        os.stat(name, dir_fd=fd, follow_symlinks=False)
        return True
    return False


def _is_directory(fd: int, name: str) -> bool:
    with suppress(OSError):
        return S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    return False


def _leads_to(anchor: Anchor, path: str) -> bool:
    with suppress(OSError):
        return S_ISDIR(anchor.stat(path).st_mode)
    return False
