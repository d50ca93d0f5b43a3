"""Neighbours: the files right in one directory, where the verdict on one depends on others.

What expires as one thing is a *group*: each file by itself, or – with `expire: stem` – the files of one name but
for the last suffix. One member that stays keeps all of its group; what is noise (`ignore`) is of no age.
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
    def counted(self) -> list[File]:
        """The files with the times that count: noise that is part of a group with others has none."""
        files = list(self._files)
        for group in self.groups:
            noise = [at for at in group if self._is_noise(files[at].path)] if len(group) > 1 else []
            for at in noise if len(noise) < len(group) else ():
                files[at] = files[at]._replace(time=BEGINNING)
        return files

    def newest(self, number: int, count: int) -> int | None:
        """Return the time of the `count`th newest group with a file of a class; None where there are no more."""
        times = self._of_class.get(number, [])
        return times[count - 1] if len(times) > count else None

    @cached_property
    def _of_class(self) -> dict[int, list[int]]:
        """By class: when each group's newest file of it is of, the latest first. Links count in no class."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for group in self.groups:
            newest: dict[int, int] = {}
            for at in group:
                if not self._files[at].is_link:
                    number = self._classes[at]
                    newest[number] = max(newest.get(number, BEGINNING), self.counted[at].time)
            for number, time in newest.items():
                found[number].append(time)
        return {number: sorted(times, reverse=True) for number, times in found.items()}
