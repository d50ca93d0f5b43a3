from __future__ import annotations

import io
import sys

import pytest

from shelflife.cli.confirm import is_agreed, somebody_is_there
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan


def _plan(*, files: int = 3, links: int = 0) -> Plan:
    due = DueDirectory(root="temp", path="", files=files, bytes=3_000_000, links=links)
    cutoffs = Cutoffs.only(Cutoff(at=1, cause=Cause.RETENTION))
    return Plan(made=2, areas=(AreaPlan(area="temp", cutoffs=cutoffs, scanned=9, due=(due,)),))


@pytest.mark.parametrize(
    ("answer", "agreed"),
    [
        ("y\n", True),
        ("Y\n", True),
        (" yes \n", True),
        ("n\n", False),
        ("\n", False),
        ("yo\n", False),
        ("", False),
    ],
)
def test_anything_but_yes_is_no(monkeypatch: pytest.MonkeyPatch, answer: str, *, agreed: bool) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert is_agreed(_plan(), []) is agreed


@pytest.mark.parametrize(
    ("plan", "reasons", "question"),
    [
        (_plan(), [], "remove 3 files, 3.00 MB? [y/N] "),
        (_plan(files=1, links=1), [], "remove 1 file and 1 symbolic link, 3.00 MB? [y/N] "),
        (_plan(files=0, links=2), [], "remove 2 symbolic links, 3.00 MB? [y/N] "),
        (_plan(files=0), [], "remove 0 files, 3.00 MB? [y/N] "),
        (_plan(), ["it is large"], "remove 3 files, 3.00 MB all the same? [y/N] "),
    ],
)
def test_the_question_says_what_would_go(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    plan: Plan,
    reasons: list[str],
    question: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert not is_agreed(plan, reasons)
    shown = capsys.readouterr().out
    assert shown.endswith(question)
    assert all(reason in shown for reason in reasons)
    assert "--approve" not in shown  # whoever answers need not type that


@pytest.mark.parametrize(("reads", "sees"), [(True, True), (True, False), (False, True)])
def test_somebody_is_there_who_sees_and_can_answer(
    monkeypatch: pytest.MonkeyPatch, *, reads: bool, sees: bool
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: reads, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: sees)
    assert somebody_is_there() is (reads and sees)
