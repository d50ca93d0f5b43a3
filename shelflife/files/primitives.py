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
    from shelflife.files.reading import Flag, Manner, Reading, RemovalTask, Search, TaskResult


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

    def remove(self, anchor: Anchor, tasks: Sequence[RemovalTask], manner: Manner) -> list[TaskResult]:
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


@cache
def in_python() -> Primitives:
    """Return those in Python, which also ask the rules about each file where values do not say it all."""
    return Pure()
