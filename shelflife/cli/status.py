"""`shelflife status`: how it stands, on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shelflife.cli import output
from shelflife.cli.check import MARKS
from shelflife.cli.options import Config, Json, engine_of
from shelflife.cli.terminal import BAD, BOLD, CARE, DIM, GOOD, Styled
from shelflife.errors import ExitCode
from shelflife.formats import counted, human_size, moment

if TYPE_CHECKING:
    from shelflife.explain.foresee import DiskOutlook
    from shelflife.explain.status import Status
    from shelflife.records.history import RunRecord
    from shelflife.settings import Settings

_CODES: Final = {"good": ExitCode.DONE, "care": ExitCode.SOME_FAILED, "bad": ExitCode.USAGE}
"""By health."""

_WORDS: Final = {
    "good": Styled("all is well", GOOD),
    "care": Styled("something needs a person", CARE),
    "bad": Styled("cleanups do not work", BAD),
}
_HINT: Final = ". Look at it ("
"""Where a refusal goes on with what to type, which stands below."""
_LABEL: Final = 10
_NAMED: Final = 3
"""Failures that are named."""


def status(config: Config = None, as_json: Json = False) -> int:
    """Show how things stand: what is wrong, what needs a person, disks, runs, trash, holds.

    Exit codes: 0 if all is well, 1 if something needs a person or files failed in the last run, 2 if cleanups do
    not work.

    Example: shelflife status
    """
    engine = engine_of(config)
    found = engine.status()
    if as_json:
        from shelflife.shapes.status import status_as_json

        output.print_json(status_as_json(found))
    else:
        _show(found, engine.settings)
    return _CODES[found.health.value]


def _show(found: Status, settings: Settings) -> None:
    output.print_line(Styled(found.base_path, BOLD), ": ", _health(found))
    for finding in found.findings:
        output.print_prose(
            finding.message, first=(MARKS[finding.level.value], f" {finding.check}: "), indent="  "
        )
    _show_waiting(found)
    output.print_line("")
    for disk in found.disks:
        _show_disk(disk)
    if found.holder is not None:
        _entry("running", f"a cleanup, by {found.holder}")
    _entry("next run", _next_run(found, settings))
    _show_last(found.last_run)
    _entry("trash", _trash(found))
    _entry("holds", counted(found.holds, "hold", "holds") if found.holds else "none")


def _health(found: Status) -> Styled:
    """Return how it stands in words: with warnings, not all is well."""
    if found.health.value == "good" and found.findings:
        return Styled(f"cleanups work, with {counted(len(found.findings), 'warning', 'warnings')}", CARE)
    return _WORDS[found.health.value]


def _entry(label: str, text: str) -> None:
    output.print_prose(text, first=(Styled(f"{label:<{_LABEL}}", DIM),))


def _show_waiting(found: Status) -> None:
    waiting = found.waiting
    if waiting is not None:
        output.print_prose(
            f"run {waiting.run} has been waiting since {moment(waiting.since)}: "
            f"{waiting.reason.partition(_HINT)[0]}",
            first=(Styled("! ", CARE),),
        )
        if waiting.plan:
            output.print_line("  to look at it:          shelflife plan")
            output.print_line(f"  to approve and run it:  shelflife cleanup --approve {waiting.plan}")
    for alert in found.alerts:
        if waiting is None or alert.kind != "refused":
            output.print_prose(alert.text, first=(Styled("! ", CARE), f"{alert.kind}: "), indent="  ")


def _show_disk(disk: DiskOutlook) -> None:
    space, inodes = disk.disk.usage.space, disk.disk.usage.inodes
    parts = [f"{space.share:.1f} % in use", f"{human_size(space.available)} free"]
    if inodes.share > space.share:
        parts.append(f"{inodes.share:.1f} % of its inodes in use")
    if disk.high is not None:
        parts.append(f"above the high watermark: {disk.high}")
    parts.append(f"full: {disk.full}")
    _entry("disk", f"{', '.join(disk.disk.areas)}: {'; '.join(parts)}")


def _next_run(found: Status, settings: Settings) -> str:
    cleanup = settings.cleanup
    if found.next_run is None:
        why = (
            "cleanup.enabled is false"
            if not cleanup.enabled
            else f"the schedule {cleanup.schedule} has no further runs"
        )
        return f"nothing runs by itself: {why}"
    dry = "; but cleanup.dry_run is true: nothing is removed" if cleanup.dry_run else ""
    return f"{moment(found.next_run)}, by the schedule ({cleanup.schedule}) of the service or its timer{dry}"


def _show_last(run: RunRecord | None) -> None:
    if run is None:
        _entry("last run", "none yet")
        return
    report = run.report
    gone = report.get("removed", 0) + report.get("trashed", 0)
    size = human_size(report.get("bytes", 0) + report.get("trashed_bytes", 0))
    failed = report.get("failed", 0)
    _entry(
        "last run",
        f"{run.id}, {moment(run.started)} by {run.trigger}: {run.state}, "
        f"{counted(gone, 'file', 'files')} removed ({size})" + (f", {failed:,} failed" if failed else ""),
    )
    for failure in report.get("failures", [])[:_NAMED]:
        output.print_prose(f"{failure['path']}: {failure['error']}", first=(" " * _LABEL, Styled("✗ ", BAD)))
    if failed:
        output.print_line(f"{' ' * _LABEL}all of them: shelflife history {run.id} --state failed")


def _trash(found: Status) -> str:
    trash = found.trash
    if not trash.files:
        return "empty"
    more = "" if trash.is_all else "more than "
    return f"{more}{counted(trash.files, 'file', 'files')}, {human_size(trash.bytes)}, not freed yet"
