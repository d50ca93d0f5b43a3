from __future__ import annotations

import json

import pytest

from shelflife.files.candidates import Candidates, Fate, Going, Outcomes
from shelflife.files.listing import Entry, EntryKind
from shelflife.files.reading import TaskResult
from shelflife.files.removal import Outcome, Result
from shelflife.policy.verdict import Reason
from shelflife.remove.report import MOST_FAILURES, AreaReport, Failure, RunReport

_FILE = Entry("a", EntryKind.FILE, 1, 10, 4096, 5, 6, 1)
_SHARED = _FILE._replace(links=2)
_LINK = Entry("l", EntryKind.LINK, 2, 3, 0, 5, 6, 1)

_TABLE = [
    (Outcome(_FILE, Result.REMOVED), {"removed": 1, "bytes": 10, "freed": 4096}),
    (Outcome(_SHARED, Result.REMOVED), {"removed": 1, "bytes": 10}),
    (Outcome(_LINK, Result.REMOVED), {"links": 1}),
    (Outcome(_FILE, Result.TRASHED), {"trashed": 1, "trashed_bytes": 10}),
    (Outcome(_LINK, Result.TRASHED), {"links": 1}),
    (Outcome(_FILE, Result.REMOVED, Reason.PURGED), {"purged": 1, "purged_bytes": 10, "freed": 4096}),
    (Outcome(_FILE, Result.DISPLACED, Reason.CHANGED), {"displaced": 1}),
    (Outcome(_FILE, Result.KEPT, Reason.CHANGED), {}),
    (Outcome(_FILE, Result.FAILED, errno=13), {}),
]
_COUNTS = (
    "removed",
    "bytes",
    "freed",
    "trashed",
    "trashed_bytes",
    "purged",
    "purged_bytes",
    "links",
    "displaced",
    "failed",
)


@pytest.mark.parametrize(("outcome", "counts"), _TABLE)
def test_each_outcome_is_counted_once(outcome: Outcome, counts: dict[str, int]) -> None:
    report = AreaReport(area="temp")
    report.add(outcome)
    assert {name: getattr(report, name) for name in _COUNTS if getattr(report, name)} == counts


def test_what_did_not_go_is_kept() -> None:
    report = AreaReport(area="temp", scanned=20, removed=3, trashed=4, failed=2, displaced=1)
    assert report.kept == 10


def test_only_so_many_failures_are_named_but_all_are_counted() -> None:
    area = AreaReport(area="temp")
    for number in range(MOST_FAILURES + 5):
        area.fail(Failure(path=f"temp/{number}", errno=13, error="Permission denied"))
    report = RunReport(run=1, plan="abc", state="done", areas=[area, area])
    assert (area.failed, len(area.failures)) == (MOST_FAILURES + 5, MOST_FAILURES)
    assert len(report.as_json()["failures"]) == MOST_FAILURES


def test_a_report_is_the_sum_of_its_areas() -> None:
    areas = [
        AreaReport(area=name, scanned=5, removed=2, bytes=7, freed=8, errors=[name]) for name in ("x", "y")
    ]
    report = RunReport(run=4, plan="abc", state="done", areas=areas)
    assert (report.removed, report.failed, report.errors) == (4, 0, ["x", "y"])
    content = json.loads(json.dumps(report.as_json()))
    assert (content["run"], content["plan"], content["state"]) == (4, "abc", "done")
    assert (content["scanned"], content["removed"], content["kept"], content["bytes_freed"]) == (10, 4, 6, 16)
    assert content["areas"]["x"]["errors"] == ["x"]


_ANSWER = TaskResult(0, b"", files=2, bytes=30, links=1, freed=8192, inodes=3)
_ANSWERS = {
    Going.REMOVED: {"removed": 2, "bytes": 30, "links": 1, "freed": 8192, "inodes": 3},
    Going.TRASHED: {"trashed": 2, "trashed_bytes": 30, "links": 1},
    Going.PURGED: {"purged": 2, "purged_bytes": 30, "freed": 8192, "inodes": 3},
    Going.RESTORED: {"restored": 2},
}


@pytest.mark.parametrize("going", Going)
def test_what_compiled_code_has_summed_up_is_counted_as_what_it_meant(going: Going) -> None:
    report = AreaReport(area="temp")
    for _ in range(2):
        outcomes = Outcomes(Candidates.of([_FILE, _FILE]), bytes([Fate.REMOVED, Fate.STRAY]), going)
        assert report.count(outcomes, _ANSWER) == 3
    counts = {
        name: getattr(report, name) for name in (*_COUNTS, "inodes", "restored") if getattr(report, name)
    }
    assert counts == {name: 2 * value for name, value in _ANSWERS[going].items()} | {"displaced": 2}


def test_without_sums_each_outcome_is_counted_and_how_many_went() -> None:
    report = AreaReport(area="temp")
    outcomes = [Outcome(_FILE, Result.REMOVED), Outcome(_LINK, Result.REMOVED), Outcome(_FILE, Result.KEPT)]
    assert report.count(outcomes, None) == 2
    assert (report.removed, report.links, report.inodes) == (1, 1, 2)
    packed = Outcomes(Candidates.of([_FILE]), bytes([Fate.REMOVED]))
    assert report.count(packed, None) == 1  # somebody counts them who has no answer
    assert report.removed == 2


def test_only_the_last_name_of_a_file_gives_its_inode_back() -> None:
    report = AreaReport(area="temp")
    for entry in (_FILE, _SHARED, _LINK):
        report.add(Outcome(entry, Result.REMOVED))
    assert (report.inodes, report.freed) == (2, 4096)
