"""Bulk removal: the ordinary way, many directories at a time.

Most of what is due is due in the most ordinary way: nobody holds anything there, and between the look of the plan
and the removal nothing happens. Then a whole lot of directories goes through a few calls of the primitives, in
several threads, with nothing done file by file in Python. Each step that safety rests on is there all the same,
batch by batch (`shelflife.remove.batch`); the area must be in its place and each directory, opened from it anew,
the one that was listed; each entry is checked once more right before it goes.

Whatever is out of the ordinary – a hold, a directory that has changed, an error – is handed back: that directory
is done again by the careful way (`AreaExecutor.run_in`), one entry at a time.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.errors import ShelflifeError
from shelflife.files.candidates import Fate, Going, Outcomes
from shelflife.files.primitives import for_removing, read_all
from shelflife.files.reading import Flag, Manner, Reading, Search, Task
from shelflife.remove.batch import BatchLoop, Portion, Step
from shelflife.scan.context import Stopped

if TYPE_CHECKING:
    from shelflife.files.candidates import Candidates
    from shelflife.files.known import Known
    from shelflife.files.listing import Entry
    from shelflife.policy.cutoff import Cutoff
    from shelflife.remove.root import Root

_LOT: Final = 500
"""Due entries and directories of a lot, about: enough to be worth a transaction, few enough to share out."""

_UNREAD: Final = 15
"""What a directory weighs that must be read first."""

_INTENTS: Final = 1000
"""Entries whose removal is journalled in one transaction."""


@dataclass(slots=True)
class Directory:
    """One directory of a lot, and what became of it."""

    path: str
    reading: Reading
    careful: bool = False
    """Whether it needs the careful way, for what is left."""
    pruned: bool = False
    """Whether it is gone itself."""
    portions: list[Share] = field(default_factory=list)
    """Its due entries, and what became of them."""

    @property
    def has_acted(self) -> bool:
        """Whether anything went."""
        gone = (Fate.REMOVED, Fate.VANISHED)
        return any(
            fate in step.outcomes.fates
            for portion in self.portions
            for step in portion.steps
            if isinstance(step.outcomes, Outcomes)
            for fate in gone
        )

    def kept(self) -> list[Entry]:
        """Return the due entries that are still there."""
        kept: list[Entry] = []
        for portion in self.portions:
            outcomes = portion.outcomes
            if isinstance(outcomes, Outcomes):
                kept += outcomes.kept
            kept += portion.rest
        return kept


@dataclass(slots=True)
class Share(Portion):
    """A portion of a directory's due entries; of an empty directory that should go it has none."""

    directory: Directory = field(kw_only=True)
    empty: bool = field(kw_only=True)
    """Whether the directory is to go, too, when that has emptied it."""

    def task(self, candidates: Candidates) -> Task:
        """Return what the primitives are asked to do about `candidates` of it."""
        reading = self.directory.reading
        is_bare = not len(self.entries)
        return Task(self.path, reading.device, reading.key, candidates, same=is_bare, empty=self.empty)


class _Lot(NamedTuple):
    """Directories that are worked on together."""

    readings: dict[str, Reading | None]
    """By path, as they were read for the plan."""
    unread: list[str]
    """Those that were not, or are not noted."""
    plain: dict[str, Known]
    """What the index knows of these."""


class Compiled:
    """The way in which entries of many directories go in one call of the primitives."""

    def __init__(self, root: Root, cutoff: int, going: Going) -> None:
        """Let go in `root` what is before `cutoff` (ns)."""
        self._root = root
        self._cutoff = cutoff
        self._going = going

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[Step]:
        """See `Way`."""
        if self._root.context.holds():  # somebody began to hold something: the careful way finds out what
            return [self._hand_back(portion) for portion in portions]
        shares = [(share, share.rest) for share in portions if isinstance(share, Share)]
        tasks = [share.task(rest) for share, rest in shares]  # type: ignore[arg-type]
        primitives = for_removing(self._root.anchor)
        answers = primitives.remove(self._root.anchor, tasks, Manner(self._root.area, self._cutoff, until))
        steps = []
        for (share, rest), answer in zip(shares, answers, strict=True):
            share.directory.pruned = share.directory.pruned or answer.pruned
            failed = bool(answer.error) or not (answer.pruned or len(rest))
            share.directory.careful = share.directory.careful or failed
            steps.append(Step(Outcomes(rest, answer.fates, self._going), failed, answer))  # type: ignore[arg-type]
        return steps

    @staticmethod
    def _hand_back(portion: Portion) -> Step:
        if isinstance(portion, Share):
            portion.directory.careful = True
        return Step(handed_back=True)


class Bulk:
    """Removes what is before a cutoff from one directory of an area, as far as it is ordinary."""

    def __init__(self, root: Root, cutoff: Cutoff) -> None:
        """Prepare to remove what is before `cutoff` from `root`."""
        self._root = root
        self._cutoff = cutoff.at
        self._number = root.context.index.root(root.directory)
        self._loop = BatchLoop(root)
        self._way = Compiled(root, cutoff.at, Going.REMOVED)
        self.stop = Flag()
        """Set, it ends the work with what is begun."""

    def run(self, paths: Iterator[str]) -> Iterator[Directory]:
        """Work on the directories at `paths`; yield each with what became of it, in order.

        One that has more due than a reading lists comes several times. Raises Stopped.
        """

        def take() -> _Lot | None:
            readings = {}
            weight = 0
            for path in paths:
                reading = self._root.context.listings.take(self._number, path, self._cutoff)
                readings[path] = reading
                weight += _UNREAD if reading is None else 1 + reading.listed
                if weight >= _LOT:
                    break
            unread = [path for path, reading in readings.items() if reading is None]
            return _Lot(readings, unread, self._plain(unread)) if readings else None

        pool = self._root.context.pool.suited_to(for_removing(self._root.anchor))
        for done in pool.run(self._work, take, between=self._root.context.between, stop=self.stop):
            yield from done

    def _plain(self, paths: list[str]) -> dict[str, Known]:
        root = self._root
        return root.context.index.plain(self._number, paths, self._cutoff, root.area.rules.fingerprint)

    def _work(self, lot: _Lot, stop: Flag) -> list[Directory]:
        """Remove what is due in the directories of a lot. Called in any thread."""
        read = dict(zip(lot.unread, self._read(lot.unread, stop, lot.plain), strict=False))
        directories = [
            Directory(path, reading or read.get(path) or Reading(error=errno.ECANCELED))
            for path, reading in lot.readings.items()
        ]
        done = []
        while directories and not stop:
            self._remove_all(directories, stop)
            done += directories
            again = [found.path for found in directories if found.reading.more and not found.careful]
            directories = [
                Directory(path, reading)
                for path, reading in zip(again, self._read(again, stop, {}), strict=False)
            ]
        return done

    def _read(self, paths: list[str], stop: Flag, plain: Mapping[str, Known]) -> list[Reading]:
        search = Search(self._root.area, self._cutoff, self._root.context.pool.workers, plain)
        return read_all(self._root.anchor, paths, search, stop)

    def _remove_all(self, directories: list[Directory], stop: Flag) -> None:
        for directory in directories:
            reading = directory.reading
            directory.careful = bool(reading.error) or not reading.is_complete
            if not directory.careful:
                directory.portions = self._portions(directory)
        portions = [portion for directory in directories for portion in directory.portions]
        # What ends the run is found out again by the thread that takes the results, and raised there.
        with suppress(Stopped, ShelflifeError, OSError):
            for group in _groups(portions):
                if stop:
                    break
                self._loop.run(group, self._way)
        for portion in portions:
            portion.directory.careful = portion.directory.careful or not portion.is_done

    def _portions(self, directory: Directory) -> list[Share]:
        """Return what is to be done in a directory."""
        path, reading = directory.path, directory.reading
        if not reading.listed:
            if path and reading.entries == 0 and reading.survey.key.mtime < self._cutoff:
                return [Share(path, reading.due, directory=directory, empty=True)]
            return []
        shares = []
        left = reading.entries
        for portion in reading.due.portions(self._root.batch_size):
            left -= len(portion)
            shares.append(Share(path, portion, directory=directory, empty=bool(path) and left == 0))
        return shares


def _groups(portions: list[Share]) -> Iterator[list[Share]]:
    """Yield portions in groups that are written down in one transaction."""
    group: list[Share] = []
    used = 0
    for portion in portions:
        group.append(portion)
        used += max(1, len(portion.entries))
        if used >= _INTENTS:
            yield group
            group, used = [], 0
    if group:
        yield group
