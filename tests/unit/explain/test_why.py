import os
from pathlib import Path

import pytest

from shelflife import UsageError
from shelflife.explain.why import Answer, State
from shelflife.shapes.why import answer_as_json
from shelflife.testing import MakeStorage, Storage, set_age

DAY = 86_400 * 10**9


@pytest.fixture
def media(make_storage: MakeStorage) -> Storage:
    return make_storage(
        {
            "uploads": {"retention": "7d", "protect": ["*.keep", "/reference/"]},
            "frames": {"retention": "7d", "expire": "directory", "protect": ["*.keep"]},
            "outputs": -1,
        }
    )


def why(storage: Storage, path: str | Path) -> Answer:
    return storage.engine.why(storage.path(path))


def said(answer: Answer) -> str:
    return " ".join(answer.sentences)


# -- files


def test_a_young_file_waits_and_its_day_is_named(media: Storage) -> None:
    file = media.file("uploads/clip", age="2d")
    answer = why(media, "uploads/clip")
    assert (answer.state, answer.reason, answer.area) == (State.WAITING, "not expired", "uploads")
    assert answer.expires == file.stat().st_mtime_ns + 7 * DAY
    assert answer.when is not None
    assert 0 < answer.when - answer.expires <= DAY  # the slot after it, at two in the morning
    assert answer.rule == "retention of uploads: 7 days"
    assert "2 days old" in said(answer)


def test_an_expired_file_goes_with_the_next_run(media: Storage) -> None:
    media.file("uploads/clip", age="8d")
    answer = why(media, "uploads/clip")
    assert (answer.state, answer.reason) == (State.EXPIRED, "expired")
    assert answer.when is not None
    assert media.now() < answer.when <= media.now() + DAY


def test_a_run_does_what_why_said(media: Storage) -> None:
    names = [f"uploads/{age}" for age in range(4, 11)]
    for age, name in enumerate(names, start=4):
        media.file(name, age=f"{age}d")
    expected = {name for name in names if why(media, name).state is State.EXPIRED}
    media.engine.cleanup()
    assert expected == {name for name in names if not media.path(name).exists()}
    assert all(why(media, name).state is State.REMOVED for name in expected)


@pytest.mark.parametrize(
    ("cleanup", "words"),
    [({"enabled": False}, "cleanup.enabled is false"), ({"dry_run": True}, "cleanup.dry_run is true")],
    ids=["disabled", "dry-run"],
)
def test_settings_that_keep_a_run_from_coming_are_named(
    make_storage: MakeStorage, cleanup: dict[str, bool], words: str
) -> None:
    storage = make_storage({"uploads": "7d"}, cleanup=cleanup)
    storage.file("uploads/clip", age="8d")
    answer = why(storage, "uploads/clip")
    assert (answer.state, answer.when) == (State.EXPIRED, None)
    assert words in said(answer)


@pytest.mark.parametrize(
    ("path", "reason", "rule"),
    [
        ("uploads/a.keep", "protected", "protect: *.keep"),
        ("uploads/reference/deep/x", "protected", "protect: /reference/"),
        ("uploads/sub/.gitkeep", "keep file", ".gitkeep"),
        ("outputs/result", "indefinite", "retention of outputs: indefinitely"),
    ],
)
def test_what_stays_for_ever_says_by_which_rule(media: Storage, path: str, reason: str, rule: str) -> None:
    media.file(path, age="900d")
    answer = why(media, path)
    assert (answer.state, answer.reason, answer.rule) == (State.KEPT, reason, rule)
    assert (answer.when, answer.expires) == (None, None)


def test_a_link_is_meant_itself_and_not_what_it_points_to(media: Storage) -> None:
    media.file("outputs/result")
    link = media.path("uploads/link")
    link.symlink_to(media.path("outputs/result"))
    set_age(link, "9d")
    answer = why(media, "uploads/link")
    assert (answer.state, answer.area) == (State.EXPIRED, "uploads")
    assert "symbolic link" in said(answer)


def test_what_lies_behind_a_link_is_where_it_really_is(media: Storage) -> None:
    media.file("outputs/set/result")
    media.path("uploads/link").symlink_to(media.path("outputs/set"))
    assert why(media, "uploads/link/result").area == "outputs"


def test_a_fifo_is_never_removed(media: Storage) -> None:
    os.mkfifo(media.path("uploads/pipe"))
    set_age(media.path("uploads/pipe"), "90d")
    assert (why(media, "uploads/pipe").state, why(media, "uploads/pipe").reason) == (
        State.KEPT,
        "special file",
    )


def test_a_file_of_the_future_waits(media: Storage) -> None:
    media.file("uploads/clip", age=-86_400)
    answer = why(media, "uploads/clip")
    assert answer.state is State.WAITING
    assert "its time lies ahead" in said(answer)


def test_a_name_that_is_not_utf8_is_answered(media: Storage) -> None:
    name = os.fsdecode(b"uploads/caf\xe9")
    media.file(name, age="8d")
    answer = why(media, name)
    assert answer.state is State.EXPIRED
    assert answer_as_json(answer)["path"].endswith(r"caf\xe9")


# -- directories and units


def test_a_directory_with_files_goes_with_the_last_of_them(media: Storage) -> None:
    media.file("uploads/set/clip")
    answer = why(media, "uploads/set")
    assert (answer.state, answer.reason) == (State.KEPT, "not empty")
    assert "1 entry" in said(answer)


@pytest.mark.parametrize(("age", "state"), [("8d", State.EXPIRED), ("1d", State.WAITING)])
def test_an_empty_directory_goes_by_its_own_age(media: Storage, age: str, state: State) -> None:
    media.directory("uploads/empty", age=age)
    assert why(media, "uploads/empty").state is state


@pytest.mark.parametrize("path", ["frames/42", "frames/42/old", "frames/42/sub"])
def test_a_unit_goes_by_its_newest_file_which_is_named(media: Storage, path: str) -> None:
    media.file("frames/42/old", age="30d")
    media.file("frames/42/sub/new", age="1d")
    answer = why(media, path)
    assert (answer.state, answer.reason) == (State.WAITING, "unit not expired")
    assert "42/sub/new" in said(answer)


def test_a_unit_whose_newest_file_is_expired_goes_as_a_whole(media: Storage) -> None:
    media.file("frames/42/old", age="30d")
    media.file("frames/42/newer", age="8d")
    assert why(media, "frames/42/old").state is State.EXPIRED
    media.engine.cleanup()
    assert why(media, "frames/42/old").state is State.REMOVED


def test_one_protected_file_keeps_its_unit_and_is_named(media: Storage) -> None:
    media.file("frames/42/old", age="30d")
    media.file("frames/42/x.keep", age="30d")
    answer = why(media, "frames/42/old")
    assert (answer.state, answer.reason, answer.rule) == (State.KEPT, "unit protected", "protect: *.keep")
    assert "42/x.keep" in said(answer)


def test_a_file_right_in_an_area_of_units_is_judged_by_itself(media: Storage) -> None:
    media.file("frames/single", age="8d")
    assert why(media, "frames/single").reason == "expired"


# -- what belongs to nobody


@pytest.mark.parametrize(
    ("path", "state", "reason"),
    [
        (".", State.UNMANAGED, "base path"),
        ("uploads", State.KEPT, "area"),
        ("uploads/", State.KEPT, "area"),
        (".shelflife/index.db", State.UNMANAGED, "records"),
        ("README.md", State.UNMANAGED, "in no area"),
        ("uploadsx/clip", State.UNMANAGED, "in no area"),
        ("../elsewhere", State.UNMANAGED, "outside"),
        ("uploads/../../x", State.UNMANAGED, "outside"),
        ("uploads/.trash/7/42", State.MISSING, "missing"),
        ("uploads/nothing", State.MISSING, "missing"),
        ("uploads/no/where", State.MISSING, "missing"),
    ],
)
def test_there_is_an_answer_for_every_path(media: Storage, path: str, state: State, reason: str) -> None:
    answer = media.engine.why(f"{media.base_path}/{path}")
    assert (answer.state, answer.reason) == (state, reason)
    assert answer.sentences


def test_a_relative_path_starts_from_the_working_directory(
    media: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    media.file("uploads/clip", age="8d")
    monkeypatch.chdir(media.path("uploads"))
    assert media.engine.why("clip").state is State.EXPIRED
    assert media.engine.why("../uploads/clip").state is State.EXPIRED


def test_a_base_path_behind_a_link_is_recognised(make_storage: MakeStorage, tmp_path: Path) -> None:
    storage = make_storage({"uploads": "7d"})
    storage.file("uploads/clip", age="8d")
    (tmp_path / "link").symlink_to(storage.base_path)
    assert storage.engine.why(tmp_path / "link" / "uploads" / "clip").state is State.EXPIRED


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_is_no_path_is_wrong_usage(media: Storage, path: str) -> None:
    with pytest.raises(UsageError, match="not a path"):
        media.engine.why(path)


def test_a_path_as_it_is_printed_is_found_from_anywhere(
    media: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    media.file("uploads/clip", age="8d")
    monkeypatch.chdir(tmp_path)
    assert media.engine.why("uploads/clip").state is State.EXPIRED
    assert media.engine.why("clip").reason == "outside"


# -- holds and the trash


def test_a_held_file_says_by_which_hold_and_until_when(media: Storage) -> None:
    file = media.file("uploads/set/clip", age="9d")
    media.engine.hold(file, until=media.now() + DAY, reason="court case 7")
    answer = why(media, "uploads/set/clip")
    assert (answer.state, answer.reason, answer.rule) == (State.KEPT, "held", "hold on uploads/set/clip")
    assert "court case 7" in said(answer)


def test_a_hold_on_a_directory_covers_what_is_below(media: Storage) -> None:
    media.file("uploads/set/deep/clip", age="9d")
    media.engine.hold(media.path("uploads/set"))
    for path in ("uploads/set", "uploads/set/deep", "uploads/set/deep/clip"):
        assert (why(media, path).reason, why(media, path).rule) == ("held", "hold on uploads/set")


def test_a_held_file_that_was_renamed_is_still_held(media: Storage) -> None:
    file = media.file("uploads/clip", age="9d")
    hold = media.engine.hold(file)
    if hold.born is None:
        pytest.skip("this file system does not record when a file was made")
    file.rename(media.path("uploads/renamed"))
    assert why(media, "uploads/renamed").reason == "held"


def test_one_held_file_keeps_its_unit(media: Storage) -> None:
    held = media.file("frames/42/a", age="9d")
    media.file("frames/42/b", age="9d")
    media.engine.hold(held)
    answer = why(media, "frames/42/b")
    assert (answer.state, answer.reason, answer.rule) == (State.KEPT, "unit held", "hold on frames/42/a")


@pytest.fixture
def forgiving(make_storage: MakeStorage) -> Storage:
    return make_storage({"uploads": {"retention": "7d", "trash": "24h"}})


def test_an_expired_file_of_an_area_with_a_trash_goes_there(forgiving: Storage) -> None:
    forgiving.file("uploads/clip", age="9d")
    assert "into the trash, where it can be restored for 1 day" in said(why(forgiving, "uploads/clip"))


def test_a_trashed_file_says_where_it_waits_and_how_long(forgiving: Storage) -> None:
    forgiving.file("uploads/set/clip", age="9d")
    report = forgiving.engine.cleanup()
    answer = why(forgiving, "uploads/set/clip")
    assert (answer.state, answer.run) == (State.TRASHED, report.run)
    assert answer.expires is not None
    assert 0 < answer.expires - forgiving.now() <= DAY
    [waiting] = forgiving.engine.trash()
    assert waiting.place in said(answer)
    below = why(forgiving, waiting.place)
    assert (below.state, below.run, below.expires) == (State.TRASHED, report.run, answer.expires)
    assert "it was set/clip in the area" in said(below)
    assert why(forgiving, "uploads/set").run == report.run


def test_a_file_that_was_purged_from_the_trash_is_gone(forgiving: Storage) -> None:
    forgiving.file("uploads/clip", age="9d")
    forgiving.engine.cleanup()
    forgiving.tick("3d")
    forgiving.engine.cleanup()
    answer = why(forgiving, "uploads/clip")
    assert answer.state is State.REMOVED
    assert "no longer in the trash" in said(answer)


def test_a_restored_file_is_held_and_knows_of_its_journey(forgiving: Storage) -> None:
    file = forgiving.file("uploads/clip", age="9d")
    forgiving.engine.cleanup()
    forgiving.engine.restore(str(file))
    answer = why(forgiving, "uploads/clip")
    assert answer.reason == "held"
    assert "moved a file of this name into the trash" in said(answer)


# -- the past


def test_a_removed_file_names_the_run(media: Storage) -> None:
    media.file("uploads/set/clip", age="9d")
    report = media.engine.cleanup()
    answer = why(media, "uploads/set/clip")
    assert (answer.state, answer.run, answer.area) == (State.REMOVED, report.run, "uploads")
    assert "9 days before" in said(answer)


@pytest.mark.parametrize("path", ["uploads/set", "uploads/set/deep"])
def test_a_directory_that_a_run_emptied_names_the_run(media: Storage, path: str) -> None:
    media.file("uploads/set/deep/clip", age="9d")
    report = media.engine.cleanup()
    assert (why(media, path).state, why(media, path).run) == (State.REMOVED, report.run)


def test_a_new_file_under_an_old_name_knows_of_its_predecessor(media: Storage) -> None:
    media.file("uploads/clip", age="9d")
    media.engine.cleanup()
    media.file("uploads/clip", age="1d")
    answer = why(media, "uploads/clip")
    assert answer.state is State.WAITING
    assert "removed an earlier file of this name" in said(answer)


def test_a_broken_journal_leaves_the_answer_about_the_present(media: Storage) -> None:
    media.file("uploads/clip", age="9d")
    media.file("uploads/other", age="9d")
    media.engine.cleanup(["outputs"])
    media.settings.state_path.joinpath("journal.db").write_bytes(b"not a database" * 1000)
    assert why(media, "uploads/clip").state is State.EXPIRED
    assert "cannot be told" in said(why(media, "uploads/clip"))
    assert why(media, "uploads/gone").state is State.MISSING
