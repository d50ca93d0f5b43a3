"""Parcels: the ordinary way of removing, many directories at a time.

Most of what is due is due in the most ordinary way: nobody holds anything, the area has no trash, and between the
look of the plan and the removal nothing happens. Then a whole parcel of directories goes through a few calls of
the primitives, in several threads, with nothing done file by file in Python. Each step that safety rests on is
there all the same, batch by batch: the intent is journalled before; the area must be in its place and each
directory, opened from it anew, the one that was listed; holds are looked at again; each entry is checked once
more right before it goes.

Whatever is out of the ordinary – a hold, a directory that has changed, an error – leaves the parcel: that
directory is done again by the careful way (`AreaExecutor.run_in`), one entry at a time.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.errors import ShelflifeError
from shelflife.events import BatchFinished
from shelflife.files.candidates import Candidates, Fate, Outcomes
from shelflife.files.primitives import for_removing, read_all
from shelflife.files.reading import Answer, Flag, Manner, Reading, Search, Task
from shelflife.records.journal import JournalFull
from shelflife.remove.batch import LONGEST_BATCH, Site
from shelflife.scan.context import Stopped

if TYPE_CHECKING:
    from shelflife.files.known import Known
    from shelflife.policy.cutoff import Cutoff

_PARCEL: Final = 500
"""Due entries and directories of a parcel, about: enough to be worth a transaction, few enough to share out."""

_UNREAD: Final = 15
"""What a directory weighs that must be read first."""

_INTENTS: Final = 1000
"""Entries whose removal is journalled in one transaction."""


@dataclass(slots=True)
class Directory:
    """One directory of a parcel, and what became of it."""

    path: str
    reading: Reading
    careful: bool = False
    """Whether it needs the careful way, for what is left."""
    pruned: bool = False
    """Whether it is gone itself."""
    answers: list[Answer] = field(default_factory=list)
    outcomes: list[Outcomes] = field(default_factory=list)
    """What became of its entries, batch by batch."""
    left: list[Candidates] = field(default_factory=list)
    """Entries that were not reached."""

    @property
    def has_acted(self) -> bool:
        """Whether anything went."""
        gone = (Fate.REMOVED, Fate.VANISHED)
        return any(fate in outcomes.fates for outcomes in self.outcomes for fate in gone)


@dataclass(slots=True)
class _Batch:
    """Entries of a directory that are journalled together, and their fates as far as they are known."""

    directory: Directory
    entries: Candidates
    task: Task
    """What is to be done still."""
    number: int = 0
    """In the journal."""
    fates: bytearray = field(default_factory=bytearray)
    is_done: bool = False

    def take(self, answer: Answer) -> None:
        """Take what became of some of the entries."""
        directory = self.directory
        self.fates += answer.fates
        directory.answers.append(answer)
        directory.pruned = directory.pruned or answer.pruned
        if answer.error:
            directory.careful = True
        reached, wanted = len(answer.fates), len(self.task.entries)
        self.is_done = answer.error != 0 or reached == wanted
        if not wanted:  # an empty directory that should go
            directory.careful = not answer.pruned
        elif 0 < reached < wanted:
            self.task = self.task._replace(entries=self.task.entries.after(reached))

    def close(self) -> None:
        """Tell the directory what became of the entries, which stays with it."""
        if self.fates:
            self.directory.outcomes.append(Outcomes(self.entries, bytes(self.fates)))
        if len(self.fates) < len(self.entries):
            self.directory.left.append(self.entries.after(len(self.fates)))


class _Parcel(NamedTuple):
    """Directories that are worked on together."""

    readings: dict[str, Reading | None]
    """By path, as they were read for the plan."""
    unread: list[str]
    """Those that were not, or are not noted."""
    plain: dict[str, Known]
    """What the index knows of these."""


class Parcels:
    """Removes what is before a cutoff from one directory of an area, as far as it is ordinary."""

    def __init__(self, site: Site, cutoff: Cutoff) -> None:
        """Prepare to remove what is before `cutoff` from the site."""
        self._site = site
        self._cutoff = cutoff.at
        self._root = site.context.index.root(site.directory)
        self.stop = Flag()
        """Set, it ends the work with what is begun."""

    def run(self, paths: Iterator[str]) -> Iterator[Directory]:
        """Work on the directories at `paths`; yield each with what became of it, in order.

        One that has more due than a reading lists comes several times. Raises Stopped.
        """

        def take() -> _Parcel | None:
            readings = {}
            weight = 0
            for path in paths:
                reading = self._site.context.listings.take(self._root, path, self._cutoff)
                readings[path] = reading
                weight += _UNREAD if reading is None else 1 + reading.listed
                if weight >= _PARCEL:
                    break
            unread = [path for path, reading in readings.items() if reading is None]
            return _Parcel(readings, unread, self._plain(unread)) if readings else None

        pool = self._site.context.pool.suited_to(for_removing(self._site.anchor))
        for done in pool.run(self._work, take, between=self._site.context.between, stop=self.stop):
            yield from done

    def _plain(self, paths: list[str]) -> dict[str, Known]:
        site = self._site
        return site.context.index.plain(self._root, paths, self._cutoff, site.area.rules.fingerprint)

    def _work(self, parcel: _Parcel, stop: Flag) -> list[Directory]:
        """Remove what is due in the directories of a parcel. Called in any thread."""
        read = dict(zip(parcel.unread, self._read(parcel.unread, stop, parcel.plain), strict=False))
        directories = [
            Directory(path, reading or read.get(path) or Reading(error=errno.ECANCELED))
            for path, reading in parcel.readings.items()
        ]
        done = []
        while directories and not (stop or self._is_ending()):
            self._remove_all(directories, stop)
            done += directories
            again = [found.path for found in directories if found.reading.more and not found.careful]
            directories = [
                Directory(path, reading)
                for path, reading in zip(again, self._read(again, stop, {}), strict=False)
            ]
        return done

    def _read(self, paths: list[str], stop: Flag, plain: Mapping[str, Known]) -> list[Reading]:
        search = Search(self._site.area, self._cutoff, self._site.context.pool.workers, plain)
        return read_all(self._site.anchor, paths, search, stop)

    def _remove_all(self, directories: list[Directory], stop: Flag) -> None:
        batches: list[_Batch] = []
        for directory in directories:
            reading = directory.reading
            directory.careful = bool(reading.error) or not reading.is_complete
            if not directory.careful:
                batches += self._batches(directory)
        for group in _groups(batches, _INTENTS):
            if stop or self._is_ending():
                break
            self._remove_group(group, stop)
        for batch in batches:
            batch.close()

    def _batches(self, directory: Directory) -> list[_Batch]:
        """Return what is to be done in a directory, in batches."""
        path, reading = directory.path, directory.reading
        device, key, due = reading.device, reading.key, reading.due
        if not reading.listed:
            if path and reading.entries == 0 and reading.survey.key.mtime < self._cutoff:
                return [_Batch(directory, due, Task(path, device, key, due, same=True, empty=True))]
            return []
        batches = []
        left = reading.entries
        for portion in due.portions(self._site.batch_size):
            left -= len(portion)
            task = Task(path, device, key, portion, same=False, empty=bool(path) and left == 0)
            batches.append(_Batch(directory, portion, task))
        return batches

    def _remove_group(self, group: list[_Batch], stop: Flag) -> None:
        """Journal what is intended, remove it, and journal what became of it."""
        recorder = self._site.means.recorder
        real = [batch for batch in group if len(batch.entries)]
        try:
            numbers = recorder.intend_all(
                self._site.area.name,
                [(self._site.place(batch.directory.path), batch.entries) for batch in real],
            )
        except JournalFull:
            for batch in group:
                batch.directory.careful = True
            return
        for batch, number in zip(real, numbers, strict=True):
            batch.number = number
        try:
            for batches in _groups(group, self._site.batch_size):
                self._remove_batches(batches, stop)
        finally:
            for batch in real:
                recorder.settle(batch.number, Outcomes(batch.entries, bytes(batch.fates)))

    def _remove_batches(self, batches: list[_Batch], stop: Flag) -> None:
        """Remove up to a hundred entries, of one directory or of several."""
        primitives = for_removing(self._site.anchor)
        while not (stop or self._is_ending(pace=True)):
            batches = [batch for batch in batches if not (batch.is_done or batch.directory.careful)]
            if not batches:
                return
            answers: list[Answer] = []
            with suppress(Stopped), self._site.means.gate():
                if not self._site.context.holds():
                    manner = Manner(self._site.area, self._cutoff, time.monotonic_ns() + LONGEST_BATCH)
                    answers = primitives.remove(self._site.anchor, [batch.task for batch in batches], manner)
            if not answers:  # the careful way finds out what to do, and whether to stop
                for batch in batches:
                    batch.directory.careful = True
                return
            for batch, answer in zip(batches, answers, strict=True):
                if answer.fates or answer.error or answer.pruned or not len(batch.task.entries):
                    self._tell(batch, answer)
                    batch.take(answer)

    def _is_ending(self, *, pace: bool = False) -> bool:
        """Return whether the run is to end: asked in any thread, raised in the one that takes the results.

        With `pace`, after a wait until the next batch may go.
        """
        try:
            self._site.context.between()
            if pace:
                self._site.pace()
        except (Stopped, ShelflifeError):
            return True
        return False

    def _tell(self, batch: _Batch, answer: Answer) -> None:
        self._site.means.throttle.spend(answer.files + answer.links)
        if answer.fates:
            event = BatchFinished(
                area=self._site.area.name,
                directory=self._site.place(batch.directory.path),
                outcomes=Outcomes(batch.task.entries, answer.fates),
                clean=True,
            )
            self._site.context.listener(event)


def _groups(batches: list[_Batch], size: int) -> Iterator[list[_Batch]]:
    """Yield batches in groups of at most `size` entries; one that is larger comes alone."""
    group: list[_Batch] = []
    used = 0
    for batch in batches:
        weight = max(1, len(batch.entries))
        if group and used + weight > size:
            yield group
            group, used = [], 0
        group.append(batch)
        used += weight
    if group:
        yield group
