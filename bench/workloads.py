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
        targets=(("ours", "find", 0.02), ("ours, command line", "find", 0.2)),
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
        targets=(("ours", "find -delete", 0.7),),
    ),
    Workload(
        key="c",
        title="first run, no index",
        shape=_plain,
        contestants=(by.OURS, by.OURS_ALONE, by.OURS_PURE, by.FIND_LOOK, by.LOOP_LOOK),
        targets=(("ours", "find", 0.7), ("ours, pure Python", "find", 1.6)),
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
            ("ours", by.FIND_ALL.name, 0.8),
            ("ours, in_use: check", by.FIND_ALL.name, 1.1),
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
        targets=(("ours", "find -delete", 0.2),),
        new_directories=30,
    ),
)
