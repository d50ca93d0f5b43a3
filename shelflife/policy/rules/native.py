"""What the compiled code is told about one directory: the rules, as values."""

from __future__ import annotations

from typing import NamedTuple

from shelflife.policy.rules.times import AgeKind


class NativeRules(NamedTuple):
    """All that decides over every file and link of one directory.

    The compiled code keeps `.gitkeep`, `.nfs…`, FIFOs, sockets, devices, and what is not before the cutoff.
    """

    number: int
    """The class of all of them."""

    cutoff: int | None
    """Nanoseconds since the epoch: what is before it goes. None: nothing does."""

    age: AgeKind
    """Which of an entry's times is compared."""

    noise: tuple[str, ...] = ()
    """Names, with `*` and `?`, of files that count for no group's age. Where the compiled code comes upon one it
    reads no further: that directory goes the careful way."""
