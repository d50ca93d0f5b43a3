"""The rules of one area: its classes, and the one judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from shelflife.policy.rules import table
from shelflife.policy.rules.native import Native
from shelflife.policy.rules.table import Case, File, Rule
from shelflife.policy.rules.times import KINDS
from shelflife.policy.verdict import Reason, Verdict
from shelflife.settings import AgeFrom, Expire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.rules.classes import Class


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What decides over the files of an area."""

    classes: tuple[Class, ...]
    """By their numbers: the area's own first, then those with patterns, in the order in which they match."""

    age_from: AgeFrom = AgeFrom.MODIFIED
    """Which of a file's times its age is counted from."""

    expire: Expire = Expire.FILE
    """What expires as one thing."""

    table: tuple[Rule, ...] = field(default_factory=lambda: table.TABLE, repr=False)
    """What keeps a file, in the order in which it is asked."""

    @property
    def own(self) -> Class:
        """The area's own class."""
        return self.classes[0]

    @property
    def protect(self) -> list[str]:
        """The patterns of what is kept however old it is."""
        return [
            line for kind in self.classes[1:] if kind.retention is None for line in kind.patterns.patterns
        ]

    # -- classes

    def class_of(self, path: str) -> int:
        """Return the number of the class of the file at `path` (relative to the area's directory)."""
        for kind in self.classes[1:]:
            if kind.patterns.deciding(path) is not None:
                return kind.number
        return 0

    def protecting(self, path: str) -> str | None:
        """Return the pattern because of which the file at `path` is kept however old it is; None without one."""
        kind = self.classes[self.class_of(path)]
        return kind.patterns.deciding(path) if kind.retention is None else None

    def class_of_all_in(self, directory: str) -> int | None:  # noqa: ARG002 - it will be
        """Return the class that every file right in a directory has whatever its name; None where names matter.

        `directory` is relative to the area's directory, with a trailing slash; empty for that directory itself.
        """
        return 0 if len(self.classes) == 1 else None

    # -- decisions

    @property
    def needs_neighbours(self) -> bool:
        """Whether the verdict on a file depends on others in its directory: `judge_together` is to be asked."""
        return False

    def judge(self, file: File, cutoffs: Cutoffs) -> Verdict:
        """Return the verdict on one file: whether it goes, and why.

        Where rules need its neighbours (`needs_neighbours`), this is what they leave open; ask `judge_together`.
        """
        kind = self.classes[self.class_of(file.path)]
        case = Case(file, kind, cutoffs[kind.number])
        for rule in self.table:
            if rule.keeps(case):
                pattern = kind.patterns.deciding(file.path) if rule.reason is Reason.PROTECTED else None
                return Verdict(remove=False, reason=rule.reason, pattern=pattern)
        return Verdict(remove=True, reason=Reason.EXPIRED)

    def judge_together(self, directory: str, files: Sequence[File], cutoffs: Cutoffs) -> list[Verdict]:  # noqa: ARG002
        """Return the verdicts on all files and links right in a directory, in their order."""
        return [self.judge(file, cutoffs) for file in files]

    def may_prune(self, directory: str) -> bool:  # noqa: ARG002
        """Return whether a directory may go when it is empty and old enough; path with a trailing slash."""
        return True

    def empty_goes(self, directory: str, mtime: int, cutoffs: Cutoffs) -> bool:
        """Return whether a directory that is empty since `mtime` (ns) goes: where a file of its place would."""
        if not directory or not self.may_prune(directory):
            return False
        return mtime < cutoffs.at(self.class_of_all_in(directory) or 0)

    # -- what others are told

    def native(self, directory: str, cutoffs: Cutoffs) -> Native | None:
        """Return what the compiled code must know of a directory; None where values do not say it all."""
        number = self.class_of_all_in(directory)
        if number is None or not self._can_be_native:
            return None
        cutoff = cutoffs[number]
        return Native(number, None if cutoff is None else cutoff.at, KINDS[self.age_from])

    @property
    def is_native_everywhere(self) -> bool:
        """Whether `native` can tell the compiled code all that decides, in every directory."""
        return self._can_be_native and len(self.classes) == 1

    @cached_property
    def _can_be_native(self) -> bool:
        return self.age_from in KINDS and all(rule.compiled for rule in self.table)

    @cached_property
    def fingerprint(self) -> int:
        """Fingerprint (63 bits) of what an index row depends on: rows read under other rules are read again."""
        words = [str(self.age_from)]
        for kind in self.classes[1:]:
            words += kind.patterns.patterns
        return int.from_bytes(sha256("\n".join(words).encode()).digest()[:8], "big") >> 1
