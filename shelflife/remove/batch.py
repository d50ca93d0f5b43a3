"""The batch loop: what is done around every batch, whatever goes and whichever way.

Files that are due, units, whole directories, what has waited in the trash, what a full disk needs gone, what
comes back: all of it goes by this loop, and it stands here alone. Around each batch of at most a hundred entries
and 50 ms it

    asks whether to go on, and waits its turn (throttle)
    has written down what is intended
    passes the gate, behind which the holds are as they are now
    lets the *way* act – the only thing that differs
    counts, tells, writes down what became of each entry
    watches the disk: one that is read-only, failing or gone ends the area

A way looks at where its directory is, and at each entry, right before it acts. It never raises for an entry: a
failure is an outcome. What it cannot do it hands back, for a more careful way.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from shelflife.errors import ShelflifeError
from shelflife.events import BatchFinished
from shelflife.files.candidates import Candidates, Outcomes
from shelflife.files.removal import Outcome, Result
from shelflife.policy.verdict import Reason
from shelflife.records.history import BatchKind
from shelflife.remove.throttle import LONGEST_NAP
from shelflife.scan.context import Stopped

if TYPE_CHECKING:
    from shelflife.files.listing import Entry
    from shelflife.files.reading import TaskResult
    from shelflife.records.history import Intent
    from shelflife.remove.root import Root

LONGEST_BATCH: Final = 50_000_000
"""Nanoseconds between two looks at where a directory is."""


LOOKS: Final = 10
"""Entries of a directory that went as one that are looked at in the time in which one is removed."""


class BatchResult(NamedTuple):
    """What a way did about one portion, in one batch."""

    outcomes: Sequence[Outcome] = ()
    """What became of the next entries of the portion, in order; there may be more to do."""

    handed_back: bool = False
    """Whether what has no outcome needs another way."""

    answer: TaskResult | None = None
    """What the primitives did, in numbers; without it the outcomes are counted one by one."""


@dataclass(slots=True)
class Portion:
    """Entries of one directory that are written down together, and what became of them."""

    path: str
    """The directory, below the root, with a trailing slash; empty for the root itself."""

    entries: Sequence[Entry]

    kind: BatchKind = BatchKind.FILES

    steps: list[BatchResult] = field(default_factory=list)

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """What became of the entries so far, in order."""
        found = [step.outcomes for step in self.steps if len(step.outcomes)]
        packed = [part for part in found if isinstance(part, Outcomes)]
        if packed and len(packed) == len(found) and isinstance(self.entries, Candidates):
            return Outcomes(self.entries, b"".join(part.fates for part in packed), packed[0].going)
        return [outcome for part in found for outcome in part]

    @property
    def weight(self) -> int:
        """How much of a batch it takes, in entries: one rename and a look are worth a few removals."""
        if self.kind is BatchKind.DIRECTORY:
            return 1 + len(self.entries) // LOOKS
        return max(1, len(self.entries))

    @property
    def reached(self) -> int:
        """How many entries have an outcome."""
        return sum(len(step.outcomes) for step in self.steps)

    @property
    def rest(self) -> Sequence[Entry]:
        """The entries that have none."""
        if isinstance(self.entries, Candidates):
            return self.entries.after(self.reached)
        return self.entries[self.reached :]

    @property
    def is_handed_back(self) -> bool:
        """Whether the rest needs another way."""
        return any(step.handed_back for step in self.steps)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do by this way."""
        return bool(self.steps) and (self.is_handed_back or self.reached == len(self.entries))


class Way(Protocol):
    """A way to make entries go, or come back."""

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[BatchResult]:
        """Do what is left of each portion; return a step for each, of which at least one is not empty.

        Called within the gate; ends soon after time.monotonic_ns() reached `until`. Never raises for an entry.
        Raises OSError, AreaLost, when the directory is not where it was, and nothing was done then.
        """


class BatchLoop:
    """Runs portions through a way, in one of an area's directories. May be used by several threads."""

    def __init__(self, root: Root) -> None:
        """Work in `root`."""
        self._root = root

    def run(self, portions: Sequence[Portion], way: Way) -> None:
        """Make portions go, batch by batch, all of them written down before the first.

        Raises Stopped between two batches, AreaLost when the disk fails, and OSError as the way does: what was
        done until then is recorded. What else ends it – an interrupt in the middle of a batch – leaves the record
        open, so that the disk is asked what became of the entries (`shelflife.run.recovery`).
        """
        self._wait()
        intents = self._intend(portions)
        try:
            for number, batch in enumerate(self._batches(portions)):
                self._finish(batch, way, has_waited=number == 0)
        except (Stopped, ShelflifeError, OSError):
            self._settle(intents)
            raise
        self._settle(intents)

    def record(self, portion: Portion, outcomes: Sequence[Outcome], answer: TaskResult | None = None) -> None:
        """Count, tell and write down what became of entries that went along with the directory they are in.

        Nobody is asked or waited for: it is done already. That they went with it must be settled before.
        """
        root, step = self._root, BatchResult(outcomes, answer=answer)
        portion.steps.append(step)
        recorder = root.options.recorder
        intent = recorder.intent(root.area.name, root.place(portion.path), portion.entries, portion.kind)
        recorder.settle(0, intent, outcomes)
        self._count(portion, step)
        self._tell(portion, step)

    def _intend(self, portions: Sequence[Portion]) -> list[tuple[Portion, int, Intent]]:
        """Write down what is about to go. An empty directory has no entries, and nothing that could be lost."""
        root, real = self._root, [portion for portion in portions if len(portion.entries)]
        recorder = root.options.recorder
        intents = [
            recorder.intent(root.area.name, root.place(portion.path), portion.entries, portion.kind)
            for portion in real
        ]
        written = list(zip(real, recorder.intend(intents), intents, strict=True)) if real else []
        for portion, number, _ in written:
            if portion.kind is BatchKind.DIRECTORY and not number:
                # Killed in the middle, nobody would know that it has to come back.
                portion.steps.append(BatchResult(handed_back=True))
        return written

    def _settle(self, intents: Sequence[tuple[Portion, int, Intent]]) -> None:
        for portion, number, intent in intents:
            self._root.options.recorder.settle(number, intent, portion.outcomes)

    def _batches(self, portions: Sequence[Portion]) -> Iterator[list[Portion]]:
        """Yield portions that together have no more entries than a batch; one that is larger comes alone."""
        size = self._root.batch_size
        batch: list[Portion] = []
        used = 0
        for portion in portions:
            weight = portion.weight
            if batch and used + weight > size:
                yield batch
                batch, used = [], 0
            batch.append(portion)
            used += weight
        if batch:
            yield batch

    def _finish(self, batch: list[Portion], way: Way, *, has_waited: bool) -> None:
        """Do what is in a batch: at one go, or in several, where it takes long."""
        while batch := [portion for portion in batch if not portion.is_done]:
            if not has_waited:
                self._wait()
            has_waited = False
            with self._root.options.gate.batch():
                steps = way.act(batch, time.monotonic_ns() + LONGEST_BATCH)
            taken = [
                (portion, self._completed(portion, step)) for portion, step in zip(batch, steps, strict=True)
            ]
            for portion, step in taken:
                portion.steps.append(step)
                self._count(portion, step)
            for portion, step in taken:
                self._tell(portion, step)
            for portion, step in taken:
                self._watch_disk(portion, step)

    def _wait(self) -> None:
        """Wait until the next batch may go: outside the gate, where nobody waits for us. Raises as `between`."""
        self._root.context.between()
        while (delay := self._root.options.throttle.delay()) > 0:
            time.sleep(min(delay, LONGEST_NAP))
            self._root.context.between()

    @staticmethod
    def _completed(portion: Portion, step: BatchResult) -> BatchResult:
        """Return a step that leaves out what its directory, which may not be written to, would only repeat."""
        if not is_denied(step.outcomes):
            return step
        rest = portion.rest[len(step.outcomes) :]
        return step._replace(outcomes=[*step.outcomes, *map(not_reached, rest)])

    def _count(self, portion: Portion, step: BatchResult) -> None:
        """Count what became of entries. That of a unit is counted file by file, when these go."""
        root, is_unit = self._root, portion.kind is BatchKind.UNIT
        with root.lock:
            gone = 0 if is_unit else root.report.count(step.outcomes, step.answer)
            for outcome in _failed(step):
                root.report.fail(root.failure(portion.path + outcome.name, outcome.errno))
        root.options.throttle.spend(gone)

    def _tell(self, portion: Portion, step: BatchResult) -> None:
        """Tell of a batch: outside the gate, where a listener may add holds, or take its time."""
        if portion.kind is BatchKind.UNIT or not len(step.outcomes):
            return
        self._root.context.listener(
            BatchFinished(
                area=self._root.area.name,
                directory=self._root.place(portion.path),
                outcomes=step.outcomes,
                clean=isinstance(step.outcomes, Outcomes),
            )
        )

    def _watch_disk(self, portion: Portion, step: BatchResult) -> None:
        if isinstance(step.outcomes, Outcomes):
            self._root.watch_disk(0)
            return
        for outcome in step.outcomes:
            # That a unit could be taken aside says nothing: its files are what must be got rid of.
            if outcome.errno or portion.kind is not BatchKind.UNIT:
                self._root.watch_disk(outcome.errno)


def _failed(step: BatchResult) -> Iterator[Outcome]:
    if not isinstance(step.outcomes, Outcomes):  # none of those did: they would have been handed back
        yield from (outcome for outcome in step.outcomes if outcome.result is Result.FAILED)


def is_denied(outcomes: Sequence[Outcome]) -> bool:
    """Return whether a batch says that its directory may not be written to, which others would only repeat.

    EPERM alone does not: it is also what a single file gives that is immutable, or somebody else's.
    """
    if isinstance(outcomes, Outcomes):
        return False
    codes = {outcome.errno for outcome in outcomes}
    return errno.EACCES in codes or (errno.EPERM in codes and not any(out.is_gone for out in outcomes))


def not_reached(entry: Entry) -> Outcome:
    """Return the outcome of an entry that was not tried."""
    return Outcome(entry, Result.KEPT, Reason.NOT_REACHED)
