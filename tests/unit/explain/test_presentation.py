import base64
import json

import pytest

from shelflife.explain.presentation import (
    file_as_json,
    format_age,
    format_bytes,
    format_retention,
    iso,
    moment,
    path_as_json,
    path_b64,
    plan_as_json,
    planned_file_as_json,
    printable,
    report_as_json,
    run_as_json,
    stats_as_json,
    visible,
)
from shelflife.remove.report import AreaReport, Failure, RunReport
from shelflife.testing import MakeStorage, Storage

SECOND = 10**9
NOT_UTF8 = "uploads/caf\udce9.mp4"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.00 B"),
        (500, "500.00 B"),
        (1023, "1023.00 B"),
        (1024, "1.00 KB"),
        (2048, "2.00 KB"),
        (1024**2 - 1, "1.00 MB"),
        (1024**3, "1.00 GB"),
        (1024**4, "1.00 TB"),
        (1024**5, "1.00 PB"),
        (5000 * 1024**5, "5000.00 PB"),
    ],
)
def test_sizes_go_in_steps_of_1024_up_to_petabytes(size: int, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "Indefinite"),
        (0, "0 seconds"),
        (59, "59 seconds"),
        (60, "1 minutes"),
        (3600, "1 hours"),
        (86_400, "1 days"),
        (604_800, "7 days"),
    ],
)
def test_a_retention_is_told_in_its_largest_whole_unit(seconds: int, text: str) -> None:
    assert format_retention(seconds) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (-SECOND, "0 seconds"),
        (SECOND, "1 second"),
        (119 * SECOND, "1 minute"),
        (2 * 86_400 * SECOND, "2 days"),
    ],
)
def test_an_age_is_never_negative_and_knows_the_singular(ns: int, text: str) -> None:
    assert format_age(ns) == text


def test_times_are_utc_with_offset() -> None:
    assert iso(0) == "1970-01-01T00:00:00+00:00"
    assert iso(1_500_000_000) == "1970-01-01T00:00:01.500000+00:00"
    assert moment(1_500_000_000) == "1970-01-01 00:00:01 UTC"


def test_times_before_the_epoch_and_at_the_ends_of_64_bits_have_a_text() -> None:
    assert iso(-SECOND) == "1969-12-31T23:59:59+00:00"
    assert iso(-(2**63)).startswith("1677-")
    assert iso(2**63 - 1).startswith("2262-")


def test_a_byte_that_is_not_utf8_becomes_an_escape_with_the_truth_beside() -> None:
    assert printable(NOT_UTF8) == r"uploads/caf\xe9.mp4"
    shown = path_as_json(NOT_UTF8)
    assert shown == {"path": r"uploads/caf\xe9.mp4", "path_b64": path_b64(NOT_UTF8)}
    assert base64.b64decode(shown["path_b64"]) == b"uploads/caf\xe9.mp4"


def test_an_ordinary_path_stays_as_it_is_and_stands_alone() -> None:
    assert path_as_json("uploads/Größe ☃.mp4") == {"path": "uploads/Größe ☃.mp4"}


def test_nothing_in_a_visible_path_moves_a_cursor() -> None:
    assert visible("a\nb\x1b[31m\u202e\udcff") == r"a\nb\x1b[31m\u202e\xff"


def test_statistics_have_the_shape_of_the_contract(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d", "outputs": -1})
    storage.file("uploads/a/one", age="9d", size=1024)
    storage.file("uploads/two", age="1d", size=1024)
    shown = stats_as_json(storage.engine.stats(refresh=True), storage.settings)
    uploads = shown["directories"]["uploads"]
    assert shown["total_files"] == 2
    assert shown["total_size_human"] == "2.00 KB"
    assert shown["complete"] is True
    assert uploads["path"] == str(storage.base_path / "uploads")
    assert uploads["retention_human"] == "7 days"
    assert uploads["oldest_file"] < uploads["newest_file"] < shown["as_of"]
    assert shown["directories"]["outputs"]["retention_human"] == "Indefinite"
    assert "error" not in uploads


def test_an_area_that_cannot_be_looked_at_says_so_in_its_statistics(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d", "outputs": -1})
    storage.path("uploads").rmdir()
    shown = stats_as_json(storage.engine.stats(refresh=True), storage.settings)
    assert "No such file" in shown["directories"]["uploads"]["error"]
    assert shown["complete"] is False


def test_statistics_before_the_first_scan_are_not_complete(storage: Storage) -> None:
    shown = stats_as_json(storage.engine.stats(), storage.settings)
    assert (shown["complete"], shown["as_of"]) == (False, None)


def test_a_plan_has_a_cutoff_with_its_cause_for_each_area(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d", "outputs": -1})
    storage.file("uploads/one", age="9d", size=5)
    made = storage.engine.plan()
    shown = plan_as_json(made, ["too much"])
    assert (shown["needs_approval"], shown["reasons"]) == (True, ["too much"])
    assert plan_as_json(made, [])["needs_approval"] is False
    assert shown["plan"] == made.id
    assert (shown["files"], shown["bytes"]) == (1, 5)
    assert shown["areas"]["uploads"] == {
        "cutoff": iso(made.made - 7 * 86_400 * SECOND),
        "cause": "retention",
        "files": 1,
        "bytes": 5,
        "directories": 1,
        "links": 0,
        "scanned": 1,
        "special": 0,
        "errors": [],
    }
    assert (shown["areas"]["outputs"]["cutoff"], shown["areas"]["outputs"]["cause"]) == (None, None)
    [file] = storage.engine.files(made)
    assert planned_file_as_json(file)["path"] == "uploads/one"


def test_a_report_shows_paths_that_can_be_sent() -> None:
    area = AreaReport(area="uploads", failed=1)
    area.note(Failure(path=NOT_UTF8, errno=13, error="Permission denied"))
    area.errors.append(f"{NOT_UTF8}: Permission denied")
    report = RunReport(run=1, plan="abc", state="done", areas=(area,))
    shown = report_as_json(report.as_json())
    assert shown["failures"][0]["path"] == r"uploads/caf\xe9.mp4"
    assert shown["areas"]["uploads"]["errors"] == [r"uploads/caf\xe9.mp4: Permission denied"]
    json.dumps(shown, ensure_ascii=False).encode()


def test_a_run_and_its_files_are_shown_as_the_journal_has_them(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d", "outputs": -1})
    storage.file("uploads/one", age="9d", size=5)
    report = storage.engine.cleanup()
    shown = run_as_json(storage.engine.run(report.run))
    assert (shown["run"], shown["state"], shown["report"]["removed"]) == (report.run, "done", 1)
    assert shown["cutoffs"].keys() == {"uploads"}
    [file] = [file_as_json(file) for file in storage.engine.run_files(report.run)]
    assert (file["path"], file["outcome"], file["reason"], file["error"]) == (
        "uploads/one",
        "removed",
        "expired",
        None,
    )
