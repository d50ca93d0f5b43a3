"""Neighbours: the files right in one directory, where the verdict on one depends on others.

What expires as one thing is a *group*: each file by itself, or – with `expire: stem` – the files of one name but
for the last suffix. A group's time is that of its newest member; noise (`ignore`) counts for no group's age.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from shelflife.policy.cutoff import BEGINNING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from shelflife.policy.rules.file import File


def stem_of(name: str) -> str:
    """Return a name without its last suffix: `c.mp4` for `c.mp4.json`, `.a` for `.a`."""
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem.strip(".") else name


def stems_of(names: Sequence[str]) -> list[list[int]]:
    """Return which of the names belong together, by their positions.

    Two do when they are the same but for the last suffix, or when one without its last suffix is the other; and
    so do all that are connected by others: `c.mp4`, `c.json` and `c.mp4.json`.
    """
    leader: dict[str, str] = {}

    def find(word: str) -> str:
        while (above := leader.setdefault(word, word)) != word:
            leader[word] = leader[above]  # halve the way, so that the next search is short
            word = above
        return word

    for name in names:
        leader[find(name)] = find(stem_of(name))
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for position, name in enumerate(names):
        groups[find(name)].append(position)
    return list(groups.values())


class Neighbours:
    """The files right in one directory, with what is derived from all of them."""

    def __init__(
        self,
        files: Sequence[File],
        classes: Sequence[int],
        groups: Iterable[Collection[int]],
        is_noise: Callable[[str], bool],
    ) -> None:
        """Take files, their classes by number, which of them are a group (by position), and what is noise."""
        self._files = files
        self._classes = classes
        self.groups = [list(group) for group in groups]
        """The positions of what expires as one thing."""
        self._is_noise = is_noise

    @cached_property
    def times(self) -> list[int]:
        """By position: the time of the group that a file belongs to (ns)."""
        times = [BEGINNING] * len(self._files)
        for group in self.groups:
            time = self._time(group)
            for position in group:
                times[position] = time
        return times

    def newest(self, number: int, count: int) -> int | None:
        """Return the time of the `count`th newest group with a file of a class; None where there are no more."""
        times = self._of_class.get(number, [])
        return times[count - 1] if len(times) > count else None

    @cached_property
    def _of_class(self) -> dict[int, list[int]]:
        """By class: the times of the groups with a file of it, the latest first. Links count in no class."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for group in self.groups:
            for number in {self._classes[at] for at in group if not self._files[at].is_link}:
                found[number].append(self.times[group[0]])
        return {number: sorted(times, reverse=True) for number, times in found.items()}

    def _time(self, group: Sequence[int]) -> int:
        if len(group) == 1:
            return self._files[group[0]].time
        counted = [at for at in group if not self._is_noise(self._files[at].path)]
        return max(self._files[at].time for at in counted or group)
