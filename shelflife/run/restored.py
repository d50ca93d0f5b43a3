"""What came of a restore: what is back, and what is not and why."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from shelflife.errors import PartlyRestored, UsageError
from shelflife.files.anchor import Anchor
from shelflife.files.listing import EntryKind
from shelflife.files.removal import Result
from shelflife.files.tree import walk
from shelflife.policy.area import place_of
from shelflife.records.history import BatchKind
from shelflife.storage.paths import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.policy.holds import Hold
    from shelflife.remove.report import Failure, RunReport
    from shelflife.run.workplace import Workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a run brought back from the trash."""

    report: RunReport
    paths: tuple[str, ...]
    """The first of what is back, relative to the base path; a directory that came back as one has a slash."""
    is_all: bool
    """Whether these are all."""
    hold: Hold | None
    """What keeps the next cleanup from taking it again."""

    @property
    def files(self) -> int:
        """Files and links that are back."""
        return self.report.total("restored")

    @property
    def faults(self) -> list[str]:
        """Why others are not, of the first of them."""
        failures = [failure for area in self.report.areas for failure in area.failures]
        return [*(_fault(failure) for failure in failures), *self.report.errors]

    @property
    def left(self) -> int:
        """How many are not."""
        counted = self.report.total("taken") + self.report.failed
        return counted or len(self.report.errors)

    def require_all(self) -> None:
        """Return if all is back. Raises PartlyRestored; UsageError where nothing is."""
        if not self.left:
            return
        if self.files or self.paths:
            counts = (self.files, self.left)
            raise PartlyRestored(self.paths, self.faults, run=self.report.run, counts=counts)
        raise UsageError("; ".join(self.faults[:5]))


def restored_of(work: Workplace, report: RunReport, *, most: int | None) -> Restored:
    """Return what a run brought back, with the first `most` paths; all, if None. Raises RecordsError."""
    with work.records.read_journal() as journal:
        if journal is None:
            return Restored(report=report, paths=(), is_all=True, hold=None)
        back = (
            record.path + ("/" if record.kind is BatchKind.RESTORED_TREE else "")
            for record in journal.files.of_run(report.run)
            if record.result is Result.RESTORED
        )
        paths = tuple(islice(back, most))
        now = work.clock()
        holds = (hold for hold in journal.holds.all() if hold.run == report.run and hold.is_active(now))
        return Restored(report=report, paths=paths, is_all=next(back, None) is None, hold=next(holds, None))


def files_of(work: Workplace, restored: Restored, target: str) -> Iterator[str]:
    """Yield the files that are back, one by one, also those in directories; of the `target` itself its path.

    Raises StorageError, OSError.
    """
    if not target.isdecimal():
        whole = locate(target, work.settings.base_path, work.areas).whole
        if restored.paths == (f"{whole}/",):
            yield whole
            return
    with work.hold_base() as base:
        for path in restored.paths:
            if not path.endswith("/"):
                yield path
                continue
            place = locate(str(work.settings.base_path / path), work.settings.base_path, work.areas)
            with Anchor.open(base, place.directory) as anchor:
                for directory, _, entries in walk(anchor, f"{place.path}/"):
                    for entry in entries:
                        if entry.kind is not EntryKind.DIRECTORY:
                            yield place_of(place.directory, directory + entry.name)


def _fault(failure: Failure) -> str:
    hint = {
        errno.EEXIST: "; move it away, or restore --as another",
        errno.EXDEV: "; it lies on another volume",
    }
    return f"cannot restore {failure.path}: {failure.error}{hint.get(failure.errno, '')}"
