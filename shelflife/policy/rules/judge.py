"""The rules of one area: its classes, and the one judge."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from shelflife.policy.cutoff import BEGINNING, Cause, Cutoff, Cutoffs
from shelflife.policy.rules import table
from shelflife.policy.rules.classes import Class, classes_of
from shelflife.policy.rules.file import File
from shelflife.policy.rules.native import NativeRules
from shelflife.policy.rules.neighbours import Neighbours, stems_of
from shelflife.policy.rules.patterns import Patterns, Sieve
from shelflife.policy.rules.table import Case, Rule, RuleNeed
from shelflife.policy.rules.times import KINDS
from shelflife.policy.verdict import Reason, Verdict
from shelflife.settings import Expire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shelflife.settings import AgeFrom, AreaSettings

_END: Final = Cutoff(at=2**63, cause=Cause.RETENTION)
"""Before this one is every file."""

LOST_AND_FOUND: Final = "lost+found"
"""Where e2fsck puts what it finds: it is part of the file system, and mkfs alone can make it properly."""

_GOES: Final = Verdict(remove=True, reason=Reason.EXPIRED)

_AS_ONE: Final[Mapping[Reason, Reason]] = {
    Reason.PROTECTED: Reason.UNIT_PROTECTED,
    Reason.HELD: Reason.UNIT_HELD,
    Reason.IN_USE: Reason.UNIT_IN_USE,
}
"""Why the others of a group stay when one of them stays for a reason."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What decides over the files of an area."""

    settings: AreaSettings
    """The area as it was configured."""

    table: tuple[Rule, ...] = field(default_factory=lambda: table.TABLE, repr=False)
    """What keeps a file, in the order in which it is asked."""

    @cached_property
    def classes(self) -> tuple[Class, ...]:
        """The classes by their numbers: the area's own, then those with patterns in the order of matching."""
        return classes_of(self.settings)

    @property
    def own(self) -> Class:
        """The area's own class."""
        return self.classes[0]

    @property
    def age_from(self) -> AgeFrom:
        """Which of a file's times its age is counted from."""
        return self.settings.age_from

    @property
    def expire(self) -> Expire:
        """What expires as one thing."""
        return self.settings.expire

    @property
    def protect(self) -> list[str]:
        """The patterns of what is kept however old it is."""
        return [
            line for kind in self.classes[1:] if kind.retention is None for line in kind.patterns.patterns
        ]

    @property
    def patterns(self) -> tuple[tuple[str, ...], ...]:
        """The patterns of each class, by its number."""
        return tuple(kind.patterns.patterns for kind in self.classes)

    def longest_kept(self, numbers: Iterable[int]) -> int:
        """Return which of some classes is kept longest: it decides when their files go as one."""
        kept = {number: self.classes[number].retention for number in numbers}
        return max(kept, key=lambda number: math.inf if kept[number] is None else kept[number] or 0)

    # -- what a path alone decides

    def class_of(self, path: str) -> int:
        """Return the number of the class of the file at `path` (relative to the area's directory)."""
        if not self._matching or not self._sieve.catches(path):  # so for most files, and at one go
            return 0
        for kind in self._matching:
            if kind.patterns.deciding(path) is not None:
                return kind.number
        return 0

    def class_of_all_in(self, directory: str) -> int | None:
        """Return the class that every file right in a directory has whatever its name; None where names matter.

        `directory` is relative to the area's directory, with a trailing slash; empty for that directory itself.
        """
        for kind in self.classes[1:]:
            matches = kind.patterns.decide_all_in(directory)
            if matches is None:
                return None
            if matches:
                return kind.number
        return 0

    def protecting(self, path: str) -> str | None:
        """Return the pattern because of which the file at `path` is kept however old it is; None without one."""
        kind = self.classes[self.class_of(path)]
        return kind.patterns.deciding(path) if kind.retention is None else None

    def is_noise(self, path: str) -> bool:
        """Return whether a file counts for no group's age; of a directory, with a trailing slash, likewise."""
        if self.expire is Expire.FILE or not path:
            return False
        decide = self._ignore.of_directory if path.endswith("/") else self._ignore.deciding
        return decide(path) is not None

    def may_prune(self, directory: str) -> bool:
        """Return whether a directory may go when it is empty and old enough; its path has a trailing slash.

        What keeps a file of this place for ever keeps the directory, too. Holds are not asked here.
        """
        return self.settings.prune and bool(directory) and self.keeping(directory) is None

    def empty_goes(self, directory: str, mtime: int, cutoffs: Cutoffs) -> bool:
        """Return whether a directory that is empty since `mtime` (ns) goes: where a file of its place would."""
        return self.may_prune(directory) and mtime < cutoffs.wanted(self.class_of_all_in(directory) or 0)

    def keeping(self, directory: str) -> str | None:
        """Return the pattern that keeps a directory indefinitely, or `lost+found`; None without one."""
        if directory == f"{LOST_AND_FOUND}/":
            return LOST_AND_FOUND
        for kind in self.classes[1:]:
            if (pattern := kind.patterns.of_directory(directory)) is not None:
                return pattern if kind.retention is None else None
        return None

    # -- verdicts

    @cached_property
    def needs_neighbours(self) -> bool:
        """Whether the verdict on a file depends on others in its directory: `judge_together` is to be asked."""
        return self.expire is Expire.STEM or any(RuleNeed.NEIGHBOURS in rule.needs for rule in self._applied)

    def judge(self, file: File, cutoffs: Cutoffs) -> Verdict:
        """Return the verdict on one file: whether it goes, and why.

        Where rules need its neighbours (`needs_neighbours`), they keep it: ask `judge_together`.
        """
        verdict = self._judge(file, cutoffs, self._applied)
        if verdict.remove and self.expire is Expire.STEM:  # for all that is known here, another one stays
            return Verdict(remove=False, reason=Reason.UNIT_NOT_EXPIRED)
        return verdict

    def look_again(self, file: File, cutoffs: Cutoffs) -> Verdict:
        """Return whether a file still goes of which that was decided together with others.

        Those are not asked again; in a unit, noise goes with them at any age.
        """
        time = BEGINNING if self.is_noise(file.path) else file.time
        return self._judge(file._replace(time=time), cutoffs, self._alone)

    def judge_whatever_its_age(self, path: str) -> Verdict:
        """Return what the verdict on a file would be if it were as old as can be, and alone."""
        return self._judge(File(path, BEGINNING), self._endless, self._alone)

    def judge_together(
        self, files: Sequence[File], cutoffs: Cutoffs, staying: Mapping[int, Reason] | None = None
    ) -> list[Verdict]:
        """Return the verdicts on all files and links right in a directory, in their order.

        `staying` are those, by position, that stay for a reason which is not in the rules: held, or in use. With
        `expire: stem` they keep their groups.
        """
        classes = [self.class_of(file.path) for file in files]
        neighbours = Neighbours(files, classes, self.groups([file.name for file in files]), self.is_noise)
        verdicts = [
            self._judge(file._replace(time=time), cutoffs, self._applied, neighbours)
            for file, time in zip(files, neighbours.times, strict=True)
        ]
        for position, reason in (staying or {}).items():
            verdicts[position] = Verdict(remove=False, reason=reason)
        for group in neighbours.groups:
            _keep_together(group, verdicts)
        return verdicts

    def groups(self, names: Sequence[str]) -> list[list[int]]:
        """Return which files right in a directory go as one thing, by their positions."""
        return stems_of(names) if self.expire is Expire.STEM else [[at] for at in range(len(names))]

    def _judge(
        self, file: File, cutoffs: Cutoffs, rules: Sequence[Rule], neighbours: Neighbours | None = None
    ) -> Verdict:
        # Asked about every file that may be due: what costs, and is not needed, is left out.
        kind = self.classes[self.class_of(file.path) if self._matching else 0]
        here = cutoffs if cutoffs.tops is None else cutoffs.within(file.path)
        case = Case(file, kind, here[kind.number], self.settings, neighbours)
        for rule in rules:
            if rule.keeps(case):
                pattern = kind.patterns.deciding(file.path) if rule.reason is Reason.PROTECTED else None
                return Verdict(remove=False, reason=rule.reason, pattern=pattern)
        return _GOES

    # -- what others are told

    def native(self, directory: str, cutoffs: Cutoffs) -> NativeRules | None:
        """Return what the compiled code must know of a directory; None where values do not say it all."""
        number = self.class_of_all_in(directory)
        if number is None or not self._can_be_native:
            return None
        if self.is_noise(directory):
            return None
        cutoff = cutoffs.within(directory)[number]
        return NativeRules(number, None if cutoff is None else cutoff.at, KINDS[self.age_from], self._noise)

    @cached_property
    def fingerprint(self) -> int:
        """Fingerprint (63 bits) of what an index row depends on: rows read under other rules are read again."""
        words = [str(self.age_from)]
        for kind in self.classes[1:]:
            words += kind.patterns.patterns
            if kind.retention is not None or kind.number > 1:
                words.append(f"class {kind.number}")
        if self.expire is not Expire.FILE:
            words += ["ignore", *self.settings.ignore]
        if self.expire is Expire.STEM:
            words.append("stem")
        return int.from_bytes(sha256("\n".join(words).encode()).digest()[:8], "big") >> 1

    @cached_property
    def _matching(self) -> tuple[Class, ...]:
        return self.classes[1:]

    @cached_property
    def _sieve(self) -> Sieve:
        return Sieve([kind.patterns for kind in self._matching])

    @cached_property
    def _applied(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.table if rule.applies(self.settings))

    @cached_property
    def _alone(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self._applied if RuleNeed.NEIGHBOURS not in rule.needs)

    @cached_property
    def _can_be_native(self) -> bool:
        return (
            self.age_from in KINDS
            and (self.expire is Expire.FILE or all(map(_is_name, self.settings.ignore)))
            and not self.needs_neighbours
            and all(rule.compiled for rule in self._applied)
        )

    @cached_property
    def _noise(self) -> tuple[str, ...]:
        """The patterns that match files; those of directories are asked directory by directory."""
        if self.expire is Expire.FILE:
            return ()
        return tuple(pattern for pattern in self.settings.ignore if not pattern.endswith("/"))

    @cached_property
    def _ignore(self) -> Patterns:
        return Patterns(self.settings.ignore)

    @cached_property
    def _endless(self) -> Cutoffs:
        return Cutoffs(tuple(None if kind.retention is None else _END for kind in self.classes))


def _is_name(pattern: str) -> bool:
    """Return whether a pattern is a name with at most `*` in it, which means the same to fnmatch(3).

    `?` does not: it is a byte to git, and a character of the locale to fnmatch.
    """
    return bool(pattern) and not set("?[]\\!#/ ") & set(pattern.removesuffix("/"))


def _keep_together(group: Sequence[int], verdicts: list[Verdict]) -> None:
    """Keep all of a group of which one stays."""
    if len(group) == 1:
        return
    first = next((verdicts[position] for position in group if not verdicts[position].remove), None)
    if first is None:
        return
    reason = _AS_ONE.get(first.reason, Reason.UNIT_NOT_EXPIRED)
    for position in group:
        if verdicts[position].remove:
            verdicts[position] = Verdict(remove=False, reason=reason, pattern=first.pattern)
