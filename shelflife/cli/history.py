"""`shelflife history`: runs, and what each of them did."""

from __future__ import annotations

import os
from heapq import nlargest
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Final

from shelflife import clock
from shelflife.cli import output
from shelflife.cli.columns import Column, Table
from shelflife.cli.grammar import Argument, Option
from shelflife.cli.options import Config, Json, area_names, engine_of, past_moment_of
from shelflife.cli.terminal import BAD, CARE, DIM, GOOD, Styled
from shelflife.clock import SECOND
from shelflife.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from shelflife.engine import Engine
    from shelflife.records.history import FileRecord, RunRecord

_STYLES: Final = {
    "done": GOOD, "restored": GOOD, "refused": CARE, "interrupted": CARE, "stopped": CARE, "failed": BAD,
    "displaced": CARE, "kept": DIM,
}  # fmt: skip
_PAGE: Final = 100
"""Runs that are read at once."""


def run_numbers(config: Path | None) -> list[str]:
    """Return the numbers of the latest runs, to complete what is typed."""
    return [str(run.id) for run in engine_of(config).history(limit=_PAGE)]


def _states(_config: Path | None) -> list[str]:
    from shelflife.files.removal import Result
    from shelflife.records.history import RunState

    words = [*(state.value for state in RunState), *(result.name.lower() for result in Result)]
    return list(dict.fromkeys(words))


RunNumber = Annotated[
    int | None,
    Argument("RUN", help="The number of a run: list its files.", complete=run_numbers),
]

Limit = Annotated[
    int, Option("--limit", "-n", metavar="N", least=1, help="How many runs to list: 20, unless said.")
]

Top = Annotated[
    int | None,
    Option("--top", metavar="N", least=1, help="Only the N largest: runs by what went, or a run's files."),
]

OneArea = Annotated[
    str | None,
    Option("--area", metavar="AREA", help="Only what concerns this area.", complete=area_names),
]

State = Annotated[
    str | None,
    Option(
        "--state",
        metavar="STATE",
        help="Only runs in this state, or files with this outcome.",
        complete=_states,
    ),
]

Since = Annotated[
    str | None,
    Option("--since", metavar="TIME", help="Only from then on: 2026-12-24, or 7d for seven days ago."),
]


def history(
    run: RunNumber = None,
    config: Config = None,
    as_json: Json = False,
    limit: Limit = 20,
    top: Top = None,
    area: OneArea = None,
    state: State = None,
    since: Since = None,
) -> int:
    """List the runs, or what one run did to each file, and the empty directories that it removed.

    With --json, a run's files are JSON lines: first the run, then a line for each file.

    Example: shelflife history --since 7d --state refused

    Example: shelflife history 12 --json | jq -r 'select(.outcome == "failed") | .path'
    """
    engine = engine_of(config)
    wanted = None if area is None else engine.settings.area_name(area)
    start = None if since is None else past_moment_of(since, clock.now())
    _require_state(state)
    if run is not None:
        _show_run(engine, run, _Files(wanted, state, start, top), as_json=as_json)
        return ExitCode.DONE
    matches = _matching(wanted, state, start)
    _show_runs(_chosen(engine, matches, since=start, limit=limit, top=top), as_json=as_json)
    return ExitCode.DONE


def _require_state(state: str | None) -> None:
    known = _states(None)
    if state is not None and state not in known:
        from shelflife.settings import did_you_mean

        raise UsageError(
            f'--state "{state}": not a state; allowed: {", ".join(known)}{did_you_mean(state, known)}'
        )


# -- runs


def _matching(area: str | None, state: str | None, since: int | None) -> Callable[[RunRecord], bool]:
    def matches(run: RunRecord) -> bool:
        in_area = area is None or area in run.cutoffs or area in run.report.get("areas", {})
        return in_area and state in (None, run.state) and (since is None or run.started >= since)

    return matches


def _chosen(
    engine: Engine,
    matches: Callable[[RunRecord], bool],
    *,
    since: int | None,
    limit: int,
    top: int | None,
) -> list[RunRecord]:
    found: list[RunRecord] = []
    for run in _all(engine, since):
        if matches(run):
            found.append(run)
        if top is None and len(found) == limit:
            break
    return found if top is None else nlargest(top, found, key=_size)


def _all(engine: Engine, since: int | None) -> Iterator[RunRecord]:
    """Yield the runs, the latest first, as long as they began `since` then."""
    before = None
    while page := engine.history(limit=_PAGE, before=before):
        for run in page:
            if since is not None and run.started < since:
                return
            yield run
        before = page[-1].id


def _size(run: RunRecord) -> int:
    return int(run.report.get("bytes", 0) + run.report.get("trashed_bytes", 0))


def _show_runs(runs: list[RunRecord], *, as_json: bool) -> None:
    if as_json:
        from shelflife.shapes.run import run_as_json

        output.print_json([run_as_json(run) for run in runs])
    elif not runs:
        output.print_line("no runs yet")
    else:
        output.print_table(_table(runs))


def _table(runs: list[RunRecord]) -> Table:
    from shelflife.formats import human_size, minute

    counts = [
        "removed",
        *(name for name in ("trashed", "restored") if any(run.report.get(name) for run in runs)),
    ]
    table = Table(
        [
            Column("run", right=True),
            Column("started (UTC)"),
            Column("by", spare=2),
            Column("state"),
            *(Column(name, right=True) for name in counts),
            Column("size", right=True),
            Column("failed", right=True),
            Column("took", right=True, spare=3),
        ]
    )
    for run, first, times in _series(runs):
        report = run.report
        failed = report.get("failed", 0)
        again = f"{times} times since {minute(first.started)}, the last time: " if times > 1 else ""
        table.add(
            str(run.id),
            minute(run.started),
            run.trigger,
            Styled(run.state, _STYLES.get(run.state, "")),
            *(output.number(report[name]) if name in report else "–" for name in counts),
            human_size(_size(run)) if run.state != "refused" and report else "–",
            Styled(output.number(failed), BAD if failed else "")
            if run.state != "refused" and report
            else "–",
            _duration(run),
            note=again + run.reason,
        )
    return table


def _series(runs: list[RunRecord]) -> Iterator[tuple[RunRecord, RunRecord, int]]:
    """Yield runs, the latest first, each with the first of a series that it ends, and the length of that.

    Only what is refused night after night makes a series: nobody learns more from the thirtieth refusal.
    """
    for (state, _), series in groupby(runs, key=_kind):
        found = list(series)
        if state == "refused":
            yield found[0], found[-1], len(found)
        else:
            yield from ((run, run, 1) for run in found)


def _kind(run: RunRecord) -> tuple[str, list[str]]:
    return run.state, sorted(run.report.get("would_remove", {}).get("areas", {}))


# -- the files of a run


class _Files:
    """Which of a run's files are wanted."""

    def __init__(self, area: str | None, outcome: str | None, since: int | None, top: int | None) -> None:
        self._area, self._outcome, self._since, self._top = area, outcome, since, top

    def of(self, files: Iterable[FileRecord]) -> Iterable[FileRecord]:
        found = (file for file in files if self._wants(file))
        return found if self._top is None else nlargest(self._top, found, key=lambda file: file.size)

    @property
    def is_all(self) -> bool:
        return self._area is None and self._outcome is None and self._since is None

    def _wants(self, file: FileRecord) -> bool:
        outcome = file.result.name.lower()
        fits = self._area in (None, file.area) and self._outcome in (None, outcome)
        return fits and (self._since is None or file.at >= self._since)


def _show_run(engine: Engine, number: int, wanted: _Files, *, as_json: bool) -> None:
    from shelflife.shapes.run import file_as_json, run_as_json

    run = engine.run(number)
    files = wanted.of(engine.run_files(number, directories=True))
    if as_json:
        output.print_json_line(run_as_json(run))
        for file in files:
            output.print_json_line(file_as_json(file))
        return
    _show_heading(run)
    nothing = True
    for file in files:
        nothing = False
        _show_file(file)
    if nothing:
        output.print_line(_without_files(run, engine) if wanted.is_all else "none of its files is like that")


def _show_heading(run: RunRecord) -> None:
    from shelflife.formats import moment

    ended = f"{run.state} after {_duration(run)}" if run.finished else run.state
    output.print_prose(
        f"run {run.id} by {run.trigger} on {run.host} (pid {run.pid}), {moment(run.started)}: {ended}"
    )
    for area, record in run.cutoffs.items():
        if record["at"] is None:
            output.print_prose(f"{area}: kept indefinitely, but for what its rules let go")
        whose = [[], *record.get("patterns", [[]])[1:]]
        for patterns, cutoff in zip(whose, record.get("classes", [record]), strict=False):
            if cutoff and cutoff["at"] is not None:
                what = f"{area}, {', '.join(patterns)}" if patterns else area
                output.print_prose(
                    f"{what}: what is older than {moment(cutoff['at'])}, because of {cutoff['cause']}"
                )
    if run.reason:
        output.print_prose(run.reason)


def _show_file(file: FileRecord) -> None:
    from shelflife.formats import human_size
    from shelflife.records.history import BatchKind

    outcome = file.result.name.lower()
    if file.pruned:
        output.print_line(f"{outcome:<9} {'–':>10}  {file.path}/  ", Styled("(empty directory)", DIM))
        return
    why = os.strerror(file.errno) if file.errno else file.reason.value
    if file.cause not in ("", "retention", "rule", why):
        why = f"{why}, because of {file.cause}" if outcome not in ("removed", "trashed") else file.cause
    elif file.cause == "rule" and not file.errno:
        why = f"{why}, by a rule of {file.area}"
    style = BAD if outcome == "failed" else _STYLES.get(outcome, "")
    tree = file.kind is BatchKind.RESTORED_TREE
    output.print_line(
        Styled(f"{outcome:<9}", style),
        f" {'' if tree else human_size(file.size):>10}  {file.path}{'/' if tree else ''}  ",
        Styled(f"({why})", DIM),
    )


def _without_files(run: RunRecord, engine: Engine) -> str:
    from shelflife.settings import format_duration

    if run.report.get("removed", 0) or run.report.get("failed", 0):
        keep = format_duration(engine.settings.journal.keep_files)
        return f"its files are no longer remembered (journal.keep_files: {keep})"
    return "it had no files to bring back" if run.trigger == "restore" else "it had no files to remove"


def _duration(run: RunRecord) -> str:
    if run.finished is None:
        return "–"
    return f"{max(0, run.finished - run.started) / SECOND:,.1f} s"
