"""Directories that a run removed because they were empty are remembered, as files are."""

from __future__ import annotations

import pytest

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
