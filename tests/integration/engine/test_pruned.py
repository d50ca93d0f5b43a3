"""Directories that a run removed because they were empty are remembered, as files are."""

from __future__ import annotations

import pytest

from shelflife.files.removal import Result
from shelflife.testing import MakeStorage


@pytest.mark.parametrize("trash", [0, "7d"])
def test_why_knows_which_run_removed_an_empty_directory(make_storage: MakeStorage, trash: object) -> None:
    storage = make_storage({"frames": {"retention": "1d", "trash": trash}})
    storage.directory("frames/empty")
    for number in range(3):
        storage.file(f"frames/{number}/a")
        storage.file(f"frames/{number}/b", age="1h")
        storage.file(f"frames/gone-{number}/deep/a")
    run = storage.engine.cleanup().run
    for path in ("frames/empty", "frames/gone-0", "frames/gone-2/deep"):
        assert not storage.path(path).exists()
    answer = storage.engine.why(storage.path("frames/empty"))
    assert answer.run == run
    assert "an empty directory" in answer.sentences[0]
    assert storage.engine.why(storage.path("frames/gone-1")).run == run


def test_the_history_of_a_run_lists_the_empty_directories_that_it_removed(
    make_storage: MakeStorage,
) -> None:
    storage = make_storage({"frames": "1d", "temp": "1d"})
    storage.directory("frames/empty/inner")
    storage.file("frames/gone/a")
    storage.file("frames/stays/a", age="1h")
    storage.file("temp/b")
    run = storage.engine.cleanup().run
    found = list(storage.engine.run_files(run, directories=True))
    pruned = [file for file in found if file.pruned]
    assert {(file.path, file.result, file.area) for file in pruned} == {
        (path, Result.REMOVED, "frames") for path in ("frames/empty", "frames/empty/inner", "frames/gone")
    }
    assert sorted(file.path for file in found if not file.pruned) == ["frames/gone/a", "temp/b"]
    assert len(pruned) == storage.engine.run(run).report["directories"]


@pytest.mark.parametrize("trash", [0, "7d"])
def test_where_directories_are_not_pruned_they_stay_and_only_files_go(
    make_storage: MakeStorage, trash: object
) -> None:
    storage = make_storage({"frames": {"retention": "1d", "trash": trash, "prune": False}})
    storage.directory("frames/empty")
    for number in range(3):
        storage.file(f"frames/emptied/{number}")
    before = storage.path("frames/emptied").stat().st_ino
    storage.tick()  # by then nobody has written to it for a while: it might go as a whole
    report = storage.engine.cleanup()
    assert report.removed + report.total("trashed") == 3
    assert report.total("directories") == 0
    assert list(storage.path("frames/emptied").iterdir()) == []
    assert storage.path("frames/emptied").stat().st_ino == before
    assert storage.path("frames/empty").is_dir()


def test_what_a_pattern_protects_and_lost_and_found_are_never_pruned(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": {"retention": "1d", "protect": ["/kept/"]}})
    for name in ("kept", "kept/below", "lost+found", "other"):
        storage.directory(f"frames/{name}")
    storage.engine.cleanup()
    left = {str(path.relative_to(storage.path("frames"))) for path in storage.path("frames").rglob("*")}
    assert left == {"kept", "kept/below", "lost+found"}


def test_an_empty_directory_counts_as_no_file_of_its_run(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": "1d"})
    storage.directory("frames/empty")
    storage.file("frames/a")
    report = storage.engine.cleanup()
    assert [file.path for file in storage.engine.run_files(report.run)] == ["frames/a"]
    assert (report.removed, report.areas[0].directories) == (1, 1)


def test_a_directory_that_somebody_made_anew_is_told_of_with_its_past(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": "1d"})
    storage.directory("frames/empty")
    storage.engine.cleanup()
    storage.path("frames/empty").mkdir()
    sentences = " ".join(storage.engine.why(storage.path("frames/empty")).sentences)
    assert "removed an empty directory of this name" in sentences
