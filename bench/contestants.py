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
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

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

    @property
    def is_there(self) -> bool:
        """Whether it is installed."""
        return self.program is None or shutil.which(self.program) is not None


def _timed(command: list[str]) -> Took:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Took(time.perf_counter() - start)


def ours(
    task: str = "cleanup", *, in_use: str = "off", pure: bool = False, workers: int = 2
) -> Callable[[Tree], Took]:
    """Return the engine at work, in a process that has imported everything before it is timed."""

    def run(tree: Tree) -> Took:
        command = [sys.executable, "-m", "bench.ours", task, str(tree.base), in_use, str(workers)]
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
    program = [sys.executable, "-m", "shelflife", "cleanup", "--config", str(config), "--json"]
    start = time.perf_counter()
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL, env=_ENVIRONMENT)
    return Took(time.perf_counter() - start)


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

OURS = Contestant("ours", ours(), remembers=True, prunes=True)
OURS_ALONE = Contestant("ours, 1 worker", ours(workers=1), remembers=True, prunes=True)
OURS_IN_USE = Contestant("ours, in_use: check", ours(in_use="check"), remembers=True, prunes=True)
OURS_PURE = Contestant("ours, pure Python", ours(pure=True), remembers=True, prunes=True)
OURS_CLI = Contestant("ours, command line", command_line, remembers=True, prunes=True)
STATS_NOW = Contestant("ours: statistics, refreshed", ours("stats-now"), remembers=True)
STATS = Contestant("ours: statistics, as of the last refresh", ours("stats"), remembers=True)
