"""The hot primitives: recognising, reading and removing, many directories to a call.

Nearly all of the time of a cleanup is spent in these three. There are two implementations of one contract: in C,
which lets other threads run for the whole of a call, and in Python, for where there was no compiler when the
package was installed. Both pass the same tests; the first that can be had is taken.

Whatever is out of the ordinary – an error, a directory that changed, a lease that is refused – is not their
business: they hand it back, and the careful way (`shelflife.files.removal`, one entry at a time) deals with it.

`SHELFLIFE_PURE` in the environment, set to anything, does without the compiled ones: to compare them.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Protocol

from shelflife.files.native import load
from shelflife.files.pure import Pure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.files.reading import Answer, Flag, Manner, Reading, Search, Task
    from shelflife.policy.area import Area


class Primitives(Protocol):
    """What both implementations do. None of them raises OSError; all may be called from several threads."""

    is_compiled: bool

    def stand(self, anchor: Anchor, paths: bytes, keys: bytes, stop: Flag) -> bytes:
        """Return for each known directory 1 when it has the anchor's device and its key, else 0.

        `paths` are joined by NUL, `keys` packed. A hint: links on the way are followed. Zeros follow a `stop`.
        """

    def read(self, anchor: Anchor, paths: Sequence[str], search: Search, stop: Flag) -> list[Reading]:
        """Read the first of the directories at `paths`, at least one, as many as a few ms allow.

        A directory that cannot be read has an error; after a `stop` that is ECANCELED.
        """

    def remove(self, anchor: Anchor, tasks: Sequence[Task], manner: Manner) -> list[Answer]:
        """Remove what nothing keeps, directory after directory, each opened from the anchor right before.

        The anchor must be in its place, the directory the one that was read, and each entry as it was listed,
        still past the cutoff, and not open for writing where the area wants that. Returns an answer for each
        task; those that were not reached before `until` have no fates.
        """


@cache
def chosen() -> Primitives:
    """Return what this process uses: the compiled primitives where they can be had, else those in Python."""
    if not os.environ.get("SHELFLIFE_PURE"):
        compiled = load()
        if compiled is not None:
            return compiled
    return Pure()


_PURE = Pure()


def for_reading(area: Area, anchor: Anchor) -> Primitives:
    """Return what reads an area: patterns are matched in Python, and openat2 may be missing."""
    return chosen() if area.rules.is_native_everywhere and anchor.uses_openat2 else _PURE


def read_all(anchor: Anchor, paths: Sequence[str], search: Search, stop: Flag) -> list[Reading]:
    """Read directories as `Primitives.read` does, all of them; fewer after a `stop`."""
    primitives = for_reading(search.area, anchor)
    readings: list[Reading] = []
    while len(readings) < len(paths) and not stop:
        readings += primitives.read(anchor, paths[len(readings) :], search, stop)
    return readings


def for_removing(anchor: Anchor) -> Primitives:
    """Return what removes from an area. Where others work on the same files, each look has to be a fresh one."""
    return chosen() if anchor.uses_openat2 and not anchor.is_shared else _PURE
