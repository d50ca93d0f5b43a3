"""Bulk removal: the ordinary way, many directories at a time.

Most of what is due is due in the most ordinary way: nobody holds anything there, and between the look of the plan
and the removal nothing happens. Then a whole lot of directories goes through a few calls of the primitives
(`shelflife.remove.compiled`), in several threads, with nothing done file by file in Python.

Where the area has a trash, entries are renamed into it instead. A directory that nobody has written to for a
while and of which all goes is renamed as one: a single call, whatever is in it. It is looked at there, entry by
entry, where no path of the service leads any more, and comes back as it went when not all of it goes after all.

Whatever is out of the ordinary – a hold, a directory that has changed, an error – is handed back: that directory
is done again by the careful way (`AreaExecutor.run_in`), one entry at a time.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.files.candidates import Going
from shelflife.files.reading import Flag, Reading, Search
from shelflife.policy.cutoff import BEGINNING
from shelflife.records.history import BatchKind
from shelflife.remove.batch import LOOKS, BatchLoop
from shelflife.remove.compiled import Compiled
from shelflife.remove.share import ENDS_A_RUN, Directory, Share, groups_of
from shelflife.scan.way import Ways, for_removing, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shelflife.files.known import Known
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.rules import NativeRules
    from shelflife.remove.root import Root

_LOT: Final = 500
"""Due entries and directories of a lot, about: enough to be worth a transaction, few enough to share out."""

_UNREAD: Final = 15
"""What a directory weighs that must be read first."""

_LARGEST_WHOLE: Final = 5_000
"""Entries of a directory that may go by one rename: all of them are looked at in one batch."""


class _Lot(NamedTuple):
    """Directories that are worked on together."""

    readings: dict[str, Reading | None]
    """By path, as they were read for the plan."""
    unread: list[str]
    """Those that were not, or are not noted."""
    plain: dict[str, Known]
    """What the index knows of these."""


class Bulk:
    """Removes what is before its cutoff from one directory of an area, as far as it is ordinary."""

    def __init__(self, root: Root, cutoffs: Cutoffs) -> None:
        """Prepare to remove from `root` what is before the cutoff of its class."""
        self._root = root
        self._cutoffs = cutoffs
        self._number = root.context.index.root(root.directory)
        self._loop = BatchLoop(root)
        self._at = root.place_in(root.anchor)
        self._ways = Ways(self._at, root.context.index, root.context.holds())
        going = Going.REMOVED if root.area.trash is None else Going.TRASHED
        self._way = Compiled(root, self._ways, cutoffs, going=going)
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
                weight += self._weight(reading)
                if weight >= _LOT:
                    break
            return _Lot(readings, unread, self._plain(unread)) if readings else None

        pool = self._root.context.pool.suited_to(for_removing(self._root.anchor))
        for done in pool.run(self._work, take, between=self._root.context.between, stop=self.stop):
            yield from done

    def _weight(self, reading: Reading | None) -> int:
        """Return how much of a lot a directory takes; one that may go by one rename is looked at, no more."""
        if reading is None:
            return _UNREAD
        may_go_whole = self._root.area.trash is not None and reading.listed == reading.entries
        return 1 + reading.listed // (LOOKS if may_go_whole else 1)

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
        holds = self._root.context.holds()  # those of each batch are looked at behind the gate
        for directory in directories:
            reading = directory.reading
            native = self._ways.native(directory.path, self._cutoffs, holds)
            directory.careful = bool(reading.error) or not reading.is_complete or native is None
            if native is not None and not directory.careful:
                directory.portions = self._portions(directory, native)
        portions = [portion for directory in directories for portion in directory.portions]
        with suppress(*ENDS_A_RUN):
            for group in groups_of(portions, stop):
                self._loop.run(group, self._way)
        for portion in portions:
            is_left = portion.is_handed_back or not portion.is_done
            portion.directory.careful = portion.directory.careful or is_left

    def _portions(self, directory: Directory, native: NativeRules) -> list[Share]:
        """Return what is to be done in a directory."""
        path, reading, rules = directory.path, directory.reading, self._root.area.rules
        cutoff = BEGINNING if native.cutoff is None else native.cutoff
        if not reading.listed:
            if reading.entries == 0 and rules.empty_goes(path, reading.survey.key.mtime, self._cutoffs):
                return [Share(path, reading.due, directory=directory, empty=True, cutoff=cutoff, same=True)]
            return []
        if self._goes_whole(path, reading):
            whole = BatchKind.DIRECTORY
            return [Share(path, reading.due, whole, directory=directory, empty=False, cutoff=cutoff)]
        return directory.divide(cutoff, self._root.batch_size, prune=rules.may_prune(path))

    def _goes_whole(self, path: str, reading: Reading) -> bool:
        """Return whether a directory is to go into the trash by one rename.

        All that is in it must be due, and nobody have written there for a while: a writer would find it gone for
        the moment in which it is looked at.
        """
        root = self._root
        if root.area.trash is None or not path or reading.is_partial or reading.more:
            return False
        if not 1 < reading.listed == reading.entries <= _LARGEST_WHOLE or not root.area.rules.may_prune(path):
            return False
        survey = reading.survey
        survey.finish(path, root.context.freshness.settled_before, root.area.rules)
        return survey.settled
