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
from shelflife.files.reading import Answer, Flag, Manner, Reading, Search, Task
from shelflife.policy.cutoff import BEGINNING
from shelflife.remove.batch import BatchLoop, Portion, Step
from shelflife.scan.context import Stopped
from shelflife.scan.root import AreaRoot
from shelflife.scan.way import Ways, for_removing, read_all

if TYPE_CHECKING:
    from shelflife.files.candidates import Candidates
    from shelflife.files.known import Known
    from shelflife.files.listing import Entry
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.policy.rules import Native
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

    cutoff: int = field(kw_only=True)
    """That of the class of all of them (ns)."""

    def task(self, candidates: Candidates) -> Task:
        """Return what the primitives are asked to do about `candidates` of it."""
        reading = self.directory.reading
        is_bare = not len(self.entries)
        return Task(
            self.path, reading.device, reading.key, candidates, is_bare, self.empty, cutoff=self.cutoff
        )


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

    def __init__(self, root: Root, cutoffs: Cutoffs, going: Going, ways: Ways) -> None:
        """Let go in `root` what is before the cutoff of its class."""
        self._root = root
        self._cutoffs = cutoffs
        self._going = going
        self._ways = ways

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[Step]:
        """See `Way`."""
        holds = self._root.context.holds()
        given = [portion for portion in portions if isinstance(portion, Share)]
        shares = [share for share in given if not self._is_held(share, holds)]
        primitives = for_removing(self._root.anchor)
        tasks = [share.task(share.rest) for share in shares]  # type: ignore[arg-type]
        answers = primitives.remove(self._root.anchor, tasks, Manner(self._root.area, self._cutoffs, until))
        found = dict(zip(map(id, shares), answers, strict=True))
        return [
            self._step(portion, found[id(portion)])
            if isinstance(portion, Share) and id(portion) in found
            else self._hand_back(portion)
            for portion in portions
        ]

    def _is_held(self, share: Share, holds: Holds) -> bool:
        """Return whether somebody began to hold something there: the careful way finds out what."""
        return self._ways.concern(share.path, holds) or self._ways.is_held(share.rest, holds)  # type: ignore[arg-type]

    def _step(self, share: Share, answer: Answer) -> Step:
        """Return what became of a share."""
        rest, directory = share.rest, share.directory
        directory.pruned = directory.pruned or answer.pruned
        failed = bool(answer.error) or not (answer.pruned or len(rest))
        directory.careful = directory.careful or failed
        return Step(Outcomes(rest, answer.fates, self._going), failed, answer)  # type: ignore[arg-type]

    @staticmethod
    def _hand_back(portion: Portion) -> Step:
        if isinstance(portion, Share):
            portion.directory.careful = True
        return Step(handed_back=True)


class Bulk:
    """Removes what is before its cutoff from one directory of an area, as far as it is ordinary."""

    def __init__(self, root: Root, cutoffs: Cutoffs) -> None:
        """Prepare to remove from `root` what is before the cutoff of its class."""
        self._root = root
        self._cutoffs = cutoffs
        self._number = root.context.index.root(root.directory)
        self._loop = BatchLoop(root)
        self._at = AreaRoot(root.area, root.directory, root.anchor)
        self._ways = Ways(self._at, root.context.index, root.context.holds())
        self._way = Compiled(root, cutoffs, Going.REMOVED, self._ways)
        self.stop = Flag()
        """Set, it ends the work with what is begun."""

    def run(self, paths: Iterator[str]) -> Iterator[Directory]:
        """Work on the directories at `paths`; yield each with what became of it, in order.

        One that has more due than a reading lists comes several times. Raises Stopped.
        """

        def take() -> _Lot | None:
            holds = self._root.context.holds()
            self._ways.renew(holds)
            readings = {}
            unread = []
            weight = 0
            for path in paths:
                reading = self._root.context.listings.take(self._number, path, self._cutoffs)
                if reading is None and self._ways.native(path, self._cutoffs, holds) is not None:
                    unread.append(path)
                readings[path] = reading
                weight += _UNREAD if reading is None else 1 + reading.listed
                if weight >= _LOT:
                    break
            return _Lot(readings, unread, self._plain(unread)) if readings else None

        pool = self._root.context.pool.suited_to(for_removing(self._root.anchor))
        for done in pool.run(self._work, take, between=self._root.context.between, stop=self.stop):
            yield from done

    def _plain(self, paths: list[str]) -> dict[str, Known]:
        root = self._root
        return root.context.index.plain(self._number, paths, self._cutoffs, root.area.rules.fingerprint)

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
        search = Search(self._root.area, self._cutoffs, self._root.context.pool.workers, plain)
        return read_all(self._root.anchor, paths, search, stop)

    def _remove_all(self, directories: list[Directory], stop: Flag) -> None:
        for directory in directories:
            reading = directory.reading
            native = self._ways.native(directory.path, self._cutoffs, self._root.context.holds())
            directory.careful = bool(reading.error) or not reading.is_complete or native is None
            if native is not None and not directory.careful:
                directory.portions = self._portions(directory, native)
        portions = [portion for directory in directories for portion in directory.portions]
        # What ends the run is found out again by the thread that takes the results, and raised there.
        with suppress(Stopped, ShelflifeError, OSError):
            for group in _groups(portions):
                if stop:
                    break
                self._loop.run(group, self._way)
        for portion in portions:
            portion.directory.careful = portion.directory.careful or not portion.is_done

    def _portions(self, directory: Directory, native: Native) -> list[Share]:
        """Return what is to be done in a directory."""
        path, reading, rules = directory.path, directory.reading, self._root.area.rules
        cutoff = BEGINNING if native.cutoff is None else native.cutoff
        if not reading.listed:
            if reading.entries == 0 and rules.empty_goes(path, reading.survey.key.mtime, self._cutoffs):
                return [Share(path, reading.due, directory=directory, empty=True, cutoff=cutoff)]
            return []
        shares = []
        left = reading.entries
        for portion in reading.due.portions(self._root.batch_size):
            left -= len(portion)
            empty = left == 0 and rules.may_prune(path)
            shares.append(Share(path, portion, directory=directory, empty=empty, cutoff=cutoff))
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
