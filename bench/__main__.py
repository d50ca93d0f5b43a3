"""Run the measurements: `python -m bench` or `make bench`; `--help` lists the options.

All contestants take turns, several rounds of it, so that whatever else the machine does hits all of them; given
are medians, and ratios of medians. After each turn the tree is compared with what the others left.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, pairwise
from math import log
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from bench.contestants import Contestant, Took, ours
from bench.machine import describe
from bench.readers import measure_readers
from bench.service import measure_service
from bench.trees import Digest, Shape, Tree, planted
from bench.workloads import WORKLOADS, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator


_MANY: Final = 100_000
"""Removed files from which it takes less time to wait than to make them again at once."""

_RECENT: Final = 65
"""Seconds for which ext4 gives no inode away again and looks long for others: RECENTCY_MIN, fs/ext4/ialloc.c."""


_SERVICE: Final = {
    "h": ("while everything due is removed", measure_service),
    "r": ("readers and streams meanwhile", measure_readers),
}
"""What is measured of a service: title, and how."""


@dataclass(slots=True)
class Measured:
    """What all took in one workload."""

    workload: Workload
    files: int
    cold: bool
    times: dict[str, list[float]] = field(default_factory=dict)
    """By the clock on the wall."""
    cpu: dict[str, list[float]] = field(default_factory=dict)
    """Of the processor."""
    memory: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, who: Contestant, took: Took) -> None:
        """Take what one turn took."""
        self.times.setdefault(who.name, []).append(took.seconds)
        self.cpu.setdefault(who.name, []).append(took.cpu)
        self.memory[who.name] = max(self.memory.get(who.name, 0), took.memory)

    def ratio(self, who: str, against: str, *, cpu: bool = False) -> float | None:
        """Return a ratio of medians, of time or of processor time."""
        times = self.cpu if cpu else self.times
        if who in times and against in times:
            return median(times[who]) / max(median(times[against]), 1e-9)
        return None

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "workload": self.workload.key,
            "title": self.workload.title,
            "files": self.files,
            "cold": self.cold,
            "seconds": {name: median(times) for name, times in self.times.items()},
            "cpu": {name: median(times) for name, times in self.cpu.items()},
            "rounds": self.times,
            "memory": {name: size for name, size in self.memory.items() if size},
            "targets": [
                {
                    "who": who,
                    "against": against,
                    "target": target,
                    "ratio": self.ratio(who, against),
                    "cpu": self.ratio(who, against, cpu=True),
                }
                for who, against, target in self.workload.targets
            ],
            "missing": self.missing,
            "faults": self.faults,
        }


def main() -> int:
    """Measure what was asked for."""
    options = _options()
    chosen = [
        workload for workload in WORKLOADS if not options.only or workload.key in options.only.split(",")
    ]
    machine = describe(options.place)
    if not options.json:
        print(machine)
    if options.growth:
        print("\n".join(growth(chosen, options)))
        return 0
    results: list[dict[str, Any]] = []
    shape_of = partial(_shape, options=options)
    for shape, alike in groupby(sorted(chosen, key=lambda workload: str(shape_of(workload))), shape_of):
        with planted(shape, options.place) as tree:
            for workload in alike:
                measured = _measure(workload, tree, options)
                results.append(measured.as_json())
                if not options.json:
                    print("\n".join(_report(measured)), flush=True)
    for key, (title, measure) in _SERVICE.items():
        if not options.only or key in options.only.split(","):
            felt = measure(options.files, options.place)
            results.append(felt)
            if not options.json:
                print(f"\n({key}) {title}, {options.files:,} files: {felt}", flush=True)
    if options.json:
        print(json.dumps({"machine": machine, "command": sys.argv, "results": results}, indent=1))
    return int(any(result.get("faults") for result in results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure ours beside its peers.")
    parser.add_argument("--files", type=int, default=100_000, help="about so many files, up to 10 million")
    parser.add_argument(
        "--growth", help="measure at these sizes, as 10000,100000,1000000, and tell the slopes"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="workloads, as a,b1,d,h (default: all)")
    parser.add_argument("--skip", default="", help="contestants whose names contain one of these, as fd,pure")
    parser.add_argument("--cold", action="store_true", help="drop the caches before each turn (root)")
    parser.add_argument("--bytes", type=int, default=0, help="size of each file")
    parser.add_argument("--place", type=Path, help="directory on the disk to measure")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.cold and os.geteuid() != 0:
        parser.error("--cold needs root")
    return options


def growth(chosen: list[Workload], options: argparse.Namespace) -> Iterator[str]:
    """Yield how time grows with the number of files: the slope between two sizes, 1 being in proportion."""
    sizes = [int(size) for size in options.growth.split(",")]
    for workload in chosen:
        taken: list[dict[str, float]] = []
        for size in sizes:
            options.files = size
            with planted(_shape(workload, options), options.place) as tree:
                measured = _measure(workload, tree, options)
            taken.append({name: median(times) for name, times in measured.times.items()})
        yield f"\n({workload.key}) {workload.title}: seconds at {', '.join(f'{size:,}' for size in sizes)} files"
        for name in taken[0]:
            seconds = [each[name] for each in taken]
            slopes = [
                log(after / before) / log(larger / smaller)
                for (smaller, before), (larger, after) in pairwise(zip(sizes, seconds, strict=True))
            ]
            figures = "  ".join(f"{each:.4f}" for each in seconds)
            yield f"  {name:42} {figures}   slopes {'  '.join(f'{slope:.2f}' for slope in slopes)}"


def _shape(workload: Workload, options: argparse.Namespace) -> Shape:
    return replace(workload.shape(options.files), bytes=options.bytes)


def _measure(workload: Workload, tree: Tree, options: argparse.Namespace) -> Measured:
    measured = Measured(workload, tree.shape.directories * tree.shape.files, options.cold)
    skipped = [part for part in options.skip.split(",") if part]
    taking_part = []
    for who in workload.contestants:
        if any(part in who.name for part in skipped):
            continue
        if who.is_there:
            taking_part.append(who)
        else:
            measured.missing.append(who.name)
    left: dict[bool, Digest] = {}
    for _ in range(options.rounds):
        for who in taking_part:
            _prepare(tree, workload, who)
            _warm(tree, cold=options.cold)
            measured.add(who, who.run(tree))
            if workload.compares:
                _compare(measured, who, tree.digest(), left)
    return measured


def _prepare(tree: Tree, workload: Workload, who: Contestant) -> None:
    """Mend the tree, and bring the index up to date – but for what came after the last run."""
    if workload.first_run or workload.forgets:
        tree.forget()
    if workload.removes:
        _mend(tree)
    if who.remembers and not workload.first_run:
        aside = list(_put_aside(tree, workload.new_directories))
        ours("refresh")(tree)
        for there, back in aside:
            there.rename(back)
    if who.prepare is not None:
        who.prepare(tree)


def _mend(tree: Tree) -> None:
    """Make anew what was removed, once the file system has forgotten that it was."""
    if tree.shape.due_directories * tree.shape.due_files >= _MANY and tree.is_worn:
        os.sync()
        time.sleep(_RECENT)
    tree.build(only_due=True)
    tree.is_worn = True


def _put_aside(tree: Tree, share: int) -> Iterator[tuple[Path, Path]]:
    count = tree.shape.directories
    place = tree.base.with_name("aside")
    place.mkdir(exist_ok=True)
    for number in range(count - count // share, count) if share else ():
        path = tree.area / f"media-{number:07}"
        path.rename(place / path.name)
        yield place / path.name, path


def _warm(tree: Tree, *, cold: bool) -> None:
    os.sync()  # else whoever waits for the disk waits for what the preparation wrote
    if cold:
        Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
    else:
        subprocess.run([str(tree.loop), "look", str(tree.area)], check=True, stdout=subprocess.DEVNULL)


def _compare(measured: Measured, who: Contestant, digest: Digest, left: dict[bool, Digest]) -> None:
    """See that all leave the same: the files, and the directories of those that remove empty ones."""
    files = (digest.files, digest.sum)
    if any(files != (other.files, other.sum) for other in left.values()):
        measured.faults.append(f"{who.name} left other files than the others")
    if digest.directories != left.setdefault(who.prunes, digest).directories and who.prunes:
        measured.faults.append(f"{who.name} left other directories than the others")


def _report(measured: Measured) -> Iterator[str]:
    workload = measured.workload
    cache = "cold" if measured.cold else "warm"
    yield f"\n({workload.key}) {workload.title}: {measured.files:,} files, {cache} cache"
    first = next(iter(measured.times), None)
    for name, times in measured.times.items():
        share = measured.ratio(first or name, name) or 0
        cpu = median(measured.cpu[name])
        memory = measured.memory.get(name, 0)
        more = f"   {memory / 2**20:.0f} MiB above idle" if memory else ""
        yield f"  {name:42} {median(times):9.4f} s {cpu:9.4f} CPU s   {first} takes {share:.3f} of it{more}"
    for who, against, target in workload.targets:
        ratio = measured.ratio(who, against)
        if ratio is not None:
            verdict = "reached" if ratio <= target else "MISSED"
            cpu = measured.ratio(who, against, cpu=True) or 0
            yield f"  {who} / {against}: {ratio:.4f} (CPU {cpu:.4f}), to reach {target}: {verdict}"
    for name in measured.missing:
        yield f"  {name}: not installed, left out"
    yield from (f"  FAULT: {fault}" for fault in measured.faults)


if __name__ == "__main__":
    sys.exit(main())
