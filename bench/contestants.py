"""Contestants: who takes part. Each does the same with a tree: removes what is older than 7 days."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.trees import Tree

DAYS: Final = 7
_MINUTES: Final = DAYS * 24 * 60
ROOT: Final = Path(__file__).resolve().parent.parent

_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": str(ROOT),
}
"""With it, modules would be compiled at each start, which those of an installed program never are."""


@dataclass(frozen=True, slots=True)
class Took:
    """What a run took."""

    seconds: float
    """By the clock on the wall."""
    cpu: float
    """Seconds of processor time, user and system, of all threads."""
    memory: int = 0
    """Bytes above idle, of ours only."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One who takes part."""

    name: str
    run: Callable[[Tree], Took]
    program: str | None = None
    """What must be installed."""
    remembers: bool = False
    """Whether it has an index, to be brought up to date before it is measured."""
    prunes: bool = False
    """Whether it also removes the directories that it empties."""
    prepare: Callable[[Tree], None] | None = None
    """What is done before each turn, untimed, once the tree is mended and the index up to date."""

    @property
    def is_there(self) -> bool:
        """Whether it is installed."""
        return self.program is None or shutil.which(self.program) is not None


def _timed(command: list[str], environment: Mapping[str, str] | None = None) -> Took:
    """Run a command as a whole process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Took(seconds, usage.ru_utime + usage.ru_stime)


def ours(
    task: str = "cleanup",
    area: Mapping[str, object] = MappingProxyType({}),
    *,
    pure: bool = False,
    workers: int = 2,
) -> Callable[[Tree], Took]:
    """Return the engine at work, in a process that has imported everything before it is timed.

    `area` has settings of the area beside its retention; `in_use` is off unless given.
    """

    def run(tree: Tree) -> Took:
        settings = json.dumps({"in_use": "off", **area})
        command = [sys.executable, "-m", "bench.ours", task, str(tree.base), settings, str(workers)]
        environment = _ENVIRONMENT | ({"SHELFLIFE_PURE": "1"} if pure else {})
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, cwd=ROOT)
        return Took(**json.loads(done.stdout))

    return run


def command_line(tree: Tree) -> Took:
    """Run our command as a whole process, as cron would."""
    config = tree.base.with_name("config.yaml")
    config.write_text(
        f"storage:\n  base_path: {tree.base}\n  default_areas: false\n"
        f'  areas: {{media: {{retention: {DAYS}d, in_use: "off"}}}}\n  index: {{settle: 0}}\n',
        encoding="utf-8",
    )
    return _timed(
        [sys.executable, "-m", "shelflife", "cleanup", "--config", str(config), "--json"], _ENVIRONMENT
    )


def _ours(
    name: str, task: str = "cleanup", *, prepare: Callable[[Tree], None] | None = None, **area: object
) -> Contestant:
    """Return the engine with some settings of the area, as one who takes part."""
    return Contestant(name, ours(task, area), remembers=True, prunes=True, prepare=prepare)


def _hold(count: int) -> Callable[[Tree], None]:
    """Return what holds so many files in which nothing is due; made once, since each hold takes a commit."""

    def prepare(tree: Tree) -> None:
        state, kept = tree.base / ".shelflife", tree.base.with_name(f"state-{count}-holds")
        if not kept.exists():
            tree.build_others(count)
            ours("refresh")(tree)
            ours(f"hold-{count}")(tree)
            shutil.copytree(state, kept)
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        ours("refresh")(tree)

    return prepare


def _into_trash(tree: Tree) -> None:
    """Put into the trash what is due."""
    ours(area={"trash": "30d"})(tree)


def _back_from_trash(tree: Tree) -> None:
    """Put into the trash what is due, and bring it back: all of it is held then."""
    _into_trash(tree)
    ours("restore", {"trash": "30d"})(tree)


def _aside(tree: Tree) -> None:
    """Move all of the tree aside, and have a place to move its files to."""
    tree.area.rename(_stash(tree))
    tree.area.mkdir()


def _stash(tree: Tree) -> Path:
    return tree.base.with_name("stash")


def move_back(tree: Tree) -> Took:
    """Move files back with what everybody has: find and mv."""
    took = _timed(["find", str(_stash(tree)), "-type", "f", "-exec", "mv", "-t", str(tree.area), "{}", "+"])
    shutil.rmtree(_stash(tree))
    shutil.rmtree(tree.area)
    return took


def move_away(tree: Tree) -> Took:
    """Move what is old into another directory with what everybody has: find and mv."""
    _stash(tree).mkdir()
    took = _timed(["find", str(tree.area), *_OLD, "-exec", "mv", "-t", str(_stash(tree)), "{}", "+"])
    shutil.rmtree(_stash(tree))
    return took


def remove_all(tree: Tree) -> Took:
    """Remove the directories in which something is due, whole."""
    doomed = tree.area.with_name("doomed")
    doomed.mkdir()
    for number in range(tree.shape.due_directories):
        name = f"media-{number:07}"
        (tree.area / name).rename(doomed / name)
    return _timed(["rm", "-rf", str(doomed)])


def find(*conditions: str, program: str = "find") -> Callable[[Tree], Took]:
    """Return find, or one that takes the same words."""
    return lambda tree: _timed([program, str(tree.area), *conditions])


def loop(verb: str) -> Callable[[Tree], Took]:
    """Return the bare system calls."""
    return lambda tree: _timed([str(tree.loop), verb, str(tree.area), str(int(time.time()) - DAYS * 86_400)])


def tmpfiles(tree: Tree) -> Took:
    """Run systemd-tmpfiles."""
    config = tree.base.with_name("media.conf")
    config.write_text(f"e {tree.area} - - - m:{DAYS}d\n", encoding="utf-8")
    return _timed(["systemd-tmpfiles", "--clean", str(config)])


_FD: Final = "fdfind" if shutil.which("fdfind") else "fd"
_OLD: Final = ("-type", "f", "-mmin", f"+{_MINUTES}")
_OLD_OR_EMPTY = ("-mindepth", "1", "(", *_OLD, "-o", "-type", "d", "-empty", ")")

FIND = Contestant("find -delete", find(*_OLD, "-delete"), "find")
FIND_ALL = Contestant(
    "find -delete, with empty directories", find(*_OLD_OR_EMPTY, "-delete"), "find", prunes=True
)
FIND_LOOK = Contestant("find", find(*_OLD, "-print"), "find")
BFS = Contestant("bfs -delete", find(*_OLD, "-delete", program="bfs"), "bfs")
FD = Contestant(
    "fd -X rm",
    lambda tree: _timed(
        [_FD, "-uu", "-t", "f", "--changed-before", f"{DAYS}d", ".", str(tree.area), "-X", "rm", "-f"]
    ),
    _FD,
)
TMPREAPER = Contestant(
    "tmpreaper",
    lambda tree: _timed(["tmpreaper", "--mtime", "--runtime=0", f"{DAYS}d", str(tree.area)]),
    "tmpreaper",
)
TMPFILES = Contestant("systemd-tmpfiles --clean", tmpfiles, "systemd-tmpfiles")
DU = Contestant("du -s", lambda tree: _timed(["du", "-s", str(tree.area)]), "du")
LOOP = Contestant("C loop", loop("remove"), prunes=True)
LOOP_LOOK = Contestant("C loop, looking only", loop("look"))

MOVE_BACK = Contestant("find -exec mv +", move_back, "find", prepare=_aside)
MOVE_AWAY = Contestant("find -exec mv + into another directory", move_away, "find")
RM = Contestant("rm -rf", remove_all, "rm", prunes=True)

OURS = _ours("ours")
OURS_ALONE = Contestant("ours, 1 worker", ours(workers=1), remembers=True, prunes=True)
OURS_IN_USE = _ours("ours, in_use: check", in_use="check")
OURS_PURE = Contestant("ours, pure Python", ours(pure=True), remembers=True, prunes=True)
OURS_CLI = Contestant("ours, command line", command_line, remembers=True, prunes=True)
TRASH = _ours("ours, trash", trash="30d")
TRASH_IN_USE = _ours("ours, trash, in_use: check", trash="30d", in_use="check")
UNITS = _ours("ours, expire: directory", expire="directory")
UNITS_TRASH = _ours("ours, expire: directory, trash", expire="directory", trash="30d")
ONE_HOLD = _ours("ours, one hold elsewhere", prepare=_hold(1))
HOLDS = _ours("ours, 10,000 holds elsewhere", prepare=_hold(10_000))
RESTORE = _ours("ours: restore the run", "restore", trash="30d", prepare=_into_trash)
EMPTY = _ours("ours: the trash emptied", "empty", trash="30d", prepare=_into_trash)
EMPTY_IN_USE = _ours(
    "ours: the trash emptied, in_use: check", "empty", trash="30d", in_use="check", prepare=_into_trash
)
ALL_HELD = _ours("ours, everything held", trash="30d", prepare=_back_from_trash)
PATTERNS = _ours(
    "ours, 20 patterns",
    rules=[{"match": f"*.kind{number}", "retention": "30d"} for number in range(20)],
)
SUBTREE = _ours("ours, a rule for a sub-tree", rules=[{"match": "/premium/**", "retention": "90d"}])
STATS_NOW = _ours("ours: statistics, refreshed", "stats-now")
STATS = _ours("ours: statistics, as of the last refresh", "stats")
