"""The compiled way: entries of many directories go in one call of the primitives.

Each step that safety rests on is there all the same, batch by batch (`shelflife.remove.batch`); what entries go
from must be in its place and each directory, opened from it anew, the one that was listed; each entry is checked
once more right before it goes. Whatever is out of the ordinary – a hold, a directory that has changed, an error –
is handed back, for a more careful way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shelflife.files.anchor import parent_of
from shelflife.files.candidates import Fate, Going, Outcomes
from shelflife.files.reading import Manner
from shelflife.files.removal import Result
from shelflife.files.trash import DISPLACED, prune_trash
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.records.history import BatchKind
from shelflife.remove.batch import BatchResult
from shelflife.remove.share import Share
from shelflife.scan.way import for_removing, may_be_held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.files.candidates import Candidates
    from shelflife.files.reading import TaskResult
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.remove.batch import Portion
    from shelflife.remove.root import Root


class Ground(Protocol):
    """Where entries go from, as far as somebody may hold something there."""

    anchor: Anchor
    """What the paths of the directories are below."""

    def concern(self, path: str, holds: Holds) -> bool:
        """Return whether `holds`, as they are now, may concern the directory at `path`, or something below it."""


class Compiled:
    """See above. What may be held is handed back: the careful way finds out what."""

    def __init__(
        self, root: Root, ground: Ground, cutoffs: Cutoffs | None, *, going: Going = Going.REMOVED
    ) -> None:
        """Let go from `ground` what is before the cutoff of its class; all that is listed, without cutoffs."""
        self._root = root
        self._ground = ground
        self._cutoffs = cutoffs
        self._going = going
        self._mirror = root.trash.mirror

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[BatchResult]:
        """See `Way`."""
        root, holds, anchor = self._root, self._root.context.holds(), self._ground.anchor
        shares = [portion for portion in portions if isinstance(portion, Share)]
        given = [(share, share.packed) for share in shares if not self._is_held(share, holds)]
        tasks = [share.task(rest, self._target(share)) for share, rest in given]
        manner = Manner(root.area, self._cutoffs, until, root.options.owner.ids)
        answers = for_removing(anchor).remove(anchor, tasks, manner) if tasks else []
        steps = {
            id(share): self._step(share, rest, answer)
            for (share, rest), answer in zip(given, answers, strict=True)
        }
        return [steps.get(id(share)) or self._hand_back(share) for share in shares]

    def _target(self, share: Share) -> str | None:
        return self._mirror(share.path) if self._going is Going.TRASHED else None

    def _is_held(self, share: Share, holds: Holds) -> bool:
        """Return whether somebody began to hold something there."""
        if not holds:
            return False
        return self._ground.concern(share.path, holds) or may_be_held(
            share.packed, holds, self._root.area.name
        )

    def _step(self, share: Share, rest: Candidates, answer: TaskResult) -> BatchResult:
        """Return what became of a share."""
        directory = share.directory
        directory.pruned = directory.pruned or answer.pruned
        failed = bool(answer.error) or not (answer.pruned or len(rest))
        directory.careful = directory.careful or failed
        outcomes = Outcomes(rest, answer.fates, self._going)
        if Fate.STRAY in answer.fates:
            self._displace(share.path, outcomes)
        if share.kind is BatchKind.DIRECTORY and failed:
            self._bring_back(share.path, is_stranded=answer.stranded)
        return BatchResult(outcomes, failed, answer)

    def _displace(self, path: str, outcomes: Outcomes) -> None:
        """Set aside what could not be put back into the directory at `path`."""
        trash = self._root.trash
        try:
            fd = trash.directory(path)
            for outcome in outcomes:
                if outcome.result is Result.DISPLACED:
                    trash.displace(path, fd, outcome.name)
        finally:
            trash.close()

    def _bring_back(self, path: str, *, is_stranded: bool) -> None:
        """Put back a directory that went as one and could not be renamed back; leave no empty trash behind."""
        root, trash = self._root, self._root.trash
        if is_stranded and not trash.bring_back(path):
            with root.lock:
                root.report.displaced += 1
                root.report.errors.append(
                    f"{root.place(path)}: changed while it was looked at, and not all of it can be put back; "
                    f"the rest waits in {root.place(TRASH_DIRECTORY)}/{DISPLACED}"
                )
        prune_trash(root.anchor, trash.mirror(parent_of(path)[0]))

    @staticmethod
    def _hand_back(share: Share) -> BatchResult:
        share.directory.careful = True
        return BatchResult(handed_back=True)
