"""Workloads: what is measured, on which tree, by whom – and what is hoped for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import contestants as by
from bench.trees import Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.contestants import Contestant


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One thing to measure."""

    key: str
    title: str
    shape: Callable[[int], Shape]
    """The tree of about so many files."""
    contestants: tuple[Contestant, ...]
    targets: tuple[tuple[str, str, float], ...] = ()
    """(who, against whom, ratio to reach)."""
    first_run: bool = False
    """Whether the engine knows nothing of the tree yet."""
    removes: bool = True
    forgets: bool = False
    """Whether what the engine remembers, and its trash, are removed before each turn."""
    compares: bool = True
    """Whether all must leave the same."""
    new_directories: int = 0
    """One in so many directories comes after the last run."""


def _directories(files: int) -> int:
    return max(1, files // 100)


def _plain(files: int) -> Shape:
    return Shape(directories=_directories(files), files=min(100, files))


def _few(files: int) -> Shape:
    return Shape(
        directories=_directories(files), files=100, due_directories=_directories(files) // 100, due_files=100
    )


def _spread(files: int) -> Shape:
    return Shape(directories=_directories(files), files=100, due_directories=_directories(files), due_files=1)


def _all(files: int) -> Shape:
    return Shape(
        directories=_directories(files), files=100, due_directories=_directories(files), due_files=100
    )


def _half(files: int) -> Shape:
    return Shape(
        directories=_directories(files), files=100, due_directories=_directories(files), due_files=50
    )


def _flat(files: int) -> Shape:
    return Shape(directories=1, files=files, due_directories=1, due_files=files // 100)


def _single(files: int) -> Shape:
    return Shape(directories=files, files=1, due_directories=files, due_files=1)


def _night(files: int) -> Shape:
    return Shape(
        directories=_directories(files), files=100, due_directories=_directories(files) // 30, due_files=100
    )


_PEERS = (by.BFS, by.FD, by.TMPREAPER, by.TMPFILES)

WORKLOADS = (
    Workload(
        key="a",
        title="nothing due since the last run",
        shape=_plain,
        contestants=(by.OURS, by.OURS_CLI, by.OURS_PURE, by.FIND_LOOK, by.LOOP_LOOK, *_PEERS),
        targets=(("ours", "find", 0.015), ("ours, command line", "find", 0.1)),
        removes=False,
    ),
    Workload(
        key="b1",
        title="1 % due, in few directories",
        shape=_few,
        contestants=(by.OURS, by.FIND, by.FIND_ALL, by.LOOP, *_PEERS),
        targets=(("ours", "find -delete", 0.1),),
    ),
    Workload(
        key="b2",
        title="1 % due, spread over all directories",
        shape=_spread,
        contestants=(by.OURS, by.FIND, by.LOOP, *_PEERS),
        targets=(("ours", "find -delete", 0.6),),
    ),
    Workload(
        key="c",
        title="first run, no index",
        shape=_plain,
        contestants=(by.OURS, by.OURS_ALONE, by.OURS_PURE, by.FIND_LOOK, by.LOOP_LOOK),
        targets=(("ours", "find", 0.55), ("ours, pure Python", "find", 1.6)),
        first_run=True,
        removes=False,
    ),
    Workload(
        key="d",
        title="everything due",
        shape=_all,
        contestants=(
            *(by.OURS, by.OURS_IN_USE, by.OURS_ALONE, by.OURS_PURE),
            *(by.FIND, by.FIND_ALL, by.LOOP, *_PEERS),
        ),
        targets=(
            ("ours", by.FIND_ALL.name, 0.7),
            ("ours, in_use: check", by.FIND_ALL.name, 0.9),
            ("ours", "C loop", 1.0),
        ),
    ),
    Workload(
        key="e",
        title="one directory, 1 % due",
        shape=_flat,
        contestants=(by.OURS, by.FIND, by.LOOP, *_PEERS),
        targets=(("ours", "find -delete", 0.8),),
    ),
    Workload(
        key="f",
        title="a directory for each file, everything due",
        shape=_single,
        contestants=(by.OURS, by.FIND_ALL, by.LOOP),
        targets=(("ours", by.FIND_ALL.name, 1.0),),
    ),
    Workload(
        key="g",
        title="statistics",
        shape=_plain,
        contestants=(by.STATS_NOW, by.STATS, by.DU),
        targets=((by.STATS_NOW.name, "du -s", 0.03), (by.STATS.name, "du -s", 0.001)),
        removes=False,
    ),
    Workload(
        key="i",
        title="an ordinary night: 1/30 of the directories new, 1/30 due",
        shape=_night,
        contestants=(by.OURS, by.OURS_CLI, by.FIND, by.FIND_ALL, by.LOOP, *_PEERS),
        targets=(("ours", "find -delete", 0.15),),
        new_directories=30,
    ),
    Workload(
        key="j",
        title="into the trash, everything due",
        shape=_all,
        contestants=(by.TRASH, by.TRASH_IN_USE, by.FIND, by.MOVE_AWAY),
        targets=(
            (by.TRASH.name, by.FIND.name, 0.4),
            (by.TRASH_IN_USE.name, by.FIND.name, 0.8),
        ),
        forgets=True,
        compares=False,
    ),
    Workload(
        key="k",
        title="into the trash, every second file due",
        shape=_half,
        contestants=(by.TRASH, by.TRASH_IN_USE, by.FIND, by.MOVE_AWAY),
        targets=(
            (by.TRASH.name, by.FIND.name, 1.2),
            (by.TRASH_IN_USE.name, by.FIND.name, 1.6),
        ),
        forgets=True,
    ),
    Workload(
        key="l",
        title="whole directories",
        shape=_all,
        contestants=(by.UNITS, by.UNITS_TRASH, by.RM),
        targets=((by.UNITS_TRASH.name, by.RM.name, 0.3), (by.UNITS.name, by.RM.name, 0.9)),
        forgets=True,
    ),
    Workload(
        key="m",
        title="holds on other files, everything due",
        shape=_all,
        contestants=(by.OURS, by.ONE_HOLD, by.HOLDS),
        targets=((by.ONE_HOLD.name, "ours", 1.05), (by.HOLDS.name, "ours", 1.2)),
        forgets=True,
    ),
    Workload(
        key="n",
        title="undo: all that a run put into the trash",
        shape=_all,
        contestants=(by.RESTORE, by.MOVE_BACK),
        targets=((by.RESTORE.name, by.MOVE_BACK.name, 0.3),),
        forgets=True,
        compares=False,
    ),
    Workload(
        key="o",
        title="the cleanup right after that, everything held",
        shape=_all,
        contestants=(by.ALL_HELD, by.FIND_LOOK),
        targets=((by.ALL_HELD.name, "find", 0.3),),
        forgets=True,
    ),
    Workload(
        key="p",
        title="rules, everything due",
        shape=_all,
        contestants=(by.OURS, by.PATTERNS, by.SUBTREE),
        targets=((by.PATTERNS.name, "ours", 1.5), (by.SUBTREE.name, "ours", 1.05)),
        forgets=True,
    ),
    Workload(
        key="q",
        title="the trash emptied",
        shape=_all,
        contestants=(by.EMPTY, by.EMPTY_IN_USE, by.RM),
        targets=((by.EMPTY.name, by.RM.name, 1.0),),
        forgets=True,
        compares=False,
    ),
)
