from __future__ import annotations

import sys
from contextlib import suppress

import pytest

from shelflife.cli.progress import progress
from shelflife.events import BatchFinished, DirectoriesScanned, RunStarted


def _on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard error a terminal, and have the line drawn for each event."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("shelflife.cli.progress._EVERY", -1.0)


def _looks(capture: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capture.readouterr()
    assert out == ""
    return [look for look in err.split("\r\x1b[K") if look]


def test_in_a_pipe_and_where_it_is_not_wanted_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (True, False):  # captured, standard error is no terminal
        with progress(quiet=quiet) as listeners:
            assert listeners == []
    assert capsys.readouterr() == ("", "")


def test_quiet_is_quiet_on_a_terminal_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    with progress(quiet=True) as listeners:
        assert listeners == []


def test_the_line_shows_what_is_looked_at_and_then_how_far_the_run_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    with progress(quiet=False) as (tell,):
        tell(DirectoriesScanned(area="temp", directories=1_200, listed=1, files=5))
        tell(RunStarted(run=1, plan="p", files=4, bytes=0))
        tell(BatchFinished(area="temp", directory="temp/", outcomes=[None]))  # type: ignore[list-item]
        tell(BatchFinished(area="temp", directory="temp/", outcomes=[None] * 4))  # type: ignore[list-item]
    assert _looks(capsys) == [
        "temp: 1,200 directories looked at",
        f"{'█' * 5}{'░' * 15}  temp: 1 of 4 files",
        f"{'█' * 20}  temp: 5 of 4 files",  # what came since the plan was made goes, too
    ]


def test_without_files_there_is_no_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    with progress(quiet=False) as (tell,):
        tell(RunStarted(run=1, plan="p", files=0, bytes=0))
        tell(BatchFinished(area="temp", directory="temp/", outcomes=[]))
    assert _looks(capsys) == ["temp: 0 of 0 files"]


def test_the_line_fits_the_terminal_and_is_gone_in_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    with suppress(RuntimeError), progress(quiet=False) as (tell,):
        tell(DirectoriesScanned(area="x" * 100, directories=1, listed=1, files=5))
        raise RuntimeError("whatever ends the run")
    out = capsys.readouterr().err
    assert out == "\r\x1b[K" + "x" * 59 + "\r\x1b[K"
