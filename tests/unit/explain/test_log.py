"""What a run leaves in the log."""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass

import pytest

from shelflife.events import AreaFinished, BatchFinished, RunBegun, RunRefused, RunStarted
from shelflife.explain.log import LOUD_ERRORS, RunLog
from shelflife.testing import Storage


@dataclass
class Outcome:
    name: str
    result: int = 3
    size: int = 1
    mtime: int = 0
    reason: str = "expired"
    errno: int = errno.EACCES


def batch(*outcomes: Outcome) -> BatchFinished:
    return BatchFinished(area="uploads", directory="uploads/", outcomes=outcomes)


def lines(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == level]


def test_every_engine_logs_runs_and_areas_at_info_and_files_at_debug(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    storage.file("uploads/old.mp4", size=2048)

    with caplog.at_level(logging.DEBUG, "shelflife.cleanup"):
        storage.engine.cleanup()

    info = lines(caplog, "INFO")
    assert info[0] == "run 1 begins: 1 files, 2.05 kB, are due"
    assert "uploads: 1 files, 1 removed, 2.05 kB, 0 failed" in info
    assert info[-1] == "run 1 is done: 1 files removed, 2.05 kB, 0 failed"
    assert lines(caplog, "DEBUG") == ["removed uploads/old.mp4 (expired)"]


def test_the_first_errors_are_warnings_and_the_others_are_not(caplog: pytest.LogCaptureFixture) -> None:
    log = RunLog()

    with caplog.at_level(logging.DEBUG, "shelflife.cleanup"):
        log(batch(*[Outcome(f"{n}") for n in range(8)]))

    warnings = lines(caplog, "WARNING")
    assert warnings[:LOUD_ERRORS] == [f"uploads/{n}: Permission denied" for n in range(LOUD_ERRORS)]
    assert len(warnings) == LOUD_ERRORS + 1
    assert len(lines(caplog, "DEBUG")) == 8 - LOUD_ERRORS


def test_errors_are_counted_by_the_run(caplog: pytest.LogCaptureFixture) -> None:
    log = RunLog()

    for run in (1, 2):
        log(RunBegun(run=run))
        log(RunStarted(run=run, plan="p", files=1, bytes=1))
        log(batch(*[Outcome("a")] * LOUD_ERRORS))

    assert lines(caplog, "WARNING").count("uploads/a: Permission denied") == 2 * LOUD_ERRORS


def test_what_could_not_be_looked_at_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    RunLog()(
        AreaFinished(area="a", scanned=0, removed=0, failed=0, bytes=0, errors=["a/b: Permission denied"])
    )

    assert lines(caplog, "WARNING") == ["a/b: Permission denied"]


def test_a_refused_run_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    RunLog()(RunRefused(reason="the configuration cannot be read"))

    assert lines(caplog, "WARNING") == ["a cleanup was refused: the configuration cannot be read"]


def test_names_cannot_forge_lines(caplog: pytest.LogCaptureFixture) -> None:
    RunLog()(batch(Outcome("a\nrun 7 is done\udcff")))

    assert lines(caplog, "WARNING") == [r"uploads/a\nrun 7 is done\xff: Permission denied"]
