"""`shelflife cleanup --pressure`: make room on disks that are too full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.cli import alerts, output
from shelflife.cli.columns import Column, Table
from shelflife.cli.options import engine_of
from shelflife.errors import ExitCode

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from shelflife.run.making_room import DiskRelief


def make_room(config: Path | None, stop: threading.Event, *, insist: bool, as_json: bool) -> int:
    """Make room where a disk is beyond a watermark; return the exit code."""
    from shelflife.cli.progress import progress
    from shelflife.run.making_room import ReliefOutcome
    from shelflife.shapes.disk import reliefs_as_json

    with progress(quiet=as_json) as listeners:
        engine = engine_of(config, listeners=listeners)
        found = engine.relieve(stop=stop, insist=insist)
    if as_json:
        output.print_json(reliefs_as_json(found))
    else:
        _show(found)
    for disk in found:
        output.say_all([f"the disk of {disk.disk.name}: {text}" for text in disk.fills], more="see --json")
    alerts.tell(engine, found)
    failed = any(disk.outcome not in (ReliefOutcome.CALM, ReliefOutcome.RELIEVED) for disk in found)
    return ExitCode.SOME_FAILED if failed else ExitCode.DONE


def _show(found: list[DiskRelief]) -> None:
    from shelflife.formats import human_size

    numbers = ("used", "now", "removed", "freed")
    table = Table([Column("disk of"), *(Column(name, right=True) for name in numbers), Column("")])
    for disk in found:
        before, after = disk.disk.usage, disk.after
        is_inodes = before.inodes.share > before.space.share
        shares = (before.inodes, after.inodes) if is_inodes else (before.space, after.space)
        gone = sum(report.removed + report.total("purged") for report in disk.runs)
        freed = sum(report.total("freed") for report in disk.runs)
        gone += sum(report.total("directories") for report in disk.runs) if is_inodes else 0
        kind = " of inodes" if is_inodes else ""
        table.add(
            ", ".join(disk.disk.areas),
            f"{shares[0].share:.1f} %{kind}",
            f"{shares[1].share:.1f} %",
            output.number(gone),
            human_size(freed),
            disk.outcome.value,
        )
    output.print_table(table)
