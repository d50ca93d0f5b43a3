"""The primitives in Python: the same contract as the compiled ones, for where there was no compiler."""

from __future__ import annotations

import errno
import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from shelflife.files.anchor import Anchor, identity_of, parent_of
from shelflife.files.aside import keeping_time, move_entry, move_whole, open_mirror
from shelflife.files.bulk import count_in_bulk
from shelflife.files.candidates import Candidates, Fate
from shelflife.files.counting import count_entry, judged
from shelflife.files.in_use import is_in_locked_directory
from shelflife.files.listing import Entry
from shelflife.files.reading import MOST_DUE, Flag, Manner, Reading, RemovalTask, Search, TaskResult
from shelflife.files.removal import Outcome, Removal, Result, unlink
from shelflife.files.survey import KEY_SIZE, Key, Survey
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.files.removal import Disposal, Wanted

_PATIENCE = 0.02
"""Seconds for which one call reads on."""

_FATES = {
    Reason.CHANGED: Fate.CHANGED,
    Reason.VANISHED: Fate.VANISHED,
    Reason.NOT_EXPIRED: Fate.NOT_EXPIRED,
    Reason.IN_USE: Fate.IN_USE,
}


class Pure:
    """`Primitives` in Python."""

    is_compiled = False

    def stand(self, anchor: Anchor, paths: bytes, keys: bytes, stop: Flag) -> bytes:
        """See `Primitives`."""
        mask = bytearray(len(keys) // KEY_SIZE)
        for position, path in enumerate(paths.split(b"\0")[: len(mask)]):
            if stop:
                break
            try:
                status = anchor.stat(os.fsdecode(path))
            except OSError:
                continue
            key = keys[position * KEY_SIZE : (position + 1) * KEY_SIZE]
            mask[position] = Key.of(status).pack() == key and status.st_dev == anchor.identity.device
        return bytes(mask)

    def read(self, anchor: Anchor, paths: Sequence[str], search: Search, stop: Flag) -> list[Reading]:
        """See `Primitives`. One thread reads, and each directory to its end."""
        found = []
        until = time.monotonic() + _PATIENCE
        for path in paths:
            try:
                found.append(_read(anchor, path, search, stop))
            except OSError as error:
                found.append(Reading(error=error.errno or errno.EIO))
            if time.monotonic() >= until:
                break
        return found

    def remove(self, anchor: Anchor, tasks: Sequence[RemovalTask], manner: Manner) -> list[TaskResult]:
        """See `Primitives`."""
        try:
            stays = anchor.is_in_place()
        except OSError:
            stays = False
        if not stays:
            return [TaskResult(errno.ESTALE, b"")] * len(tasks)
        answers: list[TaskResult] = []
        for task in tasks:
            late = answers and time.monotonic_ns() >= manner.until
            answers.append(TaskResult(0, b"") if late else _remove(anchor, task, manner))
        return answers


def _read(anchor: Anchor, path: str, search: Search, stop: Flag) -> Reading:
    with anchor.directory(path) as fd:
        status = os.fstat(fd)
        key = Key.at(fd)
        rest, gone = Survey(key=key), Survey(key=key)
        due = count_in_bulk(fd, status, path, search, rest, gone)
        if due is None:
            due = _count_one_by_one(fd, path, search, stop, rest, gone)
        rest.changed = Key.at(fd) != key
    if not gone.entries:
        return Reading(device=status.st_dev, survey=rest, cutoffs=search.cutoffs)
    return Reading(
        device=status.st_dev,
        survey=rest.plus(gone),
        rest=lambda: rest,
        due=Candidates.of(due),
        cutoffs=search.cutoffs,
    )


def _count_one_by_one(
    fd: int, path: str, search: Search, stop: Flag, rest: Survey, gone: Survey
) -> list[Entry]:
    due: list[Entry] = []
    for chunk in judged(fd, path, search.area, search.cutoffs):
        for entry, goes in chunk:
            count_entry(gone if goes else rest, entry, path, search.area, due=goes)
            if goes and len(due) < MOST_DUE:
                due.append(entry)
        if stop:
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED), path)
    return due


def _remove(anchor: Anchor, task: RemovalTask, manner: Manner) -> TaskResult:
    outcomes: list[Outcome] = []
    try:
        with anchor.directory(task.path) as fd:
            key = Key.unpack(task.key)
            if identity_of(fd) != (task.device, key.inode % 2**64):
                return TaskResult(errno.ESTALE, b"")
            if task.same and Key.at(fd) != key:
                return TaskResult(errno.ESTALE, b"")
            if manner.area.in_use and is_in_locked_directory(anchor, task.path):
                return TaskResult(errno.EAGAIN, b"")
            if task.whole:
                return _remove_whole(anchor, task, manner)
            with _Target(anchor, task, manner) as target:
                removal = _removal(task, manner, target)
                for entry in task.entries:
                    outcome = removal.once(fd, entry)
                    if outcome is None:
                        return _answer(outcomes, errno.EAGAIN)
                    outcomes.append(outcome)
                    if time.monotonic_ns() >= manner.until:
                        break
    except OSError as error:
        return _answer(outcomes, error.errno or errno.EIO)
    is_done = task.empty and len(outcomes) == len(task.entries)
    return _answer(outcomes, 0)._replace(pruned=is_done and anchor.prune(task.path, key.inode))


def _removal(task: RemovalTask, manner: Manner, target: _Target | None) -> Removal:
    dispose: Disposal = unlink
    if manner.looks or target is None:
        dispose = _only_look
    elif target.fd >= 0:
        dispose = target.take
    return Removal(
        area=manner.area,
        path=task.path,
        cutoffs=manner.cutoffs,
        in_use=manner.area.in_use,
        retries=0,
        dispose=dispose,
    )


def _only_look(_fd: int, entry: Entry, _wanted: Wanted) -> Outcome:
    return Outcome(entry, Result.REMOVED)


class _Target:
    """The directory into which a task moves what goes, as a context; none where it goes for good."""

    def __init__(self, anchor: Anchor, task: RemovalTask, manner: Manner) -> None:
        self._fresh = anchor.is_shared
        self.fd = -1
        self._kept = ExitStack()
        if task.target is not None and len(task.entries):
            self.fd = open_mirror(anchor, task.path, task.target, manner.owner)
            self._kept.callback(os.close, self.fd)
            self._kept.enter_context(keeping_time(self.fd))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def take(self, fd: int, entry: Entry, wanted: Wanted) -> Outcome:
        outcome = move_entry(fd, entry, self.fd, wanted, fresh=self._fresh)
        return outcome or Outcome(entry, Result.DISPLACED, Reason.CHANGED)


def _remove_whole(anchor: Anchor, task: RemovalTask, manner: Manner) -> TaskResult:
    assert task.target is not None  # noqa: S101 - it goes somewhere
    (parent, _), (above, _) = parent_of(task.path), parent_of(task.target)
    os.close(open_mirror(anchor, parent, above, manner.owner))
    went = move_whole(anchor, task.path, task.target, task.entries, _removal(task, manner, None))
    if not went:
        return TaskResult(errno.EAGAIN, b"", stranded=went is None)
    outcomes = [Outcome(entry, Result.REMOVED) for entry in task.entries]
    return _answer(outcomes, 0)._replace(pruned=True)


def _answer(outcomes: list[Outcome], error: int) -> TaskResult:
    went = (Result.REMOVED, Result.TRASHED)
    removed = [outcome.entry for outcome in outcomes if outcome.result in went]
    fates = bytes(
        Fate.REMOVED
        if outcome.result in went
        else Fate.STRAY
        if outcome.result is Result.DISPLACED
        else _FATES[outcome.reason]
        for outcome in outcomes
    )
    return TaskResult(
        error,
        fates,
        files=sum(entry.is_file for entry in removed),
        bytes=sum(entry.size for entry in removed if entry.is_file),
        links=sum(not entry.is_file for entry in removed),
        freed=sum(entry.allocated for entry in removed if entry.links == 1),
        inodes=sum(entry.links == 1 for entry in removed),
    )
